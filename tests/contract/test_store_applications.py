"""`ports.Store`: states, registrations, commits and deliveries, in memory and in a file."""

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from gitops.errors import NotFoundError
from gitops.model.revision import Pin, RecordKind
from gitops.ports import ApplicationState, Delivery, TrailQuery
from gitops.store.sql import SqlStore
from tests.helpers.store import KINDS, SteppingClock, opened_store
from tests.helpers.values import START

FULL = ApplicationState(
    name="blog",
    suspended=True,
    pin=Pin(3, "ann", START, "d1", "broken image", automatic=True),
    commits=("a" * 40, "b" * 40),
    render_key="k1",
    paths=(("apps/blog", "base"), ()),
    digest="d2",
    manifests="m" * 64,
    synced_digest="d1",
    failed="c:error",
    quarantine=frozenset({"d2", "d3"}),
    approved="p1",
    supersedes=2,
    deleting="orphan",
    depends_on=("mysql",),
    owned="o1",
)
HOOK = Delivery(
    "7", "github", "https://git/shop.git", "refs/heads/main", "a" * 40, "ann", "e", START
)


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlStore]:
    with opened_store(request.param, tmp_path / "state") as made:
        yield made


def test_a_state_comes_back_as_it_was_saved(store: SqlStore) -> None:
    store.save_state(FULL, ApplicationState("api"))
    assert store.state("blog") == FULL
    assert list(store.states().items()) == [("api", ApplicationState("api")), ("blog", FULL)]


def test_an_unknown_application_has_a_fresh_state(store: SqlStore) -> None:
    assert store.state("blog") == ApplicationState("blog")
    assert store.states() == {}


def test_saving_what_is_saved_already_writes_nothing(store: SqlStore) -> None:
    store.save_state(FULL)
    before = store.writes
    store.save_state(FULL)
    store.save_state()
    store.save_state(FULL, replace(FULL, name="new"))
    assert store.writes == before + 1


def test_a_forgotten_application_has_a_fresh_state(store: SqlStore) -> None:
    store.save_state(FULL)
    store.forget("blog")
    assert store.state("blog") == ApplicationState("blog")
    before = store.writes
    store.forget("blog")
    assert store.writes == before


def test_applications_made_through_the_api_are_kept_with_their_records(store: SqlStore) -> None:
    store.register("shop", "kind: Application # shop", "ann")
    store.register("blog", "kind: Application # é", "bob")
    assert list(store.registered().items()) == [
        ("blog", "kind: Application # é"),
        ("shop", "kind: Application # shop"),
    ]
    store.unregister("shop", "eve")
    assert list(store.registered()) == ["blog"]
    records = list(store.trail(TrailQuery(newest=False)))
    assert [(r.kind, r.application, r.actor) for r in records] == [
        (RecordKind.REGISTERED, "shop", "ann"),
        (RecordKind.REGISTERED, "blog", "bob"),
        (RecordKind.UNREGISTERED, "shop", "eve"),
    ]


def test_the_record_of_a_registration_leads_to_its_text_and_does_not_show_it(
    store: SqlStore,
) -> None:
    store.register("shop", "password: hunter2", "ann")
    (record,) = store.trail(TrailQuery())
    assert "hunter2" not in str(record.payload)
    assert store.get(record.payload["text"]) == b"password: hunter2"


def test_registering_again_replaces_the_text_and_the_same_text_writes_nothing(
    store: SqlStore,
) -> None:
    store.register("shop", "one", "ann")
    before = store.writes
    store.register("shop", "one", "ann")
    assert store.writes == before
    store.register("shop", "two", "ann")
    assert store.registered() == {"shop": "two"}


def test_unregistering_what_is_not_registered_is_an_error_without_a_record(
    store: SqlStore,
) -> None:
    with pytest.raises(NotFoundError, match="shop"):
        store.unregister("shop", "ann")
    assert list(store.trail(TrailQuery())) == []


def test_the_commit_seen_last_is_kept_for_each_branch(store: SqlStore) -> None:
    store.save_seen("https://git/a", "main", "1")
    store.save_seen("https://git/a", "dev", "2")
    store.save_seen("https://git/a", "main", "3")
    assert store.seen() == {("https://git/a", "main"): "3", ("https://git/a", "dev"): "2"}


def test_seeing_the_same_commit_writes_nothing(store: SqlStore) -> None:
    store.save_seen("https://git/a", "main", "1")
    before = store.writes
    store.save_seen("https://git/a", "main", "1")
    assert store.writes == before


def test_a_delivery_is_kept_by_one_write_until_it_is_done(store: SqlStore) -> None:
    before = store.writes
    assert store.deliver(HOOK)
    assert store.writes == before + 1
    assert store.deliveries() == [HOOK]
    store.delivered(["7", "unknown"])
    store.delivered([])
    assert store.deliveries() == []


def test_a_repeated_delivery_is_recognised_before_and_after_it_is_done(store: SqlStore) -> None:
    store.deliver(HOOK)
    before = store.writes
    assert not store.deliver(HOOK)
    store.delivered(["7"])
    assert not store.deliver(replace(HOOK, actor="eve"))
    assert store.writes == before


def test_what_is_done_is_marked_so_by_the_next_record_or_at_the_close(tmp_path: Path) -> None:
    def at_rest() -> list[str]:
        """What another process would look at again if this one were killed now."""
        with sqlite3.connect(tmp_path / "gitops.db") as database:
            return [row[0] for row in database.execute("SELECT id FROM deliveries WHERE NOT done")]

    store = SqlStore.at(tmp_path, SteppingClock())
    for name in ("7", "8", "9"):
        store.deliver(replace(HOOK, id=name))
    store.delivered(["7"])
    assert at_rest() == ["7", "8", "9"]
    before = store.writes
    store.append(RecordKind.SETTINGS, actor="ann", payload={})
    assert store.writes == before + 1
    assert at_rest() == ["8", "9"]
    store.delivered(["8"])
    with suppress(ZeroDivisionError), store.together():
        store.append(RecordKind.SETTINGS, actor="ann", payload={})
        raise ZeroDivisionError  # what is undone was not settled
    assert at_rest() == ["8", "9"]
    store.close()
    assert at_rest() == ["9"]


def test_deliveries_come_in_the_order_of_their_arrival(store: SqlStore) -> None:
    for name in ("9", "10", "1"):
        store.deliver(replace(HOOK, id=name))
    assert [d.id for d in store.deliveries()] == ["9", "10", "1"]


def test_only_the_newest_done_deliveries_are_kept(store: SqlStore) -> None:
    store.kept_deliveries = 2
    for name in "abcde":
        store.deliver(replace(HOOK, id=name))
    store.delivered(["a", "c", "d", "e"])
    store.deliver(replace(HOOK, id="f"))
    assert [store.deliver(replace(HOOK, id=name)) for name in "bde"] == [False] * 3
    assert [d.id for d in store.deliveries()] == ["b", "f"]
    assert [store.deliver(replace(HOOK, id=name)) for name in "ac"] == [True] * 2


def test_an_installation_has_eight_hex_digits(store: SqlStore) -> None:
    assert len(store.installation) == 8
    assert int(store.installation, 16) >= 0
