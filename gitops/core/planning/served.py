"""Whether a cluster still serves what a past revision holds.

In: stored manifests and what discovery knows. Out: one sentence for each apiVersion that the
cluster no longer serves; nothing is asked. Called by `engine/orders/restore.py` before a rollback.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from gitops.core.manifests.scope import CRD, defined_kind
from gitops.core.planning.order import RUN_BY_ROLLBACK, Step, steps
from gitops.core.planning.sync_options import options_of
from gitops.model.objects import GroupKind, KindInfo, Manifest

LATER = "SkipDryRunOnMissingResource=true"


def tell_unserved(
    manifests: Sequence[Manifest], kinds: Mapping[GroupKind, KindInfo], *, automatic: bool = False
) -> tuple[str, ...]:
    """What of these the API server would answer with 404, in order; each kind and version once.

    A kind that the manifests themselves define is served once they are applied. `automatic` leaves
    out hooks that a rollback by itself would not run.
    """
    defined = {d[0] for m in manifests if (d := _defined(m)) is not None}
    applied = (s.manifest for s in steps(manifests) if not automatic or _comes_back(s))
    asked = {
        (m.id.group_kind, m.api_version)
        for m in applied
        if m.id.group_kind not in defined and not _comes_later(m, kinds)
    }
    return tuple(_told(asked, kinds))


def _comes_back(step: Step) -> bool:
    hook = step.hook
    return hook is None or (hook.on_rollback and step.phase in RUN_BY_ROLLBACK)


def _defined(manifest: Manifest) -> tuple[GroupKind, bool] | None:
    return defined_kind(manifest.body) if manifest.id.group_kind == CRD else None


def _comes_later(manifest: Manifest, kinds: Mapping[GroupKind, KindInfo]) -> bool:
    return manifest.id.group_kind not in kinds and LATER in options_of(manifest)


def _told(
    asked: Iterable[tuple[GroupKind, str]], kinds: Mapping[GroupKind, KindInfo]
) -> Iterator[str]:
    for kind, api_version in sorted(asked):
        info = kinds.get(kind)
        if info is None:
            yield f"{kind.kind} in {api_version} at all"
            continue
        served = [f"{info.group}/{v}" if info.group else v for v in info.versions]
        if api_version not in served:
            yield f"{kind.kind} as {api_version}, only as {', '.join(served)}"
