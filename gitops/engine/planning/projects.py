"""Which projects there are, and what they allow: asked before anything is looked at or planned.

Declared from files and through the API by `engine/declaring/declaring.py`. The project `default`
exists and allows everything unless it is declared.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gitops.core.planning.guards import Refused
from gitops.core.planning.permitting import NOT_PERMITTED, permit, permit_child
from gitops.core.projects.limits import account_of, faults_of, refusal
from gitops.engine.planning.subjects import Gathered
from gitops.errors import ConflictError, NotFoundError
from gitops.model.application import Application, Origin
from gitops.model.objects import Manifest, ObjectId
from gitops.model.plan import Fault
from gitops.model.project import DEFAULT, UNLIMITED, Project

KEY: Final = "AppProject/"
"""What stands before a project's name where names of applications are kept too."""


@dataclass(frozen=True, slots=True)
class Declared:
    """One project, where it was declared, and what of it has no effect."""

    project: Project
    origin: Origin
    warnings: tuple[str, ...] = ()

    @property
    def is_built_in(self) -> bool:
        """Whether nobody declared it: the `default` that allows everything."""
        return self is BUILT_IN


BUILT_IN: Final = Declared(UNLIMITED, Origin("api", "gitops itself"))


class Projects:
    """Declared projects by name; safe from any thread."""

    def __init__(self) -> None:
        self.impersonates = False
        """Whether objects are written in the name of ServiceAccounts that projects give."""
        self._declared: dict[str, Declared] = {}
        self._lock = threading.Lock()

    def declare(self, new: Declared) -> bool:
        """Take a declaration in; whether it changes anything."""
        name = new.project.name
        known = self.find(name)
        with self._lock:
            self._declared[name] = new
        return known is None or known.project != new.project

    def remove(self, name: str) -> Declared | None:
        """Drop a declaration; returns what was declared."""
        with self._lock:
            return self._declared.pop(name, None)

    def find(self, name: str) -> Declared | None:
        """One project, or None."""
        with self._lock:
            return self._declared.get(name) or (BUILT_IN if name == DEFAULT else None)

    def get(self, name: str) -> Declared:
        """One project; raises NotFoundError."""
        found = self.find(name)
        if found is None:
            raise NotFoundError(
                f'the project "{name}" does not exist',
                remedy="declare it, or name another; `gitops project list` shows those there are",
            )
        return found

    def all(self) -> list[Declared]:
        """Every project, by name; `default` is always one of them."""
        with self._lock:
            known = {DEFAULT: BUILT_IN, **self._declared}
        return [known[name] for name in sorted(known)]

    def of(self, application: Application) -> Project:
        """An application's project; raises ConflictError where it does not exist."""
        found = self.find(application.project)
        if found is None:
            raise ConflictError(
                f'the project "{application.project}" does not exist',
                where=application.name,
                remedy="declare it, or name another one in spec.project",
            )
        return found.project

    def allow(self, application: Application, *identities: ObjectId) -> None:
        """Whether objects may be written beside a plan; raises ConflictError."""
        project = self.of(application)
        reasons = [refusal(project, application, identity) for identity in identities]
        if any(reasons):
            raise ConflictError(next(filter(None, reasons)), where=application.name)

    def check(self, application: Application) -> Project:
        """Its project, which allows its sources and destination; raises ConflictError."""
        project = self.of(application)
        faults = list(faults_of(application, project))
        if faults:
            raise ConflictError(
                "; ".join(faults), where=application.name, remedy="change one or the other"
            )
        self.account(application)
        return project

    def account(self, application: Application) -> str | None:
        """The user in whose name an application's objects are written; None is the service itself.

        Raises ConflictError where there has to be one and is none.
        """
        if not self.impersonates:
            return None
        project, destination = self.of(application), application.destination
        account = account_of(project, destination)
        if account is None:
            where = f"the namespace {destination.namespace}" if destination.namespace else "it"
            raise ConflictError(
                f'the project "{project.name}" gives no ServiceAccount to write {where} with',
                where=application.name,
                remedy="add one to its destinationServiceAccounts",
            )
        return account


def refuse(gathered: Gathered, application: Application, project: Project) -> None:
    """Make faults of what a project does not allow, and ask the cluster nothing about it."""
    subjects, actions = [], []
    for subject in gathered.subjects:
        verdict = (
            permit_child(project, subject.manifest)
            if subject.child
            else permit(application, project, subject.manifest)
        )
        if isinstance(verdict, Refused):
            gathered.faults.append(_fault(subject.manifest, verdict))
        else:
            subjects.append(subject)
    for action in gathered.actions:
        manifest = action.desired or Manifest(action.id, {})
        verdict = permit(application, project, manifest)
        if isinstance(verdict, Refused):
            gathered.faults.append(_fault(manifest, verdict))
        else:
            actions.append(action)
    gathered.subjects, gathered.actions = subjects, actions


def _fault(manifest: Manifest, verdict: Refused) -> Fault:
    message = f"{manifest.id.title}: {verdict.reason}"
    return Fault(NOT_PERMITTED, message, manifest.id, manifest.place)


def key_of(name: str) -> str:
    """The name under which a project is kept beside applications."""
    return KEY + name


def name_in(key: str) -> str | None:
    """The project's name in such a key; None for an application's name."""
    return key.removeprefix(KEY) if key.startswith(KEY) else None


def in_use(name: str, applications: Sequence[str]) -> ConflictError:
    """The error for removing a project that applications name."""
    more = f" and {len(applications) - 1} more" if len(applications) > 1 else ""
    return ConflictError(
        f'the project "{name}" is that of {applications[0]}{more}',
        where=name,
        remedy="give them another project, or delete them first",
    )
