"""Applications' states: what is noted is kept with the next record, at the latest by `save`."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from gitops.engine.facts.states import States
from gitops.errors import StoreError
from gitops.ports import ApplicationState
from gitops.store.sql import SqlStore
from tests.helpers.store import SteppingClock


@pytest.fixture
def store() -> Iterator[SqlStore]:
    made = SqlStore.memory(SteppingClock())
    yield made
    made.close()


def test_what_is_noted_is_kept_by_save_and_only_once(store: SqlStore) -> None:
    states = States(store)
    before = store.writes
    assert states.note("blog", digest="v1:a").digest == "v1:a"
    assert (states.get("blog").digest, store.states()) == ("v1:a", {})
    states.save("blog")
    states.save("blog")
    assert (store.state("blog").digest, store.writes) == ("v1:a", before + 1)


def test_what_was_noted_and_kept_with_a_record_is_not_saved_again(store: SqlStore) -> None:
    states = States(store)
    noted = states.note("blog", digest="v1:a")
    kept = replace(noted, synced_digest="v1:a")
    store.save_state(kept)
    states.take(kept)
    before = store.writes
    states.save("blog")
    assert (store.state("blog"), store.writes) == (kept, before)


def test_a_change_keeps_what_was_noted_before_it(store: SqlStore) -> None:
    states = States(store)
    states.note("blog", digest="v1:a")
    states.change("blog", suspended=True)
    assert store.state("blog") == ApplicationState("blog", digest="v1:a", suspended=True)
    before = store.writes
    states.change("blog", suspended=True)
    assert store.writes == before


def test_what_cannot_be_kept_changes_nothing_and_what_was_noted_is_tried_again(
    store: SqlStore,
) -> None:
    states = States(store)
    states.note("blog", digest="v1:a")
    with store.database.read() as connection:
        connection.driver.execute("PRAGMA query_only=ON")
    for work in (lambda: states.save("blog"), lambda: states.change("blog", suspended=True)):
        with pytest.raises(StoreError):
            work()
    assert states.get("blog") == ApplicationState("blog", digest="v1:a")
    with store.database.read() as connection:
        connection.driver.execute("PRAGMA query_only=OFF")
    states.save("blog")
    assert store.state("blog").digest == "v1:a"


def test_what_was_noted_of_a_forgotten_application_is_forgotten(store: SqlStore) -> None:
    states = States(store)
    states.note("blog", digest="v1:a")
    states.forget("blog")
    states.save("blog")
    assert store.states() == {}


def test_what_was_kept_is_known_at_the_next_start(store: SqlStore) -> None:
    store.save_state(ApplicationState("shop"), ApplicationState("blog"))
    states = States(store)
    states.note("api", digest="v1:a")
    assert [state.name for state in states.all()] == ["api", "blog", "shop"]
    assert (states.is_kept("blog"), states.is_kept("other")) == (True, False)
