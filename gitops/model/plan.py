"""A plan: every action of a sync in the order in which it will be made, with its reason."""

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

from gitops.model.diff import ActionKind, Diff
from gitops.model.objects import Manifest, ObjectId, Place

BEFORE_ALL = -(2**31)
"""The wave before every other: the namespace that CreateNamespace=true asks for."""


class Phase(IntEnum):
    """Phases in the order in which they run; SYNC_FAIL only after a failure.

    A deletion runs PRE_DELETE, its deletions as SYNC, and POST_DELETE.
    """

    PRE_DELETE = -1
    PRE_SYNC = 0
    SYNC = 1
    POST_SYNC = 2
    SYNC_FAIL = 3
    POST_DELETE = 5

    @property
    def title(self) -> str:
        """As the annotations write it: `PreSync`."""
        return "".join(part.capitalize() for part in self.name.split("_"))


class DeletePolicy(StrEnum):
    """When a hook's object is removed; BeforeHookCreation is the default."""

    BEFORE_HOOK_CREATION = "BeforeHookCreation"
    HOOK_SUCCEEDED = "HookSucceeded"
    HOOK_FAILED = "HookFailed"


class Found(StrEnum):
    """By which way a result was found; there is no silent fallback."""

    REMEMBERED = "remembered"
    LOCAL = "local"
    DRY_RUN = "dry-run"
    DEFERRED = "deferred"
    """Rests on something that the same plan makes: dry-run at the start of its wave."""


class Hold(StrEnum):
    """Why an action is not carried out: `Action.held` says it in a sentence."""

    APPROVAL = "approval"
    """It waits until somebody approves the plan."""
    REFUSED = "refused"
    """It must not be made; no approval helps."""
    SKIPPED = "skipped"
    """It is left out on purpose (pruning is off); nothing waits for it."""


@dataclass(frozen=True, slots=True)
class Hook:
    """A hook's phases (one object may run in several) and delete policies.

    `on_rollback` says that it runs in an automatic rollback, too.
    """

    phases: tuple[Phase, ...]
    delete_policies: tuple[DeletePolicy, ...] = (DeletePolicy.BEFORE_HOOK_CREATION,)
    on_rollback: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with one manifest; `code` is a stable word.

    `id` is None where the text could not be read far enough to name an object.
    """

    code: str
    message: str
    id: ObjectId | None = None
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """What will happen to one object, in which phase and wave, and why.

    `desired` is None for a deletion; `uid` and `resource_version` are those of the live object
    that the plan was made against (None when there was none). `removals` are the JSON patch that
    removes what apply cannot, because we are not the sole owner. `held` is the reason why the
    action waits for approval or is refused, or None.
    """

    kind: ActionKind
    id: ObjectId
    api_version: str
    wave: int = 0
    phase: Phase = Phase.SYNC
    reason: str = ""
    held: str | None = None
    diff: Diff | None = None
    desired: Manifest | None = None
    uid: str | None = None
    resource_version: str | None = None
    hook: Hook | None = None
    found: Found = Found.LOCAL
    removals: tuple[dict[str, Any], ...] = ()
    take_over: tuple[dict[str, Any], ...] = ()
    """JSON patch of metadata.managedFields (and the kubectl annotation), once, at adoption."""
    last_applied: Any = None
    """Where no dry-run could tell the removals (adoptions, deferred changes), what was applied last
    (`core.owners.LastApplied`): what apply then leaves of it is removed by a patch of its own."""
    comparing: Any = None
    """Beside `last_applied`, how the object is compared (`core.ignore.DiffOptions`)."""
    keep_replicas: bool = False
    """Apply the live `spec.replicas` under a second manager first (an autoscaler takes over)."""
    options: frozenset[str] = frozenset()
    """Sync options of the object: `Replace=true`, `Force=true`, `Prune=false` …"""
    digest: str = ""
    """The digest of the manifest as it is desired, of which `desired` may be less; "" for none."""
    hold: Hold | None = None
    """The sort of `held`; None where nothing is held."""

    @property
    def changes_cluster(self) -> bool:
        """Whether carrying it out writes."""
        return self.kind is not ActionKind.NONE and self.held is None

    @property
    def waits(self) -> bool:
        """Whether an approval would let it be carried out."""
        return self.held is not None and self.hold in {None, Hold.APPROVAL}


@dataclass(frozen=True, slots=True)
class Plan:
    """Actions in execution order for one application at one commit.

    `digest` is the digest of desired; `faults` make the whole plan refused (all-or-nothing);
    `warnings` are sentences for people (`existing pods keep the old image until replaced`).
    """

    application: str
    digest: str
    actions: tuple[Action, ...]
    commit: str | None = None
    faults: tuple[Fault, ...] = ()
    warnings: tuple[str, ...] = field(default=())

    @property
    def pending(self) -> tuple[Action, ...]:
        """The actions that are not `none`, held ones included."""
        return tuple(a for a in self.actions if a.kind is not ActionKind.NONE)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.pending and not self.faults
