from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops.core.planning.hooks import (
    annotation_faults,
    deletion_hooks,
    hook_name,
    hook_of,
    hooks_of,
    wave_of,
)
from gitops.core.planning.sync_options import options_of
from gitops.model.objects import Manifest
from gitops.model.plan import Phase

ARGO = "argocd.argoproj.io"


def manifest(metadata: Any = None, **annotations: Any) -> Manifest:
    full = metadata if metadata is not None else {"name": "migrate", "annotations": annotations}
    return Manifest.of({"apiVersion": "batch/v1", "kind": "Job", "metadata": full})


def annotated(**annotations: str) -> Manifest:
    names = {f"{ARGO}/hook": "argo", "gitops.dev/hook": "ours", "helm.sh/hook": "helm"}
    full = {key: annotations[word] for key, word in names.items() if word in annotations}
    return manifest({"name": "x", "annotations": full})


def test_helm_hooks_are_ignored_beside_hooks_of_another_kind() -> None:
    helm, ours, plain = annotated(helm="pre-install"), annotated(argo="PostSync"), annotated()
    found = hooks_of([helm, ours, plain])
    assert found[0] is None
    assert found[1] is not None
    assert found[1].phases == (Phase.POST_SYNC,)
    assert found[2] is None
    (alone,) = hooks_of([helm])
    assert alone is not None
    assert alone.phases == (Phase.PRE_SYNC,)


def test_a_misspelt_hook_beside_an_ignored_helm_hook_never_runs() -> None:
    (found,) = hooks_of([annotated(argo="Garbage", helm="pre-install")])
    assert found is not None
    assert found.phases == ()


@pytest.mark.parametrize(("said", "asks"), [("true", True), ("false", False), ("yes", False)])
def test_a_hook_says_whether_an_automatic_rollback_runs_it(said: str, asks: bool) -> None:  # noqa: FBT001 - a case
    marks = {"gitops.dev/hook": "PreSync", "gitops.dev/hook-on-rollback": said}
    given = manifest({"name": "x", "annotations": marks})
    hook = hook_of(given)
    assert hook is not None
    assert hook.on_rollback is asks
    told = [fault.message for fault in annotation_faults(given)]
    strange = "gitops.dev/hook-on-rollback: 'yes' is not \"true\"; it has no effect"
    assert told == ([strange] if said == "yes" else [])


def test_a_hook_with_a_name_keeps_it() -> None:
    assert hook_name(manifest(), "shop", "12", Phase.PRE_SYNC) == "migrate"


def test_a_generated_name_is_equal_for_an_equal_revision() -> None:
    hook = manifest({"generateName": "migrate-"})
    name = hook_name(hook, "shop", "12", Phase.PRE_SYNC)
    assert name == hook_name(hook, "shop", "12", Phase.PRE_SYNC)
    assert name.startswith("migrate-12-presync-")
    others = {
        hook_name(hook, "shop", "13", Phase.PRE_SYNC),
        hook_name(hook, "blog", "12", Phase.PRE_SYNC),
        hook_name(hook, "shop", "12", Phase.POST_SYNC),
    }
    assert len(others | {name}) == 4


def test_a_generated_name_fits_a_label() -> None:
    hook = manifest({"generateName": "m" * 300})
    name = hook_name(hook, "shop", "12345678", Phase.POST_SYNC)
    assert len(name) == 63
    assert hook_name(manifest({"generateName": 3}), "a", "1", Phase.SYNC).startswith("1-sync-")
    assert hook_name(Manifest.of({}), "a", "1", Phase.SYNC).startswith("1-sync-")


def test_words_that_nobody_knows_are_warnings() -> None:
    given = {
        f"{ARGO}/hook": "PreSync,Garbage",
        "gitops.dev/hook-delete-policy": "never",
        "helm.sh/hook": "pre-install,odd,test",
        "helm.sh/hook-delete-policy": "later",
        f"{ARGO}/sync-wave": "x" * 100,
        "gitops.dev/sync-wave": "1",
    }
    assert [
        f.message for f in annotation_faults(manifest({"name": "x", "annotations": given}))
    ] == [
        "gitops.dev/hook-delete-policy: 'never' is not a known policy; it has no effect",
        f"{ARGO}/hook: 'Garbage' is not a known hook; it has no effect",
        "helm.sh/hook: 'odd' is not a known hook; it has no effect",
        "helm.sh/hook-delete-policy: 'later' is not a known policy; it has no effect",
        f"{ARGO}/sync-wave: '{'x' * 63}…' is not an integer; it counts as absent",
    ]
    assert annotation_faults(annotated(argo="Skip")) == []


def test_a_deletion_runs_its_own_hooks_only() -> None:
    before, after, sync, plain = (annotated(argo=p) if p else annotated() for p in
                                  ("PreDelete,Sync", "PostDelete", "PreSync", ""))  # fmt: skip
    helm = annotated(helm="pre-delete")
    assert deletion_hooks([plain, before, sync, after]) == (before, after)
    assert deletion_hooks([helm, plain]) == (helm,)
    assert deletion_hooks([helm, before]) == (before,), "Helm's do not count beside others"


KEYS = st.sampled_from([
    f"{ARGO}/hook", "gitops.dev/hook", "helm.sh/hook", f"{ARGO}/sync-wave", "helm.sh/hook-weight",
    f"{ARGO}/sync-options", f"{ARGO}/hook-delete-policy", "helm.sh/hook-delete-policy",
    "kustomize.toolkit.fluxcd.io/ssa", "gitops.dev/reconcile",
])  # fmt: skip
VALUES = st.none() | st.integers() | st.text(max_size=10) | st.lists(st.text(max_size=3))


@given(
    metadata=st.none()
    | st.text()
    | st.fixed_dictionaries(
        {}, optional={"annotations": st.none() | st.dictionaries(KEYS, VALUES), "name": VALUES}
    )
)
def test_no_annotation_makes_reading_fail(metadata: Any) -> None:
    given = Manifest.of({"metadata": metadata})
    hook_of(given)
    hook_of(given, helm=False)
    wave_of(given)
    options_of(given)
    annotation_faults(given)
    hook_name(given, "a", "1", Phase.SYNC)
