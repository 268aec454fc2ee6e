"""Sets of fields as `managedFields` writes them (FieldsV1); pure.

A node names fields (`f:spec`), list items by key (`k:{"name":"a"}`), by value (`v:"x"`) or by
place (`i:0`). An empty node is a member of the set; so is one that holds "." beside its children.
Source: structured-merge-diff, `fieldpath/serialize.go`. Called by `core.ownership`.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

Fields = Mapping[str, Any]

SELF: Final = "."


def is_field_set(value: Any) -> bool:
    """Whether a value is made as FieldsV1 is: mappings of mappings, not deeper than any object."""
    pending = [(value, 0)]
    while pending:
        node, depth = pending.pop()
        if not isinstance(node, Mapping) or depth > _DEEPEST:
            return False
        pending += [(below, depth + 1) for below in node.values()]
    return True


_DEEPEST: Final = 200


def union(one: Fields, other: Fields) -> dict[str, Any]:
    """Members of either set."""
    merged = dict(one)
    for key, node in other.items():
        merged[key] = _joined(merged[key], node) if key in merged else node
    return merged


def difference(one: Fields, other: Fields) -> dict[str, Any]:
    """Members of `one` that are not members of `other`."""
    left: dict[str, Any] = {}
    for key, node in one.items():
        if key == SELF:
            continue
        taken = other.get(key)
        if not isinstance(taken, Mapping):
            left[key] = node
            continue
        member = _is_member(node) and not _is_member(taken)
        _put(left, key, difference(node, taken), member=member)
    return left


def declared(fields: Fields, value: Any) -> dict[str, Any]:
    """Members of `fields` that a JSON value states."""
    found: dict[str, Any] = {}
    for key, node in fields.items():
        if key == SELF:
            continue
        inner = _step(key, value)
        if inner is not _NOTHING:
            _put(found, key, declared(node, inner), member=_is_member(node))
    return found


def without(fields: Fields, path: Sequence[str]) -> dict[str, Any]:
    """The set without one member, and without the branches that it leaves empty."""
    branch: dict[str, Any] = {}
    for key in reversed(path):
        branch = {key: branch}
    return difference(fields, branch)


def has(fields: Fields, path: Sequence[str]) -> bool:
    """Whether a path is a member."""
    node: Any = fields
    for key in path:
        node = node.get(key) if isinstance(node, Mapping) else None
    return isinstance(node, Mapping) and _is_member(node)


_NOTHING: Final = object()


def _is_member(node: Fields) -> bool:
    return not node or SELF in node


def _joined(one: Fields, other: Fields) -> dict[str, Any]:
    both = union(one, other)
    if both and (_is_member(one) or _is_member(other)):
        both[SELF] = {}
    return both if both != {SELF: {}} else {}


def _put(target: dict[str, Any], key: str, children: dict[str, Any], *, member: bool) -> None:
    if children:
        target[key] = {SELF: {}, **children} if member else children
    elif member:
        target[key] = {}


def _step(key: str, value: Any) -> Any:
    """What a JSON value has at one step of a path, or `_NOTHING`."""
    sort, _, rest = key.partition(":")
    if sort == "f":
        return value[rest] if isinstance(value, Mapping) and rest in value else _NOTHING
    try:
        wanted = json.loads(rest)
    except (ValueError, RecursionError):
        return _NOTHING
    return _item(sort, wanted, value) if isinstance(value, list) else _NOTHING


def _item(sort: str, wanted: Any, items: list[Any]) -> Any:
    if sort == "k" and isinstance(wanted, Mapping):
        return next((item for item in items if _matches(item, wanted)), _NOTHING)
    if sort == "v" and wanted in items:
        return wanted
    if sort == "i" and isinstance(wanted, int) and 0 <= wanted < len(items):
        return items[wanted]
    return _NOTHING


def _matches(item: Any, keys: Fields) -> bool:
    """Whether a list item has these keys; one that it leaves out may have been defaulted."""
    if not isinstance(item, Mapping):
        return False
    stated = [key for key in keys if key in item]
    return bool(stated) and all(item[key] == keys[key] for key in stated)
