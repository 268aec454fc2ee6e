"""The process is killed at every write of a sync, a heal and rollbacks, and goes on afterwards.

Each test first counts the writes of an undisturbed run, then dies before the first of them and
after each (after one write is before the next), starts again on what is left, and compares with
what should be. The points are cut into parts, so that workers share them.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gitops.controlplane.processes import ControlPlane
from gitops.model.revision import RevisionKind, RevisionState
from tests.helpers.blog import NAME, OBJECTS, Blog
from tests.helpers.careful import NAME as CAREFUL
from tests.helpers.careful import Careful
from tests.helpers.controlplane import AuditLog
from tests.helpers.killable import Kill
from tests.helpers.service import BY_HAND, World

PARTS = 2
HISTORY = {RevisionState.SUCCEEDED, RevisionState.INTERRUPTED}
DRIFTS = (
    ("Deployment/mysql", "ConfigMap/myblog", "Service/myblog"),
    ("Deployment/myblog", "Secret/myblog", "Service/mysql"),
)
"""Two sets in turn, so that no heal joins the one before it."""


def grouped(part: int) -> Any:
    return pytest.param(part, marks=pytest.mark.xdist_group(f"kills-{part}"))


@pytest.fixture(params=[grouped(part) for part in range(PARTS)])
def part(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def kills(writes: list[str], part: int) -> Iterator[Kill]:
    """One part's share of the kill points; together they are one more than the writes."""
    every = [Kill(1), *(Kill(number + 1, after=True) for number in range(len(writes)))]
    assert len(every) == len(writes) + 1
    yield from every[part::PARTS]


def test_a_sync_killed_at_any_write_ends_as_if_it_had_not_been(
    control_plane: ControlPlane, audit: AuditLog, tmp_path: Path, part: int
) -> None:
    mark = audit.mark()
    writes = undisturbed(Blog.create(control_plane, tmp_path / "undisturbed"))
    assert len(sent(audit, mark)) == len([write for write in writes if write != "database"])
    for kill in kills(writes, part):
        blog, mark = Blog.create(control_plane, tmp_path / str(kill)), audit.mark()
        before = killed(blog, kill)
        with blog.service() as world:
            world.settled(NAME)
            is_whole(blog, world, before)
            newest, *older = world.service.reading.revisions(NAME)
            assert (newest.kind, newest.healthy) == (RevisionKind.SYNC, True)
            assert [r.state for r in older] in ([], [RevisionState.INTERRUPTED])
        jobs = [e for e in sent(audit, mark) if e["objectRef"]["resource"] == "jobs"]
        made = [
            job["verb"] for job in jobs if job["verb"] != "patch"
        ]  # which takes its finalizer off
        assert made == ["create"], kill
        blog.remove()


def test_a_heal_killed_at_any_write_is_brought_to_its_end(
    control_plane: ControlPlane, audit: AuditLog, tmp_path: Path, part: int
) -> None:
    blog = Blog.create(control_plane, tmp_path / "blog")
    with blog.service() as world:
        world.settled(NAME)
    mark = audit.mark()
    blog.drift(DRIFTS[1])
    writes = undisturbed(blog)
    assert len(sent(audit, mark)) == len([write for write in writes if write != "database"])
    for number, kill in enumerate(kills(writes, part)):
        blog.drift(DRIFTS[number % 2])
        before = killed(blog, kill)
        with blog.service() as world:
            world.settled(NAME)
            is_whole(blog, world, before)
            history = world.service.reading.revisions(NAME)
            assert history[0].kind is RevisionKind.HEAL
            assert {revision.state for revision in history} <= HISTORY
            assert blog.drifted() == []


def test_a_rollback_killed_at_any_write_is_brought_to_its_end(
    control_plane: ControlPlane, audit: AuditLog, tmp_path: Path, part: int
) -> None:
    blog = Blog.create(control_plane, tmp_path / "blog")
    with blog.service() as world:
        world.settled(NAME)
        blog.push("v2")
        world.refresh(NAME)
        world.closed(NAME, 2)
    mark = audit.mark()
    writes = undisturbed(blog, "rollback myblog 1")
    assert len(sent(audit, mark)) == len([write for write in writes if write != "database"])
    go_on_with_git(blog)
    for kill in kills(writes, part):
        before = killed(blog, kill, "rollback myblog 1")
        with blog.service() as world:
            world.wait_for(lambda w=world: is_at_rest(w), "the rollback's end")
            is_whole(blog, world, before)
            status = world.status(NAME)
            assert (status.pin is None) == (not kill.after), kill
            assert blog.image() == ("v1" if status.pin else "v2"), kill
            newest = world.service.reading.revisions(NAME)[0]
            assert newest.healthy
            assert newest.source == (1 if status.pin else None)
        go_on_with_git(blog)


def test_a_rollback_by_itself_killed_at_any_write_is_brought_to_its_end(
    control_plane: ControlPlane, audit: AuditLog, tmp_path: Path, part: int
) -> None:
    careful = Careful.create(control_plane, tmp_path / "careful")
    with careful.service() as world:
        world.settled(CAREFUL)
        first = careful.push("first")
        world.refresh(CAREFUL)
        is_back(world, careful, first)
    uids, mark = careful.uids(), audit.mark()
    careful.push("undisturbed")
    writes = undisturbed(careful, kind=RevisionKind.ROLLBACK)
    assert len(sent(audit, mark)) == len([write for write in writes if write != "database"])
    for number, kill in enumerate(kills(writes, part)):
        bad = careful.push(f"bad-{number}")
        killed(careful, kill)
        with careful.service() as world:
            is_back(world, careful, bad)
            assert careful.get(f"Job/check-bad-{number}") is None, kill
        assert careful.uids() == uids, kill
    careful.remove()


def is_back(world: World, careful: Careful, commit: str) -> None:
    """A bad commit was tried, and the good version stands again, pinned; all of it is recorded."""
    store = world.service.parts.store

    def tries() -> list[RevisionState]:
        history = store.revisions(CAREFUL)
        return [r.state for r in history if r.commit is not None and r.commit.sha == commit]

    failed = RevisionState.FAILED
    world.wait_for(lambda: failed in tries() and is_at_rest(world, CAREFUL), "the rollback")
    status, good = world.status(CAREFUL), store.revision(CAREFUL, 1)
    assert status.pin is not None
    assert status.pin.automatic
    assert careful.word() == "v1"
    newest, *older = store.revisions(CAREFUL)
    assert (newest.kind, newest.healthy) == (RevisionKind.ROLLBACK, True)
    assert newest.digest == good.digest
    assert tries().count(failed) == 1
    assert {revision.state for revision in older} <= HISTORY | {failed}
    assert {claim.id.kind for claim in store.claims(CAREFUL)} == {"Namespace", "ConfigMap"}
    assert store.verify().faults == ()
    assert store.open_revisions() == []


def undisturbed(blog: Blog, ask: str = "", kind: RevisionKind | None = None) -> list[str]:
    """The writes of a run that nobody disturbs, to the end of its first revision of a kind."""
    process = blog.run(Kill(), ask)

    def is_end(event: dict[str, Any]) -> bool:
        return event["kind"] == "revision-closed" and kind in (None, event["revision_kind"])

    ended = process.wait_for(is_end)
    writes = process.writes()
    process.stop()
    assert ended
    assert process.writes() == writes, process.story()
    return writes


def killed(blog: Blog, kill: Kill, ask: str = "") -> dict[str, str]:
    """Run until it is killed; what was there then."""
    process = blog.run(kill, ask)
    process.wait_for(lambda _: False)
    assert process.was_killed, (kill, process.writes())
    return blog.uids()


def sent(audit: AuditLog, mark: int) -> list[dict[str, Any]]:
    """Requests of ours that changed the cluster."""
    verbs = ("patch", "create", "update", "delete")
    events = audit.since(mark, agent="gitops", verbs=verbs)
    return [event for event in events if "dryRun=" not in event["requestURI"]]


def go_on_with_git(blog: Blog) -> None:
    """End the pin, where there is one, and wait for what Git wants."""
    with blog.service() as world:
        world.wait_for(lambda: is_at_rest(world), "rest")
        if world.status(NAME).pin is not None:
            world.service.unpin(NAME, BY_HAND)
        world.settled(NAME)
        assert blog.image() == "v2"


def is_at_rest(world: World, name: str = NAME) -> bool:
    """Whether nothing runs, and the newest revision is what stands."""
    status = world.status(name)
    pinned = status.sync == "OutOfSync" and status.pin is not None
    history = world.service.reading.revisions(name)
    good = history[0].state is RevisionState.SUCCEEDED
    return good and not status.busy and (pinned or status.sync == "Synced")


def is_whole(blog: Blog, world: World, before: dict[str, str]) -> None:
    """Everything is there once, is claimed, is recorded, and was not made a second time."""
    store = world.service.parts.store
    after = blog.uids()
    replaced = {title for title in before if "@" in title and title not in after}
    assert {t: after.get(t) for t in before if t not in replaced} == {
        t: uid for t, uid in before.items() if t not in replaced
    }
    claims = store.claims(NAME)
    assert Counter(claim.id.kind for claim in claims) == OBJECTS
    assert {f"{c.id.kind}/{c.id.name}": c.uid for c in claims} == {
        title: uid for title, uid in after.items() if "@" not in title
    }
    assert store.verify().faults == ()
    assert store.open_revisions() == []
