"""Sync windows on a real cluster: what waits, what is refused, and what goes on by itself."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gitops.controlplane.processes import ControlPlane
from gitops.engine.declaring.deleting import DeleteOptions
from gitops.engine.operations import RollbackOptions
from gitops.engine.service import Edges
from gitops.model.revision import RecordKind, RevisionState, TriggerKind
from gitops.ports import TrailQuery
from tests.e2e.test_projects import project
from tests.helpers.controlplane import Kubectl
from tests.helpers.service import BY_HAND, config_map, start_world
from tests.helpers.walk import Walk


@dataclass
class WallClock:
    """Real seconds from a chosen moment on."""

    began: datetime = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
    since: float = field(default_factory=time.monotonic)

    def now(self) -> datetime:
        return self.began + timedelta(seconds=time.monotonic() - self.since)

    def monotonic(self) -> float:
        return time.monotonic()

    def show(self, moment: str) -> None:
        """Let it be that time of the day from now on."""
        self.began = datetime.fromisoformat(f"2026-03-02T{moment}Z")
        self.since = time.monotonic()


@pytest.fixture
def clock() -> WallClock:
    return WallClock()


@pytest.fixture
def timed(
    control_plane: ControlPlane, kubectl: Kubectl, tmp_path: Path, namespace: str, clock: WallClock
) -> Iterator[Walk]:
    def around(edges: Edges) -> Edges:
        return replace(edges, clock=clock)

    with start_world(control_plane, tmp_path, namespace, around) as world:
        yield Walk(world, kubectl)


def windows(walk: Walk, *entries: dict[str, Any]) -> None:
    """Declare the project again, with these windows for every application."""
    listed = [{"duration": "1h", "applications": ["*"], **entry} for entry in entries]
    walk.declare(project(walk.world, syncWindows=listed))


NOON = {"kind": "deny", "schedule": "0 12 * * *"}


def start(walk: Walk) -> None:
    """An application at its first revision, with no window yet."""
    windows(walk)
    walk.world.push("app/words.yaml", config_map(word="one"))
    walk.world.declare("demo", project="shop")
    walk.settled("demo")


def word(walk: Walk) -> str:
    return walk.get("configmap/words", ".data.word")


def waits(walk: Walk, text: str) -> None:
    walk.world.wait_for(lambda: text in walk.world.status("demo").message, text)


def test_a_held_sync_goes_by_itself_when_the_window_opens(timed: Walk, clock: WallClock) -> None:
    start(timed)
    windows(timed, NOON)
    timed.world.push("app/words.yaml", config_map(word="two"))
    timed.poll()
    waits(timed, "a sync window of the project shop is closed until 2026-03-01 13:00 UTC")
    status = timed.world.status("demo")
    assert status.sync == "OutOfSync"
    assert status.windows is not None
    assert (status.windows.open, status.windows.manual_sync) == (False, False)
    assert status.windows.until == datetime(2026, 3, 1, 13, tzinfo=UTC)
    assert word(timed) == "one"
    clock.show("12:59:50")
    timed.world.refresh()
    second = timed.world.closed("demo", 2)
    assert second.trigger.kind is TriggerKind.SCHEDULE
    assert second.trigger.evidence == "a sync window of the project shop has opened"
    assert second.started_at >= datetime(2026, 3, 2, 13, tzinfo=UTC)
    assert word(timed) == "two"
    assert timed.settled("demo").message == ""


def test_drift_waits_for_a_window_too(timed: Walk, clock: WallClock) -> None:
    start(timed)
    windows(timed, NOON)
    timed.kubectl(
        "-n", timed.namespace, "patch", "configmap", "words", "-p", '{"data":{"word":"x"}}'
    )
    waits(timed, "drifted; a sync window of the project shop is closed until")
    assert word(timed) == "x"
    clock.show("12:59:58")
    timed.world.refresh()
    timed.world.wait_for(lambda: word(timed) == "one", "healed")


def test_what_people_ask_for_is_refused_with_the_remedy_and_recorded(timed: Walk) -> None:
    start(timed)
    timed.change("demo", "app/words.yaml", "word: one", "word: two")
    windows(timed, NOON)
    timed.world.push("app/words.yaml", config_map(word="three"))
    done = timed.world.sync("demo")
    error = done.data["error"]
    assert (error["code"], error["where"]) == ("conflict", "demo")
    assert error["message"] == (
        "a sync window of the project shop is closed until 2026-03-01 13:00 UTC"
    )
    assert error["remedy"] == "wait for it to open, or let the project's window have manualSync"
    after = timed.service.events.newest
    ticket = timed.service.rollback("demo", RollbackOptions(1), BY_HAND)
    refused = timed.service.outcome_of("demo", ticket, after, 60)
    assert refused is not None
    assert refused.data["error"]["message"] == error["message"]
    records = list(timed.service.reading.trail(TrailQuery(kind=RecordKind.REFUSED)))
    assert [(r.payload["what"], r.actor) for r in records] == [
        ("rollback", BY_HAND.actor),
        ("sync", BY_HAND.actor),
    ]
    assert word(timed) == "two"
    assert timed.delete("demo", DeleteOptions()).data["state"] == "succeeded"


def test_a_window_may_let_people_through(timed: Walk) -> None:
    start(timed)
    windows(timed, NOON | {"manualSync": True})
    timed.world.push("app/words.yaml", config_map(word="two"))
    timed.poll()
    waits(timed, "is closed until")
    assert timed.world.sync("demo").data["state"] == "succeeded"
    assert word(timed) == "two"


def test_outside_of_all_that_allow_nothing_is_synced_and_a_change_of_the_project_counts_at_once(
    timed: Walk,
) -> None:
    windows(timed, {"kind": "allow", "schedule": "0 20 * * *"})
    timed.world.push("app/words.yaml", config_map(word="one"))
    timed.world.declare("demo", project="shop")
    waits(timed, "is closed until 2026-03-01 20:00 UTC")
    assert timed.service.reading.revisions("demo") == []
    timed.world.restart()
    waits(timed, "is closed until 2026-03-01 20:00 UTC")
    windows(timed, {"kind": "allow", "schedule": "0 12 * * *"})
    timed.settled("demo")


LATE = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: late
  annotations: {argocd.argoproj.io/sync-wave: "1"}
"""


@pytest.mark.parametrize(("overrun", "state"), [(True, "succeeded"), (False, "interrupted")])
def test_a_running_sync_ends_where_a_window_closes_unless_it_may_overrun(
    timed: Walk, clock: WallClock, *, overrun: bool, state: str
) -> None:
    start(timed)
    windows(timed, {"kind": "deny", "schedule": "0 20 * * *", "syncOverrun": overrun})

    def close(events: Any) -> None:
        """It closes as soon as the revision is open: between its first wave and its second."""
        if events.kind == "revision-opened" and events.revision == 2:
            clock.show("20:10:00")

    timed.service.events.listen(close)
    timed.world.repo.write("app/late.yaml", LATE)
    second = timed.publish("demo", "Add a wave")
    assert str(second.state) == state, second.message
    assert timed.exists("configmap/late") is overrun
    if not overrun:
        assert second.message == "a sync window closed before it had ended"
        waits(timed, "is closed until 2026-03-02 21:00 UTC")
        clock.show("21:00:01")
        timed.world.refresh()
        assert timed.world.closed("demo", 3).state is RevisionState.SUCCEEDED
        assert timed.exists("configmap/late")
