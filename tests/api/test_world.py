from tests.helpers.service import World, config_map


def test_a_push_becomes_objects_and_a_revision(world: World) -> None:
    world.push("app/words.yaml", config_map())
    world.declare()
    assert world.settled().revision == 1
    world.push("app/words.yaml", config_map(word="two"))
    world.refresh()
    assert world.closed(number=2).healthy
