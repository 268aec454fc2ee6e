"""Which fields differ between two whole objects, and the RFC 6902 patch from one to the other.

In: actual and predicted and their shape. Out: one `Change` a field that differs, and a patch that
turns the one into the other exactly. Called by diff.

A struct and a map are told field by field, also where all of it is new or gone; an item of a list
is told as one where it is new or gone, and field by field where it changed.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import is_
from typing import Any

import jsonpatch

from gitops.core.ownership.fields import (
    Element,
    ElementPath,
    FieldSet,
    field_element,
    item_elements,
    list_shape,
)
from gitops.core.pointers import Pointer, format_pointer
from gitops.core.schema.schema import ANY, Shape
from gitops.core.schema.values import same_json, same_text
from gitops.model.diff import ABSENT, Op
from gitops.model.objects import Body


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs.

    `pointer` goes into actual, for an add into predicted; `path` is the same in path elements.
    """

    op: Op
    pointer: Pointer
    path: ElementPath
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class _Place:
    """A place in both objects: list indexes may differ."""

    before: Pointer = ()
    after: Pointer = ()
    path: ElementPath = ()
    fields: FieldSet | None = None
    leaves: bool = True

    def down(self, before: str | int, after: str | int, element: Element) -> "_Place":
        return _Place(
            (*self.before, str(before)),
            (*self.after, str(after)),
            (*self.path, element),
            self.fields.child(element) if self.fields is not None else None,
            self.leaves,
        )

    def field(self, name: str) -> "_Place":
        return self.down(name, name, field_element(name))


def find_changes(
    before: Any,
    after: Any,
    shape: Shape,
    *,
    fields: FieldSet | None = None,
    leaves: bool = True,
) -> list[Change]:
    """Every difference, in the order of actual's fields, then predicted's new ones.

    `fields` are what managers own: they name the items of lists that no schema describes.
    Without `leaves` a struct or map that is new or gone is told as one.
    """
    return list(_walk(before, after, shape, _Place(fields=fields, leaves=leaves)))


def _walk(before: Any, after: Any, shape: Shape, place: _Place) -> Iterator[Change]:
    if before is after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _walk_map(before, after, shape, place)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _walk_list(before, after, shape, place)
    elif not same_json(before, after):
        yield Change("replace", place.before, place.path, before, after)


def _walk_map(
    before: Mapping[str, Any], after: Mapping[str, Any], shape: Shape, place: _Place
) -> Iterator[Change]:
    for name, value in before.items():
        other = after.get(name, ABSENT)
        if other is value or (type(value) is str and other == value):
            continue  # most fields, and nothing has to be made for them
        below = place.field(name)
        if other is not ABSENT:
            yield from _walk(value, other, shape.child(name) or ANY, below)
        else:
            yield from _gone(value, below)
    for name, value in after.items():
        if name not in before:
            yield from _new(value, place.field(name))


def _gone(value: Any, place: _Place) -> Iterator[Change]:
    if isinstance(value, dict) and value and place.leaves:
        for name, inner in value.items():
            yield from _gone(inner, place.field(name))
    else:
        yield Change("remove", place.before, place.path, value, ABSENT)


def _new(value: Any, place: _Place) -> Iterator[Change]:
    if isinstance(value, dict) and value and place.leaves:
        for name, inner in value.items():
            yield from _new(inner, place.field(name))
    else:
        yield Change("add", place.after, place.path, ABSENT, value)


def _walk_list(
    before: list[Any], after: list[Any], shape: Shape, place: _Place
) -> Iterator[Change]:
    shape = list_shape(shape, place.fields)
    old, new = item_elements(before, shape), item_elements(after, shape)
    if old is None or new is None or _has_doubles(old) or _has_doubles(new):
        yield from _walk_positions(before, after, shape, place)
    elif _is_reordered(old, new):
        yield Change("replace", place.before, place.path, before, after)
    else:
        yield from _walk_items((before, old), (after, new), shape, place)


def _has_doubles(elements: Sequence[Element]) -> bool:
    return len(set(elements)) != len(elements)


def _is_reordered(old: Sequence[Element], new: Sequence[Element]) -> bool:
    both = set(old) & set(new)
    return [e for e in old if e in both] != [e for e in new if e in both]


def _walk_items(
    before: tuple[list[Any], list[Element]],
    after: tuple[list[Any], list[Element]],
    shape: Shape,
    place: _Place,
) -> Iterator[Change]:
    where = {element: index for index, element in enumerate(after[1])}
    for index, (value, element) in enumerate(zip(*before, strict=True)):
        found = where.pop(element, None)
        below = place.down(index, -1 if found is None else found, element)
        if found is None:
            yield Change("remove", below.before, below.path, value, ABSENT)
        else:
            yield from _walk(value, after[0][found], shape.item, below)
    for element, index in where.items():
        below = place.down(-1, index, element)
        yield Change("add", below.after, below.path, ABSENT, after[0][index])


def _walk_positions(
    before: list[Any], after: list[Any], shape: Shape, place: _Place
) -> Iterator[Change]:
    """Compare without keys: what both ends share is skipped, the rest told by position."""
    start = 0
    shorter = min(len(before), len(after))
    while start < shorter and same_json(before[start], after[start]):
        start += 1
    end = 0
    while end < shorter - start and same_json(before[-1 - end], after[-1 - end]):
        end += 1
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    both = min(len(old), len(new))
    for index in range(start, start + both):
        below = place.down(index, index, f"i:{index}")
        yield from _walk(before[index], after[index], shape.item, below)
    for index in range(start + both, start + len(old)):
        below = place.down(index, index, f"i:{index}")
        yield Change("remove", below.before, below.path, before[index], ABSENT)
    for index in range(start + both, start + len(new)):
        below = place.down(index, index, f"i:{index}")
        yield Change("add", below.after, below.path, ABSENT, after[index])


def make_patch(before: Body, after: Body) -> tuple[dict[str, Any], ...]:
    """RFC 6902 operations (add, remove, replace) that turn `before` into `after`."""
    if not before:
        return tuple(
            {"op": "add", "path": format_pointer((name,)), "value": value}
            for name, value in after.items()
        )
    operations: list[dict[str, Any]] = jsonpatch.make_patch(*_differing(before, after)).patch
    if any(operation["op"] == "move" for operation in operations):
        return tuple(_without_moves(before, operations))
    return tuple(operations)


def _differing(before: Any, after: Any) -> tuple[Any, Any]:
    """Both without the fields that they share, in which nothing has to be looked for."""
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return before, after
    old, new = dict(before), dict(after)
    for name in before.keys() & after.keys():
        if before[name] is after[name]:
            del old[name], new[name]
        else:
            old[name], new[name] = _differing(before[name], after[name])
    return old, new


def sharing(value: Any, source: Any) -> Any:
    """`value` made of the parts of `source` wherever they are the same; `source` where all is."""
    kind = type(value)
    if kind is not type(source):
        return source if same_json(value, source) else value
    if kind in (dict, list) and same_text(value, source):
        return source
    if kind is dict:
        made: Any = {
            name: sharing(inner, source[name]) if name in source else inner
            for name, inner in value.items()
        }
        same = made.keys() == source.keys() and all(made[n] is source[n] for n in made)
        return source if same else made
    if kind is list and len(value) == len(source):
        made = list(map(sharing, value, source))
        return source if all(map(is_, made, source)) else made
    return source if kind is not list and value == source else value


def _without_moves(before: Body, operations: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Write a move as a removal and an addition, so that every step shows its value."""
    value: Any = copy.deepcopy(before)
    for operation in operations:
        steps = [operation]
        if operation["op"] == "move":
            moved = jsonpatch.JsonPointer(operation["from"]).resolve(value)
            steps = [
                {"op": "remove", "path": operation["from"]},
                {"op": "add", "path": operation["path"], "value": moved},
            ]
        value = jsonpatch.apply_patch(value, steps, in_place=True)
        yield from copy.deepcopy(steps)


def removal_operations(changes: Sequence[Change]) -> tuple[dict[str, Any], ...]:
    """RFC 6902 operations for removals found in one object, in an order in which indexes hold."""
    gone = [change.pointer for change in changes if change.op == "remove"]
    ordered = sorted(gone, key=_index_order, reverse=True)
    return tuple({"op": "remove", "path": format_pointer(pointer)} for pointer in ordered)


def _index_order(pointer: Pointer) -> list[tuple[int, int, str]]:
    return [(0, int(t), "") if t.isdigit() else (1, 0, t) for t in pointer]
