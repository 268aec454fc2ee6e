"""Whether a sync window has closed while a sync runs: then the rest waits for the next one.

Asked by `engine/lanes/parts.py` at every safe point of a sync.
"""

from gitops.core.projects.windows import Closed, judge
from gitops.engine.planning.projects import Projects
from gitops.engine.syncing.request import SyncRequest
from gitops.model.revision import RevisionKind, TriggerKind
from gitops.ports import Clock


class Closing:
    """One sync that began while it was allowed to.

    A deletion waits for no window; nor does a rollback that a failed sync brings about: it is the
    end of what was allowed, and the way back to what ran.
    """

    def __init__(self, projects: Projects, request: SyncRequest, clock: Clock) -> None:
        self._application = request.plan.application
        self._projects, self._clock = projects, clock
        self._began = clock.now()
        self._manual = request.trigger.kind is TriggerKind.MANUAL
        rolls_back = request.kind is RevisionKind.ROLLBACK and not self._manual
        self._exempt = rolls_back or request.kind is RevisionKind.DELETE

    def has_closed(self) -> bool:
        """Whether it must not go on."""
        declared = self._projects.find(self._application.project)
        if self._exempt or declared is None or not declared.project.sync_windows:
            return False
        verdict = judge(
            declared.project,
            self._application,
            self._clock.now(),
            manual=self._manual,
            started=self._began,
        )
        return isinstance(verdict, Closed)
