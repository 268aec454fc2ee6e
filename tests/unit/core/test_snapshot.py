"""The actual state as watch events and answers make it."""

import json
from dataclasses import replace

from gitops.core.snapshot import Snapshot
from gitops.errors import ClusterError
from gitops.model.objects import GroupKind, Live, ObjectId

WORDS = ObjectId("", "ConfigMap", "shop", "words")
KIND = GroupKind("", "ConfigMap")


def live(version: str, word: str = "one", uid: str = "u1") -> Live:
    return Live(WORDS, "v1", uid, version, json.dumps({"data": {"word": word}}).encode())


def word(snapshot: Snapshot) -> str:
    return str(snapshot.lives[WORDS].decode()["data"]["word"])


def test_an_older_event_changes_nothing() -> None:
    snapshot = Snapshot()
    assert snapshot.put(live("10", "new"))
    assert not snapshot.put(live("9", "old"))
    assert word(snapshot) == "new"


def test_another_object_of_the_name_counts_whatever_its_version() -> None:
    snapshot = Snapshot()
    snapshot.put(live("10", "new"))
    assert snapshot.put(live("9", "born again", uid="u2"))
    assert word(snapshot) == "born again"


def test_of_one_version_what_a_request_answered_counts() -> None:
    snapshot = Snapshot()
    snapshot.put(live("10", "as an old watch shows it"))
    assert not snapshot.put(live("10", "as it is"), answered=True)
    assert word(snapshot) == "as it is"
    assert not snapshot.put(live("10", "as an old watch shows it"))
    assert word(snapshot) == "as it is"


def test_the_watch_shows_what_a_request_answered_as_news_once() -> None:
    snapshot = Snapshot()
    snapshot.put(live("10"), answered=True)
    assert not snapshot.put(live("9"))
    assert snapshot.put(live("10")), "whoever listens has not heard of it"
    assert not snapshot.put(live("10"))
    snapshot.put(live("11"), answered=True)
    assert snapshot.list_kind(KIND, [live("11")]) == [WORDS]
    assert snapshot.list_kind(KIND, [live("11")]) == []
    snapshot.put(live("12"), answered=True)
    assert snapshot.put(live("13"))
    assert not snapshot.put(live("13"))


def test_versions_that_are_no_numbers_are_all_newer() -> None:
    snapshot = Snapshot()
    snapshot.put(live("b"))
    assert snapshot.put(live("a", "later"))
    assert word(snapshot) == "later"


def test_what_left_the_watch_is_a_suspect_until_it_is_proved_gone() -> None:
    snapshot = Snapshot()
    snapshot.put(live("10"))
    snapshot.suspect(WORDS, live("11", uid="another"))
    assert not snapshot.suspects, "the event was about an earlier object"
    snapshot.suspect(WORDS, live("11"))
    assert snapshot.suspects == {WORDS}
    assert WORDS in snapshot.lives
    snapshot.gone(WORDS)
    snapshot.gone(WORDS)
    assert (snapshot.lives, snapshot.suspects) == ({}, set())


def test_what_is_seen_again_is_no_suspect_any_more() -> None:
    snapshot = Snapshot()
    snapshot.put(live("10"))
    snapshot.suspect(WORDS)
    assert not snapshot.put(live("10"))
    assert not snapshot.suspects


def test_what_a_list_lacks_is_a_suspect_and_a_list_ends_blindness() -> None:
    snapshot = Snapshot()
    snapshot.put(live("10"))
    error = ClusterError("no right to list configmaps", reason="forbidden")
    snapshot.lose_kind(KIND, error)
    assert snapshot.unseen == {KIND: error}
    assert snapshot.list_kind(KIND, []) == [WORDS]
    assert (snapshot.suspects, snapshot.unseen, snapshot.listed) == ({WORDS}, {}, {KIND})
    assert snapshot.list_kind(KIND, [live("12")]) == [WORDS]
    assert not snapshot.suspects


def test_after_blindness_everything_is_judged_anew() -> None:
    snapshot = Snapshot()
    snapshot.list_kind(KIND, [live("10")])
    snapshot.lose_kind(KIND, ClusterError("away", reason="unreachable"))
    assert snapshot.list_kind(KIND, [live("10")]) == [WORDS]
    assert snapshot.list_kind(KIND, [live("10")]) == []


def test_the_objects_of_a_kind_are_told_in_order_of_identity() -> None:
    snapshot = Snapshot()
    first, last = replace(live("11"), id=replace(WORDS, name="a")), live("10")
    snapshot.put(last)
    snapshot.put(first)
    snapshot.put(replace(last, id=replace(WORDS, kind="Secret")))
    assert snapshot.of_kind(KIND) == [first, last]
    assert snapshot.of_kind(GroupKind("", "Pod")) == []


def scaler(name: str, target: str, version: str = "1") -> Live:
    identity = ObjectId("autoscaling", "HorizontalPodAutoscaler", "shop", name)
    body = {
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}},
    }
    return Live(identity, "autoscaling/v2", name, version, json.dumps(body).encode())


def test_a_workload_s_autoscaler_is_known_until_it_targets_another_or_goes() -> None:
    web, api = (ObjectId("apps", "Deployment", "shop", name) for name in ("web", "api"))
    snapshot = Snapshot()
    snapshot.put(scaler("one", "web"))
    snapshot.put(scaler("two", "web"), answered=True)
    assert snapshot.autoscaler(web) == "one"
    snapshot.put(scaler("one", "api", "2"))
    assert (snapshot.autoscaler(web), snapshot.autoscaler(api)) == ("two", "one")
    snapshot.gone(scaler("two", "web").id)
    snapshot.gone(scaler("one", "api").id)
    assert (snapshot.autoscaler(web), snapshot.autoscaler(api)) == ("", "")
    assert not snapshot.scalers
