"""Health of custom resources that no check speaks about, by the conventions of kstatus.

In: a live body of a kind that Kubernetes does not build in. Out: its health; a status of None
where the object follows no convention. Called by `rules.py`. The rules and their order are those
of kstatus (`observedGeneration`, then `Reconciling`, `Stalled` and `Ready`), which Flux uses.
"""

from typing import Final

from gitops.core.health.fields import MalformedError, mapping, maps, number, text
from gitops.model.health import Health, HealthStatus
from gitops.model.objects import Body

BUILT_IN_GROUPS: Final = frozenset({
    "", "apps", "autoscaling", "batch", "extensions", "policy",
    "admissionregistration.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io",
    "authentication.k8s.io", "authorization.k8s.io", "certificates.k8s.io",
    "coordination.k8s.io", "discovery.k8s.io", "events.k8s.io", "flowcontrol.apiserver.k8s.io",
    "internal.apiserver.k8s.io", "metrics.k8s.io", "networking.k8s.io", "node.k8s.io",
    "rbac.authorization.k8s.io", "resource.k8s.io", "scheduling.k8s.io", "storage.k8s.io",
    "storagemigration.k8s.io",
})  # fmt: skip
"""Groups of Kubernetes itself: their kinds have a rule of their own, or none."""


def by_conventions(group: str, body: Body) -> Health:
    """Judge a custom resource; a status of None for any other, and where nothing is said.

    A generation that was not observed is Progressing. Then the first of `Reconciling` (Progressing)
    and `Stalled` (Degraded) that is True decides, then `Ready`: Healthy when True, else
    Progressing. An object without any of these conditions says nothing about its health.
    """
    if group in BUILT_IN_GROUPS:
        return Health(None)
    try:
        return _judge(body)
    except MalformedError:  # it follows no convention
        return Health(None)


def _judge(body: Body) -> Health:
    waits = unobserved(body)
    if waits:
        return Health(HealthStatus.PROGRESSING, waits)
    status = mapping(body, "status")
    found = [(text(c, "type"), text(c, "status"), c) for c in maps(status, "conditions")]
    for name, value, condition in found:
        verdict = _ABNORMAL.get(name)
        if verdict is not None and value == "True":
            return Health(verdict, text(condition, "message"))
    for name, value, condition in found:
        if name == "Ready" and value in _READY:
            return Health(_READY[value], text(condition, "message"))
    follows = any(name in _ABNORMAL for name, _, _ in found)
    return Health(HealthStatus.HEALTHY if follows else None)


def unobserved(body: Body) -> str:
    """Which generation the controller has not seen yet; "" where it has, or says nothing of it."""
    wanted = number(mapping(body, "metadata"), "generation")
    try:
        seen = number(mapping(body, "status"), "observedGeneration")
    except MalformedError:  # some write it as text, and mean nothing by it
        return ""
    if wanted is None or seen is None or wanted == seen:
        return ""
    kind = text(body, "kind")
    return f"{kind} generation is {wanted}, but latest observed generation is {seen}"


_ABNORMAL: Final = {"Reconciling": HealthStatus.PROGRESSING, "Stalled": HealthStatus.DEGRADED}
_READY: Final = {
    "True": HealthStatus.HEALTHY,
    "False": HealthStatus.PROGRESSING,
    "Unknown": HealthStatus.PROGRESSING,
}
