"""What each application owns: claims, kept in memory beside the store for the watch events.

A claim is taken before a write and given back after a proven deletion; an object that could not be
deleted stays claimed, so that it is not forgotten.
"""

import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from gitops.core.planning.plan import is_claimed
from gitops.engine.facts.children import is_child
from gitops.engine.facts.contests import Contests
from gitops.errors import ConflictError
from gitops.model.diff import ActionKind
from gitops.model.objects import GroupKind, ObjectId
from gitops.model.plan import Plan
from gitops.ports import Claim, Store


class Inventory:
    """Claims by object; safe from any thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._claims: dict[ObjectId, Claim] = {}
        self._owned: dict[str, dict[ObjectId, Claim]] = {}
        self._going: set[ObjectId] = set()
        """What the API server has promised to delete, and nobody has seen gone yet."""
        self._lock = threading.Lock()
        self.contests = Contests()
        self.on_let_go: Callable[[str, set[str]], None] = lambda _holder, _names: None
        """Told who may go on, when an application lets go of what others want."""
        self.remember(store.claims())

    def get(self, identity: ObjectId) -> Claim | None:
        """Who holds an object, or None."""
        with self._lock:
            return self._claims.get(identity)

    def of(self, application: str) -> list[Claim]:
        """An application's claims in order of identity."""
        with self._lock:
            held = list(self._owned.get(application, {}).values())
        return sorted(held, key=lambda claim: claim.id)

    def children(self) -> list[Claim]:
        """Applications that applications own, in order of identity."""
        with self._lock:
            held = [claim for claim in self._claims.values() if is_child(claim.id)]
        return sorted(held, key=lambda claim: claim.id)

    def owners(self) -> set[str]:
        """Every application that owns something."""
        with self._lock:
            return set(self._owned)

    def kinds(self) -> set[GroupKind]:
        """Every kind of which something is managed."""
        with self._lock:
            return {identity.group_kind for identity in self._claims}

    def take(self, application: str, wanted: Iterable[tuple[ObjectId, str]]) -> None:
        """Claim objects (with their apiVersion) that are not ours yet, before the first write.

        Raises ConflictError that names the objects another application holds and that one.
        """
        with self._lock:
            new = [
                Claim(identity, application, api_version)
                for identity, api_version in wanted
                if self._held_by(identity) != application
            ]
        if not new:
            return
        conflicts = self._store.claim(new)
        if conflicts:
            raise ConflictError(
                "; ".join(
                    f'{c.id.title} already belongs to the application "{c.application}"'
                    for c in conflicts
                ),
                where=application,
                remedy="declare each object in one application only",
            )
        self.remember(new)

    def _held_by(self, identity: ObjectId) -> str | None:
        claim = self._claims.get(identity)
        return claim.application if claim else None

    def remember(self, claims: Sequence[Claim]) -> None:
        """Take in claims that the store has saved."""
        with self._lock:
            for claim in claims:
                self._forget(claim.id)
                self._claims[claim.id] = claim
                self._owned.setdefault(claim.application, {})[claim.id] = claim

    def condemn(self, application: str, identities: Collection[ObjectId]) -> None:
        """Deletions were accepted: a claim stays until its object was seen gone.

        A child Application is gone at once.
        """
        self.release(application, [i for i in identities if is_child(i)])
        with self._lock:
            self._going.update(i for i in identities if self._held_by(i) == application)

    def is_going(self, identity: ObjectId) -> bool:
        """Whether nobody wants an object any more: it is being deleted."""
        with self._lock:
            return identity in self._going

    def _forget(self, identity: ObjectId) -> None:
        self._going.discard(identity)
        claim = self._claims.pop(identity, None)
        if claim is None:
            return
        owned = self._owned[claim.application]
        del owned[identity]
        if not owned:
            del self._owned[claim.application]

    def keep(self, claims: Sequence[Claim]) -> None:
        """Save claims of objects that stand as desired without having been written just now."""
        self._store.save_claims(claims)
        self.remember(claims)

    def release(self, application: str, identities: Collection[ObjectId]) -> None:
        """Give claims back."""
        with self._lock:
            ours = [i for i in identities if self._held_by(i) == application]
        if not ours:
            return
        self._store.release(application, ours)
        with self._lock:
            for identity in ours:
                self._forget(identity)
        wanting = self.contests.wanting(application, ours)
        if wanting:
            self.on_let_go(application, wanting)

    def hand_over(self, application: str, takers: Mapping[ObjectId, str], actor: str) -> None:
        """Give claims to other applications, which find them as objects never applied."""
        given = self._store.hand_over(application, takers, actor)
        self.remember(given)
        if given:
            self.on_let_go(application, {claim.application for claim in given})


def wanted(plan: Plan) -> list[tuple[ObjectId, str]]:
    """Objects that a plan writes and the application will own, with their apiVersion."""
    return [
        (a.id, a.api_version)
        for a in plan.actions
        if a.changes_cluster and a.kind is not ActionKind.DELETE and is_claimed(a)
    ]
