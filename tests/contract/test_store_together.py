"""Writes that wait for one another share a transaction, and each keeps what it was promised."""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from gitops.errors import StoreError
from gitops.model.revision import RecordKind
from gitops.ports import ApplicationState, TrailQuery
from gitops.store.database import Limits
from gitops.store.sql import DATABASE, SqlStore
from tests.helpers.controlplane import eventually
from tests.helpers.store import KINDS, SteppingClock, opened_store
from tests.helpers.values import opened


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    with opened_store("file", tmp_path) as made:
        yield made


def note(store: SqlStore, text: str) -> None:
    store.append(RecordKind.WEBHOOK, actor=text, payload={})


def actors(store: SqlStore) -> list[str]:
    return [record.actor for record in store.trail(TrailQuery(newest=False))]


def one_after_another(
    store: SqlStore, first: Callable[[], object], then: Callable[[], object]
) -> list[str]:
    """Two writes of which `then` waits for `first`, to share its transaction. How each ended."""
    ends = ["", ""]

    def do(place: int, work: Callable[[], object]) -> None:
        try:
            work()
            ends[place] = "done"
        except (StoreError, ZeroDivisionError) as error:
            ends[place] = type(error).__name__

    waiting = threading.Thread(target=do, args=(1, then))

    def begin() -> None:
        with store.together():
            waiting.start()
            eventually(lambda: store.database._waiting == 1, "the other one waits")
            first()

    do(0, begin)
    waiting.join(60)
    return ends


def fail(store: SqlStore) -> None:
    """Write a record and a state, then fail."""
    with store.together():
        note(store, "undone")
        store.save_state(ApplicationState("undone"))
        _ = 1 / 0


def test_writes_that_wait_for_one_another_are_committed_once_in_their_order(
    store: SqlStore,
) -> None:
    before = store.writes
    ends = one_after_another(store, lambda: note(store, "ann"), lambda: note(store, "bob"))
    assert (ends, store.writes) == (["done", "done"], before + 1)
    assert actors(store) == ["ann", "bob"]
    assert store.verify().faults == ()


def test_a_later_write_builds_on_what_the_earlier_one_has_not_committed_yet(
    store: SqlStore,
) -> None:
    numbers = []
    one_after_another(
        store,
        lambda: numbers.append(store.open_revision(opened("blog")).number),
        lambda: numbers.append(store.open_revision(opened("blog")).number),
    )
    assert numbers == [1, 2]


def test_one_that_fails_after_another_is_undone_alone(store: SqlStore, tmp_path: Path) -> None:
    ends = one_after_another(store, lambda: note(store, "ann"), lambda: fail(store))
    assert ends == ["done", "ZeroDivisionError"]
    note(store, "carl")
    assert (actors(store), store.states()) == (["ann", "carl"], {})
    assert store.verify().faults == ()
    store.close()
    with opened_store("file", tmp_path) as again:
        assert again.verify().faults == ()


def test_one_that_fails_before_another_is_undone_alone(store: SqlStore) -> None:
    ends = one_after_another(store, lambda: fail(store), lambda: note(store, "bob"))
    assert ends == ["ZeroDivisionError", "done"]
    assert (actors(store), store.states()) == (["bob"], {})
    assert store.verify().faults == ()


@pytest.mark.parametrize("kind", KINDS)
def test_several_calls_of_one_thread_are_all_or_nothing(kind: str, tmp_path: Path) -> None:
    with opened_store(kind, tmp_path) as store:
        note(store, "ann")
        with suppress(ZeroDivisionError):
            fail(store)
        assert (actors(store), store.states()) == (["ann"], {})
        before = store.writes
        with store.together():
            note(store, "bob")
            store.save_state(ApplicationState("blog"))
            assert store.state("blog") == ApplicationState("blog")
        assert store.writes == before + 1
        assert (actors(store), list(store.states())) == (["ann", "bob"], ["blog"])
        assert store.verify().faults == ()


def test_what_a_call_has_written_is_on_the_disk_when_it_returns(
    store: SqlStore, tmp_path: Path
) -> None:
    """Asked over a connection of its own, as a process started after a crash would."""
    missing: list[str] = []
    start = threading.Barrier(8)

    def write(name: str) -> None:
        start.wait()
        for number in range(10):
            note(store, f"{name}{number}")
            connection = sqlite3.connect(tmp_path / DATABASE)
            query = "SELECT count(*) FROM trail WHERE actor = ?"
            if connection.execute(query, (f"{name}{number}",)).fetchone() != (1,):
                missing.append(name)
            connection.close()

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcdefgh"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert missing == []
    assert len(actors(store)) == 80
    assert store.writes <= 81
    assert store.verify().faults == ()


def test_where_the_disk_is_full_each_is_told_whether_its_own_is_there(tmp_path: Path) -> None:
    store = SqlStore.at(tmp_path, SteppingClock(), limits=Limits(max_pages=80))
    with closing(store):
        large = os.urandom(600_000)
        ends = one_after_another(store, lambda: note(store, "ann"), lambda: store.put(large))
        assert ends[1] == "StoreError"
        assert actors(store) == (["ann"] if ends[0] == "done" else [])
        note(store, "carl")
        assert store.verify().faults == ()
