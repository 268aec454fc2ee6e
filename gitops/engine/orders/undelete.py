"""Bringing back what a revision deleted, from the live copies that it kept, as a pin.

An undelete is a sync of a few objects whose desired state are their live copies, beside what the
application stands at. Called by `engine/operations.py` for people, in the application's lane, and
by `engine/service.py` before that, so that what cannot be is refused at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from gitops.core.manifests.normalize import digest as digest_of
from gitops.core.planning.hooks import hooks_of
from gitops.core.planning.revive import revived
from gitops.core.planning.selecting import select
from gitops.engine.facts.registry import Runtime
from gitops.engine.lanes.parts import Parts
from gitops.engine.orders.restore import Restorer
from gitops.engine.planning.compare import PlanRequest
from gitops.engine.syncing.apply import End
from gitops.engine.syncing.request import SyncRequest, SyncResult
from gitops.errors import ConflictError, NotFoundError
from gitops.model.objects import Body, Manifest, ObjectId
from gitops.model.revision import OutcomeKind, Revision, RevisionKind, Trigger
from gitops.ports import Read

UNDELETE = "undelete"
ABSENT = frozenset({"not-found", "unknown-kind"})
"""Reasons for which a read proves that an object is not there."""


@dataclass(frozen=True, slots=True)
class UndeleteOptions:
    """`number` is the revision that deleted; `resources` name some of its objects, () means all.

    `registered` says that the application was registered again for it, and goes where nothing came
    back.
    """

    number: int
    resources: tuple[str, ...] = ()
    registered: bool = False


class Undeleter:
    """Undeletes for one cluster; `forget` drops an application that was not brought back."""

    def __init__(
        self, parts: Parts, restorer: Restorer, forget: Callable[[Runtime, str], None]
    ) -> None:
        self._parts = parts
        self._restorer = restorer
        self._forget = forget

    def choose(self, name: str, options: UndeleteOptions) -> list[Manifest]:
        """The live copies to bring back; raises GitopsError for what cannot be, in one sentence."""
        revision = self._parts.store.revision(name, options.number)
        copies = self._copies(revision)
        if not copies:
            raise ConflictError(
                f"revision {revision.number} deleted nothing that could be brought back",
                where=name,
                remedy=f"`gitops show {name} REVISION` says what one deleted",
            )
        chosen = _named(copies, options.resources, name, revision.number)
        there = self._existing(chosen)
        deleted = {o.id for o in revision.outcomes if o.outcome is OutcomeKind.DELETED}
        wanted = {copy.id for copy in chosen} if options.resources else deleted
        in_the_way = [identity for identity in there if identity in wanted]
        missing = [copy for copy in chosen if copy.id not in there]
        if in_the_way or not missing:
            raise _exists(name, in_the_way or there)
        return missing

    def _copies(self, revision: Revision) -> list[Manifest]:
        """What a revision kept, without hooks' objects: those are made anew for each run."""
        copies = self._parts.loader.documents.load(revision.live) if revision.live else ()
        hooks = hooks_of(copies)
        return [copy for copy, hook in zip(copies, hooks, strict=True) if hook is None]

    def _existing(self, copies: Sequence[Manifest]) -> list[ObjectId]:
        """Those that are in the cluster, whoever made them; raises ClusterError."""
        answers = self._parts.cluster.send([Read(copy.id, copy.api_version) for copy in copies])
        found = []
        for copy, answer in zip(copies, answers, strict=True):
            if answer.error is None:
                found.append(copy.id)
            elif answer.error.reason not in ABSENT:
                raise answer.error
        return found

    def undelete(self, runtime: Runtime, options: UndeleteOptions, trigger: Trigger) -> SyncResult:
        """Create what a revision deleted again, and pin the application to that."""
        try:
            return self._bring_back(runtime, options, trigger)
        finally:
            if options.registered and self._parts.states.get(runtime.name).pin is None:
                self._forget(runtime, trigger.actor)

    def _bring_back(
        self, runtime: Runtime, options: UndeleteOptions, trigger: Trigger
    ) -> SyncResult:
        copies = self.choose(runtime.name, options)
        shapes = self._parts.comparer.shapes([copy.body for copy in copies])
        back = [replace(copy, body=revived(copy.body, shapes)) for copy in copies]
        ids = frozenset(manifest.id for manifest in back)
        manifests = [*(m for m in self._standing(runtime) if m.id not in ids), *back]
        bodies: list[Body] = [manifest.body for manifest in manifests]
        digest = digest_of(bodies)
        plan = PlanRequest(runtime.application, tuple(manifests), digest, None, only=ids)
        result = self._parts.run(
            runtime,
            SyncRequest(
                plan,
                RevisionKind.UNDELETE,
                trigger,
                self._parts.loader.documents.save(manifests),
                source=options.number,
                called_off=self._called_off,
            ),
        )
        self._stay(runtime, result, digest, trigger)
        return result

    def _standing(self, runtime: Runtime) -> Sequence[Manifest]:
        """What the application was brought to last; nothing where it never was."""
        state = self._parts.states.get(runtime.name)
        if not state.synced_digest:
            return ()
        for revision in self._parts.store.revisions(runtime.name):
            if revision.digest == state.synced_digest and revision.manifests:
                return self._parts.loader.documents.load(revision.manifests)
        return ()

    def _called_off(self) -> str:
        return "stopping" if self._parts.dispatcher.stopping.is_set() else ""

    def _stay(self, runtime: Runtime, result: SyncResult, digest: str, trigger: Trigger) -> None:
        """Pin the application where anything came back, so that Git does not prune it at once."""
        revision = result.revision
        if revision is None or not any(
            outcome.outcome is OutcomeKind.CREATED for outcome in revision.outcomes
        ):
            return
        self._restorer.pin(runtime, revision, trigger, at=revision.started_at)
        if result.end is End.DONE:
            self._parts.states.change(runtime.name, synced_digest=digest)


def _named(
    copies: Sequence[Manifest], patterns: Sequence[str], name: str, number: int
) -> list[Manifest]:
    """Those that patterns name, all without a pattern; raises NotFoundError, InputError."""
    if not patterns:
        return list(copies)
    known = {copy.id for copy in copies}
    chosen: set[ObjectId] = set()
    for pattern in patterns:
        found = select(pattern, known)
        if not found:
            raise NotFoundError(
                f'revision {number} deleted no object "{pattern}"',
                where=name,
                remedy=f"`gitops show {name} {number}` lists what it deleted",
            )
        chosen |= found
    return [copy for copy in copies if copy.id in chosen]


def _exists(name: str, there: Sequence[ObjectId]) -> ConflictError:
    titles = ", ".join(identity.title for identity in sorted(there))
    verb = "exist" if len(there) > 1 else "exists"
    return ConflictError(
        f"{titles} {verb} meanwhile, and nothing that exists is overwritten",
        where=name,
        remedy="name the others with --resource, or delete what is there first",
    )
