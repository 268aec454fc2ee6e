"""Wait until objects are healthy, one of them fails, the deadline passes or something calls off.

Called after each wave. Wakes on watch events only; judges with `engine.facts.verdicts`, and
`core/planning/gate.py` says what that means for the wait.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from gitops.core.planning.gate import Limits, WaitEnd, gate
from gitops.engine.facts.actual import Actual
from gitops.engine.planning.sentences import tell, tell_going
from gitops.model.health import GOOD, Health, HealthStatus
from gitops.model.objects import Body, ObjectId
from gitops.ports import Clock

PATIENCE_S = 2.0
"""How long an object that is being deleted may take before it is told what keeps it."""
LONGEST_S = 30.0
"""How long a wait sleeps at most before it looks at the clock and the call-off again."""
DELETED = Health(HealthStatus.DEGRADED, "it was deleted before it ended")

Blocked = Callable[[Mapping[ObjectId, str]], None]
"""Told by object what keeps it from going, as it follows `it is`."""


@dataclass(frozen=True, slots=True)
class Waited:
    """How a wait ended, and the objects that were not healthy then, with their health.

    `broke` are those that were not healthy last, where all were when the deadline passed.
    """

    end: WaitEnd
    unhealthy: Mapping[ObjectId, Health]
    broke: Mapping[ObjectId, Health] = field(default_factory=dict)


class Waiter:
    """Judges the objects of a wave again whenever one of them changed."""

    def __init__(self, actual: Actual, clock: Clock) -> None:
        self._actual = actual
        self._clock = clock

    def wait(
        self,
        api_versions: Mapping[ObjectId, str],
        limits: Limits,
        called_off: Callable[[], bool],
        stale: Mapping[ObjectId, Body] | None = None,
    ) -> Waited:
        """Wait for every object; limits are on the monotonic clock.

        What somebody deletes meanwhile is drift, to be repaired afterwards, and is not waited for;
        of what is final nobody will see an end then, and it has failed.
        Suspended is no end of an object whose status is still that of its `stale` body.
        """
        judged: dict[ObjectId, tuple[str, Health]] = {}
        broke: Mapping[ObjectId, Health] = {}
        since = None
        with self._actual.awaiting(api_versions) as changed:
            while True:
                changed.clear()
                deleted = self._deleted(api_versions)
                unhealthy = self._unhealthy(api_versions.keys() - deleted, judged)
                unhealthy |= self._stale(stale or {}, judged)
                unhealthy |= dict.fromkeys(deleted & limits.final, DELETED)
                broke = unhealthy or broke
                now = self._clock.monotonic()
                verdict = gate(now, unhealthy, since, limits)
                since = verdict.since
                if verdict.end in (WaitEnd.HEALTHY, WaitEnd.DEGRADED):
                    return Waited(verdict.end, {i: unhealthy[i] for i in verdict.failed})
                if called_off():
                    return Waited(WaitEnd.CALLED_OFF, unhealthy)
                if verdict.end is not None:
                    late = {i: unhealthy[i] for i in verdict.failed}
                    return Waited(verdict.end, late, broke)
                changed.wait(min(verdict.look_at - now, LONGEST_S))

    def rest(self, until: float, called_off: Callable[[], str]) -> str:
        """Wait until a moment on the monotonic clock, or something calls off: its word, or ""."""
        with self._actual.awaiting(()) as poked:
            while True:
                poked.clear()
                word = called_off()
                left = until - self._clock.monotonic()
                if word or left <= 0:
                    return word
                poked.wait(min(left, LONGEST_S))

    def _deleted(self, api_versions: Mapping[ObjectId, str]) -> set[ObjectId]:
        """What was there, as each of these was when the wait began, and is surely gone."""
        if any(self._actual.is_suspect(identity) for identity in api_versions):
            self._actual.settle(api_versions)
        missing = (identity for identity in api_versions if self._actual.get(identity) is None)
        return {identity for identity in missing if self._actual.is_listed(identity.group_kind)}

    def _unhealthy(
        self, identities: Collection[ObjectId], judged: dict[ObjectId, tuple[str, Health]]
    ) -> dict[ObjectId, Health]:
        found = {}
        for identity in sorted(identities):
            verdict = self._judge(identity, judged)
            if verdict.status not in GOOD:
                unseen = self._actual.unseen(identity.group_kind)
                known = Health(HealthStatus.UNKNOWN, tell(unseen)) if unseen else verdict
                found[identity] = known
        return found

    def _stale(
        self, stale: Mapping[ObjectId, Body], judged: Mapping[ObjectId, tuple[str, Health]]
    ) -> dict[ObjectId, Health]:
        found = {}
        for identity, body in stale.items():
            live, (_, health) = self._actual.get(identity), judged.get(identity, ("", None))
            if live is None or health is None or health.status is not HealthStatus.SUSPENDED:
                continue
            if live.decode().get("status") == body.get("status"):
                found[identity] = health
        return found

    def _judge(self, identity: ObjectId, judged: dict[ObjectId, tuple[str, Health]]) -> Health:
        live = self._actual.get(identity)
        if live is None:
            return Health(HealthStatus.MISSING, "not there yet")
        known = judged.get(identity)
        if known is not None and known[0] == live.resource_version:
            return known[1]
        verdict = self._actual.verdicts.of(live)
        judged[identity] = (live.resource_version, verdict)
        return verdict

    def wait_gone(
        self,
        api_versions: Mapping[ObjectId, str],
        deadline: float,
        called_off: Callable[[], bool],
        blocked: Blocked = lambda _blocked: None,
    ) -> Waited:
        """Wait until objects are really gone: the watch says so and a GET proves it.

        `blocked` is told what keeps them, where that takes a while, whenever it has changed.
        """
        told: Mapping[ObjectId, str] = {}
        look = self._clock.monotonic() + PATIENCE_S
        with self._actual.awaiting(api_versions.keys()) as changed:
            while True:
                changed.clear()
                self._actual.settle(api_versions)
                there = [i for i in sorted(api_versions) if self._actual.get(i) is not None]
                if not there:
                    return Waited(WaitEnd.HEALTHY, {})
                if called_off():
                    return Waited(WaitEnd.CALLED_OFF, self._going(there))
                now = self._clock.monotonic()
                if now >= deadline:
                    return Waited(WaitEnd.DEADLINE, self._going(there))
                if now >= look:
                    look = now + PATIENCE_S
                    told = self._tell_blocked(there, told, blocked)
                changed.wait(min(deadline - now, look - now))

    def _going(self, there: Collection[ObjectId]) -> dict[ObjectId, Health]:
        blocked = self._actual.blocked(there)
        return {i: Health(HealthStatus.PROGRESSING, tell_going(blocked.get(i, ""))) for i in there}

    def _tell_blocked(
        self, there: Collection[ObjectId], told: Mapping[ObjectId, str], tell: Blocked
    ) -> Mapping[ObjectId, str]:
        blocked = self._actual.blocked(there)
        if blocked and blocked != told:
            tell(blocked)
        return blocked
