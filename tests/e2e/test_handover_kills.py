"""The process is killed at every write of a move, a transfer, a rename: nothing is lost or doubled.

Each test first counts the writes of an undisturbed run, then dies before the first of them and
after each, starts again on what is left, and looks at objects, claims and both histories.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gitops.model.revision import RecordKind, RevisionKind, RevisionState
from gitops.ports import TrailQuery
from tests.helpers.killable import Kill, Killable
from tests.helpers.service import World, config_map
from tests.helpers.walk import Walk

MOVED = "configmap/moved"
ENDED = {RevisionState.SUCCEEDED, RevisionState.FAILED, RevisionState.INTERRUPTED}


def run(world: World, kill: Kill, log: Path, ask: str, taker: str) -> list[str]:
    """Ask in a process that dies at this write, or stops once the taker has synced."""
    world.running.stop()
    process = Killable.run(world.settings, log, kill, ask)

    def is_end(event: dict[str, Any]) -> bool:
        kind = (event["kind"], event.get("revision_kind"), event["application"])
        return kind == ("revision-closed", "sync", taker) and event.get("state") == "succeeded"

    alive = process.wait_for(is_end)
    if alive:
        process.stop()
    assert alive != process.was_killed, process.story()
    return process.writes()


def kills(writes: list[str]) -> Iterator[Kill]:
    yield from [Kill(1), *(Kill(number + 1, after=True) for number in range(len(writes)))]


def tracking(walk: Walk) -> str:
    return str(walk.live(MOVED)["metadata"]["annotations"]["gitops.dev/tracking"].partition(":")[0])


def holder(walk: Walk) -> str:
    """The one application that holds the object that moves."""
    [claim] = [c for c in walk.service.parts.store.claims() if c.id.name == "moved"]
    return claim.application


def is_told(walk: Walk, giver: str, taker: str) -> bool:
    """Whether the newest handover between these is told, by both histories and the trail alike."""
    store = walk.service.parts.store
    told = []
    for name, words in ((giver, f'handed over to the application "{taker}"'),
                        (taker, f'taken over from the application "{giver}"')):  # fmt: skip
        found = [r for r in store.revisions(name) if r.kind is RevisionKind.TRANSFER]
        told.append(bool(found) and found[0].message == words)
        assert {r.state for r in store.revisions(name)} <= ENDED
    records = store.trail(TrailQuery(kind=RecordKind.TRANSFER, limit=2))
    sides = {(r.application, r.payload.get("to") or r.payload.get("from")) for r in records}
    assert told == [sides == {(giver, taker), (taker, giver)} and told[0]] * 2
    return told[0]


def is_sound(walk: Walk, uid: str, owner: str) -> None:
    """The object is the same, marked and claimed once, and the trail was not touched."""
    walk.world.wait_for(lambda: tracking(walk) == owner, f"the mark of {owner}")
    walk.settled(owner)
    assert (walk.get(MOVED, ".metadata.uid"), holder(walk)) == (uid, owner)
    store = walk.service.parts.store
    assert (store.open_revisions(), store.verify().faults) == ([], ())


def start(walk: Walk) -> str:
    """Two applications, of which one has the object that is to move; its uid."""
    for name in ("one", "two"):
        walk.world.repo.write(f"{name}/own.yaml", config_map(name))
    walk.world.push("one/moved.yaml", config_map("moved"))
    for name in ("one", "two"):
        walk.world.declare(name, name)
        walk.settled(name)
    return walk.get(MOVED, ".metadata.uid")


def test_a_transfer_killed_at_any_write_leaves_the_object_to_one_application(
    walk: Walk, tmp_path: Path
) -> None:
    uid = start(walk)
    walk.world.push("two/moved.yaml", config_map("moved"))
    walk.world.refresh("two")
    assert walk.world.closed("two", 2).state is RevisionState.FAILED
    writes = run(walk.world, Kill(), tmp_path / "writes", "transfer one two", "two")
    assert "apply ConfigMap/moved" in writes
    walk.world.restart()
    is_sound(walk, uid, "two")
    happened = []
    for kill in kills(writes):
        giver = holder(walk)
        taker = {"one": "two", "two": "one"}[giver]
        before = len(walk.service.reading.revisions(giver))
        run(walk.world, kill, tmp_path / "writes", f"transfer {giver} {taker}", taker)
        walk.world.restart()
        owner = holder(walk)
        is_sound(walk, uid, owner)
        happened.append(owner == taker)
        if owner == taker:
            assert is_told(walk, giver, taker), kill
        else:
            kinds = [r.kind for r in walk.service.reading.revisions(giver)]
            assert RevisionKind.TRANSFER not in kinds[: len(kinds) - before], kill
    assert (happened[0], happened[-1]) == (False, True)


def test_a_move_in_one_commit_killed_at_any_write_ends_as_if_it_had_not_been(
    walk: Walk, tmp_path: Path
) -> None:
    uid = start(walk)
    giver, taker = "one", "two"

    def move(kill: Kill) -> list[str]:
        walk.world.repo.remove(f"{giver}/moved.yaml")
        walk.world.push(f"{taker}/moved.yaml", config_map("moved"))
        return run(walk.world, kill, tmp_path / "writes", "", taker)

    writes = move(Kill())
    assert "apply ConfigMap/moved" in writes
    walk.world.restart()
    is_sound(walk, uid, taker)
    for kill in kills(writes):
        giver, taker = taker, giver
        made = move(kill)
        assert not [write for write in made if write.startswith("delete")], kill
        walk.world.restart()
        is_sound(walk, uid, taker)
        walk.settled(giver)


def test_a_rename_killed_at_any_write_leaves_one_application_with_all_that_it_ran(
    walk: Walk, tmp_path: Path
) -> None:
    walk.world.repo.write("app/kept.yaml", config_map("kept"))
    walk.world.push("app/moved.yaml", config_map("moved"))
    walk.world.declare("name-0", "app")
    walk.settled("name-0")
    uids = [walk.get(what, ".metadata.uid") for what in (MOVED, "configmap/kept")]
    writes = run(walk.world, Kill(), tmp_path / "writes", "rename name-0 name-1", "name-1")
    assert "apply ConfigMap/moved" in writes
    walk.world.restart()
    happened = []
    for number, kill in enumerate(kills(writes), 2):
        old, new = holder(walk), f"name-{number}"
        run(walk.world, kill, tmp_path / "writes", f"rename {old} {new}", new)
        walk.world.restart()
        owner = holder(walk)
        is_sound(walk, uids[0], owner)
        assert walk.get("configmap/kept", ".metadata.uid") == uids[1]
        store = walk.service.parts.store
        assert set(store.registered()) == {c.application for c in store.claims()} == {owner}
        assert [r.name for r in walk.service.parts.registry.all()] == [owner]
        happened.append(owner == new)
        if owner == new:
            assert is_told(walk, old, new), kill
        else:
            assert store.revisions(new) == []
    assert (happened[0], happened[-1]) == (False, True)
