"""Revisions, their outcomes, and the trail that they are a projection of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from gitops.model.health import HealthStatus
from gitops.model.objects import ObjectId


class RevisionKind(StrEnum):
    """What a revision records."""

    SYNC = "sync"
    HEAL = "heal"
    ROLLBACK = "rollback"
    DELETE = "delete"
    UNDELETE = "undelete"
    ACTION = "action"
    TRANSFER = "transfer"


class RevisionState(StrEnum):
    """How a revision stands or ended."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    HELD = "held"
    SUPERSEDED = "superseded"
    INTERRUPTED = "interrupted"


class OutcomeKind(StrEnum):
    """How one object's action ended."""

    CREATED = "created"
    ADOPTED = "adopted"
    CONFIGURED = "configured"
    REPLACED = "replaced"
    UNCHANGED = "unchanged"
    DELETED = "deleted"
    FAILED = "failed"
    SKIPPED = "skipped"
    HELD = "held"


class TriggerKind(StrEnum):
    """What caused a sync."""

    POLL = "poll"
    WEBHOOK = "webhook"
    MANUAL = "manual"
    DRIFT = "drift"
    HEALTH = "health"
    DEPENDENCY = "dependency"
    SCHEDULE = "schedule"
    STARTUP = "startup"


@dataclass(frozen=True, slots=True)
class Trigger:
    """What caused a sync, who did, and the evidence (a delivery id, a client address, a field)."""

    kind: TriggerKind
    actor: str = "gitops"
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Commit:
    """A Git commit; `signature` is git's `%G?` letter: "E" signed and not checked, "N" for none."""

    sha: str
    author: str = ""
    message: str = ""
    authored_at: datetime | None = None
    signature: str = "N"

    @property
    def short(self) -> str:
        """The first eight digits."""
        return self.sha[:8]

    @property
    def subject(self) -> str:
        """The first line of the message."""
        return self.message.split("\n", 1)[0]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one object's action ended; `action` is the planned action's name."""

    id: ObjectId
    action: str
    outcome: OutcomeKind
    message: str = ""
    phase: str = "Sync"
    wave: int = 0
    changes: tuple[str, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """`changes`, with the object's title where they do not name it."""
        name, title = self.id.name, self.id.title
        return tuple(c if name in c else f"{title}: {c}" for c in self.changes)


@dataclass(frozen=True, slots=True)
class Selection:
    """What somebody wrote to sync only a part: `group:Kind:namespace/name`, and label selectors.

    A resource that begins with `!` is left out.
    """

    resources: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Revision:
    """One attempt to bring one application somewhere, from its opening to its close.

    `source` is the number of the revision that a rollback restored, or whose deletions an undelete
    took back; `manifests`, `diff` and `live` (live copies of what is deleted or replaced) are
    addresses in the content store (None where there is nothing); `healthy` says that all actions
    succeeded and the application was Healthy or Suspended before its deadline. `count` counts
    repeats that joined (heals, and attempts that failed by what still stood in the way);
    `attempts` counts tries within (retries). `partial` says that it was not for all objects, and
    `selection` which ones somebody chose.
    """

    application: str
    number: int
    kind: RevisionKind
    trigger: Trigger
    state: RevisionState
    started_at: datetime
    digest: str = ""
    commit: Commit | None = None
    summary: Mapping[str, int] = field(default_factory=dict)
    outcomes: tuple[Outcome, ...] = ()
    health: HealthStatus | None = None
    healthy: bool = False
    message: str = ""
    finished_at: datetime | None = None
    source: int | None = None
    partial: bool = False
    manifests: str | None = None
    diff: str | None = None
    attempts: int = 1
    count: int = 1
    live: str | None = None
    selection: Selection | None = None


class RecordKind(StrEnum):
    """What the trail records."""

    REVISION_OPENED = "revision-opened"
    OUTCOMES = "outcomes"
    REVISION_CLOSED = "revision-closed"
    PIN = "pin"
    UNPIN = "unpin"
    APPROVE = "approve"
    SUSPEND = "suspend"
    RESUME = "resume"
    CANCEL = "cancel"
    SETTINGS = "settings"
    REGISTERED = "registered"
    UNREGISTERED = "unregistered"
    REFUSED = "refused"
    DRIFT = "drift"
    WEBHOOK = "webhook"
    MASK_RULES = "mask-rules"
    KEY_ROTATED = "key-rotated"
    TRANSFER = "transfer"


@dataclass(frozen=True, slots=True)
class TrailRecord:
    """One link of the chain.

    `mac` is the HMAC over every other field and the previous record's mac; sequence numbers
    start at 1 and have no gaps.
    """

    sequence: int
    at: datetime
    kind: RecordKind
    application: str | None
    revision: int | None
    actor: str
    payload: Mapping[str, Any]
    previous: str
    mac: str


@dataclass(frozen=True, slots=True)
class Pin:
    """An application stays at `revision` until the desired digest is no longer `digest`.

    `digest` is the desired digest that the pin holds back (None: whatever Git holds now, kept
    until `unpin`); `automatic` says that a failed sync made it.
    """

    revision: int
    actor: str
    at: datetime
    digest: str | None
    reason: str = ""
    automatic: bool = False
