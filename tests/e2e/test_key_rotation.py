"""A service whose key was replaced while it was stopped goes on, and re-encrypts meanwhile."""

from gitops import wiring
from tests.helpers.service import config_map
from tests.helpers.walk import Walk, outcomes


def test_a_service_goes_on_with_a_rotation_and_can_roll_back_beyond_it(walk: Walk) -> None:
    world = walk.world
    world.push("app/words.yaml", config_map(word="one"))
    world.declare()
    walk.settled("demo")
    world.push("app/words.yaml", config_map(word="two"))
    walk.poll()
    world.closed("demo", 2)
    walk.settled("demo")
    world.running.stop()
    store = wiring.open_store(world.settings)
    store.rotate_key("ann")
    store.close()

    world.restart()

    world.wait_for(lambda: not world.running.store.is_rotating, "the end of the rotation")
    assert walk.service.reading.verify(None).faults == ()
    walk.settled("demo")
    assert walk.newest("demo").number == 2
    (found,) = walk.service.reading.diff("demo", 1, 2)
    assert found.fields[0].after == "two"
    walk.rollback("demo", 1)
    assert walk.get("configmap/words", ".data.word") == "one"
    assert outcomes(walk.service.reading.revision("demo", 3))["ConfigMap/words"] == "configured"
    assert walk.service.reading.verify(None).faults == ()
