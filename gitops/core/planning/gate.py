"""When a wait for health ends: at once, when that has lasted, at a failure, at a deadline. Pure.

In: who is not healthy now, since when everybody was, the limits. Out: a verdict, with the moment to
look again though nothing happens. Called by `engine/syncing/wait.py` at each event.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from math import inf

from gitops.core.globs import matches
from gitops.model.application import KindDeadline
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
    Degraded before, and may stay so until the deadline. `own` are deadlines of objects that have
    another one.
    """

    deadline: float
    stable_s: float = 0.0
    grace_until: float = -inf
    excused: frozenset[ObjectId] = frozenset()
    final: frozenset[ObjectId] = frozenset()
    own: Mapping[ObjectId, float] = field(default_factory=dict)

    def of(self, identity: ObjectId) -> float:
        """The deadline of one object."""
        return self.own.get(identity, self.deadline)


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


def deadline_for(rules: Iterable[KindDeadline], identity: ObjectId) -> timedelta | None:
    """How long an object may take to become healthy, where its kind has a deadline of its own."""
    for rule in rules:
        if matches(rule.group, identity.group) and matches(rule.kind, identity.kind):
            return rule.deadline
    return None


def gate(
    now: float, unhealthy: Mapping[ObjectId, Health], since: float | None, limits: Limits
) -> Verdict:
    """What to make of what is seen now; `since` is that of the verdict before."""
    if not unhealthy:
        begun = now if since is None else since
        proven = begun + limits.stable_s
        if now >= proven:
            return Verdict(WaitEnd.HEALTHY, now, begun)
        end = WaitEnd.DEADLINE if now >= limits.deadline else None
        return Verdict(end, min(proven, limits.deadline), begun)
    degraded = [
        identity
        for identity, health in unhealthy.items()
        if health.status is HealthStatus.DEGRADED and identity not in limits.excused
    ]
    in_grace = now < limits.grace_until
    failed = tuple(i for i in degraded if not in_grace or i in limits.final)
    if failed:
        return Verdict(WaitEnd.DEGRADED, now, None, failed)
    late = tuple(identity for identity in unhealthy if now >= limits.of(identity))
    look_at = min([limits.grace_until if degraded else inf, *map(limits.of, unhealthy)])
    return Verdict(WaitEnd.DEADLINE if late else None, look_at, None, late)
