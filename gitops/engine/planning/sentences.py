"""Sentences about a plan as a whole: what it does, why it is refused or waits.

Called by `engine/planning/compare.py`, `engine/syncing/sync.py` and the reconciler.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from shlex import quote
from typing import Final

from gitops.core.diff.drift import Note
from gitops.core.durations import format_duration
from gitops.errors import ClusterError
from gitops.model.application import Application
from gitops.model.diff import ActionKind
from gitops.model.health import Health
from gitops.model.objects import ObjectId
from gitops.model.plan import Action, Fault, Plan
from gitops.model.revision import Selection

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


def hold_all(waiting: Sequence[Action], approving: str, *, deletes: bool) -> str:
    """Why a whole plan waits, or ""; `approving` says how it is let go.

    Objects that exist already would be adopted, or the deletion of the application would take what
    asks for approval (`Delete=confirm`).
    """
    held = waiting if deletes else [a for a in waiting if a.kind is ActionKind.ADOPT]
    if not held:
        return ""
    several = len(held) > 1
    more = f" and {len(held) - 1} more" if several else ""
    verb = "asks" if deletes else "exists"
    what = f"{verb[:-1] if several else verb} {'for approval' if deletes else 'already'}"
    return f"{held[0].id.title}{more} {what}; {approving}"


def waiting_message(plan: Plan, approving: str) -> str:
    """What of a plan waits for approval, and how it is given (`approving`)."""
    held = [action for action in plan.actions if action.waits]
    more = f", and {len(held) - 1} more" if len(held) > 1 else ""
    return f"{held[0].id.title}: {held[0].held}{more}; {approving}"


def look_and_approve(name: str, selection: Selection | None = None, *, prune: bool = False) -> str:
    """How what waits is approved: all of it, or what was chosen."""
    if selection is None:
        return f"look at `gitops plan {name}`, then `gitops approve {name}`"
    chosen = [f"--resource {quote(text)}" for text in selection.resources]
    chosen += [f"--label {quote(text)}" for text in selection.labels]
    part = " ".join([name, *chosen, *(["--prune"] if prune else [])])
    return f"look at `gitops sync {part} --dry-run`, then `gitops approve {part}`"


def summarise(plan: Plan) -> dict[str, int]:
    """How many actions of each kind a plan has."""
    return dict(Counter(str(action.kind) for action in plan.actions))


def fault_text(fault: Fault) -> str:
    """A fault in one sentence with its place and its object."""
    title = fault.id.title.strip() if fault.id else ""  # of one without a name, its kind
    title = "" if title in fault.message else title
    return ": ".join(part for part in (str(fault.place or ""), title, fault.message) if part)


def tell_faults(faults: Iterable[Fault]) -> str:
    """Every fault, one after the other."""
    return "; ".join(map(fault_text, faults))


def tell(error: ClusterError) -> str:
    """What the API server said, with the remedy unless that is to wait."""
    remedy = f"; {error.remedy}" if error.remedy and error.reason not in WAITING else ""
    return f"{error.message}{remedy}"


def tell_going(why: str) -> str:
    """That an object is being deleted, and what keeps it, where something does."""
    return f"is being deleted, and {why}" if why else "is being deleted"


def tell_unstable(stable_s: float, broke: Mapping[ObjectId, Health]) -> str:
    """That all was healthy at the deadline, and not for long enough; `broke` were not last."""
    length = format_duration(timedelta(seconds=stable_s))
    told = f"it was not healthy for {length} without a break when its deadline passed"
    last = "".join(f"; {i.title} was {h.status} last" for i, h in list(broke.items())[:1])
    return told + last


def tell_touched(notes: Mapping[ObjectId, Note]) -> str:
    """Who changed what is repaired, and when, in parentheses; "" where nobody knows."""
    told = {note.touch: None for _, note in sorted(notes.items()) if note.touch}
    return f" (changed {'; '.join(told)})" if told else ""
