"""Drift: what people change by hand, and what becomes of it."""

import json

import pytest

from gitops.model.revision import RecordKind, RevisionKind, RevisionState, TriggerKind
from gitops.ports import TrailQuery
from tests.helpers.controlplane import eventually
from tests.helpers.edge import scalable
from tests.helpers.service import BY_HAND, config_map, deployment
from tests.helpers.walk import Walk, changes, outcomes

SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector: {app: web}
  ports:
  - port: 80
"""

ROLLOUT = """\
apiVersion: {group}/v1
kind: Rollout
metadata: {{name: web}}
spec: {{replicas: 2, image: "web:1"}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{name: web, annotations: {{gitops.dev/ignore-healthcheck: "true"}}}}
spec:
  scaleTargetRef: {{apiVersion: {group}/v1, kind: Rollout, name: web}}
  maxReplicas: 9
"""


def start(walk: Walk, *files: str, **spec: object) -> None:
    """Push files and sync them as the application `demo`."""
    for number, text in enumerate(files):
        walk.world.repo.write(f"app/{number}.yaml", text)
    walk.push("Start")
    walk.world.declare(**spec)
    assert walk.world.closed().healthy, walk.world.story()
    walk.settled("demo")


def by_hand(walk: Walk, *args: str) -> None:
    walk.kubectl("-n", walk.namespace, *args)


def test_a_field_that_somebody_edited_is_set_back_and_named(walk: Walk) -> None:
    start(walk, config_map())
    heal = walk.after(
        "demo",
        lambda: by_hand(walk, "patch", "configmap/words", "-p", '{"data":{"word":"other"}}'),
    )
    assert (heal.kind, heal.state, heal.trigger.kind) == ("heal", "succeeded", TriggerKind.DRIFT)
    assert changes(heal) == ["configure 1 field: data.word"]
    assert walk.get("configmap/words", ".data.word") == "one"
    assert walk.settled("demo").revision == heal.number


def test_what_is_repaired_is_told_with_its_fields_and_by_whom_and_kept(walk: Walk) -> None:
    start(walk, config_map())
    patch = ("patch", "configmap/words", "--field-manager=ann", "-p", '{"data":{"word":"other"}}')
    heal = walk.after("demo", lambda: by_hand(walk, *patch))
    assert "data.word (changed by ann since 2" in heal.message
    title = f"ConfigMap {walk.namespace}/words drifted: data.word by ann since 2"
    walk.wait_told("demo", "drift", title)
    by_hand(walk, "label", "configmap/words", "gitops.dev/installation-")
    walk.wait_told("demo", "drift", "words drifted: metadata.labels.gitops.dev/installation")
    by_hand(walk, "delete", "configmap/words")
    walk.wait_told("demo", "drift", "words drifted: it is gone")
    query = TrailQuery(application="demo", kind=RecordKind.DRIFT)
    first = list(walk.service.edges.store.trail(query))[-1]
    assert (first.actor, first.revision) == ("ann", heal.number)
    assert list(first.payload["fields"]) == ["data.word"]


def test_what_git_does_not_speak_of_stays(walk: Walk) -> None:
    start(walk, config_map())
    by_hand(walk, "annotate", "configmap/words", "note=mine")
    by_hand(walk, "patch", "configmap/words", "-p", '{"data":{"more":"two"}}')
    walk.world.push("app/0.yaml", config_map(word="two"))
    walk.poll()
    assert walk.world.closed(number=2).kind is RevisionKind.SYNC
    body = walk.live("configmap/words")
    assert body["data"] == {"word": "two", "more": "two"}
    assert body["metadata"]["annotations"]["note"] == "mine"


def test_replicas_of_a_custom_kind_are_the_autoscaler_s_that_targets_it(walk: Walk) -> None:
    group = f"{walk.namespace}.example.com"
    walk.world.repo.write(
        "app/0.yaml", scalable(group, "Rollout", ".spec.replicas", ".status.replicas")
    )
    walk.world.push("app/1.yaml", ROLLOUT.format(group=group))
    walk.world.declare()
    assert walk.world.closed().state is RevisionState.SUCCEEDED
    by_hand(walk, "scale", f"rollouts.{group}/web", "--replicas=7")
    second = walk.change("demo", "app/1.yaml", "web:1", "web:2")
    assert outcomes(second)["Rollout/web"] == "configured"
    spec = walk.live(f"rollouts.{group}/web")["spec"]
    assert spec == {"replicas": 7, "image": "web:2"}
    assert walk.kinds("demo") == [RevisionKind.SYNC] * 2


def test_a_deleted_service_comes_back(walk: Walk) -> None:
    start(walk, SERVICE)
    heal = walk.after("demo", lambda: by_hand(walk, "delete", "service", "web"))
    assert outcomes(heal) == {"Service/web": "created"}
    assert heal.state is RevisionState.SUCCEEDED
    assert walk.exists("service/web")


def test_repairs_of_one_object_join_one_revision_with_a_count(walk: Walk) -> None:
    start(walk, config_map())

    def edit() -> None:
        by_hand(walk, "patch", "configmap/words", "-p", '{"data":{"word":"other"}}')

    heal = walk.after("demo", edit)
    edit()
    walk.world.wait_for(lambda: walk.newest("demo").count == 2, "the second repair")
    assert walk.newest("demo").number == heal.number
    assert walk.get("configmap/words", ".data.word") == "one"


def test_our_label_removed_by_hand_comes_back(walk: Walk) -> None:
    start(walk, config_map())
    heal = walk.after(
        "demo", lambda: by_hand(walk, "label", "configmap/words", "gitops.dev/installation-")
    )
    assert (heal.kind, heal.state) == (RevisionKind.HEAL, RevisionState.SUCCEEDED)
    label = walk.live("configmap/words")["metadata"]["labels"]["gitops.dev/installation"]
    assert label == walk.service.edges.store.installation


def test_after_managed_fields_were_cleared_git_still_decides(walk: Walk) -> None:
    start(walk, config_map() + "  more: two\n")
    clear = '[{"op":"replace","path":"/metadata/managedFields","value":[{}]}]'
    by_hand(walk, "patch", "configmap/words", "--type=json", "-p", clear)
    walk.world.push("app/0.yaml", config_map(word="three"))
    walk.poll()
    walk.world.wait_for(lambda: walk.world.status().sync == "Synced", "synced")
    eventually(lambda: walk.live("configmap/words")["data"] == {"word": "three"})
    walk.settled("demo")


def test_a_field_that_somebody_else_owns_too_goes_when_git_drops_it(walk: Walk) -> None:
    start(walk, config_map() + "  more: two\n")
    mine = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "words"}}
    as_colleague = ("--server-side", "--field-manager=colleague", "-f", "-")
    text = json.dumps({**mine, "data": {"more": "two"}})
    walk.kubectl("-n", walk.namespace, "apply", *as_colleague, input=text)
    walk.world.push("app/0.yaml", config_map())
    walk.poll()
    second = walk.world.closed(number=2)
    assert second.healthy
    assert walk.live("configmap/words")["data"] == {"word": "one"}


@pytest.mark.parametrize("policy", [{"selfHeal": False}, {"enabled": False}])
def test_without_self_heal_drift_is_reported_and_left(walk: Walk, policy: dict[str, bool]) -> None:
    start(walk, config_map())
    walk.declare(walk.world.application(syncPolicy={"automated": policy}))
    walk.at_rest("demo")
    by_hand(walk, "patch", "configmap/words", "-p", '{"data":{"word":"other"}}')
    status = walk.world.wait_for(
        lambda: (s := walk.world.status()).sync == "OutOfSync" and s, "the drift seen"
    )
    assert "ConfigMap" in status.message
    assert walk.at_rest("demo").sync == "OutOfSync"
    assert walk.get("configmap/words", ".data.word") == "other"
    done = walk.world.sync()
    assert done.data["state"] == "succeeded"
    assert walk.get("configmap/words", ".data.word") == "one"


def test_while_suspended_nothing_is_healed_and_afterwards_it_is(walk: Walk) -> None:
    start(walk, config_map())
    walk.service.suspend("demo", BY_HAND, suspended=True)
    by_hand(walk, "patch", "configmap/words", "-p", '{"data":{"word":"other"}}')
    walk.world.wait_for(lambda: walk.world.status().sync == "OutOfSync", "the drift seen")
    walk.at_rest("demo")
    assert walk.kinds("demo") == [RevisionKind.SYNC]
    heal = walk.after("demo", lambda: walk.service.suspend("demo", BY_HAND, suspended=False))
    assert heal.kind is RevisionKind.HEAL
    assert walk.get("configmap/words", ".data.word") == "one"


def test_drift_while_the_service_is_down_is_repaired_after_its_start(walk: Walk) -> None:
    start(walk, config_map(), deployment())
    walk.world.running.stop()
    by_hand(walk, "patch", "configmap/words", "-p", '{"data":{"word":"other"}}')
    by_hand(walk, "delete", "deployment", "web")
    walk.world.restart()
    heal = walk.world.closed(number=2)
    assert (heal.kind, heal.state) == (RevisionKind.HEAL, RevisionState.SUCCEEDED)
    assert outcomes(heal) == {"ConfigMap/words": "configured", "Deployment/web": "created"}
    walk.settled("demo")
