import sys
import tracemalloc

import pytest

from gitops.cluster.compact import LAST_APPLIED, compact

OURS = {"manager": "gitops", "operation": "Apply", "apiVersion": "v1", "fieldsV1": {"f:data": {}}}
REPLICAS = {"f:spec": {"f:replicas": {}}}


def body(*entries, **metadata):
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "web",
            "namespace": "nohi",
            "uid": "u",
            "resourceVersion": "7",
            "annotations": {LAST_APPLIED: "{}", "a": "b"},
            "managedFields": list(entries),
            **metadata,
        },
        "status": {"replicas": 1},
    }


def scaler(manager, time, fields=None):
    fields = REPLICAS if fields is None else fields
    return {"manager": manager, "time": time, "subresource": "scale", "fieldsV1": fields}


def test_only_our_apply_entry_stays_as_it_is():
    others = [
        {"manager": "kubectl-edit", "operation": "Update"},
        {"manager": "gitops", "operation": "Update"},
        {**OURS, "subresource": "status"},
    ]
    made = compact(body(OURS, *others)).decode()
    assert made["metadata"]["managedFields"] == [OURS]
    assert made["status"] == {"replicas": 1}


def test_the_kubectl_annotation_goes_only_where_we_applied():
    assert compact(body(OURS)).decode()["metadata"]["annotations"] == {"a": "b"}
    never = compact(body({"manager": "helm"})).decode()["metadata"]
    assert LAST_APPLIED in never["annotations"]
    assert "managedFields" not in never


def test_the_facts_of_an_object_are_at_hand():
    live = compact(body(OURS, deletionTimestamp="2026-01-01T00:00:00Z"))
    assert (str(live.id), live.api_version) == ("apps/Deployment:nohi/web", "apps/v1")
    assert (live.uid, live.resource_version, live.deleting) == ("u", "7", True)
    assert not compact(body(OURS)).deleting


def test_the_newest_scaler_is_named():
    live = compact(
        body(
            scaler("kubectl", "2026-01-02T00:00:00Z"),
            scaler("kube-controller-manager", "2026-01-03T00:00:00Z"),
            scaler("later", "2026-01-04T00:00:00Z", {"f:spec": {}}),
            scaler("odd", "2026-01-04T00:00:00Z", []),
            {"manager": "plain", "time": "2026-01-05T00:00:00Z", "fieldsV1": REPLICAS},
        )
    )
    assert live.replicas_manager == "kube-controller-manager"
    assert compact(body(OURS)).replicas_manager is None


@pytest.mark.parametrize("odd", [{}, {"metadata": None}, {"metadata": {"managedFields": [None]}}])
def test_an_odd_body_is_kept(odd):
    assert compact(odd).uid == ""


def test_the_body_given_is_not_changed():
    given = body(OURS, {"manager": "helm"})
    compact(given)
    assert given == body(OURS, {"manager": "helm"})


def test_an_object_takes_no_more_memory_than_its_bytes():
    whole = body(OURS)
    compact(whole)
    tracemalloc.start()
    try:
        kept = [compact(whole).body for _ in range(200)]
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 1.5 * sum(sys.getsizeof(one) for one in kept)


def test_who_else_wrote_last_is_named_unless_we_have_written_since():
    ours = {**OURS, "time": "2026-03-01T09:30:00Z"}
    before = {"manager": "helm", "operation": "Update", "time": "2026-03-01T09:29:59Z"}
    after = {"manager": "ann", "operation": "Update", "time": "2026-03-01T09:30:00Z"}
    status = {**after, "manager": "kubelet", "subresource": "status"}
    assert compact(body(ours, before, after, status)).touched == ("ann", after["time"])
    assert compact(body(ours, before, status)).touched is None
    assert compact(body(before, after)).touched is None, "nothing of it is ours"
