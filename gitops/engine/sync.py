"""One sync from trigger to revision: read this first.

Gather, decide, act: the plan comes from `engine/compare.py`, is recorded before the first write,
carried out by `engine/apply.py`, and the revision is closed on every path. A heal, a rollback and
a deletion are the same sync with another desired state.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from threading import Event

import orjson

from gitops.core.plan import is_claimed
from gitops.core.retry import next_attempt
from gitops.engine.apply import Applied, Applier, End, Run
from gitops.engine.compare import Comparer, Comparison, PlanRequest
from gitops.engine.events import EventLog
from gitops.engine.inventory import Inventory
from gitops.engine.judging import Judge
from gitops.engine.sentences import summarise, tell_faults
from gitops.engine.states import States
from gitops.errors import ClusterError, ConflictError, GitopsError, StoreError
from gitops.model.diff import ActionKind
from gitops.model.health import HealthStatus
from gitops.model.objects import ObjectId
from gitops.model.plan import Plan
from gitops.model.revision import (
    Commit,
    Outcome,
    OutcomeKind,
    Revision,
    RevisionKind,
    RevisionState,
    Trigger,
)
from gitops.ports import ApplicationState, Claim, Clock, Store
from gitops.wire.plan import plan_to_wire

PASSING = frozenset({"transient", "unreachable", "conflict", "unauthorized"})


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """What to bring about, and why.

    `plan` says what is desired; `source` is the revision that a rollback restores; `manifests` is
    the address of what is desired in the content store.
    """

    plan: PlanRequest
    kind: RevisionKind
    trigger: Trigger
    manifests: str
    commit: Commit | None = None
    source: int | None = None
    called_off: Callable[[], str] = field(default=lambda: "")
    wait_for_health: bool = True
    join: Revision | None = None
    """A closed heal of the same objects that this one joins."""
    conclude: Callable[[End], ApplicationState | None] = lambda _end: None
    """The application's state after an end; kept together with the close."""


@dataclass(frozen=True, slots=True)
class SyncResult:
    """How it ended: `revision` is None when there was nothing to record."""

    revision: Revision | None
    plan: Plan
    end: End = End.DONE

    @property
    def good(self) -> bool:
        """Whether what was desired stands, healthy."""
        return self.end is End.DONE


class Syncer:
    """Runs syncs; one instance serves every application."""

    def __init__(
        self,
        deciding: tuple[Comparer, Judge],
        applier: Applier,
        keeping: tuple[Store, States, Inventory],
        events: EventLog,
        timing: tuple[Clock, Event],
    ) -> None:
        self._comparer, self._judge = deciding
        self._applier = applier
        self._store, self._states, self._inventory = keeping
        self._events = events
        self._clock, self._stopping = timing
        self._left: dict[str, list[tuple[Revision, str]]] = {}

    def run(self, request: SyncRequest) -> SyncResult:
        """Carry a request out; raises ClusterError only while nothing was recorded or written."""
        comparison = self._comparer.compare(request.plan)
        plan = comparison.plan
        heals = request.kind is RevisionKind.HEAL
        if plan.faults and heals:
            raise ClusterError(
                tell_faults(plan, comparison.masker), where=plan.application, reason="invalid"
            )
        if not plan.faults:
            self._keep_learnt(request, comparison)
        if heals and not any(a.changes_cluster for a in plan.actions):
            return SyncResult(None, plan)
        revision = request.join or self._open(request, comparison)
        try:
            return self._proceed(revision, request, comparison)
        except GitopsError as error:
            if request.join is None:
                self._close_failed(revision, comparison.masker.mask_text(str(error)))
            raise

    def _proceed(
        self, revision: Revision, request: SyncRequest, comparison: Comparison
    ) -> SyncResult:
        if comparison.plan.faults:
            return self._refuse(revision, request, comparison)
        if comparison.held:
            return self._close_held(revision, request, comparison)
        return self._carry_out(revision, request, comparison)

    # --- the record ---------------------------------------------------------------------------

    def _open(self, request: SyncRequest, comparison: Comparison) -> Revision:
        """Open the revision before the first write, with its plan and manifests kept."""
        plan = comparison.plan
        draft = Revision(
            application=plan.application,
            number=0,
            kind=request.kind,
            trigger=request.trigger,
            state=RevisionState.RUNNING,
            started_at=self._clock.now(),
            digest=plan.digest,
            commit=request.commit,
            summary=summarise(plan),
            source=request.source,
            partial=request.plan.only is not None and request.kind is RevisionKind.SYNC,
            manifests=request.manifests or None,
        )
        shown = orjson.dumps(plan_to_wire(comparison.masked))
        with self._store.together():
            revision = self._store.open_revision(replace(draft, diff=self._store.put(shown)))
            if not comparison.held and not plan.faults:
                with suppress(ConflictError):  # the attempt meets it again, and tells
                    self._inventory.take(plan.application, wanted(plan))
        self._events.publish(
            plan.application,
            "revision-opened",
            f"revision {revision.number} ({revision.kind}) by {request.trigger.kind}",
            revision=revision.number,
            revision_kind=str(revision.kind),
        )
        return revision

    def _close(
        self,
        revision: Revision,
        state: RevisionState,
        message: str,
        kept: ApplicationState | None = None,
    ) -> Revision:
        """Close the revision, and keep the application's new state, in one transaction."""
        revision = replace(revision, state=state, message=message, finished_at=self._clock.now())
        self._store.close_revision(revision, kept)
        if kept is not None:
            self._states.take(kept)
        self._events.publish(
            revision.application,
            "revision-closed",
            f"revision {revision.number} {state}" + (f": {message}" if message else ""),
            revision=revision.number,
            state=str(state),
            revision_kind=str(revision.kind),
        )
        return revision

    def _close_failed(self, revision: Revision, message: str) -> None:
        """Close what ended in an error; where the store is full, later."""
        try:
            self._close(revision, RevisionState.FAILED, message)
        except StoreError:
            self._left.setdefault(revision.application, []).append((revision, message))

    def close_left(self, application: str) -> None:
        """Close what the store had no room to close; raises StoreError while it still has none."""
        left = self._left.get(application, [])
        while left:
            self._close(left[0][0], RevisionState.FAILED, left[0][1])
            left.pop(0)

    def _refuse(
        self, revision: Revision, request: SyncRequest, comparison: Comparison
    ) -> SyncResult:
        """A fault in what is desired is one failed revision; nothing was written."""
        kept = request.conclude(End.FAILED)
        closed = self._close(
            revision, RevisionState.FAILED, tell_faults(comparison.plan, comparison.masker), kept
        )
        return SyncResult(closed, comparison.plan, End.FAILED)

    def _close_held(
        self, revision: Revision, request: SyncRequest, comparison: Comparison
    ) -> SyncResult:
        outcomes = [
            Outcome(a.id, str(a.kind), OutcomeKind.HELD, a.held or "", a.phase.title, a.wave)
            for a in comparison.plan.pending
        ]
        revision = replace(revision, outcomes=tuple(outcomes))
        kept = request.conclude(End.FAILED)
        closed = self._close(revision, RevisionState.HELD, comparison.held, kept)
        return SyncResult(closed, comparison.plan, End.FAILED)

    def _keep_learnt(self, request: SyncRequest, comparison: Comparison) -> None:
        """Keep what comparing has found out: what stands already, and what is gone already."""
        learnt = [replace(claim, manifest=request.manifests) for claim in comparison.learnt]
        if learnt:
            self._inventory.keep(learnt)
        self._inventory.release(comparison.plan.application, comparison.released)

    # --- the work -----------------------------------------------------------------------------

    def _carry_out(
        self, revision: Revision, request: SyncRequest, comparison: Comparison
    ) -> SyncResult:
        policy = request.plan.application.sync_policy
        deadline = self._clock.monotonic() + policy.timeout.total_seconds()
        outcomes: list[Outcome] = []
        failures = 0
        while True:
            applied = self._attempt(revision, request, comparison, deadline)
            outcomes += applied.outcomes
            if applied.end is not End.RETRY:
                break
            delay = next_attempt(policy.retry, failures)
            failures += 1
            if delay is None or self._give_up(delay, deadline):
                break
            revision = replace(revision, attempts=revision.attempts + 1)
            again = self._compare_again(request)
            if again is None:
                continue
            comparison = again
        revision = replace(revision, outcomes=tuple(self._all_outcomes(outcomes, comparison)))
        return self._finish(revision, request, comparison, applied)

    def _attempt(
        self, revision: Revision, request: SyncRequest, comparison: Comparison, deadline: float
    ) -> Applied:
        plan = comparison.plan
        application = plan.application
        masker = comparison.masker

        def record(
            outcomes: Sequence[Outcome], claims: Sequence[Claim], gone: Sequence[ObjectId]
        ) -> None:
            masked = [replace(o, message=masker.mask_text(o.message)) for o in outcomes]
            kept = [replace(c, manifest=request.manifests) for c in claims]
            if request.join is None:
                self._store.record_outcomes(revision, masked, kept)
                self._inventory.remember(kept)
            else:
                self._inventory.keep(kept)
            self._inventory.release(application, gone)
            self._tell(revision, masked)

        try:
            self._inventory.take(application, wanted(plan))
        except ConflictError as error:
            return Applied(End.FAILED, str(error))
        run = Run(
            deadline,
            request.plan.application.sync_policy.health_deadline.total_seconds(),
            request.called_off,
            record,
            comparison.degraded,
            request.wait_for_health,
        )
        return self._applier.run(plan, run)

    def _tell(self, revision: Revision, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            changes = f" ({', '.join(outcome.changes)})" if outcome.changes else ""
            detail = f": {outcome.message}" if outcome.message else ""
            self._events.publish(
                revision.application,
                "outcome",
                f"{outcome.id.title} {outcome.outcome}{changes}{detail}",
                revision=revision.number,
                object=str(outcome.id),
                outcome=str(outcome.outcome),
            )

    def _give_up(self, delay: timedelta, deadline: float) -> bool:
        """Wait before the next attempt; True when there is no time for one."""
        seconds = delay.total_seconds()
        if self._clock.monotonic() + seconds > deadline:
            return True
        return self._stopping.wait(seconds)

    def _compare_again(self, request: SyncRequest) -> Comparison | None:
        """Plan again for the next attempt; None while the cluster cannot answer."""
        try:
            comparison = self._comparer.compare(request.plan)
        except ClusterError as error:
            if error.reason not in PASSING:
                raise
            return None
        return None if comparison.plan.faults else comparison

    def _all_outcomes(self, outcomes: Sequence[Outcome], comparison: Comparison) -> list[Outcome]:
        """One outcome an object: the last of each, and what was left as it is or held."""
        found = {(o.id, o.phase): o for o in outcomes}
        for action in comparison.plan.actions:
            key = (action.id, action.phase.title)
            if key in found:
                continue
            kind = OutcomeKind.SKIPPED
            if action.waits:
                kind = OutcomeKind.HELD
            elif action.kind is ActionKind.NONE:
                kind = OutcomeKind.UNCHANGED
            found[key] = Outcome(
                action.id,
                str(action.kind),
                kind,
                comparison.masker.mask_text(action.held or action.reason),
                action.phase.title,
                action.wave,
            )
        order = {(a.id, a.phase.title): n for n, a in enumerate(comparison.plan.actions)}
        return [found[key] for key in sorted(found, key=lambda k: (order.get(k, 0), k))]

    def _finish(
        self,
        revision: Revision,
        request: SyncRequest,
        comparison: Comparison,
        applied: Applied,
    ) -> SyncResult:
        if applied.end is End.RETRY and self._stopping.is_set():
            applied.end = End.STOPPING
        states = {
            End.DONE: RevisionState.SUCCEEDED,
            End.SUPERSEDED: RevisionState.SUPERSEDED,
            End.STOPPING: RevisionState.INTERRUPTED,
        }
        state = states.get(applied.end, RevisionState.FAILED)
        held = any(a.held for a in comparison.plan.actions)
        if state is RevisionState.SUCCEEDED and held and comparison.waits_for_approval:
            state = RevisionState.HELD
        message = comparison.masker.mask_text(applied.message)
        if applied.unhealthy:
            message = self._explain(applied, message)
        if request.kind is RevisionKind.HEAL and not message:
            message = "; ".join(c for o in revision.outcomes for c in o.changes)
        health = self._judge.health_of(request.plan.application.name)
        revision = replace(
            revision,
            health=health.status or HealthStatus.HEALTHY,
            healthy=applied.end is End.DONE
            and health.status in (None, HealthStatus.HEALTHY, HealthStatus.SUSPENDED),
        )
        if request.join is not None:
            if state is RevisionState.SUCCEEDED:
                return SyncResult(self._join(revision), comparison.plan, applied.end)
            revision = replace(self._open(request, comparison), outcomes=revision.outcomes)
        kept = request.conclude(applied.end)
        closed = self._close(revision, state, message, kept)
        return SyncResult(closed, comparison.plan, applied.end)

    def _join(self, revision: Revision) -> Revision:
        """Count a repeat of a heal in the revision that it joined."""
        joined = replace(
            revision, count=revision.count + 1, finished_at=self._clock.now(), attempts=1
        )
        self._store.join_revision(joined)
        return joined

    def _explain(self, applied: Applied, message: str) -> str:
        """Add the one reason that pods and events give for the first unhealthy workload."""
        identity = next(iter(applied.unhealthy))
        reason = self._judge.explain(identity)
        return f"{message} ({reason})" if reason and reason not in message else message


def wanted(plan: Plan) -> list[tuple[ObjectId, str]]:
    """Objects that a plan writes and the application will own, with their apiVersion."""
    return [
        (a.id, a.api_version)
        for a in plan.actions
        if a.changes_cluster and a.kind is not ActionKind.DELETE and is_claimed(a)
    ]
