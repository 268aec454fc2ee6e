"""What the store costs: searches use indexes, memory does not grow with the trail."""

import sqlite3
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from gitops.model.revision import RecordKind, RevisionKind, RevisionState
from gitops.ports import Claim, Delivery, TrailQuery
from gitops.store.sql import SqlStore
from tests.helpers.sqlite import Watcher, watched
from tests.helpers.store import SteppingClock
from tests.helpers.values import START, deployment, opened, outcome

HOOK = Delivery("2", "p", "r", "f", "a", "a", "e", START)
CALLS: dict[str, Callable[[SqlStore], object]] = {
    "history": lambda store: store.revisions("blog", limit=20, before=9000),
    "revision": lambda store: store.revision("blog", 1),
    "open revisions": lambda store: store.open_revisions(),
    "next number": lambda store: store.open_revision(opened("blog")),
    "trail": lambda store: list(store.trail(TrailQuery(limit=20))),
    "trail by application": lambda store: list(store.trail(TrailQuery(application="blog"))),
    "trail by actor": lambda store: list(store.trail(TrailQuery(actor="gitops"))),
    "trail by time": lambda store: list(store.trail(TrailQuery(since=START))),
    "trail by object": lambda store: list(store.trail(TrailQuery(object=str(deployment())))),
    "trail by outcome": lambda store: list(store.trail(TrailQuery(outcome="failed"))),
    "claims": lambda store: store.claims("blog"),
    "claiming": lambda store: store.claim([Claim(deployment(), "blog", "apps/v1")]),
    "deliveries": lambda store: store.deliveries(),
    "done deliveries": lambda store: (store.delivered(["1"]), store.deliver(HOOK)),
    "commit": lambda store: store.save_seen("https://git/a", "main", "1"),
    "content": lambda store: store.put(b"x"),
    "state": lambda store: store.state("blog"),
}


class Asked(Watcher):
    """The statements that read, or change rows by a condition."""

    def __init__(self) -> None:
        self.found: list[tuple[str, Any]] = []

    def statement(self, connection: sqlite3.Connection, sql: str, values: Any) -> None:
        del connection
        if sql.startswith(("SELECT", "UPDATE", "DELETE")):
            self.found.append((sql, values))


@pytest.fixture
def asked() -> Iterator[Asked]:
    made = Asked()
    with watched(made):
        yield made


@pytest.fixture
def store(asked: Asked) -> Iterator[SqlStore]:
    made = SqlStore.memory(SteppingClock())
    revision = made.open_revision(opened("blog"))
    made.record_outcomes(revision, [outcome()], [])
    yield made
    made.close()


@pytest.mark.parametrize("name", CALLS)
def test_no_call_reads_a_whole_table(store: SqlStore, asked: Asked, name: str) -> None:
    asked.found.clear()
    CALLS[name](store)
    found = list(asked.found)
    assert found
    with store.database.read() as connection:
        for statement, values in found:
            rows = connection.driver.execute(f"EXPLAIN QUERY PLAN {statement}", values)
            for *_, detail in rows.fetchall():
                whole = detail.startswith("SCAN") and " INDEX " not in detail
                by_key = detail == "SCAN trail" and "ORDER BY trail.sequence" in statement
                assert not whole or by_key or "CONSTANT" in detail, (statement, detail)
                assert "USE TEMP B-TREE" not in detail, (statement, detail)


def peak_bytes(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_verifying_and_exporting_need_no_memory_for_the_whole_trail(store: SqlStore) -> None:
    records, size = 3000, 4000
    with store.recording() as recorder:
        for _ in range(records):
            recorder.append(RecordKind.WEBHOOK, {"text": "x" * size}, actor="ann")
    assert peak_bytes(store.verify) < records * size / 2
    assert peak_bytes(lambda: sum(1 for _ in store.trail(TrailQuery()))) < records * size


def test_joining_a_heal_again_and_again_records_only_what_is_new(store: SqlStore) -> None:
    heal = store.open_revision(opened("shop", kind=RevisionKind.HEAL))
    done = replace(heal, state=RevisionState.SUCCEEDED, outcomes=(outcome("a"),))
    store.close_revision(done)
    for count in range(2, 6):
        store.join_revision(replace(done, count=count))
    payloads = [r.payload for r in store.trail(TrailQuery(application="shop", newest=False))]
    assert [len(payload["outcomes"]) for payload in payloads] == [0, 1, 0, 0, 0, 0]
    assert store.revision("shop", 1).count == 5
