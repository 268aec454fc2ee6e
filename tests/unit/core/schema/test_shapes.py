import pytest

from gitops.core.schema.schema import ANY, OPEN, Form, ListType, Scalar
from gitops.core.schema.shapes import Shapes
from gitops.model.diff import ABSENT
from gitops.model.objects import GroupKind, KindInfo
from gitops.openapi.loader import load_builtin


def walk(shape, path):
    for step in path.split("."):
        shape = shape.item if step == "[]" else shape.child(step)
    return shape


def builtin(api_version, kind, path):
    return walk(load_builtin().kind(api_version, kind).root, path)


POD = "spec.template.spec"


def test_associative_lists_name_their_keys_and_the_keys_defaults():
    ports = builtin("apps/v1", "Deployment", f"{POD}.containers.[].ports")
    assert (ports.form, ports.list_type, ports.keys) == (
        Form.LIST,
        ListType.MAP,
        ("containerPort", "protocol"),
    )
    assert ports.key_default("protocol") == "TCP"


@pytest.mark.parametrize(
    ("path", "scalar"),
    [
        ("spec.replicas", Scalar.INTEGER),
        (f"{POD}.containers.[].resources.limits.cpu", Scalar.QUANTITY),
        ("spec.strategy.rollingUpdate.maxSurge", Scalar.INT_OR_STRING),
        ("metadata.creationTimestamp", Scalar.TIME),
        (f"{POD}.hostNetwork", Scalar.BOOLEAN),
        (f"{POD}.containers.[].image", Scalar.STRING),
    ],
)
def test_scalars_have_their_types(path, scalar):
    assert builtin("apps/v1", "Deployment", path).scalar is scalar


def test_sets_and_atomic_values_are_told_apart():
    assert builtin("v1", "ConfigMap", "metadata.finalizers").list_type is ListType.SET
    assert builtin("apps/v1", "Deployment", f"{POD}.containers.[].args").list_type is (
        ListType.ATOMIC
    )
    assert builtin("apps/v1", "Deployment", "spec.selector").atomic
    assert not builtin("apps/v1", "Deployment", "metadata.labels").atomic


def test_a_raw_object_may_be_anything_and_is_one():
    data = builtin("apps/v1", "ControllerRevision", "data")
    assert (data.form, data.atomic) == (Form.ANY, True)


def test_the_api_versions_of_all_kinds_with_a_schema_are_told():
    found = load_builtin().api_versions()
    assert {"v1", "apps/v1"} <= found
    assert "example.com/v1" not in found


def test_bytes_and_enums_and_zero_fields_are_known():
    assert builtin("v1", "Secret", "data.x").scalar is Scalar.BYTES
    assert "ClusterFirst" in builtin("v1", "Pod", "spec.dnsPolicy").enum
    spec = builtin("v1", "Pod", "spec")
    assert "hostNetwork" in spec.zeros
    assert "automountServiceAccountToken" not in spec.zeros
    assert spec.child("hostNetwork").drops_zero
    assert not spec.child("automountServiceAccountToken").drops_zero
    assert spec.child("nodeSelector").drops_empty


def test_fields_that_the_server_fills_are_known():
    assert "apiGroup" in builtin("rbac.authorization.k8s.io/v1", "RoleBinding", "roleRef").defaulted
    assert (
        "protocol"
        in builtin("networking.k8s.io/v1", "NetworkPolicy", "spec.ingress.[].ports.[]").defaulted
    )


def test_recursive_definitions_resolve_lazily():
    deep = builtin(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        "spec.versions.[].schema.openAPIV3Schema.properties.a.properties.b.properties.c",
    )
    assert deep.child("type").scalar is Scalar.STRING


def test_a_field_that_the_schema_does_not_know_has_no_shape():
    assert builtin("v1", "Pod", "spec").child("replicas") is None


def test_an_unknown_kind_has_no_shape_and_walks_as_anything():
    assert load_builtin().kind("example.com/v1", "Widget") is None
    root = load_builtin().root({"apiVersion": "example.com/v1", "kind": "Widget"})
    assert walk(root, "spec.items.[].name") is ANY
    assert walk(root, "metadata.finalizers").list_type is ListType.SET


def test_scope_plural_status_and_versions_come_from_the_paths():
    shapes = load_builtin()
    hpa = shapes.kind("autoscaling/v2", "HorizontalPodAutoscaler")
    assert (hpa.plural, hpa.namespaced, hpa.has_status) == ("horizontalpodautoscalers", True, True)
    assert hpa.versions == ("v2", "v1")
    assert shapes.kind("v1", "Namespace").namespaced is False
    assert shapes.kind("v1", "ConfigMap").has_status is False
    assert "patch" in shapes.kinds[GroupKind("apps", "Deployment")].verbs


CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"kind": "Widget", "plural": "widgets"},
        "versions": [
            {"name": "v1beta1", "served": True, "storage": False, "schema": {}},
            {"name": "v0", "served": False, "storage": False},
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "required": ["size"],
                                "properties": {
                                    "size": {"x-kubernetes-int-or-string": True},
                                    "memory": {
                                        "x-kubernetes-int-or-string": True,
                                        "anyOf": [{"type": "integer"}, {"type": "string"}],
                                        "pattern": "^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))"
                                        "(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+"
                                        "(\\.[0-9]*)?)|(\\.[0-9]+))))?$",
                                    },
                                    "mode": {"type": "string", "default": "fast"},
                                    "empty": {"type": "object"},
                                    "free": {
                                        "type": "object",
                                        "x-kubernetes-preserve-unknown-fields": True,
                                    },
                                    "rules": {
                                        "type": "array",
                                        "x-kubernetes-list-type": "map",
                                        "x-kubernetes-list-map-keys": ["name"],
                                        "items": {
                                            "type": "object",
                                            "properties": {"name": {"type": "string"}},
                                        },
                                    },
                                    "template": {
                                        "type": "object",
                                        "x-kubernetes-embedded-resource": True,
                                        "x-kubernetes-preserve-unknown-fields": True,
                                    },
                                },
                            }
                        },
                    }
                },
            },
        ],
    },
}


def test_a_crd_gives_the_shape_of_its_kind():
    shapes = load_builtin().with_crd(CRD)
    widget = shapes.kind("example.com/v1", "Widget")
    spec = widget.root.child("spec")
    assert (widget.plural, widget.namespaced, widget.versions) == (
        "widgets",
        True,
        ("v1", "v1beta1"),
    )
    assert spec.child("rules").keys == ("name",)
    assert spec.child("size").scalar is Scalar.INT_OR_STRING
    assert spec.child("memory").scalar is Scalar.QUANTITY
    assert spec.child("mode").default == "fast"
    assert spec.child("size").default is ABSENT
    assert spec.required == {"size"}
    assert spec.child("empty").child("x") is None
    assert spec.child("free").child("x") is OPEN
    assert spec.child("template").child("metadata").child("labels").form is Form.MAP
    assert widget.root.child("metadata").child("finalizers").list_type is ListType.SET


def test_the_status_subresource_of_a_crd_belongs_to_a_version():
    shapes = load_builtin().with_crd(CRD)
    assert shapes.kind("example.com/v1", "Widget").has_status
    assert not shapes.kind("example.com/v1beta1", "Widget").has_status
    assert shapes.kind("example.com/v0", "Widget") is None


def test_a_crd_without_a_schema_takes_everything():
    shapes = load_builtin().with_crd(CRD)
    assert shapes.kind("example.com/v1beta1", "Widget").root.child("spec") is OPEN


@pytest.mark.parametrize("body", [{}, {"spec": 1}, {"spec": {"names": []}}])
def test_a_body_that_is_no_crd_changes_nothing(body):
    shapes = load_builtin()
    assert shapes.with_crd(body) is shapes


def test_merging_keeps_both_and_lets_the_other_win():
    mine = Shapes.from_openapi(
        {
            "a.A": {"x-kubernetes-group-version-kind": [{"version": "v1", "kind": "A"}]},
            "b.B": {"type": "string"},
        },
        [KindInfo("", "A", ("v1",), "as", namespaced=True, has_status=False)],
    )
    other = Shapes.from_openapi(
        {
            "a.A": {
                "properties": {"b": {"$ref": "#/definitions/b.B"}},
                "x-kubernetes-group-version-kind": [{"version": "v1", "kind": "A"}],
            }
        }
    )
    both = mine.merge(other).kind("v1", "A")
    assert both.root.child("b").scalar is Scalar.STRING
    assert both.plural == "as"


def test_references_in_a_loop_or_to_nothing_are_anything():
    shapes = Shapes.from_openapi(
        {
            "a": {"$ref": "#/definitions/b"},
            "b": {"$ref": "#/definitions/a"},
            "k": {
                "properties": {"loop": {"$ref": "#/definitions/a"}, "gone": {"$ref": "x"}},
                "x-kubernetes-group-version-kind": [{"group": "g", "version": "v1", "kind": "K"}],
            },
        }
    )
    root = shapes.kind("g/v1", "K").root
    assert root.child("loop").form is Form.ANY
    assert root.child("gone") is ANY


def test_a_patch_strategy_stands_in_for_a_list_type():
    shapes = Shapes.from_openapi(
        {
            "k": {
                "properties": {
                    "map": {
                        "type": "array",
                        "x-kubernetes-patch-strategy": "merge,retainKeys",
                        "x-kubernetes-patch-merge-key": "name",
                    },
                    "set": {"type": "array", "x-kubernetes-patch-strategy": "merge"},
                    "atomic": {"type": "array", "x-kubernetes-patch-strategy": "retainKeys"},
                },
                "x-kubernetes-group-version-kind": [{"group": "g", "version": "v1", "kind": "K"}],
            },
        }
    )
    root = shapes.kind("g/v1", "K").root
    assert [root.child(n).list_type for n in ("map", "set", "atomic")] == ["map", "set", "atomic"]
    assert root.child("map").keys == ("name",)


def test_null_is_a_value_where_a_custom_resource_may_hold_one():
    schema = {
        "type": "object",
        "properties": {
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            "bare": {"x-kubernetes-preserve-unknown-fields": True},
            "size": {"type": "integer"},
            "limit": {"type": "integer", "nullable": True},
            "texts": {
                "type": "object",
                "additionalProperties": {"type": "string", "nullable": True},
            },
        },
    }
    version = {"name": "v1", "served": True, "schema": {"openAPIV3Schema": schema}}
    names = {"kind": "Open", "plural": "opens"}
    spec = {"group": "example.com", "names": names, "versions": [version]}
    root = load_builtin().with_crd({**CRD, "spec": spec}).kind("example.com/v1", "Open").root
    free = root.child("free")
    kept = {name for name in schema["properties"] if root.child(name).keeps_null}
    assert kept == {"limit"}
    assert free.child("a").keeps_null
    assert free.child("a").child("b").item.child("c").keeps_null
    assert root.child("texts").child("a").keeps_null
    assert not root.child("metadata").child("labels").keeps_null
    unknown = load_builtin().root({"apiVersion": "example.com/v1", "kind": "Other"})
    assert not unknown.child("spec").child("a").keeps_null
