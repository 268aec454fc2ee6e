"""What of a plan is made though some of its objects have faults: `syncPolicy.failurePolicy`.

In: a plan's actions and faults, its manifests, the policy. Out: the same actions, those that are
not made marked as skipped; None where the whole plan is refused. Called by the planner. Whatever
the policy, nothing is deleted while something cannot be applied: it may be what takes its place.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from gitops.core.planning.order import steps
from gitops.model.application import FailurePolicy
from gitops.model.diff import ActionKind
from gitops.model.objects import Manifest
from gitops.model.plan import Action, Fault, Hold, Phase

KEPT: Final = "nothing is deleted while other objects have faults"
LATER: Final = "it comes after objects that have faults"
AFTER_ALL: Final = (Phase.POST_SYNC, -(2**63))
"""Where PostSync begins: its hooks are for what has succeeded."""


def carry_on(
    actions: Sequence[Action],
    faults: Sequence[Fault],
    manifests: Sequence[Manifest],
    policy: FailurePolicy,
) -> tuple[Action, ...] | None:
    """The actions of a plan that has faults; None where nothing of it may be made.

    `bestEffort` makes all that has no fault, `perWave` what comes before the first wave with one.
    A fault that is no object's refuses the whole.
    """
    if policy is FailurePolicy.ATOMIC or any(fault.id is None for fault in faults):
        return None
    first = _first_fault(faults, manifests) if policy is FailurePolicy.PER_WAVE else AFTER_ALL
    made = tuple(_spare(action, first) for action in actions)
    return made if any(action.changes_cluster for action in made) else None


def _first_fault(faults: Sequence[Fault], manifests: Sequence[Manifest]) -> tuple[Phase, int]:
    """The first phase and wave that hold an object with a fault."""
    faulty = {fault.id for fault in faults}
    placed = (step for step in steps(manifests) if step.manifest.id in faulty)
    found = ((step.phase, step.wave) for step in placed)
    return min(found, default=(Phase.PRE_SYNC, -(2**63)))


def _spare(action: Action, first: tuple[Phase, int]) -> Action:
    if not action.changes_cluster or action.phase is Phase.SYNC_FAIL:
        return action
    if action.kind is ActionKind.DELETE:
        return replace(action, held=KEPT, hold=Hold.SKIPPED)
    if (action.phase, action.wave) >= first:
        return replace(action, held=LATER, hold=Hold.SKIPPED)
    return action
