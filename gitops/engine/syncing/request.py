"""What a sync is asked for, and what comes of it: the values between the syncer and its callers."""

from collections.abc import Callable
from dataclasses import dataclass, field

from gitops.engine.planning.compare import PlanRequest
from gitops.engine.syncing.apply import End
from gitops.model.plan import Plan
from gitops.model.revision import Commit, Revision, RevisionKind, Trigger
from gitops.ports import ApplicationState


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
    newer: Callable[[], bool] = field(default=lambda: False)
    """Whether Git has gone on since: what a retry may move to."""
    cancelled_by: Callable[[], str] = field(default=lambda: "")
    """Who has cancelled it, or ""."""
    wait_for_health: bool = True
    join: Revision | None = None
    """A closed heal of the same objects that this one joins."""
    seen: Callable[[Plan, int], None] = field(default=lambda _plan, _number: None)
    """What is kept of the plan beside the revision of this number, in the same transaction."""
    remark: Callable[[Plan], str] = field(default=lambda _plan: "")
    """What to add to a heal's message, by its plan."""
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
