"""Match desired, actual and last-applied objects by identity. Called by the offline `diff`.

In: three lists of bodies. Out: one `Triple` an object: desired's order, then what was applied last
and is no longer desired: what last-applied lists, and what carries our managedFields entry. What
only actual has belongs to somebody else and is left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from gitops.core.ownership.owners import Owners
from gitops.model.objects import Body, GroupKind, KindInfo, ObjectId, identify

DEFAULT_NAMESPACE: Final = "default"


@dataclass(frozen=True, slots=True)
class Triple:
    """One object's sides; None where a side has no such object."""

    desired: Body | None
    actual: Body | None
    last: Body | None


class _Side:
    """Objects of one side by identity, each taken once; equal identities in their order."""

    def __init__(self, bodies: Sequence[Body], scopes: Mapping[GroupKind, KindInfo]) -> None:
        self._scopes = scopes
        self._bodies = bodies
        self._taken: set[int] = set()
        self._by_id: dict[ObjectId, list[Body]] = {}
        self._by_name: dict[ObjectId, list[ObjectId]] = {}
        for body in bodies:
            identity = self._identity(body)
            self._by_id.setdefault(identity, []).append(body)
            self._by_name.setdefault(replace(identity, namespace=""), []).append(identity)

    def _identity(self, body: Body) -> ObjectId:
        """What a body states; a cluster-scoped kind has no namespace."""
        identity = identify(body)
        info = self._scopes.get(identity.group_kind)
        return replace(identity, namespace="") if info and not info.namespaced else identity

    def take(self, body: Body) -> Body | None:
        """The object that a body of another side means, or None.

        The one of the same namespace; else, where one side names none, the one in `default`, else
        the only one of that kind and name.
        """
        wanted = self._identity(body)
        for identity in self._candidates(wanted):
            found = self._by_id.get(identity)
            if found:
                body = found.pop(0)
                self._taken.add(id(body))
                return body
        return None

    def left(self) -> list[Body]:
        """Objects that nobody took, in their order."""
        return [body for body in self._bodies if id(body) not in self._taken]

    def _candidates(self, wanted: ObjectId) -> list[ObjectId]:
        named = self._by_name.get(replace(wanted, namespace=""), [])
        if wanted.namespace:
            return [wanted, replace(wanted, namespace="")]
        only = named if len(set(named)) == 1 else []
        return [wanted, replace(wanted, namespace=DEFAULT_NAMESPACE), *only]


def match(
    desired: Sequence[Body],
    actual: Sequence[Body],
    last: Sequence[Body],
    scopes: Mapping[GroupKind, KindInfo],
) -> list[Triple]:
    """One triple an object of desired, then of each that last-applied and actual alone have."""
    live, before = _Side(actual, scopes), _Side(last, scopes)
    triples = [Triple(body, live.take(body), before.take(body)) for body in desired]
    for body in before.left():
        found = live.take(body)
        if found is not None:
            triples.append(Triple(None, found, body))
    triples += [Triple(None, body, None) for body in live.left() if Owners.of(body).ours]
    return triples
