"""`ports.Store`: revisions, on SQLite in memory and in a file."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gitops.errors import ConflictError, NotFoundError
from gitops.model.health import HealthStatus
from gitops.model.revision import (
    OutcomeKind,
    RecordKind,
    Revision,
    RevisionKind,
    RevisionState,
    Selection,
    Trigger,
    TriggerKind,
)
from gitops.ports import ApplicationState, Claim, TrailQuery
from gitops.store.revisions import MOST_APPLIED
from gitops.store.sql import SqlStore
from tests.helpers.store import KINDS, opened_store
from tests.helpers.values import START, deployment, opened, outcome

OLDEST_FIRST = TrailQuery(newest=False)


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlStore]:
    with opened_store(request.param, tmp_path / "state") as made:
        yield made


def closed(revision: Revision, **more: object) -> Revision:
    end = {"state": RevisionState.SUCCEEDED, "finished_at": START + timedelta(minutes=1)}
    return replace(revision, **(end | more))


def test_numbers_count_from_one_within_each_application(store: SqlStore) -> None:
    numbers = [store.open_revision(opened(name)).number for name in ("blog", "shop", "blog")]
    assert numbers == [1, 1, 2]
    assert store.newest_revisions() == {"blog": 2, "shop": 1}


def test_numbers_go_on_after_an_application_was_forgotten(store: SqlStore) -> None:
    store.save_state(ApplicationState("blog", digest="d1"))
    store.close_revision(closed(store.open_revision(opened("blog"))))
    store.forget("blog")
    assert store.open_revision(opened("blog")).number == 2
    assert [r.number for r in store.revisions("blog")] == [2, 1]


def test_an_opened_revision_is_read_as_it_was_given(store: SqlStore) -> None:
    given = opened(
        kind=RevisionKind.ROLLBACK,
        trigger=Trigger(TriggerKind.WEBHOOK, "ann", "delivery 7"),
        source=3,
        partial=True,
        selection=Selection(("!apps:Deployment:web",), ("tier=web",)),
        manifests="m" * 64,
        diff="d" * 64,
        live="c" * 64,
        attempts=2,
        outcomes=(outcome(kind=OutcomeKind.HELD),),
    )
    assert store.revision("myblog", store.open_revision(given).number) == replace(given, number=1)


def test_a_closed_revision_is_read_with_everything_final(store: SqlStore) -> None:
    revision = store.open_revision(opened())
    store.record_outcomes(revision, [outcome("a"), outcome("b")], [])
    final = closed(
        revision,
        health=HealthStatus.HEALTHY,
        healthy=True,
        message="all healthy",
        commit=None,
        outcomes=(outcome("a"), outcome("b"), outcome("c", OutcomeKind.SKIPPED)),
    )
    store.close_revision(final)
    assert store.revision("myblog", 1) == final


def test_outcomes_recorded_before_the_close_need_not_be_given_again(store: SqlStore) -> None:
    revision = store.open_revision(opened())
    store.record_outcomes(revision, [outcome("a")], [])
    store.close_revision(closed(revision))
    assert store.revision("myblog", 1).outcomes == (outcome("a"),)


def test_a_later_outcome_replaces_that_of_the_same_object_and_phase(store: SqlStore) -> None:
    revision = store.open_revision(opened())
    failed = outcome("a", OutcomeKind.FAILED, message="quota")
    hook = outcome("a", phase="PostSync")
    store.record_outcomes(revision, [failed, outcome("b")], [])
    store.record_outcomes(revision, [outcome("a"), hook], [])
    assert store.revision("myblog", 1).outcomes == (outcome("a"), outcome("b"), hook)


def test_a_running_revision_shows_the_outcomes_so_far(store: SqlStore) -> None:
    revision = store.open_revision(opened())
    store.record_outcomes(revision, [outcome("a")], [])
    assert store.open_revisions() == [replace(revision, outcomes=(outcome("a"),))]
    store.close_revision(closed(revision, state=RevisionState.INTERRUPTED))
    assert store.open_revisions() == []


def test_open_revisions_come_in_order_of_application_and_number(store: SqlStore) -> None:
    for name in ("shop", "blog", "shop"):
        store.open_revision(opened(name))
    assert [(r.application, r.number) for r in store.open_revisions()] == [
        ("blog", 1),
        ("shop", 1),
        ("shop", 2),
    ]


def test_closing_saves_the_state_in_the_same_transaction(store: SqlStore) -> None:
    revision = store.open_revision(opened())
    before = store.writes
    store.close_revision(closed(revision), ApplicationState("myblog", synced_digest="d1"))
    assert store.writes == before + 1
    assert store.state("myblog").synced_digest == "d1"


def test_a_revision_with_four_objects_costs_three_transactions(store: SqlStore) -> None:
    names = ("a", "b", "c", "d")
    claims = [Claim(deployment(name), "myblog", "apps/v1", uid="u") for name in names]
    store.claim(claims)
    before = store.writes
    revision = store.open_revision(opened())
    store.record_outcomes(revision, [outcome(name) for name in names], claims)
    store.close_revision(closed(revision), ApplicationState("myblog", digest="d1"))
    assert store.writes == before + 3


def test_outcomes_save_the_claims_that_they_changed(store: SqlStore) -> None:
    claim = Claim(deployment(), "myblog", "apps/v1")
    store.claim([claim])
    revision = store.open_revision(opened())
    changed = replace(claim, uid="u1", desired_digest="x", answer_digest="y", manifest="m" * 64)
    store.record_outcomes(revision, [outcome()], [changed])
    assert store.claims() == [changed]


def test_outcomes_that_touch_anothers_claim_are_refused_as_a_whole(store: SqlStore) -> None:
    store.claim([Claim(deployment(), "shop", "apps/v1")])
    revision = store.open_revision(opened())
    with pytest.raises(ConflictError, match="application shop holds this object"):
        store.record_outcomes(revision, [outcome()], [Claim(deployment(), "myblog", "apps/v1")])
    assert store.revision("myblog", 1).outcomes == ()
    assert store.claims()[0].application == "shop"


def test_nothing_to_record_writes_nothing(store: SqlStore) -> None:
    revision = store.open_revision(opened())
    before = store.writes
    store.record_outcomes(revision, [], [])
    assert store.writes == before


def test_claims_alone_leave_no_record(store: SqlStore) -> None:
    revision = store.open_revision(opened())
    store.record_outcomes(revision, [], [Claim(deployment(), "myblog", "apps/v1")])
    assert len(list(store.trail(TrailQuery()))) == 1
    assert len(store.claims()) == 1


def test_a_revision_is_closed_once(store: SqlStore) -> None:
    revision = store.open_revision(opened())
    store.close_revision(closed(revision))
    with pytest.raises(ConflictError, match="revision 1 of myblog is succeeded"):
        store.close_revision(closed(revision, state=RevisionState.FAILED))
    with pytest.raises(ConflictError):
        store.record_outcomes(revision, [outcome()], [])
    assert store.revision("myblog", 1).state is RevisionState.SUCCEEDED


def test_a_repeat_joins_a_closed_heal(store: SqlStore) -> None:
    heal = store.open_revision(opened(kind=RevisionKind.HEAL))
    store.close_revision(closed(heal, outcomes=(outcome("a", OutcomeKind.CONFIGURED),)))
    repeat = closed(
        heal,
        count=2,
        outcomes=(outcome("a", OutcomeKind.FAILED), outcome("b", OutcomeKind.CONFIGURED)),
    )
    store.join_revision(repeat)
    assert store.revision("myblog", 1) == repeat
    assert store.revisions("myblog")[0].count == 2
    assert [r.kind for r in store.trail(OLDEST_FIRST)] == [
        RecordKind.REVISION_OPENED,
        RecordKind.REVISION_CLOSED,
        RecordKind.OUTCOMES,
    ]


def test_nothing_joins_a_running_revision(store: SqlStore) -> None:
    heal = store.open_revision(opened(kind=RevisionKind.HEAL))
    with pytest.raises(ConflictError, match="is running"):
        store.join_revision(heal)


def test_the_history_is_newest_first_and_can_be_paged(store: SqlStore) -> None:
    for _ in range(5):
        store.open_revision(opened())
    assert [r.number for r in store.revisions("myblog")] == [5, 4, 3, 2, 1]
    assert [r.number for r in store.revisions("myblog", limit=2, before=4)] == [3, 2]
    assert store.revisions("other") == []


def test_the_newest_revision_of_a_kind_is_found_behind_others(store: SqlStore) -> None:
    for kind in (RevisionKind.SYNC, RevisionKind.SYNC, RevisionKind.HEAL):
        store.open_revision(replace(opened(), kind=kind))
    newest = store.newest_revision("myblog", RevisionKind.SYNC)
    assert (newest and newest.number) == 2
    assert newest == store.revisions("myblog")[1]
    assert store.newest_revision("myblog", RevisionKind.ROLLBACK) is None
    assert store.newest_revision("other", RevisionKind.SYNC) is None


def test_the_revisions_of_the_same_manifests_are_found_newest_first(store: SqlStore) -> None:
    for address in ("a" * 64, "b" * 64, "a" * 64):
        store.open_revision(replace(opened(), manifests=address))
    assert [r.number for r in store.revisions_of("myblog", "a" * 64)] == [3, 1]
    assert store.revisions_of("other", "a" * 64) == []
    for _ in range(MOST_APPLIED):
        store.open_revision(replace(opened(), manifests="c" * 64))
    assert len(store.revisions_of("myblog", "c" * 64)) == MOST_APPLIED
    store.open_revision(replace(opened(), manifests="c" * 64))
    assert len(store.revisions_of("myblog", "c" * 64)) == MOST_APPLIED


@pytest.mark.parametrize("act", ["revision", "record", "close", "join"])
def test_a_number_that_was_never_given_is_not_found(store: SqlStore, act: str) -> None:
    unknown = opened(number=7)
    calls = {
        "revision": lambda: store.revision("myblog", 7),
        "record": lambda: store.record_outcomes(unknown, [outcome()], []),
        "close": lambda: store.close_revision(unknown),
        "join": lambda: store.join_revision(unknown),
    }
    with pytest.raises(NotFoundError, match="application myblog has no revision 7"):
        calls[act]()


def test_text_that_a_database_cannot_hold_is_made_storable(store: SqlStore) -> None:
    revision = store.open_revision(opened("b\0log", message="\ud800 broken \0 commit"))
    read = store.revision("blog", revision.number)
    assert read.message == "? broken  commit"
    assert store.verify().faults == ()
    assert store.open_revision(opened("blog")).number == 2
