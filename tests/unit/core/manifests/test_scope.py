from typing import Any

import pytest

from gitops.core.manifests.scope import place, scopes
from gitops.model.objects import GroupKind, KindInfo, Manifest

WIDGET = GroupKind("example.com", "Widget")
NAMESPACED = KindInfo(
    "example.com", "Widget", ("v1",), "widgets", namespaced=True, has_status=False
)


def definition(scope: str, **names: Any) -> Manifest:
    spec = {"group": "example.com", "scope": scope, "names": names}
    return Manifest.of(
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": "widgets.example.com"},
            "spec": spec,
        }
    )


def widget(**metadata: Any) -> Manifest:
    return Manifest.of({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": metadata})


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        (definition("Cluster", kind="Widget"), False),
        (definition("Namespaced", kind="Widget"), True),
        (definition("Cluster"), True),
        (widget(name="w"), True),
    ],
    ids=["for the cluster", "for namespaces", "without a kind", "none"],
)
def test_a_definition_among_the_manifests_says_the_scope(
    manifest: Manifest,
    expected: bool,  # noqa: FBT001 - a column
) -> None:
    assert scopes([manifest], {WIDGET: NAMESPACED})[WIDGET] is expected


@pytest.mark.parametrize(
    ("metadata", "namespaced", "expected"),
    [
        ({"name": "w"}, True, {"name": "w", "namespace": "shop"}),
        ({"generateName": "w-"}, True, {"namespace": "shop", "generateName": "w-"}),
        ({"name": "w", "namespace": "own"}, True, {"name": "w", "namespace": "own"}),
        ({"name": "w", "namespace": "own"}, False, {"name": "w"}),
        ({"name": "w"}, False, {"name": "w"}),
        ({"name": "w", "namespace": "own"}, None, {"name": "w", "namespace": "own"}),
        ({"name": "w"}, None, {"name": "w"}),
    ],
)
def test_a_manifest_gets_the_namespace_that_its_kind_asks_for(
    metadata: Any, namespaced: Any, expected: Any
) -> None:
    known = {} if namespaced is None else {WIDGET: namespaced}
    (placed,) = place([widget(**metadata)], known, "shop")
    assert placed.body["metadata"] == expected
    assert placed.id.namespace == expected.get("namespace", "")
