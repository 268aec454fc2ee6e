"""What people ask for: sync, rollback, deletion, undelete, resource actions.

They run as jobs, so that one sync runs at a time. Each ends with a `job-done` event that carries
its ticket, so that whoever asked can wait.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from gitops.core.planning.decide import rollback_target
from gitops.engine.declaring.deleting import DELETE, DeleteOptions, Deleter
from gitops.engine.facts.desired import Desired
from gitops.engine.facts.registry import Runtime
from gitops.engine.lanes.dispatcher import Job
from gitops.engine.lanes.following import REFRESH
from gitops.engine.lanes.parts import Parts
from gitops.engine.orders.acting import ACTION, Acting
from gitops.engine.orders.undelete import UNDELETE, Undeleter
from gitops.engine.planning.compare import PlanRequest
from gitops.engine.planning.narrowing import narrow
from gitops.engine.reconciler import Reconciler
from gitops.engine.standing.status import sync_status
from gitops.engine.standing.windows import refuse
from gitops.engine.syncing.apply import End
from gitops.engine.syncing.request import SyncResult
from gitops.errors import ConflictError, GitopsError, InputError, NotFoundError
from gitops.model.revision import Revision, Selection

HELD_BY_WINDOWS = frozenset({"sync", "rollback", "heal", UNDELETE})
"""What people ask for that waits for a sync window; deletions do not."""
DELETING = frozenset({"sync", "rollback", DELETE})
"""What people ask for that may delete objects, which others may want."""
DEFECT = "a defect in gitops ended the job"


@dataclass(frozen=True, slots=True)
class SyncOptions:
    """Options of a manual sync; `selection` is for a part, `prune` lifts the prune budget."""

    commit: str | None = None
    prune: bool = False
    selection: Selection | None = None
    approved: str = ""


@dataclass(frozen=True, slots=True)
class ApproveOptions:
    """What is approved: a plan by its `digest` (None: as it is now), of all or of a `selection`.

    `prune` is that of a selective sync.
    """

    digest: str | None = None
    selection: Selection | None = None
    prune: bool = False


@dataclass(frozen=True, slots=True)
class RollbackOptions:
    """`number` None means: the newest healthy one with another digest, never rolled back."""

    number: int | None = None


class Operations:
    """Carries out manual jobs."""

    def __init__(
        self,
        parts: Parts,
        reconciler: Reconciler,
        deleter: Deleter,
        undeleter: Undeleter,
        acting: Acting,
    ) -> None:
        self._parts = parts
        self._reconciler = reconciler
        self._deleter = deleter
        self._undeleter = undeleter
        self._acting = acting
        self.more: Mapping[str, Callable[[Runtime, Job], tuple[SyncResult | None, str]]] = {}
        """Further jobs by kind, set by `engine/service.py`."""
        reconciler.manual = self.carry_out

    def carry_out(self, runtime: Runtime, job: Job) -> None:
        """Run one manual job and tell how it ended; errors are told, not raised.

        A deletion that waits for others has not ended: it comes again.
        """
        leaves = isinstance(job.options, DeleteOptions) and job.options.mode != "cascade"
        deletes = job.kind in DELETING and not leaves
        if deletes and self._reconciler.witnesses.put_off(runtime, job):
            return
        if job.kind != DELETE or not self._deleter.postpone(runtime, job):
            self._carry_out(runtime, job)

    def _carry_out(self, runtime: Runtime, job: Job) -> None:
        works: dict[str, Callable[[Runtime, Job], tuple[SyncResult | None, str]]] = {
            "sync": self._sync,
            "rollback": self._rollback,
            "heal": lambda runtime, job: (self._reconciler.healer.heal(runtime, job.trigger), ""),
            DELETE: self._deleter.delete,
            UNDELETE: self._undelete,
            ACTION: self._act,
            REFRESH: self._refresh,
            **self.more,
        }
        try:
            self._refuse_while_deleted(runtime, job)
            if job.kind in HELD_BY_WINDOWS:
                refuse(self._parts, runtime, job)
            result, message = works[job.kind](runtime, job)
        except GitopsError as error:
            self._parts.events.publish(
                runtime.name, "job-done", str(error), ticket=job.ticket, state="failed",
                error={"code": error.code, "message": error.message, "where": error.where,
                       "remedy": error.remedy},
            )  # fmt: skip
            return
        except Exception as error:  # noqa: BLE001 - whoever waits must hear of it, and others go on
            self._parts.events.publish(
                runtime.name, "job-done", DEFECT, ticket=job.ticket, state="failed",
                error={"code": "defect", "message": DEFECT, "where": runtime.name,
                       "remedy": "the log says where it happened"},
            )  # fmt: skip
            self._parts.dispatcher.on_defect(runtime.name, error)
            return
        revision = result.revision if result else None
        self._parts.events.publish(
            runtime.name,
            "job-done",
            message or (revision.message if revision else ""),
            revision=revision.number if revision else None,
            ticket=job.ticket,
            state=str(revision.state) if revision else "unchanged",
        )

    def _refuse_while_deleted(self, runtime: Runtime, job: Job) -> None:
        if job.kind in (DELETE, REFRESH) or not self._parts.states.get(runtime.name).deleting:
            return
        raise ConflictError(
            "the application is being deleted",
            where=runtime.name,
            remedy=f"`gitops delete {runtime.name}` goes on with that; register it anew afterwards",
        )

    # --- look ---------------------------------------------------------------------------------

    def _refresh(self, runtime: Runtime, job: Job) -> tuple[SyncResult | None, str]:
        """Compare, and bring about what is due; raises what stands in the way of knowing it."""
        self._reconciler.guarded(runtime, job, self._reconciler.check)
        if runtime.trouble is not None:
            raise runtime.trouble
        return None, ": ".join(part for part in sync_status(self._parts, runtime) if part)

    # --- sync ---------------------------------------------------------------------------------

    def _sync(self, runtime: Runtime, job: Job) -> tuple[SyncResult | None, str]:
        options = job.options or SyncOptions()
        state = self._parts.states.get(runtime.name)
        if state.pin is not None and options.selection is None:
            raise ConflictError(
                f"the application is pinned to revision {state.pin.revision}",
                where=runtime.name,
                remedy=f"`gitops unpin {runtime.name}` lets Git decide again",
            )
        self._parts.projects.check(runtime.application)
        self._fetch(runtime)
        if options.commit is not None:
            self._refuse_to_be_undone(runtime, options)
        desired = self._desired(runtime, job, options)
        if self._is_done(runtime, desired, options):
            return None, f"already synced at revision {self._newest(runtime)}"
        result = self._sync_to(runtime, desired, job, options)
        while result.end is End.SUPERSEDED and not self._parts.states.follows(runtime):
            desired = self._desired(runtime, job, options)  # a retry is of what Git has now
            result = self._sync_to(runtime, desired, job, options)
        if options.commit is not None:
            state = self._parts.states.get(runtime.name)
            runtime.desired = self._parts.loader.load(runtime.application, state)
        return result, ""

    def _desired(self, runtime: Runtime, job: Job, options: SyncOptions) -> Desired:
        """What Git has, or has at a commit that somebody named; raises InputError for faults."""
        state = self._parts.states.get(runtime.name)
        desired = self._parts.loader.load(runtime.application, state, options.commit)
        runtime.desired, runtime.problem = desired, None
        if desired.faults:
            self._reconciler.record_fault(runtime, desired, job.trigger)
            raise InputError(str(runtime.problem), where=runtime.name)
        if options.commit is None:
            self._reconciler.keep(runtime, state, desired)
        return desired

    def _sync_to(
        self, runtime: Runtime, desired: Desired, job: Job, options: SyncOptions
    ) -> SyncResult:
        def change(request: PlanRequest) -> PlanRequest:
            owned = {claim.id for claim in self._parts.inventory.of(runtime.name)}
            narrowed = narrow(request, options.selection, owned, prune=options.prune)
            return replace(narrowed, approved=options.approved)

        named = options.commit is not None
        return self._reconciler.sync(runtime, desired, job.trigger, change, named=named)

    def _refuse_to_be_undone(self, runtime: Runtime, options: SyncOptions) -> None:
        """Another commit than Git's own would be replaced at the next look, unless that is off."""
        if not self._parts.states.follows(runtime):
            return
        loader, application = self._parts.loader, runtime.application
        if loader.resolve(application) == loader.resolve(application, options.commit):
            return
        revision = application.sources[0].target_revision
        raise ConflictError(
            f"it follows {revision} by itself, so another commit would not stay",
            where=runtime.name,
            remedy=f"`gitops suspend {runtime.name}` first, or push the commit to {revision}",
        )

    def _fetch(self, runtime: Runtime) -> None:
        """Bring the mirrors up to date; one look a repository."""
        repositories = self._parts.repositories
        for url in sorted({source.repo_url for source in runtime.application.sources}):
            known = repositories.known(url)
            if not known or dict(repositories.poll(url)) != dict(known):
                repositories.fetch(url)

    def _is_done(self, runtime: Runtime, desired: Desired, options: SyncOptions) -> bool:
        state = self._parts.states.get(runtime.name)
        plain = options.selection is None and not options.approved
        return (
            plain
            and desired.digest == state.synced_digest
            and not runtime.drifted
            and not (options.prune and self._reconciler.leftovers.claims(runtime, desired))
        )

    def _newest(self, runtime: Runtime) -> int:
        newest = self._parts.store.revisions(runtime.name, limit=1)
        return newest[0].number if newest else 0

    # --- rollback -----------------------------------------------------------------------------

    def _rollback(self, runtime: Runtime, job: Job) -> tuple[SyncResult | None, str]:
        options = job.options or RollbackOptions()
        target = self._target(runtime, options.number)
        result = self._reconciler.restorer.restore(runtime, target, job.trigger)
        return result, ""

    def _undelete(self, runtime: Runtime, job: Job) -> tuple[SyncResult | None, str]:
        result = self._undeleter.undelete(runtime, job.options, job.trigger)
        if not runtime.gone:
            self._reconciler.after(runtime, result)
        return result, ""

    # --- resource actions ---------------------------------------------------------------------

    def _act(self, runtime: Runtime, job: Job) -> tuple[SyncResult | None, str]:
        result, message = self._acting.act(runtime, job.options, job.trigger)
        if result is not None:
            self._reconciler.after(runtime, result)
        return result, message

    # --- what a rollback goes to --------------------------------------------------------------

    def _target(self, runtime: Runtime, number: int | None) -> Revision:
        store = self._parts.store
        state = self._parts.states.get(runtime.name)
        if number is None:
            bad = state.quarantine | {state.synced_digest}
            target = rollback_target(store.revisions(runtime.name), bad)
            if target is None:
                raise NotFoundError(
                    "there is no earlier healthy revision to go back to",
                    where=runtime.name,
                    remedy=f"`gitops history {runtime.name}` shows what there is",
                )
            return target
        revision = store.revision(runtime.name, number)
        if not revision.manifests or not revision.digest:
            raise ConflictError(
                f"revision {number} keeps no manifests: nothing was desired by it",
                where=runtime.name,
                remedy="choose a revision that applied something",
            )
        return revision
