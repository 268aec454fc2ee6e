"""How an application stands: what lists and pages show of it."""

from dataclasses import dataclass

from gitops.model.application import Application, Origin
from gitops.model.health import Health
from gitops.model.objects import ObjectId
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
class ApplicationStatus:
    """One application; `held_back` is the commit that a pin or a failed attempt keeps away."""

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
