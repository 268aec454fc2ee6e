"""Projects come and go: from files and through the API. Whoever names one is looked at again.

Called by `engine/declaring/declaring.py`, which reads the texts, and by `engine/service.py`.
"""

from collections.abc import Callable

from gitops.core.projects.spec import parse_project
from gitops.engine.facts.registry import same_origin
from gitops.engine.lanes.following import CHECK
from gitops.engine.lanes.parts import Parts
from gitops.engine.planning.projects import Declared, in_use, key_of
from gitops.errors import ConflictError
from gitops.model.application import Origin
from gitops.model.objects import Manifest
from gitops.model.project import DEFAULT
from gitops.model.revision import Trigger, TriggerKind


class ProjectDeclarer:
    """Registers and withdraws projects; `awake` says whether applications are looked at yet."""

    def __init__(self, parts: Parts, awake: Callable[[], bool]) -> None:
        self._parts = parts
        self._awake = awake

    def accept(self, manifest: Manifest, origin: Origin) -> Declared:
        """Read a declaration; raises ApplicationError, ConflictError where it is another's."""
        project, warnings = parse_project(manifest)
        known = self._parts.projects.find(project.name)
        free = known is None or known.is_built_in
        if known is not None and not free and not same_origin(known.origin, origin):
            raise ConflictError(
                f'the project "{project.name}" is declared in {known.origin.where}',
                where=str(manifest.place or project.name),
                remedy="change it there, or choose another name",
            )
        return Declared(project, origin, warnings)

    def declare(self, declared: Declared, trigger: Trigger) -> None:
        """Take in a new or changed declaration; raises ConflictError."""
        if self._parts.projects.declare(declared):
            self._wake(declared.project.name, trigger)

    def load(self, manifest: Manifest, place: str) -> str:
        """Declare a project of a file; returns its key. Raises ApplicationError, ConflictError."""
        declared = self.accept(manifest, Origin("file", place))
        self.declare(declared, Trigger(TriggerKind.POLL, evidence=f"declared in {place}"))
        return key_of(declared.project.name)

    def withdraw(self, name: str, where: str) -> None:
        """A file declares it no more."""
        known = self._parts.projects.find(name)
        if known is not None and known.origin.kind == "file" and not known.is_built_in:
            self._parts.projects.remove(name)
            self._wake(name, Trigger(TriggerKind.POLL, evidence=f"removed from {where}"))

    def delete(self, name: str, trigger: Trigger) -> None:
        """Drop what the API registered; raises ConflictError where it is another's, or in use."""
        known = self._parts.projects.get(name)
        if known.is_built_in or known.origin.kind != "api":
            raise ConflictError(
                f'the project "{name}" is declared in {known.origin.where}',
                where=name,
                remedy="it cannot be removed" if known.is_built_in else "remove it there",
            )
        users = [r.name for r in self._parts.registry.all() if r.application.project == name]
        if users and name != DEFAULT:
            raise in_use(name, users)
        self._parts.store.unregister(key_of(name), trigger.actor)
        self._parts.projects.remove(name)
        self._wake(name, trigger)

    def _wake(self, name: str, trigger: Trigger) -> None:
        """Look at every application of a project again."""
        if not self._awake():
            return
        for runtime in self._parts.registry.all():
            if runtime.application.project == name:
                self._parts.dispatcher.request(runtime.name, CHECK, trigger)
