"""Handing objects over, and renaming applications, by hand: jobs of the application that gives.

All of it is one transaction: claims, a revision of each side, the trail. The taker's next sync then
applies each object once, which marks it. Called by `engine/operations.py` and the service.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gitops.core.planning.selecting import select
from gitops.engine.declaring.declaring import Declarer, understand
from gitops.engine.declaring.handover import CHECK, Handover
from gitops.engine.facts.registry import Runtime
from gitops.engine.lanes.dispatcher import Job
from gitops.engine.lanes.parts import Parts
from gitops.engine.syncing.request import SyncResult
from gitops.errors import ConflictError, InputError, NotFoundError
from gitops.model.application import Application, Origin
from gitops.model.diff import ActionKind
from gitops.model.objects import Manifest, ObjectId
from gitops.model.plan import Plan
from gitops.model.revision import (
    Outcome,
    OutcomeKind,
    Revision,
    RevisionKind,
    RevisionState,
    Trigger,
)

TRANSFER = "transfer"
RENAME = "rename"
Works = Mapping[str, Callable[[Runtime, Job], tuple[SyncResult, str]]]


@dataclass(frozen=True, slots=True)
class TransferOptions:
    """To whom, and which objects (`group:Kind:namespace/name`); none: all that it wants."""

    to: str
    resources: tuple[str, ...] = ()


class Transferer:
    """Carries out transfers and renames."""

    def __init__(self, parts: Parts, handover: Handover, declarer: Declarer) -> None:
        self._parts = parts
        self._handover = handover
        self._declarer = declarer
        self.works: Works = {TRANSFER: self.transfer, RENAME: self.rename}

    def ask(self, name: str, options: TransferOptions, trigger: Trigger) -> int:
        """Ask for a transfer; raises what stands in its way already now. Returns the ticket."""
        self.choose(name, options)
        return self._parts.dispatcher.request(name, TRANSFER, trigger, options=options)

    def ask_name(self, name: str, new: str, trigger: Trigger) -> int:
        """Ask for another name; raises what stands in its way already now. Returns the ticket."""
        self.renamed(name, new)
        return self._parts.dispatcher.request(name, RENAME, trigger, options=new)

    # --- objects ------------------------------------------------------------------------------

    def choose(self, name: str, options: TransferOptions) -> list[ObjectId]:
        """What would be handed over; raises what stands in the way.

        Only what the other application wants: anything else its next sync would delete.
        """
        self._parts.registry.get(name)
        taker = self._parts.registry.get(options.to)
        if taker.name == name:
            raise InputError("an application hands nothing over to itself", where=name)
        if self._parts.states.get(taker.name).deleting:
            raise ConflictError("the application is being deleted", where=taker.name)
        wants = self._handover.wants(taker.application)
        held = {claim.id for claim in self._parts.inventory.of(name)}
        if not options.resources:
            return self._all(name, options.to, sorted(held & wants))
        chosen = sorted({i for text in options.resources for i in self._find(name, text, held)})
        for identity in chosen:
            if identity not in wants:
                raise ConflictError(
                    f'{identity.title} is not in Git for "{options.to}", whose next sync would '
                    "delete it",
                    where=name,
                    remedy="add it to its manifests first",
                )
        return chosen

    def _all(self, name: str, to: str, found: list[ObjectId]) -> list[ObjectId]:
        if not found:
            raise ConflictError(
                f'"{to}" wants nothing that "{name}" holds',
                where=name,
                remedy="add the objects to its manifests first",
            )
        return found

    def _find(self, name: str, text: str, held: set[ObjectId]) -> Sequence[ObjectId]:
        found = sorted(select(text, held))
        if not found:
            raise NotFoundError(
                f'the application holds no object "{text}"',
                where=name,
                remedy="write it as group:Kind:namespace/name, as in apps:Deployment:prod/web",
            )
        return found

    def transfer(self, runtime: Runtime, job: Job) -> tuple[SyncResult, str]:
        """Hand objects over; their holder, if it still wants them, is told that it lost them."""
        options: TransferOptions = job.options
        chosen = self.choose(runtime.name, options)
        with self._parts.states.together():
            revision = self._hand_over(runtime.name, options.to, chosen, job.trigger)
            for name in (runtime.name, options.to):  # it may want them still; it must apply them
                self._parts.states.change(name, synced_digest="")
        runtime.left = None
        self._parts.judge.survey(runtime)
        self._parts.dispatcher.request(runtime.name, CHECK, job.trigger)
        several = f"{len(chosen)} objects" if len(chosen) > 1 else chosen[0].title
        return _told(revision), f'{several} handed over to "{options.to}"'

    def _hand_over(
        self, name: str, to: str, chosen: Sequence[ObjectId], trigger: Trigger
    ) -> Revision:
        """Claims, both histories and the trail, all or nothing; the giver's revision."""
        takers = dict.fromkeys(chosen, to)
        with self._parts.states.together():
            self._record(to, trigger, chosen, f'taken over from the application "{name}"')
            given = self._record(name, trigger, chosen, f'handed over to the application "{to}"')
            self._parts.inventory.hand_over(name, takers, trigger.actor)
        return given

    def _record(
        self, name: str, trigger: Trigger, chosen: Sequence[ObjectId], message: str
    ) -> Revision:
        now, none = self._parts.clock.now(), str(ActionKind.NONE)
        ended = Revision(
            name,
            0,
            RevisionKind.TRANSFER,
            trigger,
            RevisionState.SUCCEEDED,
            now,
            outcomes=tuple(Outcome(i, none, OutcomeKind.UNCHANGED, message) for i in chosen),
            message=message,
            partial=True,
        )
        closed = self._parts.syncer.recorder.keep_ended(ended)
        runtime = self._parts.registry.find(name)
        if runtime is not None:
            runtime.revision = closed.number
        return closed

    # --- names --------------------------------------------------------------------------------

    def renamed(self, name: str, new: str) -> tuple[Application, Manifest]:
        """The application under its new name; raises what stands in the way."""
        runtime = self._parts.registry.get(name)
        if runtime.origin.kind != "api":
            raise ConflictError(
                f'"{name}" is declared in {runtime.origin.where}',
                where=name,
                remedy=f'rename it there, with "spec.takesOver: [{{name: {name}}}]"',
            )
        if new == name:
            raise ConflictError("that is its name already", where=name, remedy="choose another one")
        if self._parts.registry.find(new) is not None:
            raise ConflictError(f'there is an application "{new}"', where=new)
        if self._parts.states.get(name).pin is not None:
            raise ConflictError(
                "the application is pinned to a revision, which stays in its old history",
                where=name,
                remedy=f"`gitops unpin {name}` first",
            )
        (old,) = self._declarer.read(self._parts.store.registered()[name], name)
        body = {**old.body, "metadata": {**old.body["metadata"], "name": new}}
        manifest = Manifest.of(body)
        return understand(manifest)[0], manifest

    def rename(self, runtime: Runtime, job: Job) -> tuple[SyncResult, str]:
        """Register the new name with all that the old one holds, and forget the old one."""
        name, new = runtime.name, str(job.options)
        application, manifest = self.renamed(name, new)
        chosen = [claim.id for claim in self._parts.inventory.of(name)]
        suspended = self._parts.states.get(name).suspended
        store, registry = self._parts.store, self._parts.registry
        with self._parts.states.together():
            store.register(new, json.dumps(manifest.body), job.trigger.actor)
            made = registry.declare(application, Origin("api", "the API"))
            revision = self._hand_over(name, new, chosen, job.trigger)
            self._declarer.forget(runtime, job.trigger.actor)
            if suspended:
                self._parts.states.change(new, suspended=True)
        self._parts.events.publish(new, "registered", f"was {name}")
        self._declarer.wake(made, job.trigger)
        waiting = ", ".join(r.name for r in registry.dependants(name))
        told = f"renamed to {new}" + (f"; {waiting} depends on {name} still" * bool(waiting))
        return _told(revision), told


def _told(revision: Revision) -> SyncResult:
    """What whoever waits is told: the giver's revision, of which no plan was made."""
    return SyncResult(revision, Plan(revision.application, "", ()))
