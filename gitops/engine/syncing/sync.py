"""One sync from trigger to revision: read this first.

Gather, decide, act: the plan comes from `engine/planning/compare.py`, is recorded before the first
write, carried out by `engine/syncing/apply.py`, and the revision is closed on every path. A heal, a
rollback and a deletion are the same sync with another desired state.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from threading import Event

from gitops.core.planning.retry import may_pass, next_attempt
from gitops.engine.facts.inventory import Inventory, wanted
from gitops.engine.facts.judging import Judge
from gitops.engine.facts.masks import mask_outcomes
from gitops.engine.planning.compare import Comparer, Comparison
from gitops.engine.planning.sentences import tell_faults, waiting_message
from gitops.engine.syncing.apply import (
    BAD,
    PASSING,
    Applied,
    Applier,
    End,
    Run,
    all_outcomes,
    fault_outcomes,
)
from gitops.engine.syncing.obstacles import Obstacles
from gitops.engine.syncing.recorder import Recorder
from gitops.engine.syncing.request import SyncRequest, SyncResult
from gitops.errors import ClusterError, ConflictError, GitopsError
from gitops.model.application import FailurePolicy
from gitops.model.objects import ObjectId
from gitops.model.revision import (
    Outcome,
    OutcomeKind,
    Revision,
    RevisionKind,
    RevisionState,
)
from gitops.ports import Claim, Clock


@dataclass(slots=True)
class _Course:
    """How far a sync has come, for whoever has to end it.

    `failing` says that its SyncFail hooks have to run if it ends by an error now.
    """

    revision: Revision
    comparison: Comparison
    outcomes: list[Outcome] = field(default_factory=list)
    failing: bool = False


class Syncer:
    """Runs syncs; one instance serves every application."""

    def __init__(
        self,
        deciding: tuple[Comparer, Judge, Obstacles],
        applier: Applier,
        keeping: tuple[Recorder, Inventory],
        timing: tuple[Clock, Event],
    ) -> None:
        self._comparer, self._judge, self._obstacles = deciding
        self._applier = applier
        self.recorder, self._inventory = keeping
        self._clock, self._stopping = timing

    def run(self, request: SyncRequest) -> SyncResult:
        """Carry a request out; raises ClusterError only while nothing was recorded or written."""
        comparison = self._comparer.compare(request.plan)
        plan = comparison.plan
        self._hand_over(request, comparison)
        heals = request.kind is RevisionKind.HEAL
        faulty = bool(plan.faults) and not heals
        if not faulty:
            self.recorder.keep_learnt(request, comparison)
        if heals and not any(a.changes_cluster for a in plan.actions):
            return SyncResult(None, comparison.masked)
        told = self.recorder.told(request, comparison) if faulty else None
        told = told or (None if faulty else self._stands_as_before(request, comparison))
        if told is not None:
            return SyncResult(self.recorder.repeat(told), comparison.masked, End.RETRY)
        revision = request.join or self.recorder.open(request, comparison)
        course = _Course(revision, comparison)
        try:
            return self._proceed(course, request)
        except GitopsError as error:
            if request.join is None:
                self._break_off(course, request, error)
            raise

    def _break_off(self, course: _Course, request: SyncRequest, error: GitopsError) -> None:
        """Close what an error has ended; nothing that fails on the way hides that error.

        What was recorded before stays, and outcomes of its SyncFail hooks are added.
        """
        message, revision = str(error), course.revision
        if course.failing:
            try:
                found = self._sync_fail(course, request, kept=False)
                revision = replace(revision, outcomes=tuple(found))
            except GitopsError as another:
                message += f"; its SyncFail hooks could not be run: {another}"
        self.recorder.close_failed(revision, course.comparison.masker.mask_text(message))

    def _stands_as_before(self, request: SyncRequest, comparison: Comparison) -> Revision | None:
        """The attempt at the same desired state that what still stands has failed, or None."""
        if request.kind is not RevisionKind.SYNC or request.plan.only is not None:
            return None
        last = self.recorder.failed_before(request)
        if last is None or last.partial or last.digest != comparison.plan.digest:
            return None
        return last if self._obstacles.stand(comparison.plan, last) else None

    def _hand_over(self, request: SyncRequest, comparison: Comparison) -> None:
        """Give up what others take over, before any write, and though the plan be refused.

        Two applications that swap objects are refused both until one of them gives.
        """
        if comparison.handed:
            name, actor = comparison.plan.application, request.trigger.actor
            self._inventory.hand_over(name, comparison.handed, actor)

    def _proceed(self, course: _Course, request: SyncRequest) -> SyncResult:
        revision, comparison = course.revision, course.comparison
        if comparison.refused and request.kind is not RevisionKind.HEAL:
            return self._refuse(revision, request, comparison)
        if comparison.held:
            return self._close_held(revision, request, comparison)
        return self._carry_out(course, request)

    def _refuse(
        self, revision: Revision, request: SyncRequest, comparison: Comparison
    ) -> SyncResult:
        """A fault in what is desired is one failed revision; nothing was written.

        What may be mended outside of Git, a missing right say, is looked at again later.
        """
        end = End.RETRY if may_pass(comparison.plan.faults) else End.FAILED
        message, kept = tell_faults(comparison.masked.faults), request.conclude(end)
        closed = self.recorder.close(revision, RevisionState.FAILED, message, kept)
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
        closed = self.recorder.close(revision, RevisionState.HELD, comparison.held, kept)
        return SyncResult(closed, comparison.masked, End.FAILED)

    def _carry_out(self, course: _Course, request: SyncRequest) -> SyncResult:
        policy = request.plan.application.sync_policy
        deadline = self._clock.monotonic() + policy.timeout.total_seconds()
        if request.kind is not RevisionKind.HEAL:
            course.outcomes += fault_outcomes(course.comparison.masked)
        applied, failures, course.failing = Applied(End.RETRY), 0, True
        again: Comparison | None = course.comparison
        while True:
            if again is not None:
                course.comparison = again
                course.revision = self.recorder.keep_copies(course.revision, again.plan)
                applied = self._attempt(course.revision, request, again, deadline)
                course.outcomes += applied.outcomes
                if applied.end is not End.RETRY:
                    break
            pause = next_attempt(policy.retry, failures)
            failures += 1
            until = deadline if pause is None else self._clock.monotonic() + pause.total_seconds()
            if until >= deadline:
                break
            off = self._between(request, course.comparison)
            if (ended := self._applier.rest(until, off)) is not None:
                applied.end = ended
                break
            course.revision = replace(course.revision, attempts=course.revision.attempts + 1)
            again = self._compare_again(request)
        self._conclude(course, request, applied)
        outcomes = tuple(all_outcomes(course.outcomes, course.comparison.masked))
        revision = replace(course.revision, outcomes=outcomes)
        return self._finish(revision, request, course.comparison, applied)

    def _between(self, request: SyncRequest, comparison: Comparison) -> Callable[[], str]:
        """What ends the wait for the next attempt: the `End` to take, or "".

        Like a wave, a plan with hooks is left by no newer commit, unless retries move on to it.
        """
        hooks = any(action.hook is not None for action in comparison.plan.actions)
        refresh = request.plan.application.sync_policy.retry.refresh

        def off() -> str:
            if self._stopping.is_set():
                return End.STOPPING
            called = request.called_off()
            if refresh and not called:
                return End.SUPERSEDED if request.newer() else ""
            stays = hooks and not refresh and called == End.SUPERSEDED
            return "" if stays else called

        return off

    def _attempt(
        self, revision: Revision, request: SyncRequest, comparison: Comparison, deadline: float
    ) -> Applied:
        plan = comparison.plan
        try:
            self._inventory.take(plan.application, wanted(plan))
        except ConflictError as error:
            return Applied(End.FAILED, str(error))
        applied = self._applier.run(plan, self._run(revision, request, comparison, deadline))
        applied.outcomes = mask_outcomes(applied.outcomes, comparison.masked, comparison.masker)
        return applied

    def _run(
        self, revision: Revision, request: SyncRequest, comparison: Comparison, deadline: float
    ) -> Run:
        """How a plan is carried out, and what of it is recorded meanwhile."""
        policy, application = request.plan.application.sync_policy, comparison.plan.application

        def record(
            outcomes: Sequence[Outcome], claims: Sequence[Claim], gone: Sequence[ObjectId]
        ) -> None:
            masked = mask_outcomes(outcomes, comparison.masked, comparison.masker)
            self.recorder.keep_outcomes(revision, request, masked, claims)
            self._inventory.condemn(application, gone)
            self.recorder.tell(revision, masked)

        def proved(gone: Sequence[ObjectId]) -> None:
            self._inventory.release(application, gone)

        return Run(
            deadline,
            policy.health_deadline.total_seconds(),
            request.called_off,
            record,
            comparison.degraded,
            request.wait_for_health,
            policy.failure_policy is FailurePolicy.BEST_EFFORT and not request.plan.deletes,
            policy.health_grace.total_seconds(),
            policy.stable_for.total_seconds(),
            proved,
            lambda blocked: self.recorder.tell_blocked(revision, blocked),
            policy.health_deadlines,
        )

    def _conclude(self, course: _Course, request: SyncRequest, applied: Applied) -> None:
        """Settle how it ended; whatever it failed by, its SyncFail hooks follow."""
        beside = course.comparison.masked if request.kind is not RevisionKind.HEAL else None
        applied.correct(beside, stopping=self._stopping.is_set())
        course.failing = applied.end is End.DONE
        if applied.end in BAD:
            course.outcomes += self._sync_fail(course, request, kept=True)

    def _sync_fail(self, course: _Course, request: SyncRequest, *, kept: bool) -> list[Outcome]:
        """Run the SyncFail hooks, in a time of their own, from which no newer commit keeps them.

        Where their outcomes cannot be kept meanwhile they are told, and the close keeps them.
        """
        policy = request.plan.application.sync_policy
        deadline = self._clock.monotonic() + policy.health_deadline.total_seconds()
        comparison = course.comparison
        run = self._run(course.revision, request, comparison, deadline)

        def off() -> str:
            return End.STOPPING if self._stopping.is_set() else ""

        def record(
            outcomes: Sequence[Outcome], claims: Sequence[Claim], gone: Sequence[ObjectId]
        ) -> None:
            try:
                run.record(outcomes, claims, gone)
            except GitopsError:
                if kept:
                    raise
                masked = mask_outcomes(outcomes, comparison.masked, comparison.masker)
                self.recorder.tell(course.revision, masked)

        alone = replace(run, called_off=off, record=record)
        found = self._applier.sync_fail(comparison.plan, alone)
        return mask_outcomes(found, comparison.masked, comparison.masker)

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
        states = {
            End.DONE: RevisionState.SUCCEEDED,
            End.SUPERSEDED: RevisionState.SUPERSEDED,
            End.CANCELLED: RevisionState.INTERRUPTED,
            End.CLOSED: RevisionState.INTERRUPTED,
            End.STOPPING: RevisionState.INTERRUPTED,
        }
        state = states.get(applied.end, RevisionState.FAILED)
        held = any(a.held for a in comparison.plan.actions)
        if state is RevisionState.SUCCEEDED and held and comparison.waits_for_approval:
            state = RevisionState.HELD
            applied.message = applied.message or waiting_message(
                comparison.masked, request.plan.approving
            )
        if applied.end is End.CANCELLED:
            applied.message, applied.unhealthy = f"cancelled by {request.cancelled_by()}", {}
        if applied.end is End.CLOSED:
            applied.message, applied.unhealthy = "a sync window closed before it had ended", {}
        told = self._explain(applied) if applied.unhealthy else applied.message
        message = comparison.masker.mask_text(told)
        if request.kind is RevisionKind.HEAL and not message:
            message = "; ".join(s for o in revision.outcomes for s in o.sentences)
            message += request.remark(comparison.masked)
        revision = self._judge.judged(revision, done=applied.end is End.DONE)
        if request.join is not None:
            if state is RevisionState.SUCCEEDED:
                joined = self.recorder.join(revision, request, comparison.masked)
                return SyncResult(joined, comparison.masked, applied.end)
            opened = self.recorder.open(request, comparison)
            revision = replace(opened, outcomes=revision.outcomes, live=revision.live)
        kept = request.conclude(applied.end)
        closed = self.recorder.close(revision, state, message, kept)
        return SyncResult(closed, comparison.masked, applied.end)

    def _explain(self, applied: Applied) -> str:
        """The message, with the one reason that pods and events give for the first unhealthy."""
        identity, message = next(iter(applied.unhealthy)), applied.message
        reason = self._judge.explain(identity)
        return f"{message} ({reason})" if reason and reason not in message else message
