from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops.core.health import (
    aggregate,
    health,
    is_ignored,
    is_worse,
    pod_reason,
    stale_image_warning,
    workload_health,
)
from gitops.core.health.rules import RULES
from gitops.model.health import Health, HealthStatus
from gitops.model.objects import GroupKind, ObjectId

H = HealthStatus


def part(name: str, status: HealthStatus | None, kind: str = "Deployment") -> Any:
    group = "argoproj.io" if kind == "Application" else "apps"
    return ObjectId(group, kind, "nohi", name), Health(status, "why" if status else "")


# --- an application ---


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([], H.HEALTHY),
        ([None], H.HEALTHY),
        ([H.HEALTHY, None], H.HEALTHY),
        ([H.HEALTHY, H.SUSPENDED], H.SUSPENDED),
        ([H.PROGRESSING, H.SUSPENDED], H.PROGRESSING),
        ([H.DEGRADED, H.PROGRESSING, H.HEALTHY], H.DEGRADED),
        ([H.UNKNOWN, H.DEGRADED], H.UNKNOWN),
        ([H.MISSING, H.MISSING], H.MISSING),
        ([H.MISSING, H.HEALTHY], H.HEALTHY),
        ([H.MISSING, None], H.HEALTHY),
    ],
)
def test_an_application_is_as_healthy_as_its_worst_object(
    statuses: list[HealthStatus | None], expected: HealthStatus
) -> None:
    parts = [part(f"o{i}", status) for i, status in enumerate(statuses)]
    assert aggregate(parts).status is expected


def test_the_worst_object_is_named_first_by_identity() -> None:
    parts = [part("b", H.DEGRADED), part("a", H.DEGRADED), part("c", H.HEALTHY)]
    assert aggregate(parts) == Health(H.DEGRADED, "Deployment nohi/a: why")
    quiet = (ObjectId("", "Pod", "", "p"), Health(H.PROGRESSING))
    assert aggregate([quiet]).message == "Pod p"
    assert aggregate([part("c", H.HEALTHY)]).message == ""


def test_a_child_application_that_is_missing_or_unknown_does_not_count() -> None:
    parts = [part("child", H.UNKNOWN, "Application"), part("a", H.HEALTHY)]
    assert aggregate(parts).status is H.HEALTHY
    assert aggregate([part("child", H.DEGRADED, "Application")]).status is H.DEGRADED


def test_worse_follows_one_order() -> None:
    assert is_worse(H.UNKNOWN, H.DEGRADED)
    assert not is_worse(H.HEALTHY, H.SUSPENDED)


@pytest.mark.parametrize("prefix", ["argocd.argoproj.io", "gitops.dev"])
def test_an_annotation_takes_an_object_out(prefix: str) -> None:
    annotations = {f"{prefix}/ignore-healthcheck": "true"}
    assert is_ignored({"metadata": {"annotations": annotations}})
    assert not is_ignored({"metadata": {"annotations": {f"{prefix}/ignore-healthcheck": "no"}}})


# --- a ReplicationController ---


def controller(**status: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ReplicationController",
        "metadata": {"name": "kubia", "generation": 1},
        "spec": {
            "replicas": 3,
            "template": {"spec": {"containers": [{"name": "a", "image": "x:2"}]}},
        },
        "status": {"observedGeneration": 1, **status},
    }


def pod(image: str = "x:1", **status: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "kubia-1"},
        "spec": {"restartPolicy": "Always", "containers": [{"name": "a", "image": image}]},
        "status": status,
    }


def waiting(reason: str, message: str = "", **container: Any) -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    return {"name": "a", "image": "x:9", "state": state, **container}


FAILURE = {"type": "ReplicaFailure", "status": "True", "message": "quota"}
UNREADABLE = "failed to convert unstructured ReplicationController to typed:"


@pytest.mark.parametrize(
    ("status", "expected", "message"),
    [
        ({"observedGeneration": 0}, H.PROGRESSING, "Waiting for the controller to see the change"),
        ({"replicas": 3, "readyReplicas": 3}, H.HEALTHY, ""),
        ({"replicas": 3, "readyReplicas": 1}, H.PROGRESSING, "Waiting for pods: 1 of 3 are ready"),
        ({"replicas": 5, "readyReplicas": 5}, H.PROGRESSING, "Waiting for 2 pods to be removed"),
        ({"conditions": [FAILURE]}, H.DEGRADED, "quota"),
        ({"replicas": "3"}, H.UNKNOWN, f"{UNREADABLE} replicas is not an integer"),
    ],
)
def test_a_replication_controller_is_judged_by_its_status(
    status: dict[str, Any], expected: HealthStatus, message: str
) -> None:
    body = controller(**status)
    assert workload_health(body, []) == Health(expected, message)
    assert health(body).status is None


def test_a_replication_controller_is_degraded_when_a_pod_fails() -> None:
    failing = pod(phase="Pending", containerStatuses=[waiting("ImagePullBackOff")])
    found = workload_health(controller(replicas=3, readyReplicas=2), [failing])
    assert found == Health(H.DEGRADED, "ImagePullBackOff: image x:9")


def test_a_replication_controller_without_replicas_wants_one() -> None:
    body = controller(replicas=1, readyReplicas=1)
    del body["spec"]["replicas"]
    assert workload_health(body, []).status is H.HEALTHY


def test_a_replication_controller_that_is_being_deleted_progresses() -> None:
    body = controller(replicas=3, readyReplicas=3)
    body["metadata"]["deletionTimestamp"] = "2024-01-01T00:00:00Z"
    assert workload_health(body, []) == Health(H.PROGRESSING, "Pending deletion")


def test_other_workloads_are_judged_by_their_rule() -> None:
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"paused": True}}
    assert workload_health(body, []).status is H.SUSPENDED


def test_pods_keep_the_old_image() -> None:
    expected = "existing pods keep the old image until replaced"
    assert stale_image_warning(controller(), [pod("x:1")]) == expected
    assert stale_image_warning(controller(), [pod("x:2")]) is None
    assert stale_image_warning(controller(), []) is None
    going = pod("x:1")
    going["metadata"]["deletionTimestamp"] = "2024-01-01T00:00:00Z"
    assert stale_image_warning(controller(), [going]) is None
    assert stale_image_warning({"spec": 1}, [pod("x:1")]) is None


# --- the one reason ---


def test_the_most_telling_reason_wins() -> None:
    crash = pod(containerStatuses=[waiting("CrashLoopBackOff")])
    pull = pod(containerStatuses=[waiting("ImagePullBackOff")])
    creating = pod(containerStatuses=[waiting("ContainerCreating")])
    assert pod_reason([creating, crash, pull]).startswith("ImagePullBackOff")


def test_nothing_explains_nothing() -> None:
    assert pod_reason([], []) == ""


# --- nothing that an object holds makes a rule fail ---

KEYS = st.sampled_from([
    "spec", "status", "metadata", "replicas", "conditions", "type", "reason", "message", "phase",
    "containerStatuses", "state", "waiting", "terminated", "lastState", "annotations", "active",
    "generation", "observedGeneration", "ingress", "loadBalancer", "updateStrategy", "partition",
    "rollingUpdate", "finalizers", "deletionTimestamp", "initContainerStatuses", "exitCode",
])  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.sampled_from(
        ["", "True", "Pending", "Running", "Always", "Failed", "CrashLoopBackOff", "RollingUpdate"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=30,
)  # fmt: skip


@given(
    kind=st.sampled_from([*sorted(RULES), GroupKind("example.com", "Widget")]),
    version=st.sampled_from(["v1", "v2"]),
    body=JSON,
    more=JSON,
)
def test_no_object_makes_a_rule_fail(kind: Any, version: str, body: Any, more: Any) -> None:
    given = body if isinstance(body, dict) else {"status": body, "spec": more, "metadata": more}
    api_version = f"{kind.group}/{version}" if kind.group else version
    typed = {**given, "apiVersion": api_version, "kind": kind.kind}
    health(typed)
    health(body)
    controller = {**given, "apiVersion": "v1", "kind": "ReplicationController"}
    workload_health(controller, [typed])
    stale_image_warning(controller, [typed])
    pod_reason([typed], [more, typed])
