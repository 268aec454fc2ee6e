"""Applications that an application renders: registered, not applied.

A child belongs to its parent's inventory like any object. When the parent no longer renders it,
it is forgotten; what it runs stays, unless its Application carries the resources finalizer.
"""

from collections.abc import Callable
from typing import Final

from gitops.core.application.spec import read_application
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
    """Hands child Applications to the reconciler; `declare` and `remove` are the reconciler's."""

    def __init__(
        self,
        installation: str,
        declare: Callable[[Application, Origin, tuple[str, ...]], object],
        remove: Callable[[str, str], object],
    ) -> None:
        self.installation = installation
        self._declare = declare
        self._remove = remove

    def is_child(self, identity: ObjectId) -> bool:
        """Whether this object is an Application."""
        return is_child(identity)

    def carry_out(self, action: Action, parent: str) -> GitopsError | None:
        """Register or forget one child; the error that stood in the way, or None."""
        try:
            if action.kind is ActionKind.DELETE or action.desired is None:
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
