"""What a worker does with one application's jobs: look at Git and the cluster, decide, act.

Called by the dispatcher, one thread an application at a time. `core/planning/decide.py` decides,
`engine/syncing/sync.py` acts; manual jobs are in `engine/operations.py`.
"""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Final

from gitops.core.planning.approvals import is_confirmed
from gitops.core.planning.decide import Decision, Situation, Step, decide, tell
from gitops.engine.declaring.handover import Handover
from gitops.engine.declaring.witnesses import Witnesses
from gitops.engine.facts.desired import Desired
from gitops.engine.facts.registry import Runtime
from gitops.engine.facts.states import with_seen
from gitops.engine.heal import Healer
from gitops.engine.lanes.dispatcher import Job
from gitops.engine.lanes.following import CHECK, MOVED, REFRESH
from gitops.engine.lanes.parts import Parts
from gitops.engine.orders.acting import ACTION
from gitops.engine.orders.restore import Restorer
from gitops.engine.planning.compare import PlanRequest
from gitops.engine.planning.sentences import tell_faults
from gitops.engine.standing.dependencies import find_waiting
from gitops.engine.standing.explaining import EXPLAIN, IMAGES
from gitops.engine.standing.windows import hold
from gitops.engine.syncing.apply import BAD, End
from gitops.engine.syncing.recorder import RECENT
from gitops.engine.syncing.request import SyncRequest, SyncResult
from gitops.errors import ClusterError, GitopsError, RenderError, SourceError, StoreError
from gitops.model.revision import (
    Revision,
    RevisionKind,
    RevisionState,
    Trigger,
    TriggerKind,
)
from gitops.ports import ApplicationState

BY_HAND = ("transfer", "rename")
MANUAL = frozenset({"sync", "rollback", "heal", "delete", "undelete", ACTION, REFRESH, *BY_HAND})

SUPERSEDES = 3
"""After so many supersedes without a healthy revision the next sync runs to its end."""

PASSING: Final = {
    ClusterError: ("unreachable", "transient", "unauthorized", "conflict"),
    StoreError: ("full", "busy", "unwritable", "failed"),
}
"""Reasons of errors that pass by themselves, so that it is worth trying again."""
OUTSIDE: Final = tuple(PASSING)
"""What a look at Git does not mend."""

RETRY_S: Final = 5.0
"""How long to wait before a neighbour that does not answer, or refuses, is asked again; doubles."""
LONGEST_S: Final = 180.0


class Reconciler:
    """Decides for one application and lets the syncer act."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.healer = Healer(parts, self.called_off, self.after)
        self.restorer = Restorer(parts, self.after)
        self.leftovers = self.healer.leftovers
        self.handover = Handover(parts)
        self.witnesses = Witnesses(parts)
        self.manual: Callable[[Runtime, Job], None] = self.check
        """Set by `engine/operations.py`, which needs this object."""

    def handle(self, jobs: list[Job]) -> None:
        """Carry out one application's gathered jobs; nothing escapes but what is a defect."""
        runtime = self._parts.registry.find(jobs[0].application)
        for job in jobs:
            if job.kind not in MANUAL:
                continue
            if runtime is None or runtime.gone:
                self._tell_lost(job)
            else:
                self.guarded(runtime, job, self.manual)
        if runtime is None:
            return
        self._ask_why(runtime, {job.kind for job in jobs})
        rest = [job for job in jobs if job.kind not in MANUAL | {EXPLAIN, IMAGES}]
        if rest and not runtime.gone:
            cause = next((j for j in rest if j.kind == MOVED), rest[-1])
            self.guarded(runtime, cause, self.check)
        runtime.noted = False

    def _ask_why(self, runtime: Runtime, kinds: Collection[str]) -> None:
        if IMAGES in kinds:
            self.healer.explainer.look_at_images(runtime)
        if EXPLAIN in kinds:
            self.healer.explainer.explain(runtime)

    def _tell_lost(self, job: Job) -> None:
        """Say that somebody waits in vain: the application went before their turn came."""
        message = "the application was deleted meanwhile"
        self._parts.events.publish(
            job.application, "job-done", message, ticket=job.ticket, state="failed",
            error={"code": "not-found", "message": message, "where": job.application,
                   "remedy": None},
        )  # fmt: skip

    def guarded(self, runtime: Runtime, job: Job, work: Callable[[Runtime, Job], None]) -> None:
        """Do one job; what stands in its way is noted, and tried again where it may pass."""
        try:
            try:
                work(runtime, job)
            finally:
                self._parts.states.save(runtime.name)
        except GitopsError as error:
            self._problem(runtime, error)
            if error.reason in PASSING.get(type(error), ()):
                self.again(runtime, job.trigger)

    def again(self, runtime: Runtime, trigger: Trigger) -> None:
        """Look once more a little later."""
        runtime.failures += 1
        delay = min(RETRY_S * 2 ** min(runtime.failures - 1, 16), LONGEST_S)
        self._parts.dispatcher.request(runtime.name, CHECK, trigger, delay_s=delay)

    def _problem(self, runtime: Runtime, error: GitopsError) -> None:
        if str(runtime.problem) != str(error):
            self._parts.events.publish(runtime.name, "problem", str(error), code=error.code)
        runtime.problem = error

    # --- look and decide ----------------------------------------------------------------------

    def check(self, runtime: Runtime, job: Job) -> None:
        """Bring one application to where it should be, if it may be brought there."""
        before = runtime.problem
        try:
            if self._parts.states.get(runtime.name).deleting:
                return
            self._check(runtime, job)
        finally:
            self.witnesses.looked(runtime)
        if runtime.problem is before and isinstance(before, OUTSIDE):
            runtime.problem = None

    def _check(self, runtime: Runtime, job: Job) -> None:
        application = runtime.application
        self._parts.projects.check(application)
        self._parts.syncer.recorder.close_left(runtime.name)
        state = self._parts.states.get(runtime.name)
        desired = self.look(runtime, state, job)
        if desired is None or desired.faults:
            if desired is not None:
                self.record_fault(runtime, desired, runtime.declared or job.trigger)
            self._keep_running(runtime, state, job.trigger)
            return
        state = self.keep(runtime, state, desired)
        trigger, runtime.declared = runtime.declared or job.trigger, None
        started, runtime.started = runtime.started, False
        if started and self.restorer.resume(runtime, desired):
            return
        runtime.waiting_for = find_waiting(self._parts, runtime)
        runtime.waiting_for += self.handover.waits_for(runtime, desired)
        self.witnesses.looked(runtime)
        runtime.waiting_for += self.witnesses.missing(runtime, desired)
        self.leftovers.see(runtime, desired)
        decision = decide(
            Situation(
                wanted=desired.digest,
                synced=state.synced_digest,
                tried=state.failed,
                suspended=state.suspended,
                pin=state.pin,
                quarantine=state.quarantine,
                drifted=bool(runtime.drifted),
                waits_for=runtime.waiting_for,
                attempt=self._attempt(runtime, state) if desired.digest == state.failed else None,
                confirmed=self._is_confirmed(runtime),
            ),
            application,
        )
        if decision.ends_pin:
            state = self.restorer.unpin(runtime, "gitops", "the desired state has changed")
        decision = self._wait_for_window(runtime, decision)
        match decision.step:
            case Step.SYNC:
                self.sync(runtime, desired, trigger)
            case Step.HEAL:
                self.healer.heal(runtime, job.trigger)
                runtime.failures = 0
            case Step.REST:
                runtime.failures = 0
                self.handover.give(runtime, desired)
                runtime.held = decision.reason if desired.digest != state.synced_digest else ""
                self.healer.log.report(runtime)

    def _wait_for_window(self, runtime: Runtime, decision: Decision) -> Decision:
        """The decision, or to rest where a sync window is closed."""
        runtime.closed = ""
        if decision.step is Step.REST or not hold(self._parts, runtime):
            return decision
        return Decision(Step.REST, runtime.closed, decision.ends_pin)

    def _is_confirmed(self, runtime: Runtime) -> bool:
        """Whether an annotation has approved what the newest sync holds."""
        store, name = self._parts.store, runtime.name
        return is_confirmed(runtime.application, lambda: store.revisions(name, limit=RECENT))

    def _attempt(self, runtime: Runtime, state: ApplicationState) -> Revision | None:
        """The newest sync of what is not tried again by itself."""
        history = self._parts.store.revisions(runtime.name, limit=RECENT)
        tries = (r for r in history if r.kind is RevisionKind.SYNC and r.digest == state.failed)
        return next(tries, None)

    def _keep_running(self, runtime: Runtime, state: ApplicationState, trigger: Trigger) -> None:
        """Repair drift of what runs while nobody knows what Git wants."""
        synced = state.synced_digest
        situation = Situation(
            synced, synced, suspended=state.suspended, drifted=bool(runtime.drifted)
        )
        heals = decide(situation, runtime.application).step is Step.HEAL
        if heals and not hold(self._parts, runtime):
            self.healer.heal(runtime, trigger)

    def look(self, runtime: Runtime, state: ApplicationState, job: Job) -> Desired | None:
        """Desired as Git has it now; None where it cannot be known, with the problem noted."""
        try:
            desired = self._parts.loader.load(runtime.application, with_seen(runtime, state))
        except RenderError as error:
            commits = self._parts.loader.resolve(runtime.application)
            content = self._parts.loader.content(runtime.application, commits)
            runtime.desired = Desired(commits, "", "", content, ())
            recorder = self._parts.syncer.recorder
            recorder.keep_fault(runtime.name, runtime.desired, str(error), job.trigger)
            self._problem(runtime, error)
            return None
        except SourceError as error:
            self._problem(runtime, error)
            return None
        runtime.desired = desired
        if not desired.faults and not isinstance(runtime.problem, OUTSIDE):
            runtime.problem = None
        return desired

    def keep(self, runtime: Runtime, state: ApplicationState, desired: Desired) -> ApplicationState:
        """Remember a new render, to be kept with its sync; an equal one writes nothing."""
        if state.render_key == desired.reference and state.digest == desired.digest:
            return state
        return self._parts.states.note(
            runtime.name,
            commits=tuple(c.sha for c in desired.commits),
            render_key=desired.reference,
            paths=desired.paths,
            digest=desired.digest,
            manifests=desired.address,
        )

    # --- faults -------------------------------------------------------------------------------

    def record_fault(self, runtime: Runtime, desired: Desired, trigger: Trigger) -> None:
        """Record and note what is wrong with what is desired."""
        message = tell_faults(desired.faults)
        self._parts.syncer.recorder.keep_fault(runtime.name, desired, message, trigger)
        self._problem(runtime, RenderError(message, reason="failed"))

    # --- act ----------------------------------------------------------------------------------

    def _plan(self, runtime: Runtime, desired: Desired) -> PlanRequest:
        """A full sync of what Git wants."""
        manifests = self._parts.loader.documents.load(desired.address)
        sha = desired.commit.sha if desired.commit else None
        plan = PlanRequest(runtime.application, manifests, desired.digest, sha, hooks=True)
        return replace(plan, confirmed=self._is_confirmed(runtime))

    def sync(
        self,
        runtime: Runtime,
        desired: Desired,
        trigger: Trigger,
        change: Callable[[PlanRequest], PlanRequest] = lambda request: request,
        *,
        named: bool = False,
    ) -> SyncResult:
        """A full sync with hooks, its consequences included.

        `named` says that somebody named the commit, which no newer one takes over from.
        """
        plan = change(self._plan(runtime, desired))
        result = self._parts.run(
            runtime,
            SyncRequest(
                plan,
                RevisionKind.SYNC,
                trigger,
                desired.address,
                desired.commit,
                called_off=self.called_off(runtime),
                newer=lambda: not named and self._has_moved(runtime),
                conclude=self._conclude(runtime, desired)
                if plan.only is None
                else lambda _end: None,
            ),
        )
        if plan.only is None:
            self.leftovers.take(runtime, desired, result.plan)
            self._follow_up(runtime, result, trigger)
        else:
            self.leftovers.recount(runtime)
        self.after(runtime, result)
        return result

    def _conclude(
        self, runtime: Runtime, desired: Desired
    ) -> Callable[[End], ApplicationState | None]:
        """The state that a full sync leaves, kept together with its revision's close."""

        def conclude(end: End) -> ApplicationState | None:
            state = self._parts.states.get(runtime.name)
            match end:
                case End.DONE:
                    return replace(
                        state,
                        **self.leftovers.synced(runtime, desired),
                        failed="",
                        approved="",
                        supersedes=0,
                        quarantine=state.quarantine - {desired.digest},
                    )
                case End.SUPERSEDED:
                    return replace(state, supersedes=state.supersedes + 1)
                case End.FAILED | End.UNHEALTHY | End.CANCELLED:
                    return replace(state, failed=desired.digest, supersedes=0)
                case End.STOPPING | End.RETRY | End.CLOSED:
                    return None

        return conclude

    def _follow_up(self, runtime: Runtime, result: SyncResult, trigger: Trigger) -> None:
        """Say what is held, try again, or roll back, as the end of a full sync asks."""
        revision = result.revision
        held = revision is not None and revision.state is RevisionState.HELD
        bad = held or result.end in BAD | {End.CANCELLED}
        runtime.held = tell(revision) if bad else ""
        if result.end is End.RETRY:
            self.again(runtime, trigger)
        elif result.end is End.CLOSED:
            runtime.held = hold(self._parts, runtime)
        else:
            runtime.failures = 0
        failed = result.end in (End.FAILED, End.UNHEALTHY) and not held
        if failed and revision and runtime.application.sync_policy.automatic_rollback:
            self.restorer.roll_back(runtime, revision)

    def called_off(self, runtime: Runtime) -> Callable[[], str]:
        """What tells a running sync that it should end early."""

        def answer() -> str:
            if self._parts.dispatcher.stopping.is_set():
                return "stopping"
            policy = runtime.application.sync_policy
            state = self._parts.states.get(runtime.name)
            may_end = policy.on_new_revision == "supersede" and state.supersedes < SUPERSEDES
            follows = may_end and self._parts.states.follows(runtime)
            return "superseded" if follows and self._has_moved(runtime) else ""

        return answer

    def _has_moved(self, runtime: Runtime) -> bool:
        """Whether Git is known to be past what an application is being brought to."""
        if not self._parts.dispatcher.superseded(runtime.name, frozenset({MOVED})):
            return False
        try:
            commits = self._parts.loader.resolve(runtime.application)
        except SourceError:
            return False
        return runtime.desired is None or commits != runtime.desired.commits

    def after(self, runtime: Runtime, result: SyncResult) -> None:
        """Take in how the application stands after a sync, and wake whoever depends on it."""
        if result.revision is not None:
            runtime.revision = max(runtime.revision or 0, result.revision.number)
        self.healer.schedule(runtime)
        self.healer.explainer.after(runtime, result)
        trigger = Trigger(TriggerKind.DEPENDENCY, evidence=runtime.name)
        for other in self._parts.registry.dependants(runtime.name):
            self._parts.dispatcher.request(other.name, CHECK, trigger)
