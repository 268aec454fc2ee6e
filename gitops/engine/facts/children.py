"""Applications that an application renders: registered, not applied.

A child belongs to its parent's inventory like any object. When the parent no longer renders it,
it is forgotten; what it runs stays, unless its Application carries the resources finalizer.
"""

from collections.abc import Callable, Sequence
from typing import Final

from gitops.core.application.spec import read_application
from gitops.core.planning.decide import dependents_first
from gitops.errors import ApplicationError, GitopsError
from gitops.model.application import Application, Origin
from gitops.model.diff import ActionKind
from gitops.model.objects import Manifest, ObjectId
from gitops.model.plan import Action

GROUPS: Final = ("gitops.dev", "argoproj.io")


def is_child(identity: ObjectId) -> bool:
    """Whether an object is an Application, which is registered and not applied."""
    return identity.kind == "Application" and identity.group in GROUPS


class Children:
    """Hands child Applications to the reconciler; `declare` and `remove` are the reconciler's.

    `depends_on` gives the names that a registered application depends on.
    """

    def __init__(
        self,
        installation: str,
        declare: Callable[[Application, Origin, tuple[str, ...]], object],
        remove: Callable[[str, str], object],
        depends_on: Callable[[str], Sequence[str]],
    ) -> None:
        self.installation = installation
        self._declare = declare
        self._remove = remove
        self._depends_on = depends_on

    def is_child(self, identity: ObjectId) -> bool:
        """Whether this object is an Application."""
        return is_child(identity)

    def in_order(self, actions: Sequence[Action]) -> list[Action]:
        """The order in which children are carried out: a dependent goes first where both go.

        So each is known to be going before the turn of what it depends on comes.
        """
        edges = {action.id.name: self._depends_on(action.id.name) for action in actions}
        place = {name: number for number, name in enumerate(dependents_first(edges, edges))}
        going = iter(
            sorted((a for a in actions if _goes(a)), key=lambda action: place[action.id.name])
        )
        return [next(going) if _goes(action) else action for action in actions]

    def carry_out(self, action: Action, parent: str) -> GitopsError | None:
        """Register or forget one child; the error that stood in the way, or None."""
        try:
            if _goes(action) or action.desired is None:
                self._remove(action.id.name, parent)
            else:
                self.declare(action.desired, parent)
        except GitopsError as error:
            return error
        return None

    def declare(self, manifest: Manifest, parent: str) -> None:
        """Register a child; raises ApplicationError or ConflictError."""
        result = read_application(manifest)
        if result.application is None:
            faults = "; ".join(fault.message for fault in result.faults)
            raise ApplicationError(faults, where=str(manifest.place or manifest.id.title))
        self._declare(
            result.application, Origin("git", parent), tuple(w.message for w in result.warnings)
        )


def _goes(action: Action) -> bool:
    return action.kind is ActionKind.DELETE
