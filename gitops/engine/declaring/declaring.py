"""Declarations come and go: from the API, from files, and from applications of applications."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from gitops.core.application.spec import read_application
from gitops.core.manifests.parse import parse
from gitops.core.projects.spec import is_project
from gitops.engine.declaring.declaring_projects import ProjectDeclarer
from gitops.engine.declaring.deleting import DELETE, DeleteOptions
from gitops.engine.facts.registry import Runtime, same_origin
from gitops.engine.lanes.following import LANE
from gitops.engine.lanes.parts import Parts
from gitops.engine.planning.projects import key_of, name_in
from gitops.errors import ApplicationError, ConflictError, GitopsError, NotFoundError
from gitops.model.application import Application, Origin
from gitops.model.objects import Manifest
from gitops.model.revision import RecordKind, Trigger, TriggerKind
from gitops.ports import TrailQuery

API: Final = Origin("api", "the API")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a file declared: names (keys of projects too), and what is wrong with the rest of it."""

    names: frozenset[str]
    errors: tuple[GitopsError, ...] = ()


class Declarer:
    """Registers and withdraws applications, and wakes them."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.projects = ProjectDeclarer(parts, lambda: self.awake)
        self._unread: set[str] = set()
        """Applications whose declaration is kept and could not be understood."""
        self._leaving: list[tuple[str, Trigger]] = []
        """Withdrawn, with what they run; their deletion has not been asked for yet."""
        self.awake = False
        self.wanted_again: Callable[[Sequence[str]], None] = lambda _names: None
        """Told what something depended on whose deletion is called off."""

    def declare(
        self,
        application: Application,
        origin: Origin,
        warnings: tuple[str, ...],
        trigger: Trigger,
    ) -> Runtime:
        """Take in a new or changed declaration and look at it; raises ConflictError.

        `trigger` is what brought it: the first sync is by it.
        """
        known = self._parts.registry.find(application.name)
        same = known is not None and known.application == application
        runtime = self._parts.registry.declare(application, origin, warnings)
        state = self._parts.states.get(application.name)
        if state.deleting:
            same = False
            self._parts.states.call_off_deletion(application.name)
            self.wanted_again(state.depends_on)
        if not same:
            if known is not None or not self._is_kept(application.name):
                told = f"declared by {origin.kind}"
                self._parts.events.publish(application.name, "registered", told)
            self.wake(runtime, trigger)
        return runtime

    def _is_kept(self, name: str) -> bool:
        """Whether a start finds again what was declared before: that is no news."""
        return not self.awake and self._parts.states.is_kept(name)

    def wake(self, runtime: Runtime, trigger: Trigger) -> None:
        """Look at its repositories, since what it needs may be newer than the last look.

        Before start-up is over nothing is woken: start-up looks at everything.
        """
        if not self.awake:
            return
        runtime.declared = trigger
        for repo_url in sorted({source.repo_url for source in runtime.application.sources}):
            self._parts.dispatcher.request(
                LANE + repo_url, "declared", trigger, options=runtime.name
            )

    def create(self, text: str, where: str, actor: str) -> list[str]:
        """Register what a text declares through the API; all of it or nothing.

        Returns names of applications, and keys of projects (`name_in`).
        """
        manifests = self.read(text, where)
        trigger = Trigger(TriggerKind.MANUAL, actor, f"created from {where}")
        projects = [(m, self.projects.accept(m, API)) for m in manifests if is_project(m)]
        accepted = [(m, *self._accept(m, API)) for m in manifests if not is_project(m)]
        for manifest, declared in projects:
            self._parts.store.register(key_of(declared.project.name), dump(manifest), actor)
            self.projects.declare(declared, trigger)
        for manifest, application, warnings in accepted:
            self._parts.store.register(application.name, dump(manifest), actor)
            self.declare(application, API, warnings, trigger)
        keys = [key_of(declared.project.name) for _, declared in projects]
        return [*keys, *(application.name for _, application, _ in accepted)]

    def declare_again(self, name: str, trigger: Trigger) -> Runtime:
        """Register a deleted application as it was before; raises NotFoundError.

        What files and Git declare is theirs to declare again.
        """
        query = TrailQuery(application=name, kind=RecordKind.UNREGISTERED, limit=1)
        record = next(iter(self._parts.store.trail(query)), None)
        address = record.payload.get("text") if record else None
        if address is None:
            where = record.payload.get("declared") if record else None
            raise NotFoundError(
                f'there is no application "{name}"'
                + (f", it was declared in {where}" * bool(where)),
                remedy="declare it again first",
            )
        text = self._parts.store.get(address).decode("utf-8")
        application, warnings = understand(self.read(text, name)[0])
        runtime = self._parts.registry.declare(application, API, warnings)
        self._parts.store.register(name, text, trigger.actor)
        self._parts.events.publish(name, "registered", "declared by api")
        return runtime

    def _accept(self, manifest: Manifest, origin: Origin) -> tuple[Application, tuple[str, ...]]:
        application, warnings = understand(manifest)
        known = self._parts.registry.find(application.name)
        if self._parts.states.get(application.name).deleting:
            raise ConflictError(
                f'"{application.name}" is being deleted',
                where=str(manifest.place or application.name),
                remedy=f"`gitops delete {application.name}` goes on with that; register it then",
            )
        if known is not None and not same_origin(known.origin, origin):
            raise ConflictError(
                f'"{application.name}" is declared in {known.origin.where}',
                where=str(manifest.place or application.name),
                remedy="change it there, or choose another name",
            )
        return application, warnings

    def read(self, text: str, where: str) -> Sequence[Manifest]:
        """The manifests of a text; raises ApplicationError that names every fault."""
        parsed = parse(text, where)
        if parsed.faults:
            first, *rest = parsed.faults
            others = [f"{f.place}: {f.message}" if f.place else f.message for f in rest]
            told = "; ".join([first.message, *others])
            raise ApplicationError(told, where=str(first.place or where))
        if not parsed.manifests:
            raise ApplicationError("there is no Application in it", where=where)
        return parsed.manifests

    def load_file(self, text: str, where: str) -> Loaded:
        """Declare the Applications of a file; what is wrong with one of them stops no other."""
        parsed = parse(text, where)
        faults = [
            ApplicationError(fault.message, where=str(fault.place or where))
            for fault in parsed.faults
        ]
        names, errors = set(), list[GitopsError](faults)
        for manifest in parsed.manifests:
            try:
                names.add(self._load(manifest, str(manifest.place or where)))
            except GitopsError as error:
                errors.append(error)
        if not names and not errors:
            errors.append(ApplicationError("there is no Application in it", where=where))
        return Loaded(frozenset(names), tuple(errors))

    def _load(self, manifest: Manifest, place: str) -> str:
        if is_project(manifest):
            return self.projects.load(manifest, place)
        application, warnings = understand(manifest)
        trigger = Trigger(TriggerKind.POLL, evidence=f"declared in {place}")
        self.declare(application, Origin("file", place), warnings, trigger)
        return application.name

    def restore(self) -> None:
        """Declare again what the API registered and what applications of applications hold."""
        for name, text in sorted(self._parts.store.registered().items()):
            self._restore_registered(name, text)
        for claim in self._parts.inventory.children():
            if not claim.manifest:
                continue
            for manifest in self._parts.loader.documents.load(claim.manifest):
                if manifest.id == claim.id:
                    self._restore_child(manifest, claim.application)

    def _restore_registered(self, name: str, text: str) -> None:
        try:
            for manifest in self.read(text, name):
                if is_project(manifest):
                    self._parts.projects.declare(self.projects.accept(manifest, API))
                    continue
                application, warnings = understand(manifest)
                self._parts.registry.declare(application, API, warnings)
        except GitopsError as error:
            self._unread.add(name)
            self._parts.events.publish(name, "problem", str(error), code=error.code)

    def _restore_child(self, manifest: Manifest, parent: str) -> None:
        try:
            application, warnings = understand(manifest)
            self._parts.registry.declare(application, Origin("git", parent), warnings)
        except GitopsError as error:
            self._unread.add(manifest.id.name)
            self._parts.events.publish(parent, "problem", str(error), code=error.code)

    def withdraw(self, name: str, kind: str, where: str) -> None:
        """A declaration is gone: delete what it runs where it says so, else forget it."""
        project = name_in(name)
        if project is not None:
            self.projects.withdraw(project, where)
        runtime = self._parts.registry.find(name)
        if runtime is None or runtime.origin.kind != kind:
            return
        if kind == "git" and runtime.origin.where != where:
            return
        if not runtime.application.finalize:
            self.forget(runtime, "")
            return
        trigger = Trigger(TriggerKind.MANUAL, "gitops", f"removed from {where}")
        self._parts.states.begin_deletion(runtime.application, "cascade")
        runtime.leaving = True
        self._leaving.append((name, trigger))
        if kind != "file":
            self.let_go()

    def let_go(self) -> None:
        """Delete what was withdrawn: of files once all are read, since one may take it over."""
        while self._leaving:
            name, trigger = self._leaving.pop(0)
            options = DeleteOptions(asked=False)
            self._parts.dispatcher.request(name, DELETE, trigger, options=options)

    def forget(self, runtime: Runtime, actor: str) -> None:
        """Drop an application: its claims are given back, its revisions and objects stay.

        So are its children, which it alone declares; what is being deleted goes on by itself.
        """
        name = runtime.name
        for child in self._parts.registry.all():
            ours = child.origin == Origin("git", name)
            if ours and not self._parts.states.get(child.name).deleting:
                self.forget(child, actor)
        claims = [claim.id for claim in self._parts.inventory.of(name)]
        self._parts.inventory.release(name, claims)
        if runtime.origin.kind == "api":
            self._parts.store.unregister(name, actor or "gitops")
        else:
            left = [identity.title for identity in claims]
            payload = {"declared": runtime.origin.where, "left": left}
            self._parts.store.append(
                RecordKind.UNREGISTERED, actor=actor or "gitops", application=name, payload=payload
            )
        self._parts.registry.remove(name)
        self._parts.states.forget(name)
        self._parts.masks.forget(name)
        self._parts.events.publish(name, "unregistered", "no longer declared")

    def tidy(self) -> None:
        """Forget what was declared before and is no more, once every declaration is read.

        What it runs goes on running, as where such a declaration goes while the service runs:
        whether it had a finalizer is not known any more.
        """
        known = {runtime.name for runtime in self._parts.registry.all()} | self._unread
        kept = {state.name for state in self._parts.states.all()}
        for name in sorted((kept | self._parts.inventory.owners()) - known):
            gone = Runtime(Application(name, sources=()), Origin("file", "what is gone"))
            self.forget(gone, "")


def understand(manifest: Manifest) -> tuple[Application, tuple[str, ...]]:
    """The application that a manifest declares, with warnings; raises ApplicationError."""
    result = read_application(manifest)
    if result.application is None:
        faults = "; ".join(fault.message for fault in result.faults)
        raise ApplicationError(faults, where=str(manifest.place or manifest.id.title))
    return result.application, tuple(w.message for w in result.warnings)


def dump(manifest: Manifest) -> str:
    """A manifest as text that `read` reads back: JSON is YAML."""
    return json.dumps(manifest.body)
