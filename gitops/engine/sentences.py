"""Sentences about a plan as a whole: what it does, why it is refused or waits.

Called by `engine/compare.py`, `engine/sync.py` and the reconciler.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from gitops.errors import ClusterError
from gitops.model.application import Application
from gitops.model.plan import Action, Fault, Plan

WAITING: Final = frozenset({"transient", "conflict"})
"""Reasons of errors that are tried again; their remedies are for whoever asked."""


def nothing(application: Application) -> list[Fault]:
    """The fault of an application that desires nothing and owns nothing: a wrong path, mostly."""
    automated = application.sync_policy.automated
    if automated is not None and automated.allow_empty:
        return []
    message = (
        "there are no manifests in its source; correct the path, or set "
        "spec.syncPolicy.automated.allowEmpty"
    )
    return [Fault("empty", message)]


def refusal(action: Action) -> Fault:
    """The fault that a refused action is."""
    place = action.desired.place if action.desired else None
    return Fault("refused", f"{action.id.title}: {action.held}", action.id, place)


def held_message(application: Application, adoptions: Sequence[Action]) -> str:
    """Why a whole plan waits: objects that exist already would be adopted."""
    first = adoptions[0].id.title
    more = f" and {len(adoptions) - 1} more" if len(adoptions) > 1 else ""
    verb = "exist" if more else "exists"
    name = application.name
    return (
        f"{first}{more} {verb} already; look at `gitops plan {name}`, then `gitops approve {name}`"
    )


def summarise(plan: Plan) -> dict[str, int]:
    """How many actions of each kind a plan has."""
    return dict(Counter(str(action.kind) for action in plan.actions))


def fault_text(fault: object) -> str:
    """A fault in one sentence with its place and its object."""
    place = getattr(fault, "place", None)
    identity = getattr(fault, "id", None)
    message = str(getattr(fault, "message", fault))
    title = identity.title if identity and identity.title not in message else ""
    return ": ".join(part for part in (str(place or ""), title, message) if part)


def tell_faults(plan: Plan) -> str:
    """Every fault of a masked plan."""
    return "; ".join(fault_text(fault) for fault in plan.faults)


def tell(error: ClusterError) -> str:
    """What the API server said, with the remedy unless that is to wait."""
    remedy = f"; {error.remedy}" if error.remedy and error.reason not in WAITING else ""
    return f"{error.message}{remedy}"
