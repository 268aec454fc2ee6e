"""What becomes of objects that an application holds and no longer desires.

In: its claims on them, the cluster as it is seen, and who takes them over. Out: deletions, what is
only released, and what goes over to another application instead. Called by
`engine/planning/compare.py`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from gitops.core.ownership.marks import installation_of
from gitops.core.planning.plan import deletion
from gitops.engine.facts.actual import Actual
from gitops.engine.facts.children import is_child
from gitops.model.application import Application
from gitops.model.diff import ActionKind
from gitops.model.objects import Body, Live, ObjectId
from gitops.model.plan import Action, Fault, Hold
from gitops.ports import Claim


@dataclass(frozen=True, slots=True)
class Heirs:
    """Who takes over what an application lets go, by object.

    `unknown` are applications that may take something over, with the reason why nobody can tell
    what: until then nothing is deleted.
    """

    takers: Mapping[ObjectId, str] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)


FindHeirs = Callable[[str, Collection[ObjectId]], Heirs]
"""From an application's name and objects that it holds to who takes them over."""


def nobody(_application: str, _ids: Collection[ObjectId]) -> Heirs:
    """The answer where no other application is known."""
    return Heirs()


@dataclass(slots=True)
class LetGo:
    """`handed` says by object who takes it over; `bodies` are live bodies that were read."""

    actions: list[Action] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    bodies: list[Body] = field(default_factory=list)
    released: list[ObjectId] = field(default_factory=list)
    handed: dict[ObjectId, str] = field(default_factory=dict)


def let_go(
    application: Application, stale: Iterable[Claim], seen: tuple[Actual, str], heirs: Heirs,
    *, deletes: bool,
) -> LetGo:  # fmt: skip
    """Delete what is owned and no longer desired; what is gone already is only released.

    `seen` is the cluster with the name of this installation. `deletes` is the deletion of the
    application.
    """
    actual, installation = seen
    why = "the application is deleted" if deletes else "no longer desired"
    asked, found = application.sync_policy.sync_options, LetGo()
    for claim in stale:
        taker, live = heirs.takers.get(claim.id), actual.get(claim.id)
        if taker is not None and (live is not None or is_child(claim.id)):
            found.handed[claim.id] = taker
            found.actions.append(_going_over(claim, taker))
        elif is_child(claim.id):
            gone = Action(ActionKind.DELETE, claim.id, claim.api_version, reason=why)
            found.actions.append(replace(gone, options=asked))
        elif live is None or not _is_ours(live, installation):
            found.released.append(claim.id)
        else:
            found.bodies.append(live.decode())
            found.actions.append(deletion(claim.id, live, why, asked))
    if any(action.kind is ActionKind.DELETE for action in found.actions):
        found.faults += [_unknown(name, reason) for name, reason in sorted(heirs.unknown.items())]
    return found


def _going_over(claim: Claim, taker: str) -> Action:
    why = f'it goes over to the application "{taker}"'
    return Action(
        ActionKind.NONE, claim.id, claim.api_version, reason=why, held=why, hold=Hold.SKIPPED
    )


def _unknown(name: str, reason: str) -> Fault:
    message = f'nothing is deleted while it is not known what the application "{name}" takes over'
    return Fault("heir", f"{message}: {reason}")


def _is_ours(live: Live, installation: str) -> bool:
    """Whether no other installation has it: within this one claims decide, and marks do not."""
    return installation_of(live.decode()) in (None, installation)
