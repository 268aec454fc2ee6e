"""Sets of fields, as `metadata.managedFields` writes them (FieldsV1), and their algebra.

In: FieldsV1 JSON (`f:name`, `k:{...}`, `v:...`, `i:0`, `.`). Out: `FieldSet`, a tree of path
elements, with union, difference and membership. Called by ownership, merge and diff.

An element is FieldsV1's own text in one canonical spelling, so that `k:{"b":1,"a":2}` and
`k:{"a":2,"b":1}` are one element. A path is a tuple of elements.
"""

import functools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

import orjson

from gitops.core.ownership.field_sets import is_field_set
from gitops.core.schema.schema import ANY, Definitions, Form, ListType, Shape
from gitops.model.diff import ABSENT

Element = str
ElementPath = tuple[Element, ...]
_MAX_DEPTH: Final = 200


@dataclass(frozen=True, slots=True)
class FieldSet:
    """A set of paths. `member` says whether the path that leads here is in the set itself."""

    member: bool = False
    children: Mapping[Element, "FieldSet"] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.member or bool(self.children)

    @classmethod
    def parse(cls, value: Any) -> Self:
        """Read FieldsV1; what is malformed is left out."""
        return cls(member=False, children=cls._parse_children(value, 0))

    @classmethod
    def read(cls, value: Any) -> "FieldSet | None":
        """The same; None where anything in it is malformed. One value for equal content."""
        try:
            return _read(orjson.dumps(value))
        except TypeError:  # deeper than any object
            return None

    @classmethod
    def _parse_children(cls, value: Any, depth: int) -> dict[Element, "FieldSet"]:
        if not isinstance(value, dict) or depth > _MAX_DEPTH:
            return {}
        made: dict[Element, FieldSet] = {}
        for key, inner in value.items():
            element = canonical_element(key)
            if element is not None:
                children = cls._parse_children(inner, depth + 1)
                made[element] = cls(not children or "." in inner, children)
        return made

    @classmethod
    def of_paths(cls, paths: Sequence[ElementPath]) -> Self:
        """The set of these paths."""
        children: dict[Element, list[ElementPath]] = {}
        for path in paths:
            if path:
                children.setdefault(path[0], []).append(path[1:])
        return cls(
            any(not path for path in paths),
            {element: cls.of_paths(rest) for element, rest in children.items()},
        )

    def child(self, element: Element) -> "FieldSet | None":
        """The part below one element; None where there is none."""
        return self.children.get(element)

    def find(self, path: ElementPath) -> "FieldSet | None":
        """The part below a path; None where there is none."""
        node: FieldSet | None = self
        for element in path:
            node = node.children.get(element) if node is not None else None
        return node

    def covers(self, path: ElementPath) -> bool:
        """Whether the path, or a leaf above it (an atomic value), is in the set."""
        node = self
        for element in path:
            inner = node.children.get(element)
            if inner is None:
                return node.member and not node.children
            node = inner
        return node.member

    def touches(self, path: ElementPath) -> bool:
        """Whether the path, a leaf above it, or anything below it is in the set."""
        node = self.find(path)
        return bool(node) or self.covers(path)

    def paths(self, prefix: ElementPath = ()) -> Iterator[ElementPath]:
        """Every member's path, sorted."""
        if self.member:
            yield prefix
        for element in sorted(self.children):
            yield from self.children[element].paths((*prefix, element))

    def union(self, other: "FieldSet") -> "FieldSet":
        """Members of either."""
        if not other:
            return self
        children = dict(self.children)
        for element, inner in other.children.items():
            mine = children.get(element)
            children[element] = inner if mine is None else mine.union(inner)
        return FieldSet(self.member or other.member, children)

    def difference(self, other: "FieldSet | None") -> "FieldSet":
        """Members of this and not of the other."""
        if other is None:
            return self
        children = {
            element: rest
            for element, inner in self.children.items()
            if (rest := inner.difference(other.children.get(element)))
        }
        return FieldSet(self.member and not other.member, children)

    def to_json(self) -> dict[str, Any]:
        """FieldsV1."""
        made: dict[str, Any] = {}
        for element in sorted(self.children):
            inner = self.children[element]
            value = inner.to_json()
            made[element] = {".": {}, **value} if inner.member and value else value
        return made


@functools.lru_cache(maxsize=256)
def _read(text: bytes) -> FieldSet | None:
    """Many objects of a kind, and one object many times, have equal sets: each is read once."""
    value = orjson.loads(text)
    return FieldSet.parse(value) if is_field_set(value) else None


def canonical_element(text: Any) -> Element | None:
    """One spelling of an element; None for `.` and for what is malformed."""
    return _spell(text) if isinstance(text, str) else None


@functools.lru_cache(maxsize=65_536)
def _spell(text: str) -> Element | None:
    if text[1:2] != ":":
        return None
    if text[0] in "fi":
        return text
    if text[0] not in "kv":
        return None
    try:
        return f"{text[0]}:{_dumps(json.loads(text[2:]))}"
    except (ValueError, RecursionError):
        return None


def _dumps(value: Any) -> str:
    """Canonical JSON, in which 1.0 is 1."""
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return value


def field_element(name: str) -> Element:
    """The element of a struct's field or a map's key."""
    return f"f:{name}"


def item_element(item: Any, shape: Shape) -> Element | None:
    """The element of an item of a set, or of a list by keys; None where a key is missing.

    Keys that the item leaves out take their default, as the API server does it.
    """
    if shape.list_type is ListType.SET:
        return None if isinstance(item, (dict, list)) else f"v:{_dumps(item)}"
    if not isinstance(item, dict):
        return None
    keys: dict[str, Any] = {}
    for key in shape.keys:
        value = item.get(key)
        if value is None or (value == "" and shape.item.native):
            default = shape.key_default(key)
            value = value if default is ABSENT and value == "" else default
        if value is ABSENT or isinstance(value, (dict, list)):
            return None
        keys[key] = value
    return f"k:{_dumps(keys)}"


def item_elements(items: Sequence[Any], shape: Shape) -> list[Element] | None:
    """The elements of a list's items; None where it is atomic or an item has no element."""
    if shape.form is not Form.LIST or shape.list_type is ListType.ATOMIC:
        return None
    made: list[Element] = []
    for item in items:
        element = item_element(item, shape)
        if element is None:
            return None
        made.append(element)
    return made


def list_shape(shape: Shape, *known: FieldSet | None) -> Shape:
    """The shape of a list that no schema describes, as field sets name its items.

    `k:` elements make it a list by those keys, `v:` elements a set; else it stays as it is.
    """
    if shape.form is Form.LIST:
        return shape
    for fields in known:
        for element in fields.children if fields is not None else ():
            inferred = _INFERRED.get(element[:2])
            if inferred is not None:
                return inferred(element)
    return shape


@functools.cache
def _keyed_list(keys: tuple[str, ...]) -> Shape:
    schema = {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": keys}
    return Shape(schema, "", {}, Definitions({}))


def _list_by_keys(element: Element) -> Shape:
    keys = json.loads(element[2:])
    return _keyed_list(tuple(keys)) if isinstance(keys, dict) and keys else ANY


_SET: Final = Shape({"type": "array", "x-kubernetes-list-type": "set"}, "", {}, Definitions({}))
_INFERRED: Final[Mapping[str, Callable[[Element], Shape]]] = {
    "k:": _list_by_keys,
    "v:": lambda _: _SET,
}
