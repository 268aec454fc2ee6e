"""`spec.syncPolicy.drift`: what people change by hand is told, and repaired when it is wanted."""

import pytest

from gitops.model.revision import RecordKind, RevisionKind, RevisionState
from gitops.ports import TrailQuery
from tests.helpers.service import config_map
from tests.helpers.walk import Walk, outcomes


def start(walk: Walk, drift: str, **spec: object) -> None:
    walk.world.repo.write("app/0.yaml", config_map())
    walk.push("Start")
    walk.world.declare(syncPolicy={"drift": drift}, **spec)
    assert walk.world.closed().healthy, walk.world.story()
    walk.settled("demo")


def by_hand(walk: Walk, *args: str) -> None:
    walk.kubectl("-n", walk.namespace, *args)


def edit(walk: Walk) -> None:
    patch = '{"data":{"word":"mine"}}'
    by_hand(walk, "patch", "configmap/words", "--field-manager=ann", "-p", patch)


@pytest.mark.parametrize("drift", ["report", "approve"])
def test_drift_is_told_with_its_field_manager_and_time_and_left(walk: Walk, drift: str) -> None:
    start(walk, drift)
    edit(walk)
    title = f"ConfigMap {walk.namespace}/words drifted: data.word by ann since 2"
    walk.wait_told("demo", "drift", title)
    status = walk.at_rest("demo")
    assert status.sync == "OutOfSync"
    assert status.message.startswith(title)
    assert ("`gitops approve demo`" in status.message) is (drift == "approve")
    assert walk.kinds("demo") == [RevisionKind.SYNC]
    assert walk.get("configmap/words", ".data.word") == "mine"
    (record,) = walk.service.edges.store.trail(TrailQuery(kind=RecordKind.DRIFT))
    assert (record.application, record.actor) == ("demo", "ann")
    assert list(record.payload["fields"]) == ["data.word"]


def test_drift_is_repaired_when_somebody_approves_that(walk: Walk) -> None:
    start(walk, "approve")
    edit(walk)
    walk.wait_told("demo", "drift", "words")
    walk.at_rest("demo")
    assert walk.approve("demo").data["state"] == "succeeded"
    heal = walk.newest("demo")
    assert (heal.kind, heal.state) == (RevisionKind.HEAL, RevisionState.SUCCEEDED)
    assert walk.get("configmap/words", ".data.word") == "one"
    walk.settled("demo")


def test_a_deleted_object_and_our_own_marks_are_drift_too(walk: Walk) -> None:
    start(walk, "report")
    by_hand(walk, "annotate", "configmap/words", "gitops.dev/tracking-")
    walk.wait_told("demo", "drift", "words drifted: our label or annotation")
    by_hand(walk, "delete", "configmap/words")
    walk.world.sync()
    walk.settled("demo")
    by_hand(walk, "delete", "configmap/words")
    walk.wait_told("demo", "drift", "words drifted: it is gone")


def test_what_only_ignored_places_make_differ_is_no_drift(walk: Walk) -> None:
    ignore = [{"kind": "ConfigMap", "jsonPointers": ["/data/word"]}]
    start(walk, "report", ignoreDifferences=ignore)
    edit(walk)
    walk.settled("demo")
    assert walk.told("demo", "drift") == []


def test_drift_is_repaired_though_nothing_is_synced_by_itself(walk: Walk) -> None:
    walk.world.repo.write("app/0.yaml", config_map())
    walk.push("Start")
    walk.world.declare(syncPolicy={"drift": "heal", "automated": {"enabled": False}})
    assert walk.world.sync().data["state"] == "succeeded"
    walk.world.push("app/0.yaml", config_map(word="two"))
    walk.poll()
    walk.world.wait_for(lambda: walk.world.status().sync == "OutOfSync", "the push is seen")
    heal = walk.after("demo", lambda: edit(walk))
    assert (heal.kind, outcomes(heal)) == (RevisionKind.HEAL, {"ConfigMap/words": "configured"})
    assert walk.get("configmap/words", ".data.word") == "one"
