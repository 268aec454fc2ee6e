"""What of a live copy creates the object again."""

from copy import deepcopy
from typing import Any

import pytest

from gitops.core.planning.revive import revived
from gitops.core.schema.shapes import Shapes

SERVER: dict[str, Any] = {
    "uid": "u1",
    "resourceVersion": "7",
    "generation": 2,
    "creationTimestamp": "2026-01-01T00:00:00Z",
}


def copy(kind: str, spec: Any = None, ours: Any = None, **metadata: Any) -> dict[str, Any]:
    """A live object; `ours` are the fields of its spec that our apply set."""
    group = {"Job": "batch/v1", "Deployment": "apps/v1"}.get(kind, "v1")
    entry = {
        "manager": "gitops",
        "operation": "Apply",
        "fieldsV1": {"f:spec": ours or {"f:other": {}}},
    }
    body: dict[str, Any] = {
        "apiVersion": group,
        "kind": kind,
        "metadata": {"name": "one", "managedFields": [entry], **SERVER, **metadata},
    }
    return body if spec is None else body | {"spec": spec}


def back(body: dict[str, Any]) -> dict[str, Any]:
    before = deepcopy(body)
    made = revived(body, Shapes())
    assert body == before, "the copy is not changed"
    return made


def test_the_servers_metadata_owners_and_status_go() -> None:
    body = copy(
        "ConfigMap",
        labels={"app": "x", "gitops.dev/installation": "12345678"},
        annotations={
            "gitops.dev/tracking": "demo:/ConfigMap:/one",
            "example.com/by": "hand",
        },
        ownerReferences=[{"name": "parent"}],
        deletionTimestamp="2026-01-01T00:00:00Z",
        generateName="on",
    )
    body["status"] = {"phase": "Active"}
    body["data"] = {"word": "one"}
    assert back(body) == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "one",
            "labels": {"app": "x"},
            "annotations": {"example.com/by": "hand"},
        },
        "data": {"word": "one"},
    }


def test_finalizers_of_people_stay_and_those_of_kubernetes_go() -> None:
    names = [
        "example.com/kept", "plain", "foregroundDeletion", "orphan", "kubernetes.io/pvc-protection",
        "service.kubernetes.io/load-balancer-cleanup", "gitops.dev/hook-finalizer",
    ]  # fmt: skip
    made = back(copy("ConfigMap", finalizers=names))
    assert made["metadata"]["finalizers"] == ["example.com/kept", "plain"]
    assert "finalizers" not in back(copy("ConfigMap", finalizers=["orphan"]))["metadata"]


SERVICE = {
    "clusterIP": "10.0.0.7", "clusterIPs": ["10.0.0.7"], "type": "NodePort",
    "ports": [{"port": 80, "protocol": "TCP", "nodePort": 30080}, {"port": 81, "nodePort": 30081}],
}  # fmt: skip


def test_addresses_of_a_service_go_unless_they_were_asked_for() -> None:
    assert back(copy("Service", SERVICE))["spec"] == {
        "type": "NodePort",
        "ports": [{"port": 80, "protocol": "TCP"}, {"port": 81}],
    }
    port = 'k:{"port":80,"protocol":"TCP"}'
    ours = {"f:clusterIP": {}, "f:ports": {port: {"f:port": {}, "f:nodePort": {}}}}
    spec = back(copy("Service", SERVICE, ours))["spec"]
    assert (spec["clusterIP"], "clusterIPs" in spec) == ("10.0.0.7", False)
    assert [p.get("nodePort") for p in spec["ports"]] == [30080, None]
    headless = {"clusterIP": "None", "clusterIPs": ["None"]}
    assert back(copy("Service", headless))["spec"] == headless


ALLOCATED = {
    "PersistentVolumeClaim": (
        {"volumeName": "pv-1", "storageClassName": "fast"},
        {"storageClassName": "fast"},
    ),
    "PersistentVolume": (
        {"claimRef": {"name": "data", "uid": "u2", "resourceVersion": "9"}},
        {"claimRef": {"name": "data"}},
    ),
    "Pod": ({"nodeName": "node-1", "containers": []}, {"containers": []}),
    "Job": (
        {
            "selector": {"matchLabels": {"batch.kubernetes.io/controller-uid": "u1"}},
            "template": {
                "metadata": {"labels": {"app": "x", "job-name": "one", "controller-uid": "u1"}}
            },
        },
        {"template": {"metadata": {"labels": {"app": "x"}}}},
    ),
}


@pytest.mark.parametrize("kind", sorted(ALLOCATED))
def test_what_the_server_chose_goes(kind: str) -> None:
    given, wanted = ALLOCATED[kind]
    assert back(copy(kind, given))["spec"] == wanted


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("PersistentVolume", {"capacity": {"storage": "1Gi"}}),
        ("Job", {"template": {"spec": {"containers": []}}}),
    ],
)
def test_where_the_server_chose_nothing_all_stays(kind: str, spec: Any) -> None:
    assert back(copy(kind, spec))["spec"] == spec


def test_a_volume_and_a_node_that_were_asked_for_stay() -> None:
    claim = {"volumeName": "pv-1"}
    assert back(copy("PersistentVolumeClaim", claim, {"f:volumeName": {}}))["spec"] == claim
    pod = {"nodeName": "node-1"}
    assert back(copy("Pod", pod, {"f:nodeName": {}}))["spec"] == pod


def test_a_job_that_selects_by_hand_keeps_its_selector() -> None:
    spec = {"manualSelector": True, "selector": {"matchLabels": {"job-name": "mine"}}}
    assert back(copy("Job", spec))["spec"] == spec


def test_a_namespace_and_annotations_of_controllers_leave_nothing_empty() -> None:
    assert "spec" not in back(copy("Namespace", {"finalizers": ["kubernetes"]}))
    notes = {"deployment.kubernetes.io/revision": "3", "pv.kubernetes.io/bind-completed": "yes"}
    assert "annotations" not in back(copy("Deployment", annotations=notes))["metadata"]
