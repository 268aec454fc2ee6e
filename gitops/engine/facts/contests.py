"""Which applications want objects that another one holds: the error state of shared objects.

Noted by the reconciler each time that an application is looked at; read by plans and statuses of
both sides, and by the holder when it lets something go. In memory only: every start looks anew.
"""

import threading
from collections.abc import Collection, Mapping

from gitops.model.objects import ObjectId


class Contests:
    """Objects by holder and by who wants them too; safe from any thread."""

    def __init__(self) -> None:
        self._held: dict[str, dict[str, frozenset[ObjectId]]] = {}
        """By holder, then by who wants its objects."""
        self._lock = threading.Lock()

    def note(self, name: str, holders: Mapping[ObjectId, str]) -> None:
        """Take in what an application wants and others hold, instead of what was noted before."""
        with self._lock:
            for wanted in self._held.values():
                wanted.pop(name, None)
            for holder in set(holders.values()):
                ids = frozenset(i for i, other in holders.items() if other == holder)
                self._held.setdefault(holder, {})[name] = ids
            self._held = {holder: wanted for holder, wanted in self._held.items() if wanted}

    def of(self, holder: str) -> dict[ObjectId, str]:
        """What an application holds and another one wants, with the first of these by name."""
        with self._lock:
            wanted = self._held.get(holder, {})
            return {i: name for name in sorted(wanted, reverse=True) for i in wanted[name]}

    def wanting(self, holder: str, ids: Collection[ObjectId]) -> set[str]:
        """Who wants one of these objects of an application."""
        chosen = set(ids)
        with self._lock:
            wanted = self._held.get(holder, {})
            return {name for name, objects in wanted.items() if not chosen.isdisjoint(objects)}


def contested(identity: ObjectId, holder: str, other: str) -> str:
    """The sentence about an object that two applications want."""
    return (
        f'{identity.title} already belongs to the application "{holder}", and "{other}" declares '
        "it too; declare it in one of them, or see `spec.takesOver`"
    )
