import pytest

from gitops.cluster.discovery import _version_rank, from_aggregated, from_crd, from_lists
from gitops.model.objects import GroupKind

WIDGET = GroupKind("a.b", "Widget")


def resource(plural, kind, *, verbs=("get", "list"), subresources=(), scope="Namespaced"):
    return {
        "resource": plural,
        "responseKind": {"kind": kind},
        "scope": scope,
        "verbs": list(verbs),
        "subresources": [{"subresource": name} for name in subresources],
    }


def group(name, **versions):
    listed = [{"version": v, "resources": resources} for v, resources in versions.items()]
    return {"metadata": {"name": name}, "versions": listed}


def test_versions_come_in_the_preferred_order_and_scope_from_the_first():
    kinds = from_aggregated(
        [
            group(
                "a.b",
                v2=[resource("widgets", "Widget", subresources=["status", "scale"])],
                v1=[resource("widgets", "Widget")],
            )
        ]
    )
    found = kinds[WIDGET]
    assert found.versions == ("v2", "v1")
    assert found.has_status
    assert found.namespaced
    assert found.plural == "widgets"


def test_a_kind_that_can_be_read_wins_over_one_that_cannot():
    write_only = resource("widgetreviews", "Widget", verbs=["create"])
    for resources in (
        [write_only, resource("widgets", "Widget")],
        [resource("widgets", "Widget"), write_only],
    ):
        assert from_aggregated([group("a.b", v1=resources)])[WIDGET].plural == "widgets"


def test_empty_documents_say_nothing():
    assert from_aggregated([{}, group("a.b", v1=None)]) == {}
    assert from_lists([{}]) == {}


def test_old_discovery_has_subresources_as_names():
    documents = [
        {
            "groupVersion": "a.b/v1",
            "resources": [
                {"name": "widgets", "kind": "Widget", "namespaced": True, "verbs": ["get"]},
                {"name": "widgets/status", "kind": "Widget", "namespaced": True},
                {"name": "gadgets", "kind": "Gadget"},
            ],
        },
        {
            "groupVersion": "a.b/v1beta1",
            "resources": [{"name": "widgets", "kind": "Widget", "namespaced": True}],
        },
    ]
    kinds = from_lists(documents)
    assert set(kinds) == {WIDGET, GroupKind("a.b", "Gadget")}
    assert kinds[WIDGET].versions == ("v1", "v1beta1")
    assert kinds[WIDGET].has_status
    assert not kinds[GroupKind("a.b", "Gadget")].namespaced


def crd(**spec):
    names = {"kind": "Widget", "plural": "widgets"}
    versions = [
        {"name": "v1beta1", "served": True, "storage": True},
        {"name": "v1", "served": True, "subresources": {"status": {}}},
        {"name": "v2", "served": False},
    ]
    made = {"group": "a.b", "scope": "Cluster", "names": names, "versions": versions}
    return {"kind": "CustomResourceDefinition", "spec": {**made, **spec}}


def test_a_crd_tells_its_kind():
    found = from_crd(crd())
    assert found.group_kind == WIDGET
    assert found.versions == ("v1", "v1beta1")
    assert found.has_status
    assert not found.namespaced


@pytest.mark.parametrize(
    "odd", [{}, {"spec": None}, crd(names=None), crd(versions=[]), crd(names={}), crd(group="")]
)
def test_a_crd_that_cannot_be_read_tells_nothing(odd):
    assert from_crd(odd) is None


def test_versions_are_ordered_as_kubernetes_orders_them():
    # https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/
    right = ["v10", "v2", "v1", "v11beta2", "v10beta3", "v3beta1", "v12alpha1", "v11alpha2",
             "foo1", "foo10", "v1beta", "vx"]  # fmt: skip
    assert sorted(sorted(right), key=_version_rank) == right
