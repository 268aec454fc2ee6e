"""`ports.Store`: claims, on SQLite in memory and in a file."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gitops.model.objects import ObjectId
from gitops.model.revision import RecordKind
from gitops.ports import Claim, TrailQuery
from gitops.store.sql import SqlStore
from tests.helpers.store import KINDS, opened_store
from tests.helpers.values import deployment


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlStore]:
    with opened_store(request.param, tmp_path / "state") as made:
        yield made


def claim(name: str = "web", application: str = "blog", **more: str) -> Claim:
    return Claim(deployment(name), application, "apps/v1", **more)


def test_free_objects_are_taken(store: SqlStore) -> None:
    assert store.claim([claim("b"), claim("a")]) == []
    assert store.claims() == [claim("a"), claim("b")]
    assert store.claims("blog") == [claim("a"), claim("b")]
    assert store.claims("shop") == []


def test_one_object_held_by_another_application_takes_none(store: SqlStore) -> None:
    store.claim([claim("web", "shop", uid="u1"), claim("api", "shop")])
    conflicts = store.claim([claim("a"), claim("web"), claim("api")])
    assert conflicts == [claim("api", "shop"), claim("web", "shop", uid="u1")]
    assert store.claims("blog") == []


def test_claiming_again_keeps_what_was_remembered_and_writes_nothing(store: SqlStore) -> None:
    known = claim(uid="u1", desired_digest="d", answer_digest="a", manifest="m", contested="hpa")
    store.claim([known])
    before = store.writes
    assert store.claim([claim()]) == []
    assert store.claim([]) == []
    assert store.claims() == [known]
    assert store.writes == before


def test_conflicts_are_found_without_a_write(store: SqlStore) -> None:
    store.claim([claim(application="shop")])
    before = store.writes
    assert store.claim([claim()]) != []
    assert store.writes == before


def test_kinds_groups_and_namespaces_are_other_objects(store: SqlStore) -> None:
    ids = [
        ObjectId("apps", "Deployment", "nohi", "web"),
        ObjectId("apps", "Deployment", "prod", "web"),
        ObjectId("apps", "StatefulSet", "nohi", "web"),
        ObjectId("", "Deployment", "nohi", "web"),
        ObjectId("rbac.authorization.k8s.io", "ClusterRole", "", "system:web"),
    ]
    for number, identity in enumerate(ids):
        assert store.claim([Claim(identity, f"app-{number}", "v1")]) == []
    assert [c.id for c in store.claims()] == sorted(ids)


def test_saving_claims_takes_free_ones_and_changes_own_ones_only(store: SqlStore) -> None:
    store.claim([claim("a"), claim("b", "shop", uid="u1")])
    store.save_claims([claim("a", contested="hpa"), claim("b", uid="u2"), claim("c")])
    assert store.claims() == [
        claim("a", contested="hpa"),
        claim("b", "shop", uid="u1"),
        claim("c"),
    ]
    before = store.writes
    store.save_claims([claim("c"), claim("b", uid="u3")])
    store.save_claims([])
    assert store.writes == before


def test_a_released_object_can_be_taken_by_another_application(store: SqlStore) -> None:
    store.claim([claim("a"), claim("b")])
    store.release("blog", [deployment("a")])
    assert store.claim([claim("a", "shop")]) == []
    assert store.claims("blog") == [claim("b")]


def test_releasing_what_another_application_holds_changes_nothing(store: SqlStore) -> None:
    store.claim([claim("a")])
    store.release("shop", [deployment("a")])
    store.release("shop", [])
    assert store.claims() == [claim("a")]


def test_claims_are_handed_over_with_what_was_applied_last_and_a_record_a_side(
    store: SqlStore,
) -> None:
    known = claim("web", uid="u1", desired_digest="d", answer_digest="a", manifest="m")
    store.claim([known, claim("api"), claim("other", "wiki")])
    takers = {deployment("web"): "shop", deployment("other"): "shop", deployment("none"): "shop"}
    given = store.hand_over("blog", takers, "ada@example.com")
    assert given == [claim("web", "shop", uid="u1", manifest="m")]
    assert store.claims("shop") == given
    assert store.claims("blog") == [claim("api")]
    assert store.claims("wiki") == [claim("other", "wiki")]
    records = list(store.trail(TrailQuery(kind=RecordKind.TRANSFER, newest=False)))
    objects = [str(deployment("web"))]
    assert [(r.application, r.actor, dict(r.payload)) for r in records] == [
        ("blog", "ada@example.com", {"to": "shop", "objects": objects}),
        ("shop", "ada@example.com", {"from": "blog", "objects": objects}),
    ]
    assert store.verify().faults == ()


def test_nothing_to_hand_over_leaves_no_record(store: SqlStore) -> None:
    assert store.hand_over("blog", {deployment("web"): "shop"}, "ada@example.com") == []
    assert list(store.trail(TrailQuery(kind=RecordKind.TRANSFER))) == []


def test_thousands_of_objects_are_claimed_and_released_at_once(store: SqlStore) -> None:
    many = [claim(f"web-{number:05}") for number in range(803)]
    assert store.claim(many) == []
    assert store.claims() == many
    assert store.claim([replace(c, application="shop") for c in many]) == many
    store.release("blog", [c.id for c in many])
    assert store.claims() == []


def test_two_applications_at_once_never_share_an_object(store: SqlStore) -> None:
    names = [f"web-{number}" for number in range(20)]
    gate = threading.Barrier(8)
    taken: list[str] = []

    def work(application: str) -> None:
        gate.wait()
        if store.claim([claim(name, application) for name in names]) == []:
            taken.append(application)

    threads = [threading.Thread(target=work, args=(f"app-{i}",)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 1
    assert {c.application for c in store.claims()} == set(taken)
