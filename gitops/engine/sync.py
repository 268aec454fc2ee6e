"""One sync from trigger to revision: read this first.

Gather, decide, act: the plan comes from `engine/compare.py`, is recorded before the first write,
carried out by `engine/apply.py`, and the revision is closed on every path. A heal, a rollback and
a deletion are the same sync with another desired state.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from threading import Event

import orjson

from gitops.core.planning.retry import may_pass, next_attempt
from gitops.engine.apply import PASSING, Applied, Applier, End, Run, all_outcomes, fault_outcomes
from gitops.engine.compare import Comparer, Comparison, PlanRequest
from gitops.engine.copies import Copies
from gitops.engine.events import EventLog
from gitops.engine.inventory import Inventory, wanted
from gitops.engine.judging import Judge
from gitops.engine.sentences import summarise, tell_faults, waiting_message
from gitops.engine.states import States
from gitops.errors import ClusterError, ConflictError, GitopsError, StoreError
from gitops.model.application import FailurePolicy
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

RECENT = 50
"""How many revisions are looked at for an attempt that was cut off or refused."""


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
    """How it ended: `revision` is None when there was nothing to record; `plan` is masked.

    A heal carries out what may be; what the API server refuses of it are the plan's faults.
    """

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
        keeping: tuple[Store, States, Inventory, Copies],
        events: EventLog,
        timing: tuple[Clock, Event],
    ) -> None:
        self._comparer, self._judge = deciding
        self._applier = applier
        self._store, self._states, self._inventory, self._copies = keeping
        self._events = events
        self._clock, self._stopping = timing
        self._left: dict[str, list[tuple[Revision, str]]] = {}

    def run(self, request: SyncRequest) -> SyncResult:
        """Carry a request out; raises ClusterError only while nothing was recorded or written."""
        comparison = self._comparer.compare(request.plan)
        plan = comparison.plan
        heals = request.kind is RevisionKind.HEAL
        faulty = bool(plan.faults) and not heals
        if not faulty:
            self._keep_learnt(request, comparison)
        if heals and not any(a.changes_cluster for a in plan.actions):
            return SyncResult(None, comparison.masked)
        told = self._told(request, comparison) if faulty else None
        if told is not None:
            return SyncResult(told, comparison.masked, End.RETRY)
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
        if comparison.refused and request.kind is not RevisionKind.HEAL:
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
            writes = not comparison.held and not comparison.refused
            live = self._copies.keep(plan) if writes else None
            draft = replace(draft, diff=self._store.put(shown), live=live)
            revision = self._store.open_revision(draft)
            if writes:
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

    def _told(self, request: SyncRequest, comparison: Comparison) -> Revision | None:
        """The attempt in which the same refusal was recorded already, or None."""
        history = self._store.revisions(comparison.plan.application, limit=RECENT)
        last = next((r for r in history if r.kind is request.kind), None)
        if last is None or last.state is not RevisionState.FAILED:
            return None
        now = (comparison.plan.digest, tell_faults(comparison.masked))
        same = now == (last.digest, last.message) and may_pass(comparison.plan.faults)
        return last if same else None

    def _refuse(
        self, revision: Revision, request: SyncRequest, comparison: Comparison
    ) -> SyncResult:
        """A fault in what is desired is one failed revision; nothing was written.

        What may be mended outside of Git, a missing right say, is looked at again later.
        """
        end = End.RETRY if may_pass(comparison.plan.faults) else End.FAILED
        message, kept = tell_faults(comparison.masked), request.conclude(end)
        closed = self._close(revision, RevisionState.FAILED, message, kept)
        return SyncResult(closed, comparison.masked, end)

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
        return SyncResult(closed, comparison.masked, End.FAILED)

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
        outcomes = [] if request.kind is RevisionKind.HEAL else fault_outcomes(comparison.masked)
        applied, failures = Applied(End.RETRY), 0
        again: Comparison | None = comparison

        def off() -> str:
            return "stopping" if self._stopping.is_set() else request.called_off()

        while True:
            if again is not None:
                comparison = again
                revision = self._keep_copies(revision, comparison.plan)
                applied = self._attempt(revision, request, comparison, deadline)
                outcomes += applied.outcomes
                if applied.end is not End.RETRY:
                    break
            pause = next_attempt(policy.retry, failures)
            failures += 1
            until = deadline if pause is None else self._clock.monotonic() + pause.total_seconds()
            if until >= deadline:
                break
            if (ended := self._applier.rest(comparison.plan, until, off)) is not None:
                applied.end = ended
                break
            revision = replace(revision, attempts=revision.attempts + 1)
            again = self._compare_again(request)
        revision = replace(revision, outcomes=tuple(all_outcomes(outcomes, comparison.masked)))
        return self._finish(revision, request, comparison, applied)

    def _keep_copies(self, revision: Revision, plan: Plan) -> Revision:
        """Keep what an attempt deletes that an earlier one did not."""
        live = self._copies.keep(plan, revision.live)
        if live == revision.live:
            return revision
        revision = replace(revision, live=live)
        self._store.amend_revision(revision)
        return revision

    def _attempt(
        self, revision: Revision, request: SyncRequest, comparison: Comparison, deadline: float
    ) -> Applied:
        plan, policy = comparison.plan, request.plan.application.sync_policy
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
            policy.health_deadline.total_seconds(),
            request.called_off,
            record,
            comparison.degraded,
            request.wait_for_health,
            policy.failure_policy is FailurePolicy.BEST_EFFORT and not request.plan.deletes,
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

    def _compare_again(self, request: SyncRequest) -> Comparison | None:
        """Plan again for the next attempt; None while the cluster cannot answer."""
        try:
            comparison = self._comparer.compare(request.plan)
        except ClusterError as error:
            if error.reason not in PASSING:
                raise
            return None
        return None if comparison.refused else comparison

    def _finish(
        self,
        revision: Revision,
        request: SyncRequest,
        comparison: Comparison,
        applied: Applied,
    ) -> SyncResult:
        beside = comparison.masked if request.kind is not RevisionKind.HEAL else None
        applied.correct(beside, stopping=self._stopping.is_set())
        states = {
            End.DONE: RevisionState.SUCCEEDED,
            End.SUPERSEDED: RevisionState.SUPERSEDED,
            End.STOPPING: RevisionState.INTERRUPTED,
        }
        state = states.get(applied.end, RevisionState.FAILED)
        held = any(a.held for a in comparison.plan.actions)
        if state is RevisionState.SUCCEEDED and held and comparison.waits_for_approval:
            state = RevisionState.HELD
            applied.message = applied.message or waiting_message(comparison.masked)
        message = comparison.masker.mask_text(applied.message)
        if applied.unhealthy:
            message = self._explain(applied, message)
        if request.kind is RevisionKind.HEAL and not message:
            message = "; ".join(s for o in revision.outcomes for s in o.sentences)
        health = self._judge.health_of(request.plan.application.name)
        revision = replace(
            revision,
            health=health.status or HealthStatus.HEALTHY,
            healthy=applied.end is End.DONE
            and health.status in (None, HealthStatus.HEALTHY, HealthStatus.SUSPENDED),
        )
        if request.join is not None:
            if state is RevisionState.SUCCEEDED:
                return SyncResult(self._join(revision), comparison.masked, applied.end)
            opened = self._open(request, comparison)
            revision = replace(opened, outcomes=revision.outcomes, live=revision.live)
        kept = request.conclude(applied.end)
        closed = self._close(revision, state, message, kept)
        return SyncResult(closed, comparison.masked, applied.end)

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
