"""What of a past revision a cluster no longer serves."""

from gitops.core.planning.served import tell_unserved
from gitops.model.objects import GroupKind, KindInfo, Manifest, identify

KINDS = {
    GroupKind(group, kind): KindInfo(group, kind, versions, plural, True, True)  # noqa: FBT003 - facts
    for group, kind, versions, plural in (
        ("", "ConfigMap", ("v1",), "configmaps"),
        ("example.com", "Widget", ("v2", "v3"), "widgets"),
    )
}


def manifest(api_version: str, kind: str, name: str = "one", **annotations: str) -> Manifest:
    notes = {f"gitops.dev/{key.replace('_', '-')}": value for key, value in annotations.items()}
    metadata = {"name": name, "namespace": "shop", "annotations": notes}
    body = {"apiVersion": api_version, "kind": kind, "metadata": metadata}
    return Manifest(identify(body), body)


def test_what_is_served_is_not_told() -> None:
    assert (
        tell_unserved([manifest("v1", "ConfigMap"), manifest("example.com/v3", "Widget")], KINDS)
        == ()
    )


def test_an_old_version_and_an_unknown_kind_are_told_once_each() -> None:
    found = tell_unserved(
        [
            manifest("example.com/v1", "Widget"),
            manifest("example.com/v1", "Widget", "two"),
            manifest("example.com/v1", "Gadget"),
            manifest("v0", "ConfigMap"),
        ],
        KINDS,
    )
    assert found == (
        "ConfigMap as v0, only as v1",
        "Gadget in example.com/v1 at all",
        "Widget as example.com/v1, only as example.com/v2, example.com/v3",
    )


def test_what_is_never_applied_or_may_come_later_is_not_told() -> None:
    skipped = manifest("example.com/v1", "Widget", hook="Skip")
    later = manifest("example.com/v1", "Gadget", sync_options="SkipDryRunOnMissingResource=true")
    assert tell_unserved([skipped, later], KINDS) == ()


def test_a_kind_that_the_revision_defines_itself_is_served_with_it() -> None:
    spec = {"group": "example.com", "scope": "Namespaced", "names": {"kind": "Widget"}}
    body = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": spec,
    }
    definition = Manifest(identify(body), body)
    crds = GroupKind("apiextensions.k8s.io", "CustomResourceDefinition")
    known = {**KINDS, crds: KindInfo(crds.group, crds.kind, ("v1",), "x", False, True)}  # noqa: FBT003
    assert tell_unserved([definition, manifest("example.com/v1", "Widget")], known) == ()


def test_of_hooks_an_automatic_rollback_needs_those_that_it_runs() -> None:
    hooks = {
        "plain": manifest("example.com/v1", "Plain", hook="PreSync"),
        "asked": manifest("example.com/v1", "Asked", hook="PreSync", hook_on_rollback="true"),
        "sorry": manifest("example.com/v1", "Sorry", hook="SyncFail", hook_on_rollback="true"),
    }
    told = [f"{kind} in example.com/v1 at all" for kind in ("Asked", "Plain", "Sorry")]
    assert tell_unserved([*hooks.values()], KINDS) == tuple(told)
    assert tell_unserved([*hooks.values()], KINDS, automatic=True) == (told[0],)
