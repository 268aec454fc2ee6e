"""Who decides `spec.replicas`: an autoscaler, where a workload has one."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from gitops.model.objects import Body, GroupKind, ObjectId

AUTOSCALER: Final = GroupKind("autoscaling", "HorizontalPodAutoscaler")
AUTOSCALERS: Final = frozenset(
    {"kube-controller-manager", "keda-operator", "horizontal-pod-autoscaler"}
)
"""Managers that write replicas through the scale subresource by what they measure."""


def owns_replicas(live: Body) -> bool:
    """Whether our Apply entry owns `spec.replicas`."""
    for entry in (live.get("metadata") or {}).get("managedFields") or []:
        if entry.get("manager") == "gitops" and entry.get("operation") == "Apply":
            spec = (entry.get("fieldsV1") or {}).get("f:spec") or {}
            return "f:replicas" in spec
    return False


def autoscaled(bodies: Iterable[Body]) -> dict[ObjectId, str]:
    """Workloads that a HorizontalPodAutoscaler targets, with the autoscaler's name."""
    found = {}
    for body in bodies:
        spec = body.get("spec")
        target = spec.get("scaleTargetRef") if isinstance(spec, Mapping) else None
        if body.get("kind") != "HorizontalPodAutoscaler" or not isinstance(target, Mapping):
            continue
        metadata = body.get("metadata") or {}
        group = str(target.get("apiVersion") or "").rpartition("/")[0]
        workload = ObjectId(
            group,
            str(target.get("kind") or ""),
            str(metadata.get("namespace") or ""),
            str(target.get("name") or ""),
        )
        found[workload] = str(metadata.get("name") or "")
    return found


def without_replicas(body: Body) -> dict[str, Any]:
    """A copy without `spec.replicas`, which an autoscaler decides."""
    spec = body.get("spec")
    if not isinstance(spec, Mapping):
        return dict(body)
    return {**body, "spec": {k: v for k, v in spec.items() if k != "replicas"}}
