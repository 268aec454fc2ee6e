"""The rules that keep a sync from destroying by accident: a table of small functions.

In: the actions of a plan and what is known around it. Out: the same actions, those that must not
or not yet be carried out marked with `held` (the reason) and `hold` (the sort). A rule sees one
action and answers with a verdict; no rule knows another. Called by the planner.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from gitops.core.application.spec import is_application
from gitops.core.ownership.marks import installation_of, tracked_by
from gitops.core.planning.sync_options import options_of
from gitops.core.projects.limits import refusal
from gitops.model.application import Adopt, Application, PruneBudget
from gitops.model.diff import ActionKind
from gitops.model.objects import Body, GroupKind, Manifest, ObjectId
from gitops.model.plan import Action, Hold
from gitops.model.project import UNLIMITED, Project


@dataclass(frozen=True, slots=True)
class Allowed:
    """Nothing speaks against the action."""


@dataclass(frozen=True, slots=True)
class Held:
    """It waits for approval; `reason` is a part of a sentence without a full stop."""

    reason: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """It is left out on purpose."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """It must not be made, approved or not."""

    reason: str


Verdict = Allowed | Held | Skipped | Refused
ALLOWED: Final = Allowed()

HOLDS: Final[Mapping[type[Verdict], Hold]] = {
    Refused: Hold.REFUSED,
    Skipped: Hold.SKIPPED,
    Held: Hold.APPROVAL,
}
"""From the strongest verdict to the weakest."""

PROTECTED: Final = frozenset({
    GroupKind("", "Namespace"),
    GroupKind("apiextensions.k8s.io", "CustomResourceDefinition"),
    GroupKind("", "PersistentVolume"),
    GroupKind("", "PersistentVolumeClaim"),
})  # fmt: skip
"""Kinds whose deletion takes other things with it; under a budget it always waits."""

KEPT_BY_ROLLBACK: Final = PROTECTED - {GroupKind("", "PersistentVolume")}
"""What an automatic rollback never deletes."""

PERCENT_FROM: Final = 10
"""The percentage of a prune budget counts from so many objects on."""


@dataclass(frozen=True, slots=True)
class GuardContext:
    """What is known around a plan.

    `owned` is the inventory: objects that this application applied. `claims` say which application
    holds an object, ours included. `live` are bodies of objects that exist; an object that is not
    in it is not looked at. `approved` says that somebody approved this very plan, `confirmed` that
    an annotation lets go what asks for it (`Prune=confirm`). `prune` True is
    an explicit wish (`--prune`), False forbids it, None leaves it to the policy. `rollback` is an
    automatic one; `deletes` the deletion of the application itself; `partial` a selective sync or
    a heal, whose plan does not hold everything desired. `project` is the application's.
    """

    application: Application
    installation: str = ""
    owned: Collection[ObjectId] = frozenset()
    claims: Mapping[ObjectId, str] = field(default_factory=dict)
    live: Mapping[ObjectId, Body] = field(default_factory=dict)
    approved: bool = False
    confirmed: bool = False
    prune: bool | None = None
    rollback: bool = False
    deletes: bool = False
    partial: bool = False
    project: Project = UNLIMITED


@dataclass(frozen=True, slots=True)
class Prunes:
    """All deletions that single rules let through; `empty` says that nothing else is desired."""

    actions: tuple[Action, ...]
    empty: bool


Guard = Callable[[Action, GuardContext], Verdict]
PlanGuard = Callable[[Prunes, GuardContext], Verdict]


def guard(actions: Sequence[Action], context: GuardContext) -> list[Action]:
    """The actions in their order, with `held` and `hold` set where a rule says so.

    Rules on single actions come first; rules on all deletions together count those that are not
    refused or skipped. An approval lifts what is held, never what is refused.
    """
    verdicts = [_judge(action, context) for action in actions]
    prunes = tuple(
        action
        for action, verdict in zip(actions, verdicts, strict=True)
        if _is_prune(action) and not isinstance(verdict, Refused | Skipped)
    )
    empty = not any(action.hook is None and not _is_prune(action) for action in actions)
    together = _strongest([rule(Prunes(prunes, empty), context) for rule in PLAN_GUARDS])
    result = []
    for action, verdict in zip(actions, verdicts, strict=True):
        final = _strongest([verdict, together]) if _is_prune(action) else verdict
        result.append(_mark(action, ALLOWED if context.approved and _lifts(final) else final))
    return result


def _judge(action: Action, context: GuardContext) -> Verdict:
    if action.kind is ActionKind.NONE:
        return ALLOWED
    return _strongest([rule(action, context) for rule in GUARDS])


def _strongest(verdicts: Sequence[Verdict]) -> Verdict:
    """The strongest verdict; of equal ones the first."""
    order = [*HOLDS, Allowed]
    return min(verdicts, key=lambda verdict: order.index(type(verdict)))


def _lifts(verdict: Verdict) -> bool:
    return isinstance(verdict, Held)


def _mark(action: Action, verdict: Verdict) -> Action:
    if action.kind is ActionKind.NONE:
        return action
    if isinstance(verdict, Allowed):
        return replace(action, held=None, hold=None) if action.held else action
    return replace(action, held=verdict.reason, hold=HOLDS[type(verdict)])


def _is_prune(action: Action) -> bool:
    """A deletion of something no longer desired; a hook's clean-up is none."""
    return action.kind is ActionKind.DELETE and action.hook is None


# --- Rules on one action ------------------------------------------------------------------------


def claimed_by_another(action: Action, context: GuardContext) -> Verdict:
    """An object of another application or installation is not touched.

    Within this installation claims count, and marks only where there is no claim: anybody who may
    write an object may write its annotations.
    """
    name = context.application.name
    holder = context.claims.get(action.id)
    if holder not in {None, name}:
        return Refused(f'it belongs to the application "{holder}"')
    live = context.live.get(action.id)
    owner = tracked_by(live) if live is not None else None
    if live is None or owner is None:
        return ALLOWED
    theirs = installation_of(live)
    if context.installation and theirs not in {None, context.installation}:
        return Refused(f'it belongs to the application "{owner}" of the installation {theirs}')
    if owner != name and holder is None and owner not in context.application.takes_over:
        return Refused(f'it belongs to the application "{owner}"')
    return ALLOWED


def adoption(action: Action, context: GuardContext) -> Verdict:
    """An object that exists and is nobody's is taken as `spec.syncPolicy.adopt` says."""
    if action.kind is not ActionKind.ADOPT or _is_left(action, context):
        return ALLOWED
    policy = context.application.sync_policy.adopt
    if policy is Adopt.NEVER:
        return Refused("it exists already, and spec.syncPolicy.adopt is never")
    if policy is Adopt.APPROVE:
        return Held("it exists already and is not managed; its adoption waits for approval")
    return ALLOWED


def _is_left(action: Action, context: GuardContext) -> bool:
    """Whether an application that is taken over (`spec.takesOver`) left the object behind."""
    live = context.live.get(action.id)
    if live is None or installation_of(live) != context.installation:
        return False
    return tracked_by(live) in context.application.takes_over


def not_ours(action: Action, context: GuardContext) -> Verdict:
    """Only what the inventory says we own is deleted."""
    if _is_prune(action) and action.id not in context.owned:
        return Refused("it was not applied by this application, so it is not deleted")
    return ALLOWED


def outside_project(action: Action, context: GuardContext) -> Verdict:
    """What the project does not allow is not deleted either; what it was is left."""
    if action.kind is not ActionKind.DELETE or is_application(Manifest(action.id, {})):
        return ALLOWED
    reason = refusal(context.project, context.application, action.id)
    return Skipped(reason) if reason else ALLOWED


def keeps_itself(action: Action, context: GuardContext) -> Verdict:
    """`Prune=false`, `Delete=false`, `confirm`, Helm's `keep`, Flux's `prune: disabled`."""
    if not _is_prune(action):
        return ALLOWED
    live = context.live.get(action.id)
    own = options_of(Manifest(action.id, live)) if live else action.options
    name = "Delete" if context.deletes else "Prune"
    where = "an annotation"
    asked = frozenset(option for option in own if option.startswith(f"{name}="))
    if not asked:
        where, asked = "spec.syncPolicy.syncOptions", context.application.sync_policy.sync_options
    if f"{name}=false" in asked:
        return Skipped(f"{where} keeps it ({name}=false)")
    if f"{name}=confirm" in asked and not context.confirmed:
        return Held(f"{where} asks for approval ({name}=confirm)")
    return ALLOWED


def pruning_is_off(action: Action, context: GuardContext) -> Verdict:
    """Without a wish or a policy, nothing is pruned."""
    if not _is_prune(action) or context.deletes or context.prune is True:
        return ALLOWED
    if context.prune is False:
        return Skipped("pruning was not asked for")
    automated = context.application.sync_policy.automated
    if automated is None:
        return Skipped("pruning is off (spec.syncPolicy.automated is not set)")
    if not automated.prune:
        return Skipped("pruning is off (spec.syncPolicy.automated.prune)")
    return ALLOWED


def rollback_keeps(action: Action, context: GuardContext) -> Verdict:
    """An automatic rollback never deletes Namespaces, definitions or volume claims."""
    destroys = action.kind in {ActionKind.DELETE, ActionKind.REPLACE}
    if context.rollback and destroys and action.id.group_kind in KEPT_BY_ROLLBACK:
        return Skipped(f"an automatic rollback never deletes a {action.id.kind}")
    return ALLOWED


def protected_kind(action: Action, context: GuardContext) -> Verdict:
    """Under a budget, the deletion of some kinds always waits."""
    if _budget(context) is None or action.id.group_kind not in PROTECTED:
        return ALLOWED
    if _is_prune(action):
        return Held(f"the deletion of a {action.id.kind} waits for approval")
    if action.kind is ActionKind.REPLACE:
        return Held(f"the replacement of a {action.id.kind} deletes it, and waits for approval")
    return ALLOWED


GUARDS: Final[tuple[Guard, ...]] = (
    claimed_by_another,
    not_ours,
    adoption,
    outside_project,
    keeps_itself,
    pruning_is_off,
    rollback_keeps,
    protected_kind,
)


# --- Rules on all deletions together ------------------------------------------------------------


def deletes_everything(prunes: Prunes, context: GuardContext) -> Verdict:
    """A sync for which nothing is desired waits, unless `allowEmpty` is set."""
    automated = context.application.sync_policy.automated
    if context.deletes or context.partial or not prunes.empty:
        return ALLOWED
    if automated is not None and automated.allow_empty:
        return ALLOWED
    return Held(
        "nothing is desired any more, and everything would be deleted "
        "(spec.syncPolicy.automated.allowEmpty is false)"
    )


def over_budget(prunes: Prunes, context: GuardContext) -> Verdict:
    """More deletions than `spec.syncPolicy.pruneBudget` allows wait, all of them."""
    budget = _budget(context)
    if budget is None:
        return ALLOWED
    many, total = len(prunes.actions), len(context.owned)
    if 0 <= budget.max_objects < many:
        limit = f"{budget.max_objects} (spec.syncPolicy.pruneBudget.maxObjects)"
        return Held(f"{many} objects would be deleted, more than {limit}")
    percent = budget.max_percent
    if percent >= 0 and total >= PERCENT_FROM and many * 100 > percent * total:
        limit = f"{percent} % (spec.syncPolicy.pruneBudget.maxPercent)"
        return Held(f"{many} of {total} objects would be deleted, more than {limit}")
    return ALLOWED


def _budget(context: GuardContext) -> PruneBudget | None:
    """The budget that counts: none for a deletion or a prune that somebody asked for."""
    if context.deletes or context.prune is True:
        return None
    return context.application.sync_policy.prune_budget


PLAN_GUARDS: Final[tuple[PlanGuard, ...]] = (deletes_everything, over_budget)
