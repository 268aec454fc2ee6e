"""The order in which objects are applied and deleted: phase, wave, kind, name, identity.

In: manifests, or the actions of a plan. Out: the same in one total order, so that it never depends
on the order of the input. The kind order is Helm's, and with it Argo CD's; a Namespace or a
CustomResourceDefinition of the same application comes before everything that needs it, whatever
wave it names. Called by the planner, by rendering, and by what writes a plan batch by batch.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from gitops.core.manifests.scope import CRD, NAMESPACE, defined_kind
from gitops.core.planning.hooks import hooks_of, wave_of
from gitops.model.diff import ActionKind
from gitops.model.objects import GroupKind, Manifest, ObjectId
from gitops.model.plan import Action, Hook, Phase

KIND_ORDER: Final = (
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
)
"""Kinds that are not listed come last, together."""

_RANKS: Final[Mapping[str, int]] = {kind: rank for rank, kind in enumerate(KIND_ORDER)}
RUN_BY_SYNC: Final = frozenset({Phase.PRE_SYNC, Phase.SYNC, Phase.POST_SYNC, Phase.SYNC_FAIL})
RUN_BY_ROLLBACK: Final = RUN_BY_SYNC - {Phase.SYNC_FAIL}
"""By an automatic one, of hooks that ask for it; the SyncFail hooks of what failed have run."""
RUN_BY_DELETION: Final = frozenset({Phase.PRE_DELETE, Phase.POST_DELETE})
PRUNE_LAST: Final = "PruneLast=true"


def kind_rank(kind: GroupKind) -> int:
    """The place of a kind in the kind order; as in Argo CD, the group does not count."""
    return _RANKS.get(kind.kind, len(KIND_ORDER))


@dataclass(frozen=True, slots=True)
class Step:
    """One object in one phase; a hook of several phases gives several steps."""

    manifest: Manifest
    phase: Phase
    wave: int
    hook: Hook | None = None


def _identity(identity: ObjectId) -> tuple[Any, ...]:
    return identity.name, identity.namespace, identity.group, identity.kind


def _step_key(step: Step) -> tuple[Any, ...]:
    return (
        step.phase,
        step.wave,
        kind_rank(step.manifest.id.group_kind),
        _identity(step.manifest.id),
    )


def steps(manifests: Sequence[Manifest]) -> list[Step]:
    """What a sync applies, in order; objects that no phase of a sync applies are left out."""
    found = [
        Step(manifest, phase, wave_of(manifest), hook)
        for manifest, hook in zip(manifests, hooks_of(manifests), strict=True)
        for phase in ((Phase.SYNC,) if hook is None else hook.phases)
        if phase in RUN_BY_SYNC
    ]
    found.sort(key=_step_key)
    return _raise(_raise(found, _namespace_made, _namespace_used), _kind_made, _kind_used)


def order(manifests: Sequence[Manifest]) -> list[Manifest]:
    """Manifests in apply order, each once, where it is first applied.

    What a sync never applies (skipped objects, tests, deletion hooks) comes last, by identity.
    """
    placed = {id(step.manifest): step.manifest for step in steps(manifests)}
    rest = [manifest for manifest in manifests if id(manifest) not in placed]
    return [*placed.values(), *sorted(rest, key=lambda manifest: _identity(manifest.id))]


# --- Namespaces and definitions before their users ----------------------------------------------


def _namespace_made(manifest: Manifest) -> str | None:
    return manifest.id.name if manifest.id.group_kind == NAMESPACE else None


def _namespace_used(manifest: Manifest) -> str | None:
    return manifest.id.namespace or None


def _kind_made(manifest: Manifest) -> GroupKind | None:
    defined = defined_kind(manifest.body) if manifest.id.group_kind == CRD else None
    return defined[0] if defined else None


def _kind_used(manifest: Manifest) -> GroupKind | None:
    return manifest.id.group_kind


def _raise(
    ordered: Sequence[Step],
    made: Callable[[Manifest], object | None],
    used: Callable[[Manifest], object | None],
) -> list[Step]:
    """Move what makes something to before its first user, into that user's phase and wave."""
    result: list[Step] = []
    first: dict[object, Step] = {}
    for step in ordered:
        thing = made(step.manifest)
        user = first.get(thing) if thing is not None else None
        if user is not None:
            raised = replace(step, phase=user.phase, wave=user.wave)
            result.insert(next(i for i, s in enumerate(result) if s is user), raised)
            continue
        result.append(step)
        needed = used(step.manifest) if thing is None else None
        if needed is not None:
            first.setdefault(needed, step)
    return result


# --- The actions of a plan ----------------------------------------------------------------------


def order_actions(actions: Iterable[Action], *, prune_last: bool = False) -> list[Action]:
    """A plan's actions in the order in which they are carried out, with the waves that hold then.

    Within a wave deletions come first. Deletions go through their waves in reverse: the objects of
    the last wave go in the first, as a mirror. With `prune_last`, or where an object says
    `PruneLast=true`, they wait until the last wave of the sync is healthy.
    """
    given = list(actions)
    prunes = [action for action in given if _is_prune(action)]
    applies = [_as_step(action) for action in given if not _is_prune(action)]
    applies.sort(key=lambda pair: _step_key(pair[0]))
    raised = _raise_actions(applies)
    last = max((a.wave for a in raised if a.phase is Phase.SYNC), default=0)
    last = max(last, *(action.wave for action in prunes), 0) if prunes else last

    def waits(action: Action) -> bool:
        return prune_last or PRUNE_LAST in action.options

    waves = sorted({action.wave for action in prunes if not waits(action)})
    mirror = dict(zip(waves, reversed(waves), strict=True))
    moved = [
        replace(action, wave=last + 1 if waits(action) else mirror[action.wave])
        for action in prunes
    ]
    moved.sort(key=_prune_key)
    # Both are ordered; sorting them together by phase and wave keeps that order.
    return sorted([*moved, *raised], key=lambda action: (action.phase, action.wave))


def _is_prune(action: Action) -> bool:
    return action.kind is ActionKind.DELETE and action.hook is None


def _prune_key(action: Action) -> tuple[Any, ...]:
    return action.phase, action.wave, -kind_rank(action.id.group_kind), _identity(action.id)


def _as_step(action: Action) -> tuple[Step, Action]:
    manifest = action.desired or Manifest(action.id, {})
    return Step(replace(manifest, id=action.id), action.phase, action.wave, action.hook), action


def _raise_actions(pairs: Sequence[tuple[Step, Action]]) -> list[Action]:
    actions = {id(step.manifest): action for step, action in pairs}
    ordered = [step for step, _ in pairs]
    ordered = _raise(_raise(ordered, _namespace_made, _namespace_used), _kind_made, _kind_used)
    return [
        replace(actions[id(step.manifest)], phase=step.phase, wave=step.wave) for step in ordered
    ]
