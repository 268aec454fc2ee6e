"""What annotations make of one object: a hook with its phases and delete policies, a wave.

In: a manifest, whose annotations may hold anything. Out: values; never an exception. A word that
nobody knows is a warning of `annotation_faults`. Read in this order: ours (`gitops.dev/…`), Argo
CD's (`argocd.argoproj.io/…`), Helm's; the first that says something wins. The meaning is Argo
CD's (gitops-engine `pkg/sync/{hook,syncwaves,resource}`). Called by `order.py`, the guards and
the engine.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from gitops.core.ownership.marks import HOOK_FINALIZER
from gitops.core.planning.sync_options import ARGO, OURS, option_remarks
from gitops.model.health import Health, HealthStatus
from gitops.model.objects import Body, Manifest
from gitops.model.plan import DeletePolicy, Fault, Hook, Phase

HELM_HOOK: Final = "helm.sh/hook"
HELM_WEIGHT: Final = "helm.sh/hook-weight"
HELM_DELETE_POLICY: Final = "helm.sh/hook-delete-policy"

PHASES: Final[Mapping[str, Phase]] = {phase.title: phase for phase in Phase}
SKIP: Final = "Skip"

ON_ROLLBACK: Final = f"{OURS}hook-on-rollback"
"""Ours alone: Argo CD has no automatic rollback."""

HELM_CRD: Final = "crd-install"
"""Helm's old mark of a CustomResourceDefinition: alone it makes no hook."""

HELM_PHASES: Final[Mapping[str, Phase]] = {
    HELM_CRD: Phase.PRE_SYNC,
    "pre-install": Phase.PRE_SYNC,
    "pre-upgrade": Phase.PRE_SYNC,
    "post-install": Phase.POST_SYNC,
    "post-upgrade": Phase.POST_SYNC,
    "pre-delete": Phase.PRE_DELETE,
    "post-delete": Phase.POST_DELETE,
}
"""Install and upgrade are not told apart. Tests and rollback hooks have no phase: never run."""

HELM_WITHOUT_PHASE: Final = frozenset({
    "test", "test-success", "test-failure", "pre-rollback", "post-rollback",
})  # fmt: skip

POLICIES: Final[Mapping[str, DeletePolicy]] = {policy.value: policy for policy in DeletePolicy}
HELM_POLICIES: Final[Mapping[str, DeletePolicy]] = {
    "before-hook-creation": DeletePolicy.BEFORE_HOOK_CREATION,
    "hook-succeeded": DeletePolicy.HOOK_SUCCEEDED,
    "hook-failed": DeletePolicy.HOOK_FAILED,
}

DELETION: Final = "v0:deletion"
"""What hooks of a deletion run for, in the place of the desired state's digest."""

_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,18}")
MAX_NAME: Final = 63
"""A Job's name becomes a label of its pods."""


def hook_of(manifest: Manifest, *, helm: bool = True) -> Hook | None:
    """The hook that an object is; None for an ordinary object.

    A hook without phases is never applied: `Skip`, Helm's tests, and what nobody knows (somebody
    meant a hook and misspelt it). `helm` False leaves Helm's annotations out, see `hooks_of`.
    """
    annotations = manifest.annotations
    named = _first(annotations, "hook")
    if named is not None:
        words = _words(named)
        phases = [PHASES[word] for word in words if word in PHASES]
        if phases or not helm or SKIP in words:
            return _hook(phases, annotations)
    if not helm or HELM_HOOK not in annotations:
        return None if named is None else _hook([], annotations)
    if annotations[HELM_HOOK] == HELM_CRD:
        return None if named is None else _hook([], annotations)
    phases = [HELM_PHASES[w] for w in _words(annotations[HELM_HOOK]) if w in HELM_PHASES]
    return _hook(phases, annotations)


def hooks_of(manifests: Sequence[Manifest]) -> list[Hook | None]:
    """The hook of each of an application's manifests, in their order.

    If any of them is a hook of ours or of Argo CD's, Helm's hooks are ignored: those objects are
    ordinary ones then.
    """
    helm = not any(_first(manifest.annotations, "hook") is not None for manifest in manifests)
    return [hook_of(manifest, helm=helm) for manifest in manifests]


def deletion_hooks(manifests: Sequence[Manifest]) -> tuple[Manifest, ...]:
    """Those of an application's manifests that its deletion runs, before and after it."""
    pairs = zip(manifests, hooks_of(manifests), strict=True)
    wanted = {Phase.PRE_DELETE, Phase.POST_DELETE}
    return tuple(m for m, hook in pairs if hook is not None and wanted & set(hook.phases))


def _hook(phases: Iterable[Phase], annotations: Mapping[str, str]) -> Hook:
    on_rollback = annotations.get(ON_ROLLBACK) == "true"
    return Hook(tuple(sorted(set(phases))), _delete_policies(annotations), on_rollback)


def _delete_policies(annotations: Mapping[str, str]) -> tuple[DeletePolicy, ...]:
    """Ours or Argo CD's, and Helm's besides; BeforeHookCreation where none is known."""
    ours = _words(_first(annotations, "hook-delete-policy") or "")
    helm = _words(annotations.get(HELM_DELETE_POLICY, ""))
    found = [POLICIES[word] for word in ours if word in POLICIES]
    found += [HELM_POLICIES[word] for word in helm if word in HELM_POLICIES]
    return tuple(dict.fromkeys(found)) or (DeletePolicy.BEFORE_HOOK_CREATION,)


def wave_of(manifest: Manifest) -> int:
    """The wave, 0 where none is given; Helm's hook weight counts where no wave does."""
    annotations = manifest.annotations
    for key in (f"{OURS}sync-wave", f"{ARGO}sync-wave", HELM_WEIGHT):
        wave = _integer(annotations.get(key))
        if wave is not None:
            return wave
    return 0


def hook_name(manifest: Manifest, application: str, revision: str, phase: Phase) -> str:
    """The name of a hook's object: its own, else one made of `generateName` and the revision.

    A generated name is equal for an equal revision, so that a restart finds a running hook; it
    holds a short hash of the application and has at most 63 characters.
    """
    if manifest.id.name:
        return manifest.id.name
    metadata = manifest.body.get("metadata")
    prefix = metadata.get("generateName") if isinstance(metadata, Mapping) else None
    prefix = prefix if isinstance(prefix, str) else ""
    digest = hashlib.sha256(f"{application}\0{prefix}".encode()).hexdigest()[:5]
    suffix = f"{revision}-{phase.title}-{digest}".lower()
    return prefix[: MAX_NAME - len(suffix)] + suffix


# --- The objects that hooks leave -----------------------------------------------------------------


def finalizers_of(body: Body) -> list[Any]:
    """`metadata.finalizers`; empty where there are none."""
    metadata = body.get("metadata")
    found = metadata.get("finalizers") if isinstance(metadata, Mapping) else None
    return found if isinstance(found, list) else []


def release_hook(body: Body) -> tuple[dict[str, Any], ...]:
    """JSON patch that takes our finalizer off a hook's live object; empty where it has none."""
    finalizers = finalizers_of(body)
    if HOOK_FINALIZER not in finalizers:
        return ()
    path = f"/metadata/finalizers/{finalizers.index(HOOK_FINALIZER)}"
    return (
        {"op": "test", "path": path, "value": HOOK_FINALIZER},
        {"op": "remove", "path": path},
    )


def undeleted(body: Body) -> Body:
    """The body of a hook that waits for us to be deleted, as it was before; else the same body."""
    metadata = body.get("metadata")
    if not isinstance(metadata, Mapping) or HOOK_FINALIZER not in finalizers_of(body):
        return body
    kept = {key: value for key, value in metadata.items() if key != "deletionTimestamp"}
    return body if len(kept) == len(metadata) else {**body, "metadata": kept}


def health_of_deleted_hook(before: Health) -> Health:
    """Health of a hook that is being deleted, of which `before` would be true otherwise."""
    if before.status in (None, HealthStatus.HEALTHY, HealthStatus.DEGRADED):
        return before
    return Health(HealthStatus.DEGRADED, "it was deleted before it ended")


# --- What nobody knows --------------------------------------------------------------------------


def annotation_faults(manifest: Manifest) -> list[Fault]:
    """A warning for each annotation of a hook, wave or option that holds a word nobody knows."""
    return [
        Fault("unknown-annotation", message, manifest.id, manifest.place)
        for message in (*_remarks(manifest.annotations), *option_remarks(manifest))
    ]


def _remarks(annotations: Mapping[str, str]) -> Iterator[str]:
    for prefix in (OURS, ARGO):
        yield from _strange(annotations, f"{prefix}hook", {*PHASES, SKIP}, "hook")
        yield from _strange(annotations, f"{prefix}hook-delete-policy", {*POLICIES}, "policy")
    known = {*HELM_PHASES, *HELM_WITHOUT_PHASE}
    yield from _strange(annotations, HELM_HOOK, known, "hook")
    yield from _strange(annotations, HELM_DELETE_POLICY, {*HELM_POLICIES}, "policy")
    if annotations.get(ON_ROLLBACK, "true") not in ("true", "false"):
        yield f'{ON_ROLLBACK}: {_shown(annotations[ON_ROLLBACK])} is not "true"; it has no effect'
    for key in (f"{OURS}sync-wave", f"{ARGO}sync-wave", HELM_WEIGHT):
        if key in annotations and _integer(annotations[key]) is None:
            yield f"{key}: {_shown(annotations[key])} is not an integer; it counts as absent"


def _strange(annotations: Mapping[str, str], key: str, known: set[str], what: str) -> Iterator[str]:
    for word in _words(annotations.get(key, "")):
        if word not in known:
            yield f"{key}: {_shown(word)} is not a known {what}; it has no effect"


def _shown(word: str) -> str:
    return repr(word if len(word) <= MAX_NAME else word[:MAX_NAME] + "…")


def _first(annotations: Mapping[str, str], name: str) -> str | None:
    """Our annotation, else Argo CD's."""
    ours = annotations.get(f"{OURS}{name}")
    return annotations.get(f"{ARGO}{name}") if ours is None else ours


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _integer(text: str | None) -> int | None:
    """As Go's Atoi reads it: a sign and digits, no spaces."""
    return int(text) if text is not None and _INTEGER.fullmatch(text) else None
