"""Validation says what is wrong with anything, and never fails itself."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gitops.core.manifests.parse import find_duplicates
from gitops.core.schema.shapes import Shapes
from gitops.core.validation.validate import validate
from gitops.model.objects import Manifest, Place
from gitops.openapi.loader import load_builtin
from tests.helpers.values import json_values, law

SHAPES: Shapes = load_builtin()
KINDS = sorted((i.group, v, i.kind) for i in SHAPES.kinds.values() for v in i.versions)
WORDS = [
    "app",
    "web",
    "a b",
    "",
    "80",
    "512MB",
    "Always",
    "*/5 * * * *",
    "aGk=",
    "10.0.0.1",
    "None",
]
values = st.recursive(
    json_values | st.sampled_from(WORDS) | st.integers(-1, 70000),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)


@st.composite
def filled(draw: st.DrawFn, shape: Any, depth: int = 0) -> Any:
    """A value that mostly has the form that a shape wants."""
    if depth > 5 or draw(st.integers(0, 5)) == 0:
        return draw(values)
    names = list(shape.field_names)
    if names:
        chosen = draw(st.lists(st.sampled_from(names), max_size=4, unique=True))
        return {name: draw(filled(shape.child(name), depth + 1)) for name in chosen}
    if shape.form == "list":
        return draw(st.lists(filled(shape.item, depth + 1), max_size=2))
    if shape.form == "map":
        return {key: draw(values) for key in draw(st.lists(st.sampled_from(WORDS), max_size=2))}
    return draw(values)


@law
@given(st.data())
def test_any_body_of_any_kind_is_checked(data: st.DataObject) -> None:
    group, version, kind = data.draw(st.sampled_from(KINDS))
    api_version = f"{group}/{version}" if group else version
    shape = SHAPES.kind(api_version, kind)
    body = data.draw(filled(shape.root)) if shape else {}
    body = body if isinstance(body, dict) else {}
    manifest = Manifest.of({**body, "apiVersion": api_version, "kind": kind}, Place("a.yaml"))

    for fault in validate([manifest], SHAPES):
        assert fault.message
        assert fault.place == Place("a.yaml")


KEYS = ["spec", "group", "names", "kind", "plural", "versions", "schema", "openAPIV3Schema"]
WORDS_OF_SCHEMAS = ["type", "properties", "items", "pattern", "required", "minimum"]
definitions = st.recursive(
    json_values | st.sampled_from(["object", "array", "v1", "^["]),
    lambda inner: (
        st.dictionaries(st.sampled_from(KEYS + WORDS_OF_SCHEMAS), inner, max_size=4)
        | st.lists(inner, max_size=2)
    ),
    max_leaves=12,
)


@law
@given(definitions)
def test_any_definition_is_read(spec: Any) -> None:
    version = {"name": "v1", "served": True, "schema": {"openAPIV3Schema": spec}}
    names = {"kind": "Foo", "plural": "foos"}
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "a"},
        "spec": {"group": "x.io", "names": names, "versions": [version]},
    }
    foo = {"apiVersion": "x.io/v1", "kind": "Foo", "metadata": {"name": "a"}, "spec": spec}

    validate([Manifest.of(crd), Manifest.of(foo), Manifest.of({**crd, "spec": spec})], SHAPES)


@law
@given(st.lists(st.sampled_from("abc"), max_size=6))
def test_each_object_is_declared_twice_as_often_as_it_repeats(letters: list[str]) -> None:
    bodies = [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": x}} for x in letters]

    assert len(find_duplicates(map(Manifest.of, bodies))) == len(letters) - len(set(letters))
