"""Objects go from one application to another: who takes over, who waits for it, who gives.

The holder gives, in its own lane, so that nothing is handed over while it is being deleted: what an
application no longer desires goes to whoever takes it over (`spec.takesOver`) or is known to want
it, instead of being pruned. Called by the comparer, the reconciler and people's transfers.
"""

from collections.abc import Collection, Iterator, Mapping

from gitops.core.application.spec import read_application
from gitops.core.projects.limits import refusal
from gitops.engine.facts.children import is_child
from gitops.engine.facts.desired import Desired
from gitops.engine.facts.registry import Runtime
from gitops.engine.lanes.parts import Parts
from gitops.engine.planning.pruning import Heirs
from gitops.engine.planning.sentences import tell_faults
from gitops.engine.standing.leftovers import Leftovers
from gitops.errors import GitopsError, InputError
from gitops.model.application import Application, Origin
from gitops.model.objects import ObjectId
from gitops.model.revision import Trigger, TriggerKind

CHECK = "check"


class Handover:
    """Decides who takes what over; one instance serves every application."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.leftovers = Leftovers(parts)
        parts.comparer.find_heirs = self.heirs
        parts.inventory.on_let_go = self._wake

    # --- who takes over -----------------------------------------------------------------------

    def heirs(self, name: str, ids: Collection[ObjectId]) -> Heirs:
        """Who takes over what an application lets go.

        An application that says so is asked what it wants in Git's newest state; of others counts
        what they were seen to want.
        """
        wanted = self._parts.inventory.contests.of(name)
        takers = {identity: wanted[identity] for identity in ids if identity in wanted}
        unknown = {}
        for taker in self._takers(name):
            try:
                wants = self.wants(taker)
            except GitopsError as error:
                if self._may_hold_up(taker, name):
                    unknown[taker.name] = str(error)
            else:
                takers |= dict.fromkeys(wants & set(ids), taker.name)
        return Heirs(takers, unknown)

    def _may_hold_up(self, taker: Application, name: str) -> bool:
        """Whether an application keeps another one from deleting: not across projects."""
        giver = self._parts.registry.find(name)
        return giver is None or giver.application.project == taker.project

    def _takers(self, name: str) -> list[Application]:
        """Applications that take over from this one, the first by name last."""
        found = {r.name: r.application for r in self._parts.registry.takers(name)}
        for application in self._siblings(name):
            if name in application.takes_over:
                found[application.name] = application
        return [found[taker] for taker in sorted(found, reverse=True)]

    def _siblings(self, name: str) -> Iterator[Application]:
        """Applications that Git's newest state declares beside this one, registered yet or not."""
        runtime = self._parts.registry.find(name)
        if runtime is None or runtime.origin.kind != "git":
            return
        parent = self._parts.registry.find(runtime.origin.where)
        if parent is None:
            return
        try:
            desired = self._newest(parent.application)
        except GitopsError:  # what is registered counts until the parent can be read again
            return
        for manifest in self._parts.loader.documents.load(desired.address):
            declared = read_application(manifest).application if is_child(manifest.id) else None
            if declared is not None:
                yield declared

    def wants(self, application: Application) -> frozenset[ObjectId]:
        """What an application wants in Git's newest state; raises what keeps that from being known.

        Its repositories are looked at first: what it takes over may have come a moment ago.
        """
        repositories = self._parts.repositories
        for url in sorted({source.repo_url for source in application.sources}):
            known = repositories.known(url)
            if not known or dict(repositories.poll(url)) != dict(known):
                repositories.fetch(url)
        return self._ids(application, self._newest(application))

    def _newest(self, application: Application) -> Desired:
        state = self._parts.states.get(application.name)
        desired = self._parts.loader.load(application, state)
        if desired.faults:
            raise InputError(tell_faults(desired.faults), where=application.name)
        return desired

    def _ids(self, application: Application, desired: Desired) -> frozenset[ObjectId]:
        """What is desired and its project allows; raises where that does not allow it at all."""
        project = self._parts.projects.check(application)
        manifests = self._parts.loader.documents.load(desired.address)
        return frozenset(m.id for m in manifests if not refusal(project, application, m.id))

    # --- who waits ----------------------------------------------------------------------------

    def waits_for(self, runtime: Runtime, desired: Desired) -> tuple[str, ...]:
        """Applications that are about to hand over what this one wants, by name.

        What others hold is noted; they are asked to give what they no longer want themselves.
        """
        held = self._held_by_others(runtime, desired)
        self._parts.inventory.contests.note(runtime.name, held)
        givers = [name for name in sorted(set(held.values())) if self._lets_go(name, held)]
        trigger = Trigger(TriggerKind.DEPENDENCY, evidence=runtime.name)
        for name in givers:
            self._parts.dispatcher.request(name, CHECK, trigger)
        return tuple(givers)

    def _held_by_others(self, runtime: Runtime, desired: Desired) -> dict[ObjectId, str]:
        """Nothing is looked through where what Git wants is applied."""
        if desired.digest == self._parts.states.get(runtime.name).synced_digest:
            return {}
        wants = self._ids(runtime.application, desired)
        claims = ((i, self._parts.inventory.get(i)) for i in wants)
        return {i: c.application for i, c in claims if c and c.application != runtime.name}

    def _lets_go(self, name: str, held: Mapping[ObjectId, str]) -> bool:
        """Whether Git no longer wants of a holder what is wanted of it: its next sync gives it."""
        holder = self._parts.registry.find(name)
        if holder is None:
            return False
        try:
            keeps = self._ids(holder.application, self._newest(holder.application))
        except GitopsError:
            return False
        return not any(other == name and identity in keeps for identity, other in held.items())

    def _may_give(self, holder: Runtime) -> bool:
        """Whether an application does anything by itself."""
        state = self._parts.states.get(holder.name)
        automated = holder.application.sync_policy.automated
        by_itself = automated is not None and automated.enabled
        return by_itself and not state.suspended and state.pin is None

    # --- who gives ----------------------------------------------------------------------------

    def give(self, runtime: Runtime, desired: Desired) -> None:
        """Hand over what others want and this one no longer does, where no sync is due for it."""
        wanted = self._parts.inventory.contests.of(runtime.name)
        if not wanted or not self._may_give(runtime):
            return
        stale = {claim.id for claim in self.leftovers.claims(runtime, desired)}
        takers = self.heirs(runtime.name, stale & set(wanted)).takers
        if takers:
            self._parts.inventory.hand_over(runtime.name, takers, "gitops")
            runtime.left = None
            self._parts.judge.survey(runtime)

    def _wake(self, holder: str, names: set[str]) -> None:
        """Let those go on that waited; a child Application is its new parent's now."""
        for identity in list(self._children_of(holder, names)):
            child = self._parts.registry.find(identity.name)
            claim = self._parts.inventory.get(identity)
            if child is not None and claim is not None:
                child.origin = Origin("git", claim.application)
        trigger = Trigger(TriggerKind.DEPENDENCY, evidence=holder)
        for name in sorted(names):
            self._parts.events.publish(name, "transfer", f"{holder} lets go of what it wants")
            self._parts.dispatcher.request(name, CHECK, trigger)

    def _children_of(self, holder: str, names: set[str]) -> Iterator[ObjectId]:
        """Applications that `holder` has declared and others of these declare now."""
        for name in sorted(names):
            for claim in self._parts.inventory.of(name):
                child = self._parts.registry.find(claim.id.name) if is_child(claim.id) else None
                if child is not None and child.origin == Origin("git", holder):
                    yield claim.id
