"""What people look at: plans, revisions, differences. Changes nothing."""

from collections.abc import Iterator
from dataclasses import replace

from gitops.core.diff.diff import diff
from gitops.core.manifests.normalize import canonical
from gitops.core.ownership.owners import LastApplied
from gitops.engine.declaring.deleting import planned, preview
from gitops.engine.lanes.parts import Parts
from gitops.engine.planning.compare import Comparison, PlanRequest
from gitops.engine.planning.narrowing import narrow
from gitops.engine.planning.sentences import tell_faults
from gitops.engine.standing.status import describe
from gitops.errors import InputError, NotFoundError, SourceError
from gitops.model.application import Application
from gitops.model.diff import ActionKind, Diff
from gitops.model.objects import Body, Manifest, ObjectId
from gitops.model.revision import Revision, Selection, TrailRecord
from gitops.model.status import ApplicationStatus
from gitops.ports import ApplicationState, DeletionMode, TrailQuery, Verdict


class Reading:
    """Answers from memory, the store and dry-runs."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def statuses(self) -> list[ApplicationStatus]:
        """Every application, by name."""
        return [describe(self._parts, runtime) for runtime in self._parts.registry.all()]

    def status(self, name: str) -> ApplicationStatus:
        """One application with its objects; raises NotFoundError."""
        return describe(self._parts, self._parts.registry.get(name), objects=True)

    def plan(
        self,
        name: str,
        commit: str | None = None,
        *,
        selection: Selection | None = None,
        prune: bool = False,
    ) -> Comparison:
        """What a sync would do now, or the deletion that has begun; raises what is in the way.

        `selection` and `prune` are those of `SyncOptions`.
        """
        application = self._parts.registry.get(name).application
        state = self._parts.states.get(name)
        if state.deleting:
            return planned(self._parts, application, state.deleting)
        warnings = self._look(application)
        request = self._request(application, state, commit)
        request = narrow(request, selection, self._owned(name), prune=prune)
        return _warned(self._parts.compare(request), warnings)

    def deletion(self, name: str, mode: DeletionMode) -> Comparison:
        """What a deletion would do now, in its order, and what it would leave and why."""
        return preview(self._parts, name, mode)

    def select(
        self, name: str, selection: Selection, commit: str | None = None
    ) -> frozenset[ObjectId]:
        """What a selective sync would be for now; raises InputError, NotFoundError."""
        application = self._parts.registry.get(name).application
        self._look(application)
        request = self._request(application, self._parts.states.get(name), commit)
        return narrow(request, selection, self._owned(name), prune=False).only or frozenset()

    def _owned(self, name: str) -> set[ObjectId]:
        return {claim.id for claim in self._parts.inventory.of(name)}

    def plan_of(self, application: Application, commit: str | None = None) -> Comparison:
        """What a sync of an application would do that need not be registered."""
        warnings = self._look(application)
        request = self._request(application, self._parts.states.get(application.name), commit)
        return _warned(self._parts.compare(request), warnings)

    def _look(self, application: Application) -> tuple[str, ...]:
        """Bring mirrors up to date; a server that does not answer is a warning if one is known."""
        self._parts.projects.check(application)
        repositories = self._parts.repositories
        warnings = []
        for url in sorted({source.repo_url for source in application.sources}):
            known = repositories.known(url)
            try:
                if not known or dict(repositories.poll(url)) != dict(known):
                    repositories.fetch(url)
            except SourceError as error:
                if not known:
                    raise
                warnings.append(f"this is for the last commit seen: {error.message}")
        return tuple(warnings)

    def _request(
        self, application: Application, state: ApplicationState, commit: str | None
    ) -> PlanRequest:
        desired = self._parts.loader.load(application, state, commit)
        if desired.faults:
            raise InputError(tell_faults(desired.faults), where=application.name)
        return PlanRequest(
            application,
            self._parts.loader.documents.load(desired.address),
            desired.digest,
            desired.commit.sha if desired.commit else None,
            hooks=desired.digest != state.synced_digest,
        )

    def revisions(
        self, name: str, limit: int | None = None, before: int | None = None
    ) -> list[Revision]:
        """History, newest first; of a deleted application too."""
        found = self._parts.store.revisions(name, limit=limit, before=before)
        if not found:
            self._parts.registry.get(name)
        return found

    def revision(self, name: str, number: int) -> Revision:
        """One revision with its outcomes; raises NotFoundError."""
        return self._parts.store.revision(name, number)

    def diff(self, name: str, old: int, new: int) -> list[Diff]:
        """What differs between two revisions, object by object, masked; equal ones left out."""
        before = {m.id: m for m in self._manifests(name, old)}
        after = {m.id: m for m in self._manifests(name, new)}
        bodies: list[Body] = [m.body for m in (*before.values(), *after.values())]
        masker = self._parts.masks.of(name, bodies)
        shapes = self._parts.comparer.shapes(bodies)
        found = []
        for identity in sorted({*before, *after}):
            one, other = before.get(identity), after.get(identity)
            old_body = canonical(one.body, shapes) if one else None
            known = LastApplied(manifest=old_body) if old_body is not None else None
            change = diff(other.body if other else None, old_body, known, shapes)
            if change.action is not ActionKind.NONE:
                found.append(masker.mask_diff(change))
        return found

    def manifests(self, name: str, number: int) -> list[Manifest]:
        """What a revision desired, masked."""
        manifests = self._manifests(name, number)
        masker = self._parts.masks.of(name, [m.body for m in manifests])
        return [replace(m, body=masker.mask_body(m.body)) for m in manifests]

    def _manifests(self, name: str, number: int) -> tuple[Manifest, ...]:
        revision = self._parts.store.revision(name, number)
        if not revision.manifests:
            raise NotFoundError(f"revision {number} keeps no manifests", where=name)
        return self._parts.loader.documents.load(revision.manifests)

    def stored_plan(self, name: str, number: int) -> bytes | None:
        """The masked plan of a revision as JSON, or None where it kept none."""
        revision = self._parts.store.revision(name, number)
        return self._parts.store.get(revision.diff) if revision.diff else None

    def trail(self, query: TrailQuery) -> Iterator[TrailRecord]:
        """Records of the trail."""
        return self._parts.store.trail(query)

    def verify(self, head: str | None) -> Verdict:
        """Whether the trail was touched."""
        return self._parts.store.verify(head)


def _warned(comparison: Comparison, warnings: tuple[str, ...]) -> Comparison:
    """A comparison whose plan says these too."""
    if not warnings:
        return comparison
    plan, masked = comparison.plan, comparison.masked
    return replace(
        comparison,
        plan=replace(plan, warnings=(*plan.warnings, *warnings)),
        masked=replace(masked, warnings=(*masked.warnings, *warnings)),
    )
