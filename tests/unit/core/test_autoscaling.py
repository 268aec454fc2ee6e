"""Who decides replicas: autoscalers, found by what they target."""

from typing import Any

import pytest

from gitops.core.autoscaling import autoscaled, owns_replicas, without_replicas
from gitops.model.objects import ObjectId

SPEC_FIELDS = {"f:replicas": {}, "f:paused": {}}


def web(**spec: Any) -> dict[str, Any]:
    metadata = {"name": "web", "namespace": "shop"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([], False),
        ([{"manager": "kubectl", "operation": "Apply"}], False),
        ([{"manager": "gitops", "operation": "Apply", "fieldsV1": {}}], False),
        ([{"manager": "gitops", "operation": "Apply", "fieldsV1": {"f:spec": SPEC_FIELDS}}], True),
    ],
)
def test_whose_replicas_are(entries: list[dict[str, Any]], expected: bool) -> None:  # noqa: FBT001 - a column
    assert owns_replicas({"metadata": {"managedFields": entries}}) is expected


def test_workloads_with_an_autoscaler_are_found_by_what_it_targets() -> None:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    scaler = {
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "hpa", "namespace": "shop"}, "spec": {"scaleTargetRef": target},
    }  # fmt: skip
    broken = {**scaler, "spec": {"scaleTargetRef": "web"}}
    found = autoscaled([scaler, broken, {**scaler, "spec": None}, web()])
    assert found == {ObjectId("apps", "Deployment", "shop", "web"): "hpa"}


def test_replicas_are_left_out_of_a_copy() -> None:
    body = web(replicas=3, paused=True)
    assert without_replicas(body)["spec"] == {"paused": True}
    assert body["spec"]["replicas"] == 3
    assert without_replicas({"spec": "odd"}) == {"spec": "odd"}
