"""`ports.Store`: the trail and its search, on SQLite in memory and in a file."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gitops.model.revision import OutcomeKind, RecordKind, RevisionState
from gitops.ports import ApplicationState, TrailQuery
from gitops.store.sql import SqlStore
from gitops.store.trail import BATCH
from tests.helpers.store import KINDS, opened_store
from tests.helpers.values import START, deployment, opened, outcome


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlStore]:
    with opened_store(request.param, tmp_path / "state") as made:
        yield made


def sequences(store: SqlStore, **query: object) -> list[int]:
    return [record.sequence for record in store.trail(TrailQuery(newest=False, **query))]


def a_sync(store: SqlStore, name: str, kind: OutcomeKind, state: RevisionState) -> None:
    revision = store.open_revision(opened(name))
    store.record_outcomes(revision, [outcome(name, kind), outcome("shared")], [])
    store.close_revision(replace(revision, state=state))


def test_records_are_numbered_chained_and_timed(store: SqlStore) -> None:
    first = store.append(RecordKind.PIN, actor="ann", application="blog", payload={"a": [1]})
    second = store.append(RecordKind.UNPIN, actor="bob", payload={})
    assert [first.sequence, second.sequence] == [1, 2]
    assert first.previous == "0" * 64
    assert second.previous == first.mac
    assert second.at - first.at == timedelta(seconds=1)
    assert list(store.trail(TrailQuery(newest=False))) == [first, second]


def test_a_record_changes_the_state_in_the_same_transaction(store: SqlStore) -> None:
    before = store.writes
    state = ApplicationState("blog", suspended=True)
    store.append(
        RecordKind.SUSPEND, actor="ann", application="blog", payload={"reason": "x"}, state=state
    )
    assert store.writes == before + 1
    assert store.state("blog") == state


def test_records_are_newest_first_unless_asked_otherwise(store: SqlStore) -> None:
    for _ in range(3):
        store.append(RecordKind.WEBHOOK, actor="ann", payload={})
    assert [r.sequence for r in store.trail(TrailQuery())] == [3, 2, 1]
    assert [r.sequence for r in store.trail(TrailQuery(limit=2))] == [3, 2]
    assert sequences(store, limit=2) == [1, 2]
    assert sequences(store, limit=0) == []


def test_more_records_than_one_page_are_streamed_in_order(store: SqlStore) -> None:
    with store.recording() as recorder:
        for _ in range(2 * BATCH + 1):
            recorder.append(RecordKind.WEBHOOK, {}, actor="ann")
    assert sequences(store) == list(range(1, 2 * BATCH + 2))
    assert sequences(store, limit=BATCH + 1) == list(range(1, BATCH + 2))


def test_records_can_be_appended_while_others_are_read(store: SqlStore) -> None:
    store.append(RecordKind.WEBHOOK, actor="ann", payload={})
    reading = store.trail(TrailQuery(newest=False))
    assert next(reading).sequence == 1
    store.append(RecordKind.WEBHOOK, actor="ann", payload={})
    assert [record.sequence for record in reading] == [2]


def test_records_are_found_by_application_and_actor(store: SqlStore) -> None:
    store.append(RecordKind.PIN, actor="ann", application="blog", payload={})
    store.append(RecordKind.PIN, actor="bob", application="shop", payload={})
    store.append(RecordKind.PIN, actor="ann", application="shop", payload={})
    assert sequences(store, application="shop") == [2, 3]
    assert sequences(store, actor="ann") == [1, 3]
    assert sequences(store, actor="ann", application="shop") == [3]
    assert sequences(store, application="", actor="") == [1, 2, 3]


def test_records_are_found_by_time_from_included_to_excluded(store: SqlStore) -> None:
    for _ in range(4):
        store.append(RecordKind.WEBHOOK, actor="ann", payload={})
    moments = {r.sequence: r.at for r in store.trail(TrailQuery())}
    assert sequences(store, since=moments[2]) == [2, 3, 4]
    assert sequences(store, until=moments[3]) == [1, 2]
    assert sequences(store, since=moments[2], until=moments[4]) == [2, 3]
    assert sequences(store, since=START + timedelta(days=1)) == []


def test_records_are_found_by_object(store: SqlStore) -> None:
    a_sync(store, "blog", OutcomeKind.CREATED, RevisionState.SUCCEEDED)
    a_sync(store, "shop", OutcomeKind.CREATED, RevisionState.SUCCEEDED)
    assert sequences(store, object=str(deployment("shop"))) == [5]
    assert sequences(store, object="Deployment nohi/shop") == [5]
    assert sequences(store, object=str(deployment("shared"))) == [2, 5]
    other_group = replace(deployment("shop"), group="extensions")
    assert sequences(store, object=str(other_group)) == []


def test_records_are_found_by_kind(store: SqlStore) -> None:
    store.append(RecordKind.SETTINGS, actor="gitops", payload={"a": 1})
    store.append(RecordKind.PIN, actor="ann", application="blog", payload={})
    store.append(RecordKind.SETTINGS, actor="gitops", payload={"a": 2})
    assert sequences(store, kind=RecordKind.SETTINGS) == [1, 3]


def test_records_are_found_by_outcome_of_an_object_or_a_revision(store: SqlStore) -> None:
    a_sync(store, "blog", OutcomeKind.CREATED, RevisionState.SUCCEEDED)
    a_sync(store, "shop", OutcomeKind.FAILED, RevisionState.FAILED)
    store.append(RecordKind.REFUSED, actor="eve", payload={"reason": "no token"})
    assert sequences(store, outcome="failed") == [5, 6]
    assert sequences(store, outcome="succeeded") == [3]
    assert sequences(store, outcome="refused") == [7]
    assert sequences(store, outcome="failed", object=str(deployment("shop"))) == [5]
    assert sequences(store, outcome="failed", object=str(deployment("shared"))) == []


def test_a_whole_trail_verifies_and_gives_its_head(store: SqlStore) -> None:
    assert store.verify().head == f"0:{'0' * 64}"
    a_sync(store, "blog", OutcomeKind.CREATED, RevisionState.SUCCEEDED)
    last = store.append(RecordKind.PIN, actor="ann", payload={"é": [1.5, 2**70, None]})
    verdict = store.verify()
    assert (verdict.records, verdict.faults) == (4, ())
    assert verdict.head == f"4:{last.mac}"
    assert store.verify(verdict.head).faults == ()
    store.append(RecordKind.UNPIN, actor="ann", payload={})
    assert store.verify(verdict.head).faults == ()


def test_a_hundred_threads_append_to_one_chain(store: SqlStore) -> None:
    gate = threading.Barrier(100)
    failures: list[BaseException] = []

    def work(name: str) -> None:
        gate.wait()
        try:
            revision = store.open_revision(opened(name))
            store.record_outcomes(revision, [outcome(name)], [])
            store.close_revision(replace(revision, state=RevisionState.SUCCEEDED))
        except BaseException as error:  # noqa: BLE001 - a thread's error must reach the test
            failures.append(error)

    threads = [threading.Thread(target=work, args=(f"app-{i % 10}",)) for i in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    verdict = store.verify()
    assert (verdict.records, verdict.faults) == (300, ())
    for i in range(10):
        assert [r.number for r in store.revisions(f"app-{i}")] == list(range(10, 0, -1))
