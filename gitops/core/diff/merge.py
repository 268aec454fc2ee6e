"""The three-way merge: what a live object becomes when desired is applied.

In: desired and last-applied in canonical form, actual as it is, their shape, and a `Trace` of what
else is known. Out: the predicted value, the very same object as actual where nothing changes;
ABSENT where nothing is left. Called by diff. Nothing is changed in place.

The rules are server-side apply's (structured-merge-diff), with what the API server does besides:
it fills defaults, drops zero values, and reads quantities by value. A path that was applied last,
that desired lacks and that is live is removed; what only actual has is somebody else's and stays.
"""

from collections.abc import Mapping
from typing import Any, Final

from gitops.core.diff.merge_lists import align, order_items
from gitops.core.diff.trace import Trace
from gitops.core.ownership.fields import Element, item_element, item_elements, list_shape
from gitops.core.pointers import Trie
from gitops.core.schema.defaults import (
    Place,
    comes_back,
    completed,
    filled,
    has_default,
    is_filled,
    keyed,
    refilled,
)
from gitops.core.schema.schema import ANY, Form, ListType, Scalar, Shape
from gitops.core.schema.values import (
    cleaned,
    counts_as_absent,
    is_read_from_null,
    is_zero,
    same_value,
)
from gitops.model.diff import ABSENT

OBJECT_FIELDS: Final = frozenset({"apiVersion", "kind", "status"})


def merge(desired: Any, actual: Any, trace: Trace, shape: Shape) -> Any:
    """Merge one place that both sides have."""
    if trace.ignored or trace.ignored_in_desired:
        return actual
    if actual is None:
        made = ABSENT if is_read_from_null(desired, shape) else _fresh(desired, trace, shape)
        return None if made is ABSENT else made
    if isinstance(desired, dict) and isinstance(actual, dict):
        return _merge_map(desired, actual, trace, shape)
    if isinstance(desired, list) and isinstance(actual, list):
        return _merge_list(desired, actual, trace, shape)
    return actual if same_value(desired, actual, shape) else cleaned(desired, shape)


def _nulled(actual: Any, trace: Trace, shape: Shape) -> Any:
    """What a null in desired leaves: it counts as absent.

    But a map or a list that is merged by its parts, and that we own as one, was null when we
    applied it last, and holds what others put there since.
    """
    whole = trace.ours is not None and not trace.ours.children and not trace.stated
    if whole and not _is_one(shape) and isinstance(actual, (dict, list)):
        return actual
    return _left_out(actual, trace, shape)


def _is_one(shape: Shape) -> bool:
    """Whether a value is owned as a whole."""
    return shape.atomic or (shape.form is Form.LIST and shape.list_type is ListType.ATOMIC)


def _merge_map(
    desired: Mapping[str, Any], actual: Mapping[str, Any], trace: Trace, shape: Shape
) -> Any:
    atomic = trace.atomic or shape.atomic
    if atomic and trace.answered:
        return actual
    made: dict[str, Any] = {}
    changed = False
    for name, value in actual.items():
        below = trace.field(name, atomic=atomic)
        kept = _merge_field(desired.get(name, ABSENT), value, below, (shape, name))
        changed |= kept is not value
        if kept is not ABSENT:
            made[name] = kept
    for name, value in desired.items():
        if name in actual or (value == {} and name in shape.zeros):
            continue
        added = _fresh(value, trace.field(name, atomic=atomic), shape.child(name) or ANY)
        if added is not ABSENT:
            made[name] = added
            changed = True
    return _settled(made, (actual, desired), trace, shape) if changed else actual


def _settled(
    made: dict[str, Any],
    sides: tuple[Mapping[str, Any], Mapping[str, Any]],
    trace: Trace,
    shape: Shape,
) -> Any:
    """A map that changed, as the server would keep it; `sides`: actual and desired."""
    actual, desired = sides
    if shape.native and not trace.answered:
        made = completed(made, actual, desired, shape)
    return ABSENT if shape.drops_empty and not made else _same_or(actual, made)


def _merge_field(desired: Any, actual: Any, trace: Trace, place: Place) -> Any:
    """Merge one field; `place` is its parent's shape and its name."""
    parent, name = place
    shape = parent.child(name) or ANY
    if trace.ignored or (desired is None and actual is None):
        return actual
    if desired is ABSENT or desired is None or trace.ignored_in_desired:
        return _merge_missing(desired, actual, trace, place)
    if desired == "" and actual not in ("", None) and has_default(place):
        return refilled(actual, place)
    if shape.drops_zero and _is_dropped(desired, actual):
        return actual if is_filled(actual, place) else _gone(actual, trace, place)
    return merge(desired, actual, trace, shape)


def _is_dropped(desired: Any, actual: Any) -> bool:
    """Whether desired states a zero value, which the server cannot tell from nothing."""
    if actual is None or isinstance(desired, (dict, list)):
        return False
    return is_zero(desired) and not is_zero(actual)


def _merge_missing(desired: Any, actual: Any, trace: Trace, place: Place) -> Any:
    """What stays of a field that desired leaves out."""
    parent, name = place
    shape = parent.child(name) or ANY
    if desired is None and shape.keeps_null and not trace.ignored_in_desired:
        return desired
    if trace.atomic:
        return actual if _is_servers(actual, trace, place) else _gone(actual, trace, place)
    kept = _nulled(actual, trace, shape) if desired is None else _left_out(actual, trace, shape)
    if kept is not ABSENT:
        return kept
    return _gone(actual, trace, place)


def _gone(actual: Any, trace: Trace, place: Place) -> Any:
    """What is left of a field that goes: what the server fills in, once it is gone."""
    if not trace.answered:
        return refilled(actual, place)
    parent, name = place
    if name in parent.zeros and isinstance(actual, dict):
        return {} if actual else actual
    return actual if comes_back(actual, place) else ABSENT


def _is_servers(actual: Any, trace: Trace, place: Place) -> bool:
    """Whether a field inside an atomic value, of which desired says nothing, is a default.

    Everything else there goes, because an atomic value is replaced as one.
    """
    parent, name = place
    shape = parent.child(name) or ANY
    if actual == {} and name in parent.zeros:
        return True
    if parent.native and shape.scalar is Scalar.QUANTITY and same_value(actual, 0, shape):
        return True  # a quantity that is no pointer is written even where it was left out
    if actual is None and parent.form is not Form.STRUCT:
        return False
    if counts_as_absent(actual, shape) or comes_back(actual, place):
        return True
    if trace.stated:
        return False
    embedded = name in OBJECT_FIELDS and set(parent.field_names) >= {"kind", "metadata"}
    return embedded or is_filled(actual, place)


def _fresh(desired: Any, trace: Trace, shape: Shape) -> Any:
    """What desired adds where actual has nothing."""
    if trace.ignored or trace.ignored_in_desired or counts_as_absent(desired, shape):
        return ABSENT
    made = keyed(cleaned(desired, shape), shape)
    return made if trace.skip_desired is None else _without(made, trace.skip_desired)


def _fresh_item(desired: Any, trace: Trace, shape: Shape) -> Any:
    """What desired adds to a list that actual has."""
    made = _fresh(desired, trace, shape.item)
    return made if made is ABSENT else keyed([made], shape)[0]


def _without(value: Any, skip: Trie) -> Any:
    """A copy of a value without the places to ignore."""
    if skip.end:
        return ABSENT
    pairs: Any = ()
    if isinstance(value, dict):
        pairs = value.items()
    elif isinstance(value, list):
        pairs = enumerate(value)
    kept = {
        key: made
        for key, inner in pairs
        if (made := inner if (below := skip.child(key)) is None else _without(inner, below))
        is not ABSENT
    }
    if isinstance(value, list):
        return list(kept.values())
    return kept if isinstance(value, dict) else value


def _left_out(actual: Any, trace: Trace, shape: Shape) -> Any:
    """What stays of a place that desired does not mention."""
    applied = trace.applied or (trace.last is None and shape.keeps_null)
    return _removed(actual, trace, shape) if applied else actual


def _removed(actual: Any, trace: Trace, shape: Shape) -> Any:
    """What stays of a place that we applied and no longer want.

    All of it goes, unless others own something in it: then what is ours goes. Of a map and of a
    list by keys what is not ours always stays.
    """
    if trace.keeps or trace.ignored or (actual is None and not shape.keeps_null):
        return actual
    is_map = isinstance(actual, dict) and not shape.atomic
    if is_map and (trace.foreign or _is_partly_ours(trace, shape)):
        return _removed_from_map(actual, trace, shape)
    if isinstance(actual, list):
        shape = list_shape(shape, trace.ours, trace.others)
        if item_elements(actual, shape) is not None:
            return _removed_from_list(actual, trace, shape)
    return _kept(actual, trace)


def _is_partly_ours(trace: Trace, shape: Shape) -> bool:
    """Whether a map's entries are counted one by one: its keys are anybody's."""
    return shape.form is Form.MAP and (trace.last is ABSENT or isinstance(trace.last, dict))


def _removed_from_map(actual: Mapping[str, Any], trace: Trace, shape: Shape) -> Any:
    made = {}
    for name, value in actual.items():
        below = trace.field(name, atomic=False)
        kept = _removed(value, below, shape.child(name) or ANY) if below.applied else value
        if kept is not ABSENT:
            made[name] = kept
    return _same_or(actual, made) if made else ABSENT


def _removed_from_list(actual: list[Any], trace: Trace, shape: Shape) -> Any:
    last = _by_element(trace.last, shape)
    made = []
    for index, value in enumerate(actual):
        element = item_element(value, shape) or ""
        below = trace.item(element, last.get(element, ABSENT), (index, index))
        kept = _item_left_out(value, below, shape)
        if kept is not ABSENT:
            made.append(kept)
    return _same_or(actual, made) if made else ABSENT


def _item_left_out(actual: Any, trace: Trace, shape: Shape) -> Any:
    """An item of a list by keys that desired lacks; what stays of it keeps its keys.

    What is ours alone as an item goes whole, whoever owns something in it: so does apply.
    """
    if _is_ours_alone(trace):
        return _kept(actual, trace)
    kept = _left_out(actual, trace, shape.item)
    if kept is not actual and isinstance(kept, dict):
        keys = {key: actual[key] for key in shape.keys if key in actual}
        return {**keys, **kept}
    return kept


def _is_ours_alone(trace: Trace) -> bool:
    """Whether we own an item, and nobody else does: to own a field in it does not count."""
    shared = trace.others is not None and trace.others.member
    kept = trace.keeps or trace.ignored or shared
    return trace.ours is not None and trace.ours.member and not kept


def _same_or(actual: Any, made: Any) -> Any:
    """Actual itself where every part of `made` is actual's own."""
    if len(actual) != len(made):
        return made
    if isinstance(actual, dict):
        return actual if all(made.get(k, ABSENT) is v for k, v in actual.items()) else made
    return actual if all(a is b for a, b in zip(actual, made, strict=True)) else made


def _merge_list(desired: list[Any], actual: list[Any], trace: Trace, shape: Shape) -> Any:
    if not trace.atomic and not shape.atomic:
        shape = list_shape(shape, trace.ours, trace.others)
        wanted, found = item_elements(desired, shape), item_elements(actual, shape)
        if wanted is not None and found is not None and len(set(wanted)) == len(wanted):
            made = _merge_items((desired, wanted), (actual, found), trace, shape)
            return ABSENT if shape.drops_empty and not made and actual else _same_or(actual, made)
    if trace.answered:
        return actual
    made = _merge_positions(desired, actual, trace, shape)
    return ABSENT if shape.drops_empty and not made and actual else _same_or(actual, made)


def _merge_items(
    desired: tuple[list[Any], list[Element]],
    actual: tuple[list[Any], list[Element]],
    trace: Trace,
    shape: Shape,
) -> list[Any]:
    """Merge a list by keys, or a set: our order counts, what is not ours keeps its place."""
    last = _by_element(trace.last, shape)
    made = []
    for in_desired, in_actual in order_items(desired[1], actual[1]):
        element = desired[1][in_desired] if in_desired is not None else actual[1][in_actual or 0]
        places = (-1 if in_actual is None else in_actual, -1 if in_desired is None else in_desired)
        below = trace.item(element, last.get(element, ABSENT), places)
        if in_actual is None:
            kept = _fresh_item(desired[0][in_desired or 0], below, shape)
        elif in_desired is None:
            kept = _item_left_out(actual[0][in_actual], below, shape)
        else:
            kept = merge(desired[0][in_desired], actual[0][in_actual], below, shape.item)
        if kept is not ABSENT:
            made.append(kept)
    return made


def _by_element(last: Any, shape: Shape) -> dict[Element, Any]:
    """Last-applied's items by their element."""
    if not isinstance(last, list):
        return {}
    pairs = ((item_element(item, shape), item) for item in last)
    return {element: item for element, item in pairs if element is not None}


def _merge_positions(
    desired: list[Any], actual: list[Any], trace: Trace, shape: Shape
) -> list[Any]:
    """Merge an atomic list: exactly desired's items, each with what the server filled in.

    Items that rules name count on neither side, and stay where actual has them.
    """
    wanted, found = trace.counted(desired, desired=True), trace.counted(actual, desired=False)

    def pair(in_wanted: int, in_found: int) -> Any:
        value = desired[wanted[in_wanted]]
        if value is None:
            return None
        below = trace.position(found[in_found], wanted[in_wanted])
        return merge(value, actual[found[in_found]], below, shape.item)

    made = []
    for place, kept in enumerate(align(len(wanted), [actual[i] for i in found], pair)):
        wish, value = desired[wanted[place]], kept
        if kept is ABSENT and wish is not None:
            value = _fresh(wish, trace.position(-1, wanted[place]), shape.item)
            value = filled(value, shape.item) if place < len(found) else value
        made.append(None if value is ABSENT else value)
    for index in sorted({*range(len(actual))}.difference(found)):
        made.insert(index, actual[index])
    return made


def _kept(actual: Any, trace: Trace) -> Any:
    """What rules keep of a value that goes; ABSENT where they name nothing in it."""
    if trace.ignored:
        return actual
    if trace.skip is None and trace.trusted is None:
        return ABSENT
    if isinstance(actual, dict):
        parts = {n: _kept(v, trace.field(n, atomic=True)) for n, v in actual.items()}
        return {n: v for n, v in parts.items() if v is not ABSENT} or ABSENT
    if isinstance(actual, list):
        items = [_kept(v, trace.position(i, -1)) for i, v in enumerate(actual)]
        return [v for v in items if v is not ABSENT] or ABSENT
    return ABSENT
