import pytest

from gitops.core.ownership.fields import (
    FieldSet,
    canonical_element,
    item_elements,
    list_shape,
)
from gitops.core.schema.schema import ANY, ListType
from gitops.openapi.loader import load_builtin

ROOT = load_builtin().kind("apps/v1", "Deployment").root
CONTAINERS = ROOT.child("spec").child("template").child("spec").child("containers")
OURS = {
    "f:metadata": {"f:labels": {".": {}, "f:a": {}}},
    "f:spec": {
        "f:replicas": {},
        "f:template": {
            "f:spec": {
                "f:containers": {
                    'k:{"name":"web"}': {
                        ".": {},
                        "f:image": {},
                        "f:ports": {'k:{"protocol":"TCP","containerPort":80}': {"f:name": {}}},
                    }
                }
            }
        },
    },
}
FIELDS = FieldSet.parse(OURS)
WEB = ("f:spec", "f:template", "f:spec", "f:containers", 'k:{"name":"web"}')


@pytest.mark.parametrize(
    ("text", "element"),
    [
        ("f:a:b", "f:a:b"),
        ("i:0", "i:0"),
        ('k:{"b": 1.0, "a": "x"}', 'k:{"a":"x","b":1}'),
        ("v:1.0", "v:1"),
        ('v:"x"', 'v:"x"'),
        (".", None),
        ("k:{", None),
        ("x:1", None),
        ("f", None),
        (3, None),
    ],
)
def test_an_element_has_one_spelling(text, element):
    assert canonical_element(text) == element


def test_membership_reaches_through_atomic_values_only():
    assert FIELDS.covers(("f:spec", "f:replicas"))
    assert FIELDS.covers(("f:spec", "f:replicas", "f:anything"))
    assert FIELDS.covers(("f:metadata", "f:labels"))
    assert not FIELDS.covers(("f:spec",))
    assert not FIELDS.covers(("f:metadata", "f:labels", "f:b"))
    assert FIELDS.touches(("f:spec",))
    assert not FIELDS.touches(("f:status",))


def test_a_part_is_found_by_its_path():
    assert FIELDS.find((*WEB, "f:image")) == FieldSet(member=True)
    assert FIELDS.find(("f:spec", "f:x", "f:y")) is None
    assert FIELDS.child("f:status") is None


def test_a_set_is_written_as_it_was_read():
    written = FIELDS.to_json()
    assert FieldSet.parse(written) == FIELDS
    assert written["f:metadata"] == OURS["f:metadata"]


def test_union_and_difference():
    other = FieldSet.of_paths([("f:spec", "f:replicas"), ("f:status",)])
    both = FIELDS.union(other)
    assert both.covers(("f:status",))
    assert FIELDS.union(FieldSet()) is FIELDS
    left = FIELDS.difference(other)
    assert not left.touches(("f:spec", "f:replicas"))
    assert left.covers((*WEB, "f:image"))
    assert FIELDS.difference(None) is FIELDS
    assert not FIELDS.difference(FIELDS)


def test_a_deep_set_ends_somewhere():
    value = {}
    for _ in range(500):
        value = {"f:a": value}
    assert FieldSet.parse(value)


def test_items_have_elements_where_their_keys_are_there():
    ports = CONTAINERS.item.child("ports")
    assert item_elements([{"containerPort": 80}], ports) == [
        'k:{"containerPort":80,"protocol":"TCP"}'
    ]
    assert item_elements([{"name": "x"}], CONTAINERS) == ['k:{"name":"x"}']
    assert item_elements([{"image": "x"}], CONTAINERS) == ['k:{"name":""}']
    assert item_elements([{"name": {}}], CONTAINERS) is None
    assert item_elements(["x"], CONTAINERS) is None
    finalizers = ROOT.child("metadata").child("finalizers")
    assert item_elements(["a"], finalizers) == ['v:"a"']
    assert item_elements([{}], finalizers) is None
    assert item_elements([1], ANY) is None


def test_equal_sets_are_read_once_and_malformed_ones_not_at_all():
    fields = {"f:spec": {"f:replicas": {}}}
    assert FieldSet.read(fields) is FieldSet.read({"f:spec": {"f:replicas": {}}})
    assert FieldSet.read(fields) == FieldSet.parse(fields)
    deep = {}
    for _ in range(300):
        deep = {"f:a": deep}
    for malformed in ([], {"f:a": 1}, {"f:a": {"f:b": []}}, deep):
        assert FieldSet.read(malformed) is None


@pytest.mark.parametrize(
    ("fields", "list_type"),
    [
        ({'k:{"name":"a"}': {}}, ListType.MAP),
        ({"i:0": {}, 'v:"a"': {}}, ListType.SET),
        ({"i:0": {}, "f:a": {}}, None),
    ],
    ids=["by keys", "by values", "not at all"],
)
def test_owners_tell_how_the_items_of_a_list_without_a_schema_are_named(fields, list_type):
    shape = list_shape(ANY, None, FieldSet.parse(fields))
    assert (shape.list_type if shape is not ANY else None) is list_type


def test_the_members_of_a_set_are_told_as_sorted_paths():
    fields = FieldSet.parse({"f:b": {}, "f:a": {".": {}, "f:x": {}}})
    assert list(fields.paths()) == [("f:a",), ("f:a", "f:x"), ("f:b",)]
