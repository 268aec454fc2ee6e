"""When a wait for health ends: at once, when that has lasted, at a failure, at a deadline. Pure.

In: who is not healthy now, since when everybody was, the limits. Out: a verdict, with the moment to
look again though nothing happens. Called by `engine/wait.py` at each event.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import inf

from gitops.model.health import Health, HealthStatus
from gitops.model.objects import ObjectId


class WaitEnd(StrEnum):
    """How a wait ended."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    DEADLINE = "deadline"
    CALLED_OFF = "called-off"


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a wait may take and what it forgives, in seconds on one monotonic clock.

    Everything has to be healthy for `stable_s` without a break. Until `grace_until` Degraded is no
    failure, but of what is `final`: a hook that has failed does not start up. What is `excused` was
    Degraded before, and may stay so until the deadline.
    """

    deadline: float
    stable_s: float = 0.0
    grace_until: float = -inf
    excused: frozenset[ObjectId] = frozenset()
    final: frozenset[ObjectId] = frozenset()


@dataclass(frozen=True, slots=True)
class Verdict:
    """The end of a wait, or None where it goes on until something happens, or `look_at`.

    `since` is from when on everything has been healthy, None where it is not; `failed` are the
    objects that ended it.
    """

    end: WaitEnd | None
    look_at: float
    since: float | None = None
    failed: tuple[ObjectId, ...] = ()


def gate(
    now: float, unhealthy: Mapping[ObjectId, Health], since: float | None, limits: Limits
) -> Verdict:
    """What to make of what is seen now; `since` is that of the verdict before."""
    if not unhealthy:
        begun = now if since is None else since
        proven = begun + limits.stable_s
        if now >= proven:
            return Verdict(WaitEnd.HEALTHY, now, begun)
        return _unless_late(now, proven, begun, limits)
    degraded = [
        identity
        for identity, health in unhealthy.items()
        if health.status is HealthStatus.DEGRADED and identity not in limits.excused
    ]
    in_grace = now < limits.grace_until
    failed = tuple(i for i in degraded if not in_grace or i in limits.final)
    if failed:
        return Verdict(WaitEnd.DEGRADED, now, None, failed)
    look_at = limits.grace_until if degraded else inf
    return _unless_late(now, look_at, None, limits)


def _unless_late(now: float, look_at: float, since: float | None, limits: Limits) -> Verdict:
    end = WaitEnd.DEADLINE if now >= limits.deadline else None
    return Verdict(end, min(look_at, limits.deadline), since)
