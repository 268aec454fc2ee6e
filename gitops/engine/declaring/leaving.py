"""Letting an application go with what it runs left alone: `--orphan` and `--abandon`.

In: an application and the mode. Out: its last revision, which names every object and how it was
left. An orphaned object loses our marks, where the cluster can be reached; an abandoned one is
asked nothing: its cluster is gone for good, say. Called by `engine/declaring/deleting.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from gitops.core.ownership.marks import release_marks
from gitops.engine.facts.children import is_child
from gitops.engine.facts.registry import Runtime
from gitops.engine.lanes.parts import Parts
from gitops.engine.planning.compare import Comparison
from gitops.engine.planning.sentences import tell
from gitops.engine.syncing.request import SyncResult
from gitops.model.diff import ActionKind
from gitops.model.objects import ObjectId
from gitops.model.plan import Action, Hold, Plan
from gitops.model.revision import (
    Outcome,
    OutcomeKind,
    Revision,
    RevisionKind,
    RevisionState,
    Trigger,
)
from gitops.ports import Claim, DeletionMode, Patch

NAMED: Final = 10
"""How many objects a revision's message names; its outcomes name them all."""
Left = tuple[OutcomeKind, str]
"""How an object was left."""

UNMARKED: Final[Left] = (OutcomeKind.UNCHANGED, "it stays, without our marks")
CHILD: Final[Left] = (OutcomeKind.UNCHANGED, "it is let go too, and what it runs stays")
ABANDONED: Final[Left] = (OutcomeKind.SKIPPED, "it is left behind with our marks")
LEFT: Final[Mapping[str, Left]] = {"orphan": UNMARKED, "abandon": ABANDONED}


def kept(action: Action, why: str) -> Action:
    """An action of what stays, as a preview shows it."""
    kind = ActionKind.NONE
    return replace(action, kind=kind, diff=None, reason=why, held=why, hold=Hold.SKIPPED)


def leaving(parts: Parts, name: str, mode: DeletionMode) -> Comparison:
    """What would become of what an application holds, as a plan that changes nothing."""
    claims = parts.inventory.of(name)
    takers = heirs_of(parts, name, claims)
    actions = [
        kept(Action(ActionKind.NONE, c.id, c.api_version), _why_left(c.id, mode, takers))
        for c in claims
    ]
    plan = Plan(name, "", tuple(actions))
    return Comparison(plan, plan, parts.masks.of(name, ()))


def _why_left(identity: ObjectId, mode: DeletionMode, takers: Mapping[ObjectId, str]) -> str:
    taker = takers.get(identity)
    if taker is not None:
        return _gone_over(taker)[1]
    _, why = CHILD if is_child(identity) else LEFT[mode]
    return f"{why} (--{mode})"


def heirs_of(parts: Parts, name: str, claims: Sequence[Claim]) -> dict[ObjectId, str]:
    """Who takes over what is let go, by object; what is gone already nobody does."""
    heirs = parts.comparer.find_heirs(name, {claim.id for claim in claims})
    return {i: taker for i, taker in heirs.takers.items() if not _is_gone(parts, i)}


def _is_gone(parts: Parts, identity: ObjectId) -> bool:
    listed = parts.actual.is_listed(identity.group_kind) and not is_child(identity)
    return listed and parts.actual.get(identity) is None


class Leaver:
    """Lets applications go; one instance serves every application."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def leave(self, runtime: Runtime, trigger: Trigger, mode: DeletionMode) -> SyncResult:
        """Record how all that an application holds is left; its claims end with it."""
        revision = self._parts.syncer.recorder.open_bare(runtime.name, RevisionKind.DELETE, trigger)
        claims = self._parts.inventory.of(runtime.name)
        takers = self._hand_over(runtime, claims, trigger)
        rest = [claim for claim in claims if claim.id not in takers]
        left = dict.fromkeys((c.id for c in rest), ABANDONED)
        if mode == "orphan":
            left = self._unmark(runtime, rest)
        left |= {claim.id: CHILD for claim in rest if is_child(claim.id)}
        left |= {i: _gone_over(taker) for i, taker in takers.items()}
        closed = self._close(revision, left)
        return SyncResult(closed, Plan(runtime.name, "", ()))

    def _hand_over(
        self, runtime: Runtime, claims: Sequence[Claim], trigger: Trigger
    ) -> Mapping[ObjectId, str]:
        takers = heirs_of(self._parts, runtime.name, claims)
        if takers:
            self._parts.inventory.hand_over(runtime.name, takers, trigger.actor)
        return takers

    # --- marks --------------------------------------------------------------------------------

    def _unmark(self, runtime: Runtime, claims: Sequence[Claim]) -> dict[ObjectId, Left]:
        """Take our marks off; what cannot be reached keeps them, and is told."""
        lives = {c.id: live for c in claims if (live := self._parts.actual.get(c.id)) is not None}
        left = {claim.id: self._unseen(claim.id) for claim in claims if claim.id not in lives}
        with self._parts.in_name_of(runtime.application):
            answers = self._parts.cluster.send(
                [
                    Patch(i, live.api_version, tuple(release_marks(live.decode())))
                    for i, live in lives.items()
                ]
            )
        for identity, answer in zip(lives, answers, strict=True):
            vanished = answer.error is not None and answer.error.reason == "not-found"
            why = tell(answer.error) if answer.error is not None and not vanished else ""
            left[identity] = _marked(why) if why else UNMARKED
        return left

    def _unseen(self, identity: ObjectId) -> Left:
        error = self._parts.actual.unseen(identity.group_kind)
        return _marked(tell(error)) if error else (OutcomeKind.SKIPPED, "it was not there")

    # --- history ------------------------------------------------------------------------------

    def _close(self, revision: Revision, left: Mapping[ObjectId, Left]) -> Revision:
        none, order = str(ActionKind.NONE), sorted(left)
        outcomes = tuple(Outcome(i, none, *left[i]) for i in order)
        behind = [i for i in order if left[i][0] is OutcomeKind.SKIPPED]
        ended = replace(revision, outcomes=outcomes)
        return self._parts.syncer.recorder.close(
            ended, RevisionState.SUCCEEDED, tell_behind(behind)
        )


def _gone_over(taker: str) -> Left:
    return OutcomeKind.UNCHANGED, f'it goes over to the application "{taker}"'


def _marked(why: str) -> Left:
    return OutcomeKind.SKIPPED, f"it is left behind with our marks: {why}"


def tell_behind(behind: Sequence[ObjectId]) -> str:
    """The sentence about what was left behind, or ""."""
    if not behind:
        return ""
    more = f" and {len(behind) - NAMED} more" if len(behind) > NAMED else ""
    return f"left behind: {', '.join(i.title for i in behind[:NAMED])}{more}"
