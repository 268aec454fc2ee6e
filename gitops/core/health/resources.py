"""Health of what runs no pods: Service, Ingress, PVC, HPA, APIService, CRD, Argo Workflow.

In: a live body. Out: its health, in the words of Argo CD (gitops-engine `pkg/health`,
and its bundled check for CustomResourceDefinition). Called by `rules.py`.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from gitops.core.health.fields import MalformedError, condition, mapping, maps, text
from gitops.model.health import Health, HealthStatus
from gitops.model.objects import Body, string_map

HEALTHY: Final = HealthStatus.HEALTHY
PROGRESSING: Final = HealthStatus.PROGRESSING
DEGRADED: Final = HealthStatus.DEGRADED
UNKNOWN: Final = HealthStatus.UNKNOWN

HPA_CONDITIONS: Final = "autoscaling.alpha.kubernetes.io/conditions"
"""Where autoscaling/v1 keeps the conditions that later versions have in `status`."""

HPA_FAILURES: Final = frozenset({
    ("AbleToScale", "FailedGetScale"),
    ("AbleToScale", "FailedUpdateScale"),
    ("ScalingActive", "FailedGetResourceMetric"),
    ("ScalingActive", "FailedGetContainerResourceMetric"),
    ("ScalingActive", "FailedGetPodsMetric"),
    ("ScalingActive", "FailedGetObjectMetric"),
    ("ScalingActive", "FailedGetExternalMetric"),
    ("ScalingActive", "FailedComputeMetricsReplicas"),
    ("ScalingActive", "InvalidSelector"),
})  # fmt: skip


def service(body: Body) -> Health:
    """A LoadBalancer waits for its address; every other Service is healthy."""
    if text(mapping(body, "spec"), "type") != "LoadBalancer":
        return Health(HEALTHY)
    addresses = maps(mapping(body, "status", "loadBalancer"), "ingress")
    return Health(HEALTHY if addresses else PROGRESSING)


def ingress(body: Body) -> Health:
    """Healthy once a controller gave it an address; whatever else stands in its status."""
    value: Any = body
    for key in ("status", "loadBalancer", "ingress"):
        value = value.get(key) if isinstance(value, Mapping) else None
    return Health(HEALTHY if isinstance(value, list | tuple) and value else PROGRESSING)


def volume_claim(body: Body) -> Health:
    """By its phase."""
    phases = {"Bound": HEALTHY, "Pending": PROGRESSING, "Lost": DEGRADED}
    return Health(phases.get(text(mapping(body, "status"), "phase"), UNKNOWN))


def autoscaler(body: Body) -> Health:
    """A failure among the conditions is Degraded, else one that says it can scale is Healthy."""
    conditions = _autoscaler_conditions(body)
    for found in conditions:
        if (text(found, "type"), text(found, "reason")) in HPA_FAILURES:
            return Health(DEGRADED, text(found, "message"))
    for found in conditions:
        able = text(found, "type") in {"AbleToScale", "ScalingLimited"}
        if able and text(found, "status") == "True":
            return Health(HEALTHY, text(found, "message"))
    return Health(PROGRESSING, "Waiting to Autoscale")


def _autoscaler_conditions(body: Body) -> Sequence[Mapping[str, Any]]:
    if body.get("apiVersion") != "autoscaling/v1":
        return maps(mapping(body, "status"), "conditions")
    annotation = string_map(body, "annotations").get(HPA_CONDITIONS)
    if annotation is None:
        return []
    try:
        return maps({"conditions": json.loads(annotation)}, "conditions")
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"conditions annotation: {error}") from error


def api_service(body: Body) -> Health:
    """By its condition Available."""
    available = condition(mapping(body, "status"), "Available")
    if available is None:
        return Health(PROGRESSING, "Waiting to be processed")
    message = f"{text(available, 'reason')}: {text(available, 'message')}"
    return Health(HEALTHY if text(available, "status") == "True" else PROGRESSING, message)


def definition(body: Body) -> Health:
    """A CustomResourceDefinition, by the first of its conditions that refuses; then established."""
    conditions = maps(mapping(body, "status"), "conditions")
    if not conditions:
        return Health(PROGRESSING, "Status conditions not found")
    for found in conditions:
        said = _refusal(found)
        if said is not None:
            return said
    established = condition({"conditions": conditions}, "Established")
    if established is None or text(established, "status") != "True":
        return Health(PROGRESSING, "CRD is not established")
    return Health(HEALTHY, "CRD is healthy")


def _refusal(found: Mapping[str, Any]) -> Health | None:
    """What one condition of a CustomResourceDefinition says against it."""
    key, message = (text(found, "type"), text(found, "status")), text(found, "message")
    if key in _CRD_REFUSALS:
        status, said = _CRD_REFUSALS[key]
        return Health(status, f"{said}: {message}")
    if key[0] == "Established" and key[1] != "True":
        if text(found, "reason") == "InvalidCABundle":
            return Health(DEGRADED, f"CRD is not established: {message}")
        if text(found, "reason") == "Installing":
            return Health(PROGRESSING, "CRD is being installed")
    return None


_CRD_REFUSALS: Final = {
    ("Terminating", "True"): (PROGRESSING, "CRD is terminating"),
    ("NamesAccepted", "False"): (DEGRADED, "CRD names have not been accepted"),
    ("NonStructuralSchema", "True"): (DEGRADED, "Schema violations found"),
}


def workflow(body: Body) -> Health:
    """An Argo Workflow by its phase."""
    phases = {
        "": PROGRESSING,
        "Pending": PROGRESSING,
        "Running": PROGRESSING,
        "Succeeded": HEALTHY,
        "Failed": DEGRADED,
        "Error": DEGRADED,
    }
    status = body.get("status")
    phase, message = (_said(status, key) for key in ("phase", "message"))
    return Health(phases.get(phase, UNKNOWN), message)


def _said(status: Any, key: str) -> str:
    """A string of a status that may be anything; "" where there is none."""
    value = status.get(key) if isinstance(status, Mapping) else None
    return value if isinstance(value, str) else ""
