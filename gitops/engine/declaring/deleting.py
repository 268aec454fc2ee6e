"""Deleting applications, through restarts and failures: an unfinished deletion stays one.

It is kept with the application's state before its first write, so that nothing takes the
application for synced from then on. `gitops/engine/operations.py` runs deletions as jobs, the
declarer asks for them where a declaration with a finalizer is gone, start-up goes on with them.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from gitops.core.ownership.marks import release_marks
from gitops.core.planning.hooks import deletion_hooks
from gitops.engine.declaring.leaving import Leaver, kept, leaving
from gitops.engine.facts.children import is_child
from gitops.engine.facts.registry import Runtime
from gitops.engine.lanes.dispatcher import Job
from gitops.engine.lanes.parts import Parts
from gitops.engine.planning.compare import Comparison, PlanRequest
from gitops.engine.standing.deletion_order import DeletionOrder
from gitops.engine.syncing.apply import End
from gitops.engine.syncing.request import SyncRequest, SyncResult
from gitops.errors import ConflictError, GitopsError
from gitops.model.application import Application, Origin
from gitops.model.diff import ActionKind
from gitops.model.plan import Action, Hold
from gitops.model.revision import Revision, RevisionKind, RevisionState, Trigger, TriggerKind
from gitops.ports import DeletionMode, Patch

DELETE = "delete"
NOT_OURS = "its marks say that it is not this application's any more"
AT_START = "goes on when every application was looked at"
RETRY_S = 60.0
"""How long to wait before a deletion that met a busy or unreachable cluster goes on."""


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """How: `cascade` deletes what the application runs, `orphan` leaves it without our marks.

    `abandon` leaves it as it is, and asks the cluster nothing.
    `asked` is False where a declaration is gone: it may come back before the job's turn.
    `approved` is the digest of the plan that somebody approved, or "".
    """

    mode: DeletionMode = "cascade"
    asked: bool = True
    approved: str = ""


def deletion(parts: Parts, application: Application) -> PlanRequest:
    """What the deletion of an application with what it runs plans.

    Its hooks are those of the manifests that were rendered last: the repository may be gone.
    """
    state = parts.states.get(application.name)
    manifests = parts.loader.documents.load(state.manifests) if state.manifests else ()
    return PlanRequest(
        application,
        deletion_hooks(manifests),
        "",
        None,
        prune=True,
        deletes=True,
    )


def refuse_declared(parts: Parts, name: str) -> None:
    """What a file or Git declares is deleted there; raises ConflictError, NotFoundError."""
    origin = parts.registry.get(name).origin
    if origin.kind != "api" and not parts.states.get(name).deleting:
        raise ConflictError(
            f'"{name}" is declared in {origin.where}', where=name, remedy="remove it there"
        )


def preview(parts: Parts, name: str, mode: DeletionMode) -> Comparison:
    """What a deletion would do now; what it would leave is an action `none` that says why.

    Raises what would refuse the deletion, and ClusterError.
    """
    refuse_declared(parts, name)
    application = parts.registry.get(name).application
    if mode != "cascade":
        return leaving(parts, application.name, mode)
    found = parts.compare(deletion(parts, application))
    shown = [_shown(parts, action) for action in found.masked.actions]
    shown += [
        kept(Action(ActionKind.NONE, i, live.api_version), NOT_OURS)
        for i in found.released
        if (live := parts.actual.get(i)) is not None
    ]
    return replace(found, masked=replace(found.masked, actions=tuple(shown)))


def planned(parts: Parts, application: Application, mode: DeletionMode) -> Comparison:
    """What a deletion that has begun would do now; raises ClusterError."""
    if mode != "cascade":
        return leaving(parts, application.name, mode)
    return parts.compare(deletion(parts, application))


def _shown(parts: Parts, action: Action) -> Action:
    """An action as a preview has it: what is skipped stays, and of a child it says what follows."""
    if action.kind is not ActionKind.DELETE or action.hook is not None:
        return action
    if action.hold is Hold.SKIPPED and action.held is not None:
        return kept(action, action.held)
    if not is_child(action.id):
        return action
    child = parts.registry.find(action.id.name)
    with_it = child is not None and child.application.finalize
    told = "with what it runs" if with_it else "what it runs stays"
    return replace(action, reason=f"{action.reason}; {told}")


def may_end(parts: Parts, runtime: Runtime) -> bool:
    """Whether a deletion that has ended too early has nothing left to delete by now."""
    if runtime.syncing or parts.states.get(runtime.name).deleting != "cascade":
        return False
    actual = parts.actual
    return all(
        actual.get(claim.id) is None or actual.is_suspect(claim.id)
        for claim in parts.inventory.of(runtime.name)
    )


class Deleter:
    """Carries out deletions; `forget` drops an application of which nothing is left."""

    def __init__(self, parts: Parts, forget: Callable[[Runtime, str], None]) -> None:
        self._parts = parts
        self._forget = forget
        self.order = DeletionOrder(parts)
        self._leaver = Leaver(parts)

    def ask(
        self, name: str, options: DeleteOptions, trigger: Trigger, cancel: Callable[[], None]
    ) -> int:
        """Ask for a deletion; raises ConflictError where a file or Git declares it.

        One that leaves what runs ends one that is waiting for its end. Returns the ticket.
        """
        refuse_declared(self._parts, name)
        runtime = self._parts.registry.get(name)
        if options.mode != "cascade" and self._parts.states.get(name).deleting and runtime.syncing:
            cancel()
        return self._parts.dispatcher.request(name, DELETE, trigger, options=options)

    def postpone(self, runtime: Runtime, job: Job) -> bool:
        """Whether a deletion waits for the end of others; it has begun then, and is told."""
        options = job.options or DeleteOptions()
        deleting = self._parts.states.get(runtime.name).deleting
        if options.mode != "cascade" or not (options.asked or deleting):
            return False
        if not self.order.postpone(runtime, job):
            return False
        self._parts.states.begin_deletion(runtime.application, options.mode)
        return True

    def delete(self, runtime: Runtime, job: Job) -> tuple[SyncResult | None, str]:
        """Delete an application; raises what stood in the way, and tries that again if it may."""
        options = job.options or DeleteOptions()
        states = self._parts.states
        self._parts.syncer.recorder.close_left(runtime.name)
        if not options.asked and not states.get(runtime.name).deleting:
            return None, "it is declared again"
        if self._is_over(runtime):
            self._end(runtime, job)
            return None, "it is deleted"
        before, newest = states.get(runtime.name), self._newest(runtime)
        states.begin_deletion(runtime.application, options.mode)
        try:
            result = self._run(runtime, job.trigger, options)
        except GitopsError:
            if self._newest(runtime) == newest:  # it has not begun
                states.change(
                    runtime.name, deleting=before.deleting, synced_digest=before.synced_digest
                )
            self._go_on_later(runtime, job)
            raise
        if result.end is End.RETRY:
            self._go_on_later(runtime, job)
        if result.good and states.get(runtime.name).deleting:
            if options.mode == "cascade":
                self._release(runtime)
            self._end(runtime, job)
        return result, ""

    def _end(self, runtime: Runtime, job: Job) -> None:
        """Forget what is deleted; what it depended on goes next, where that is deleted too."""
        self._forget(runtime, job.trigger.actor)
        self.order.go_on([runtime.name, *runtime.application.depends_on])

    def _run(self, runtime: Runtime, trigger: Trigger, options: DeleteOptions) -> SyncResult:
        if options.mode != "cascade":
            return self._leaver.leave(runtime, trigger, options.mode)
        plan = replace(deletion(self._parts, runtime.application), approved=options.approved)
        request = SyncRequest(plan, RevisionKind.DELETE, trigger, "", called_off=self._called_off)
        result = self._parts.run(runtime, request)
        revision = result.revision
        runtime.held = f"revision {revision.number}: {revision.message}" if revision else ""
        return result

    def _called_off(self) -> str:
        return "stopping" if self._parts.dispatcher.stopping.is_set() else ""

    def _go_on_later(self, runtime: Runtime, job: Job) -> None:
        if self._parts.states.get(runtime.name).deleting:
            self._parts.dispatcher.request(
                runtime.name, DELETE, job.trigger, options=job.options, delay_s=RETRY_S
            )

    def _newest(self, runtime: Runtime) -> Revision | None:
        return next(iter(self._parts.store.revisions(runtime.name, limit=1)), None)

    def _is_over(self, runtime: Runtime) -> bool:
        """Whether everything was deleted, and the process ended before it could forget."""
        newest, mode = self._newest(runtime), self._parts.states.get(runtime.name).deleting
        return (
            newest is not None
            and newest.kind is RevisionKind.DELETE
            and newest.state is RevisionState.SUCCEEDED
            and bool(mode)
            and (mode != "cascade" or not self._parts.inventory.of(runtime.name))
        )

    def _release(self, runtime: Runtime) -> None:
        """Take our marks off what asks to be kept (`Delete=false`)."""
        requests = []
        claims = self._parts.inventory.of(runtime.name)
        heirs = self._parts.comparer.find_heirs(runtime.name, {claim.id for claim in claims})
        for claim in claims:
            live = self._parts.actual.get(claim.id)
            if live is not None and claim.id not in heirs.takers:
                operations = tuple(release_marks(live.decode()))
                requests.append(Patch(claim.id, live.api_version, operations))
        with self._parts.in_name_of(runtime.application):
            self._parts.cluster.send(requests)

    def recall(self) -> None:
        """Know again what a stop cut off; what is declared again is wanted."""
        for state in self._parts.states.all():
            if not state.deleting:
                continue
            name = state.name
            runtime = self._parts.registry.find(name)
            if runtime is not None and runtime.origin.kind != "api":
                self._parts.states.call_off_deletion(name)
                continue
            if runtime is None:  # its declaration is gone; what it runs is known by its claims
                bare = Application(name, sources=(), depends_on=state.depends_on)
                runtime = self._parts.registry.declare(bare, Origin("git", "what was removed"))
            runtime.held = AT_START

    def resume(self) -> None:
        """Go on with every deletion that a stop cut off."""
        for state in self._parts.states.all():
            runtime = self._parts.registry.find(state.name)
            if not state.deleting or runtime is None:
                continue
            newest = self._newest(runtime)
            actor = newest.trigger.actor if newest and newest.kind is RevisionKind.DELETE else ""
            evidence = "the deletion was interrupted"
            self._parts.dispatcher.request(
                state.name,
                DELETE,
                Trigger(TriggerKind.STARTUP, actor or "gitops", evidence),
                options=DeleteOptions(state.deleting),
            )
