"""What a plan shows where a value of a Secret stands in another object."""

from gitops.engine.operations import SyncOptions
from gitops.model.revision import Selection
from tests.helpers.service import World, config_map
from tests.helpers.walk import Walk

VALUE, OTHER, WRONG = "planted-value", "planted-other", "planted!wrong"
SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData: {password: %s}\n"


def publish(world: World, value: str, word: str = "") -> None:
    """Push a Secret and a ConfigMap that repeats its value."""
    world.repo.write("app/words.yaml", config_map(word=word or value))
    world.push("app/keys.yaml", SECRET % value)


def told(world: World, number: int) -> str:
    """All that history tells of a revision."""
    plan = world.service.reading.stored_plan("demo", number)
    return f"{plan!r}{world.service.reading.revision('demo', number)}{world.story()}"


def test_a_heal_of_another_object_hides_the_value(walk: Walk) -> None:
    publish(walk.world, VALUE)
    walk.world.declare()
    walk.settled("demo")
    patch = '{"data": {"word": "by hand"}}'
    walk.after(
        "demo",
        lambda: walk.kubectl("-n", walk.namespace, "patch", "configmap", "words", "-p", patch),
    )
    assert "by hand" in told(walk.world, 2)
    assert VALUE not in told(walk.world, 2)


def test_a_sync_of_another_object_hides_the_old_value_and_the_new(walk: Walk) -> None:
    publish(walk.world, VALUE)
    walk.world.declare(syncPolicy={"automated": {"enabled": False}})
    walk.world.sync()
    publish(walk.world, OTHER)
    walk.poll()
    walk.world.sync(options=SyncOptions(selection=Selection((":ConfigMap:words",))))
    assert "data/word" in told(walk.world, 2)
    assert not [value for value in (VALUE, OTHER) if value in told(walk.world, 2)]


def test_a_secret_at_fault_keeps_its_value_hidden(walk: Walk) -> None:
    publish(walk.world, VALUE)
    walk.world.declare()
    walk.settled("demo")
    walk.world.repo.write("app/words.yaml", config_map(word=WRONG))
    walk.world.push("app/keys.yaml", (SECRET % WRONG).replace("stringData", "data"))
    walk.poll()
    walk.world.closed("demo", 2)
    assert "base64" in told(walk.world, 2)
    assert not [value for value in (VALUE, WRONG) if value in told(walk.world, 2)]
