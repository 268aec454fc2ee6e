"""Live copies of what a plan deletes or replaces, kept before the first write, for `undelete`.

In: a plan, and where the copies of an earlier attempt lie. Out: the address of a list of whole
bodies in the content store, which is encrypted. Called by `engine/syncing/sync.py`.
"""

from gitops.engine.facts.actual import Actual
from gitops.engine.facts.desired import Documents
from gitops.model.diff import ActionKind
from gitops.model.objects import Manifest
from gitops.model.plan import Plan

GOING = frozenset({ActionKind.DELETE, ActionKind.REPLACE})


class Copies:
    """Keeps live copies; one instance serves every application."""

    def __init__(self, actual: Actual, documents: Documents) -> None:
        self._actual = actual
        self._documents = documents

    def keep(self, plan: Plan, before: str | None = None) -> str | None:
        """Keep a copy of each object that carrying out the plan deletes; None where none goes.

        Of an object that a copy was kept of already, that one stays: since then it may be going.
        """
        going = [a.id for a in plan.actions if a.changes_cluster and a.kind in GOING]
        found = [live for identity in going if (live := self._actual.get(identity)) is not None]
        if not found:
            return before
        kept = list(self._documents.load(before)) if before else []
        known = {uid_of(copy) for copy in kept}
        new = [Manifest(live.id, live.decode()) for live in found if live.uid not in known]
        if not new:
            return before
        again = {copy.id for copy in new}
        return self._documents.save([*(c for c in kept if c.id not in again), *new])


def uid_of(copy: Manifest) -> str:
    """The uid of the object that a copy was taken of."""
    return str((copy.body.get("metadata") or {}).get("uid") or "")
