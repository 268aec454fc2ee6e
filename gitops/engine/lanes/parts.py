"""What the rooms of the engine share: one of each, made once in `engine/service.py`."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace

from gitops.engine.facts.actual import Actual
from gitops.engine.facts.desired import DesiredLoader
from gitops.engine.facts.events import EventLog
from gitops.engine.facts.inventory import Inventory
from gitops.engine.facts.judging import Judge
from gitops.engine.facts.masks import Masks
from gitops.engine.facts.registry import Registry, Runtime
from gitops.engine.facts.states import States
from gitops.engine.lanes.dispatcher import Dispatcher
from gitops.engine.planning.compare import Comparer, Comparison, PlanRequest
from gitops.engine.planning.projects import Projects
from gitops.engine.syncing.apply import End
from gitops.engine.syncing.closing import Closing
from gitops.engine.syncing.request import SyncRequest, SyncResult
from gitops.engine.syncing.sync import Syncer
from gitops.model.application import Application
from gitops.model.revision import Trigger
from gitops.ports import Clock, Cluster, Repositories, Store


@dataclass(slots=True)
class Parts:
    """The engine's pieces; `dispatcher` is set last, since its handler needs the others."""

    store: Store
    cluster: Cluster
    repositories: Repositories
    clock: Clock
    events: EventLog
    registry: Registry
    inventory: Inventory
    states: States
    actual: Actual
    loader: DesiredLoader
    comparer: Comparer
    judge: Judge
    masks: Masks
    syncer: Syncer
    dispatcher: Dispatcher
    projects: Projects = field(default_factory=Projects)

    def run(self, runtime: Runtime, request: SyncRequest) -> SyncResult:
        """Run a sync; what the watch shows meanwhile is judged when it has ended.

        Whatever it is, somebody may cancel it.
        """

        def called_off() -> str:
            if runtime.cancelled:
                return End.CANCELLED
            return End.CLOSED if closing.has_closed() else request.called_off()

        closing = Closing(self.projects, request, self.clock)
        with self.at_work(runtime, request.trigger):
            watched = replace(
                request, called_off=called_off, cancelled_by=lambda: runtime.cancelled
            )
            return self.syncer.run(watched)

    def compare(self, request: PlanRequest) -> Comparison:
        """Make a plan, its dry-runs in the name of whoever would carry it out."""
        with self.in_name_of(request.application):
            return self.comparer.compare(request)

    def in_name_of(self, application: Application) -> AbstractContextManager[None]:
        """Around what is written of an application; raises ConflictError where nobody may."""
        user = self.projects.account(application)
        return nullcontext() if user is None else self.cluster.acting_as(user)

    @contextmanager
    def at_work(self, runtime: Runtime, trigger: Trigger) -> Iterator[None]:
        """Around what writes objects of an application: it can be cancelled meanwhile."""
        runtime.syncing, runtime.cause, runtime.cancelled = True, trigger, ""
        try:
            with self.in_name_of(runtime.application):
                yield
        finally:
            runtime.syncing, runtime.cause = False, None
            self.judge.survey(runtime)
