"""Health of an application from the health of its own objects.

In: identity and health of every object that counts (hooks are left out by the caller). Out: the
worst, with the object that explains it. The order and the exceptions are Argo CD's.
"""

from collections.abc import Iterable
from typing import Final

from gitops.model.health import Health, HealthStatus
from gitops.model.objects import Body, ObjectId, string_map

WORSE: Final = (
    HealthStatus.HEALTHY,
    HealthStatus.SUSPENDED,
    HealthStatus.PROGRESSING,
    HealthStatus.MISSING,
    HealthStatus.DEGRADED,
    HealthStatus.UNKNOWN,
)
"""From the best to the worst."""

IGNORE_ANNOTATIONS: Final = (
    "argocd.argoproj.io/ignore-healthcheck",
    "gitops.dev/ignore-healthcheck",
)
_CHILD_GROUPS: Final = frozenset({"argoproj.io", "gitops.dev"})


def is_worse(one: HealthStatus, other: HealthStatus) -> bool:
    """Whether `one` is worse than `other`."""
    return WORSE.index(one) > WORSE.index(other)


def is_ignored(body: Body) -> bool:
    """Whether an annotation takes the object out of its application's health."""
    annotations = string_map(body, "annotations")
    return any(annotations.get(name) == "true" for name in IGNORE_ANNOTATIONS)


def aggregate(parts: Iterable[tuple[ObjectId, Health]]) -> Health:
    """The worst health among an application's objects; Healthy where there is none.

    An object without a status does not count. Missing objects count only when every object is
    missing: whether something is to be created is the sync status. A child application that is
    Missing or Unknown does not count. Ties go to the object first in order of identity.
    """
    worst = _worst(parts)
    if worst is None or worst[1].status is HealthStatus.HEALTHY:
        return Health(HealthStatus.HEALTHY)
    return Health(worst[1].status, _explain(*worst))


def culprit(parts: Iterable[tuple[ObjectId, Health]]) -> ObjectId | None:
    """The object that makes an application's health what `aggregate` says; None where none does."""
    worst = _worst(parts)
    return worst[0] if worst else None


def _worst(parts: Iterable[tuple[ObjectId, Health]]) -> tuple[ObjectId, Health] | None:
    ordered = sorted(parts, key=lambda part: part[0])
    missing = [part for part in ordered if part[1].status is HealthStatus.MISSING]
    if missing and len(missing) == len(ordered):
        return missing[0]
    counted = [part for part in ordered if _counts(*part)]
    return max(counted, key=lambda part: _badness(part[1]), default=None)


def _badness(health: Health) -> int:
    return WORSE.index(health.status) if health.status else -1


def _counts(identity: ObjectId, part: Health) -> bool:
    if part.status is None or part.status is HealthStatus.MISSING:
        return False
    child = identity.kind == "Application" and identity.group in _CHILD_GROUPS
    return not (child and part.status is HealthStatus.UNKNOWN)


def _explain(identity: ObjectId, part: Health) -> str:
    return f"{identity.title}: {part.message}" if part.message else identity.title
