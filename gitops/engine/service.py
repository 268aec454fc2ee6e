"""The running service as one object: what the API, the scheduler and the tests talk to.

Reads answer from memory and the store; what changes something is a job of the application's lane,
and answers with a ticket. `start` and `stop` are the life of the process.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gitops.core.diff.drift import drift_policy
from gitops.core.diff.ignore import DiffOptions
from gitops.core.masking.rules import MaskRules
from gitops.core.planning.approvals import refuse_a_part
from gitops.engine.declaring.declaring import Declarer
from gitops.engine.declaring.deleting import DELETE, DeleteOptions, Deleter
from gitops.engine.declaring.transferring import Transferer
from gitops.engine.facts.actual import Actual
from gitops.engine.facts.children import Children
from gitops.engine.facts.desired import DesiredLoader
from gitops.engine.facts.events import EventLog, traceback_of
from gitops.engine.facts.inventory import Inventory
from gitops.engine.facts.judging import Judge
from gitops.engine.facts.masks import Masks
from gitops.engine.facts.registry import Registry
from gitops.engine.facts.states import States
from gitops.engine.facts.verdicts import Verdicts
from gitops.engine.lanes.dispatcher import Dispatcher, Job
from gitops.engine.lanes.following import CHECK, LANE, REFRESH, Concerned, Follower, Look
from gitops.engine.lanes.parts import Parts
from gitops.engine.operations import ApproveOptions, Operations, RollbackOptions, SyncOptions
from gitops.engine.orders.acting import ACTION, Acting, ActionOptions
from gitops.engine.orders.reading import Reading
from gitops.engine.orders.undelete import UNDELETE, UndeleteOptions, Undeleter
from gitops.engine.planning.compare import Comparer, PlanRequest
from gitops.engine.planning.sentences import look_and_approve
from gitops.engine.reconciler import Reconciler
from gitops.engine.syncing.apply import Applier
from gitops.engine.syncing.copies import Copies
from gitops.engine.syncing.obstacles import Obstacles
from gitops.engine.syncing.recorder import Recorder
from gitops.engine.syncing.sync import Syncer
from gitops.engine.syncing.wait import Waiter
from gitops.engine.syncing.writes import Writer
from gitops.errors import ConflictError, GitopsError
from gitops.model.acting import Wish
from gitops.model.application import Application, Drift, Origin
from gitops.model.events import Event
from gitops.model.project import Project
from gitops.model.revision import RecordKind, RevisionKind, RevisionState, Trigger, TriggerKind
from gitops.ports import (
    ActionScripts,
    ApplicationState,
    Clock,
    Cluster,
    Delivery,
    HealthChecks,
    Renderer,
    Repositories,
    Store,
    TrailQuery,
)
from gitops.wire.plan import plan_digest
from gitops.wire.revision import selection_to_wire

LIST_S = 20.0
"""How long start-up waits for the lists of managed kinds before it compares without them."""


@dataclass(frozen=True, slots=True)
class Edges:
    """The world that the engine works on."""

    store: Store
    cluster: Cluster
    repositories: Repositories
    renderer: Renderer
    clock: Clock
    comparing: DiffOptions
    checks: HealthChecks
    scripts: ActionScripts
    masking: MaskRules = field(default_factory=MaskRules)
    impersonate: bool = False
    """Whether objects are written in the name of ServiceAccounts that projects give."""


class Service:
    """The reconciler as a whole."""

    def __init__(self, edges: Edges, workers: int = 32) -> None:
        self.edges = edges
        self.events = EventLog(edges.clock)
        self.dispatcher = Dispatcher(self._handle, edges.clock, workers)
        self.dispatcher.on_defect = self._tell_defect
        self.parts = _assemble(edges, self.events, self.dispatcher, self._children)
        self.dispatcher.on_waiting = self.parts.actual.poke
        self.parts.comparer.limits = self._limits
        self.parts.projects.impersonates = edges.impersonate
        self.reconciler = Reconciler(self.parts)
        self.follower = Follower(self.parts)
        self.declarer = Declarer(self.parts)
        self.deleter = Deleter(self.parts, self.declarer.forget)
        self.declarer.wanted_again = self.deleter.order.go_on
        self.undeleter = Undeleter(self.parts, self.reconciler.restorer, self.declarer.forget)
        self.acting = Acting(self.parts, edges.comparing, edges.scripts)
        self.operations = Operations(
            self.parts, self.reconciler, self.deleter, self.undeleter, self.acting
        )
        self.transferer = Transferer(self.parts, self.reconciler.handover, self.declarer)
        self.operations.more = self.transferer.works
        self.reading = Reading(self.parts)
        self._started = threading.Event()

    def _limits(self, request: PlanRequest) -> Project:
        """What a plan may hold; letting go of what runs needs no leave."""
        projects, application = self.parts.projects, request.application
        return projects.of(application) if request.deletes else projects.check(application)

    def _children(self, registry: Registry) -> Children:
        declare, remove = self._declare_child, self._remove_child
        return Children(self.edges.store.installation, declare, remove, registry.depends_on)

    def _declare_child(
        self, application: Application, origin: Origin, warnings: tuple[str, ...]
    ) -> None:
        """The first sync of a child is by what its parent's sync was for."""
        parent = self.parts.registry.find(origin.where)
        trigger = (parent and parent.cause) or Trigger(TriggerKind.STARTUP)
        self.declarer.declare(application, origin, warnings, trigger)

    def _remove_child(self, name: str, parent: str) -> None:
        self.declarer.withdraw(name, "git", parent)

    def _tell_defect(self, application: str, error: Exception) -> None:
        name = application.removeprefix(LANE)
        # Its words may hold a value of a Secret; the place is enough to mend it.
        told = type(error).__name__
        self.events.publish(name, "defect", told, traceback=traceback_of(error))

    def _handle(self, jobs: list[Job]) -> None:
        if jobs[0].application.startswith(LANE):
            self.follower.handle(jobs)
        else:
            self.reconciler.handle(jobs)

    # --- life ---------------------------------------------------------------------------------

    def start(self, *, all_read: bool = True) -> None:
        """Close what a crash left open, watch what is managed, look at everything once.

        Unless some declared file could not be read, what nothing declares any more is forgotten.
        """
        self._close_interrupted()
        self.declarer.restore()
        self.dispatcher.start()
        managed = {k for k in self.parts.inventory.kinds() if k.kind != "Application"}
        self.parts.actual.watch(managed, LIST_S)
        # From here on; what the lists have shown is judged once, by the survey.
        self.parts.actual.listen(self.reconciler.healer.on_changed)
        self._survey()
        self.deleter.recall()
        if all_read:
            self.declarer.tidy()
        self.declarer.awake = True
        for repo_url in self.parts.registry.repositories():
            self.follower.start(repo_url)
        self.reconciler.witnesses.after_start(self.deleter.resume)
        for delivery in self.parts.store.deliveries():
            self.follower.deliver(delivery)
        self._started.set()

    def _survey(self) -> None:
        """Judge what every application owns, as the cluster has it now."""
        newest, healer = self.parts.store.newest_revisions(), self.reconciler.healer
        for runtime in self.parts.registry.all():
            runtime.revision = newest.get(runtime.name)
            runtime.started = runtime.revision is not None
            try:
                self.parts.judge.survey(runtime)
                healer.explainer.notice(runtime)
                healer.schedule(runtime)
            except Exception as error:  # noqa: BLE001 - one application's objects must not keep the others from starting
                self._tell_defect(runtime.name, error)

    def _close_interrupted(self) -> None:
        message = "the service stopped before this revision ended"
        for revision in self.parts.store.open_revisions():
            self.parts.syncer.recorder.close(revision, RevisionState.INTERRUPTED, message)

    def stop(self, timeout_s: float = 20.0) -> bool:
        """Let running syncs end at their next safe point; False where one did not in time."""
        self.dispatcher.stopping.set()
        self.parts.actual.poke()
        ended = self.dispatcher.stop(timeout_s)
        self.edges.cluster.close()
        self.edges.store.close()
        return ended

    @property
    def ready(self) -> bool:
        """Whether start-up is over."""
        return self._started.is_set()

    def record_settings(self, settings: Mapping[str, Any]) -> None:
        """Record the settings that the service runs with, where they have changed; no secrets."""
        query = TrailQuery(kind=RecordKind.SETTINGS, limit=1)
        newest = next(iter(self.parts.store.trail(query)), None)
        if newest is None or newest.payload != settings:
            self.parts.store.append(RecordKind.SETTINGS, actor="gitops", payload=settings)

    # --- what people ask for ------------------------------------------------------------------

    def sync(self, name: str, options: SyncOptions, trigger: Trigger) -> int:
        """Ask for a sync; returns the ticket of the job."""
        return self._job(name, "sync", trigger, options)

    def rollback(self, name: str, options: RollbackOptions, trigger: Trigger) -> int:
        """Ask for a rollback; returns the ticket of the job."""
        return self._job(name, "rollback", trigger, options)

    def delete(self, name: str, options: DeleteOptions, trigger: Trigger) -> int:
        """Ask for a deletion; raises ConflictError where a file or Git declares it."""
        return self.deleter.ask(name, options, trigger, lambda: self.cancel(name, trigger))

    def undelete(self, name: str, options: UndeleteOptions, trigger: Trigger) -> int:
        """Ask for what a revision deleted; raises what stands in the way before anything is done.

        A deleted application is registered again as it was, and stays at what it gets back.
        """
        self.undeleter.choose(name, options)
        known = self.parts.registry.find(name)
        runtime = known or self.declarer.declare_again(name, trigger)
        options = replace(options, registered=known is None)
        ticket = self._job(name, UNDELETE, trigger, options)
        if known is None:
            self.declarer.wake(runtime, trigger)
        return ticket

    def act(self, name: str, wish: Wish, trigger: Trigger, *, wait: bool = True) -> int:
        """Ask for a resource action; raises what stands in the way before anything is done."""
        order = self.acting.check(name, wish, trigger)
        return self._job(name, ACTION, trigger, ActionOptions(order, wait))

    def _job(self, name: str, kind: str, trigger: Trigger, options: Any) -> int:
        self.parts.registry.get(name)
        return self.dispatcher.request(name, kind, trigger, options=options)

    def refresh(self, name: str, trigger: Trigger) -> int:
        """Look at Git and the cluster now; returns the ticket of the job."""
        sources = self.parts.registry.get(name).application.sources
        urls = sorted({source.repo_url for source in sources})
        return self.follower.look(Look(name, tuple(urls)), trigger)

    def approve(self, name: str, trigger: Trigger, asked: ApproveOptions | None = None) -> int:
        """Approve a plan as it is now (or the one that a digest names), and carry it out."""
        asked = asked or ApproveOptions()
        plan = self.reading.plan(name, selection=asked.selection, prune=asked.prune).plan
        current = plan_digest(plan)
        if asked.digest not in (None, current):
            raise ConflictError(
                "the plan has changed since it was shown",
                where=name,
                remedy=look_and_approve(name, asked.selection, prune=asked.prune),
            )
        waits = any(action.waits for action in plan.actions)
        runtime = self.parts.registry.get(name)
        drifts = bool(runtime.drifted) and drift_policy(runtime.application) is Drift.APPROVE
        drifts = drifts and asked.selection is None
        if not waits and not drifts:
            raise ConflictError("nothing is held", where=name, remedy="there is nothing to approve")
        if waits and asked.selection is None and asked.digest is None:
            refuse_a_part(name, self.parts.store.newest_revision(name, RevisionKind.SYNC))
        state = replace(self.parts.states.get(name), approved=current)
        chosen = {"plan": current, "selection": selection_to_wire(asked.selection)}
        self._record(RecordKind.APPROVE, trigger.actor, state, chosen)
        if state.deleting and asked.selection is None:
            going = DeleteOptions(state.deleting, approved=current)
            return self._job(name, DELETE, trigger, going)
        if not waits:
            return self._job(name, "heal", trigger, None)
        options = SyncOptions(None, asked.prune, asked.selection, current)
        return self._job(name, "sync", trigger, options)

    def unpin(self, name: str, trigger: Trigger) -> int:
        """Let Git decide again."""
        runtime = self.parts.registry.get(name)
        if self.parts.states.get(name).pin is None:
            raise ConflictError("the application is not pinned", where=name)
        self.reconciler.restorer.unpin(runtime, trigger.actor, "by hand")
        return self.dispatcher.request(name, REFRESH, trigger)

    def suspend(self, name: str, trigger: Trigger, *, suspended: bool) -> None:
        """Stop automatic syncs and heals, or let them go on."""
        self.parts.registry.get(name)
        state = self.parts.states.get(name)
        if state.suspended == suspended:
            return
        kind = RecordKind.SUSPEND if suspended else RecordKind.RESUME
        self._record(kind, trigger.actor, replace(state, suspended=suspended), {})
        self.events.publish(name, str(kind), f"{kind} by {trigger.actor}")
        if not suspended:
            self.dispatcher.request(name, CHECK, trigger)

    def cancel(self, name: str, trigger: Trigger) -> None:
        """End what runs for an application at its next safe point; raises ConflictError."""
        runtime = self.parts.registry.get(name)
        if not runtime.syncing:
            raise ConflictError(
                "nothing runs that could be cancelled",
                where=name,
                remedy=f"`gitops suspend {name}` keeps it from beginning something",
            )
        store = self.parts.store
        running = (r.number for r in store.open_revisions() if r.application == name)
        number = next(running, None)
        store.append(
            RecordKind.CANCEL, actor=trigger.actor, application=name, revision=number, payload={}
        )
        runtime.cancelled = trigger.actor
        self.parts.actual.poke()
        self.events.publish(name, "cancel", f"cancelled by {trigger.actor}", revision=number)

    def _record(
        self, kind: RecordKind, actor: str, state: ApplicationState, payload: Mapping[str, Any]
    ) -> None:
        self.parts.store.append(
            kind, actor=actor, application=state.name, payload=payload, state=state
        )
        self.parts.states.take(state)

    def refused(self, name: str | None, actor: str, what: str, error: GitopsError) -> None:
        """Record an attempt that was refused."""
        self.parts.store.append(
            RecordKind.REFUSED,
            actor=actor,
            application=name,
            payload={"what": what, "code": error.code, "message": error.message},
        )

    def webhook(self, delivery: Delivery, default_branch: str = "") -> Concerned | None:
        """Keep a delivery and act on it; None where it was seen before."""
        if not self.parts.store.deliver(delivery):
            return None
        return self.follower.deliver(delivery, default_branch)

    def poll(self, repo_url: str) -> None:
        """Look at one repository; called by the scheduler."""
        self.follower.poll(repo_url)

    def outcome_of(self, name: str, ticket: int, after: int, timeout_s: float) -> Event | None:
        """The `job-done` event of a ticket, waited for; None when it has not come in time."""
        deadline = self.edges.clock.monotonic() + timeout_s
        while True:
            left = deadline - self.edges.clock.monotonic()
            events = self.events.since(after, name, max(0.0, left))
            for event in events:
                if event.kind == "job-done" and event.data.get("ticket") == ticket:
                    return event
            if left <= 0:
                return None
            after = events[-1].sequence if events else after


def _assemble(
    edges: Edges, events: EventLog, dispatcher: Dispatcher, children: Callable[[Registry], Children]
) -> Parts:
    """Make one of each piece and join them."""
    inventory, registry = Inventory(edges.store), Registry()
    actual = Actual(edges.cluster, Verdicts(edges.checks, inventory, registry))
    states = States(edges.store)
    loader = DesiredLoader(edges.repositories, edges.renderer, edges.store, edges.cluster)
    documents = loader.documents
    masks = Masks(edges.store, inventory, (actual, documents), registry, edges.masking)
    events.veil = masks.event
    comparer = Comparer(
        edges.cluster, actual, inventory, edges.store, documents, (edges.comparing, masks)
    )
    judge = Judge(edges.cluster, actual, inventory, events)
    waiter = Waiter(actual, edges.clock)
    writer = Writer(edges.cluster, actual, waiter, children(registry))
    applier = Applier(writer, actual, waiter, edges.clock)
    copies = Copies(actual, documents)
    recorder = Recorder((edges.store, states, inventory, copies), events, edges.clock)
    syncer = Syncer(
        (comparer, judge, Obstacles(edges.cluster, actual)), applier, (recorder, inventory),
        (edges.clock, dispatcher.stopping),
    )  # fmt: skip
    return Parts(
        edges.store, edges.cluster, edges.repositories, edges.clock, events, registry, inventory,
        states, actual, loader, comparer, judge, masks, syncer, dispatcher,
    )  # fmt: skip
