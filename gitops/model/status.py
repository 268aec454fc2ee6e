"""How an application stands: what lists and pages show of it."""

from dataclasses import dataclass
from datetime import datetime

from gitops.model.application import Application, Origin
from gitops.model.health import Health
from gitops.model.objects import ObjectId
from gitops.model.project import SyncWindow
from gitops.model.revision import Commit, Pin


@dataclass(frozen=True, slots=True)
class ObjectStatus:
    """One object that an application owns."""

    id: ObjectId
    api_version: str
    sync: str
    health: Health
    message: str = ""


@dataclass(frozen=True, slots=True)
class WindowStatus:
    """One sync window; `until` is its end where it is active, else its next begin, or None."""

    window: SyncWindow
    active: bool
    until: datetime | None


@dataclass(frozen=True, slots=True)
class WindowsStatus:
    """The sync windows that an application has, and what they come to at a moment.

    `open` says whether syncs are made by themselves, `manual_sync` whether one that somebody asks
    for is let through; `until` is when `open` changes, None where it does not.
    """

    open: bool
    manual_sync: bool
    until: datetime | None
    windows: tuple[WindowStatus, ...]


@dataclass(frozen=True, slots=True)
class ApplicationStatus:
    """One application; `held_back` is the commit that a pin or a failed attempt keeps away.

    `windows` is None where no sync window is for it, and in lists.
    """

    application: Application
    origin: Origin
    sync: str
    health: Health
    message: str
    commit: Commit | None
    revision: int | None
    pin: Pin | None
    suspended: bool
    held_back: Commit | None
    waiting_for: tuple[str, ...]
    warnings: tuple[str, ...]
    busy: bool
    objects: tuple[ObjectStatus, ...] = ()
    windows: WindowsStatus | None = None
