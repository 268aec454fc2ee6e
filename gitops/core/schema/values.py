"""Whether two values are the same to the API server, and what a manifest's value becomes there.

In: JSON values and the shape of their field. Out: equality by value, and `cleaned`, a desired
value without what the server drops. Called by merge, changes and normalize.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from gitops.core.schema.quantity import parse_duration, parse_quantity, parse_time
from gitops.core.schema.schema import ANY, Form, Scalar, Shape
from gitops.model.diff import ABSENT

_NUMBERS: Final = (int, float)


def same_json(left: Any, right: Any) -> bool:
    """Equality of JSON values: 1 is 1.0, true is not 1."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(
            same_json(value, right[key]) for key, value in left.items()
        )
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same_json, left, right))
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, _NUMBERS) and isinstance(right, _NUMBERS):
        return left == right
    return type(left) is type(right) and bool(left == right)


def text_of(value: Any) -> bytes | None:
    """A JSON value as text; None for what has none, as numbers beyond 64 bits, and ABSENT."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return None


def same_text(left: Any, right: Any) -> bool:
    """Whether two values are written alike; False may mean no more than another order."""
    if left is right:
        return True
    text = text_of(left)
    return text is not None and text == text_of(right)


def same_value(left: Any, right: Any, shape: Shape) -> bool:
    """Equality by value, as the field's type has it."""
    if same_json(left, right):
        return True
    parse = _PARSERS.get(shape.scalar) if shape.scalar is not None else None
    if parse is None:
        return False
    one, other = parse(left), parse(right)
    return one is not None and one == other


def _bytes(value: Any) -> bytes | None:
    """Decoded base64; Go's decoder skips line breaks."""
    if not isinstance(value, str):
        return None
    try:
        return base64.b64decode(value.replace("\r", "").replace("\n", ""), validate=True)
    except (binascii.Error, ValueError):
        return None


_PARSERS: Final[Mapping[Scalar, Callable[[Any], Any]]] = {
    Scalar.QUANTITY: parse_quantity,
    Scalar.DURATION: parse_duration,
    Scalar.TIME: parse_time,
    Scalar.BYTES: _bytes,
}


def is_zero(value: Any) -> bool:
    """Whether a scalar is its type's zero value."""
    return value is False or value == "" or (isinstance(value, _NUMBERS) and value == 0)


def counts_as_absent(value: Any, shape: Shape) -> bool:
    """Whether a desired value, where actual has none, is no difference.

    Null; an empty map or list, or a zero value, that the server drops; the schema's default.
    """
    if value is None:
        return not shape.keeps_null
    if shape.drops_empty and value in ({}, []):
        return True
    if isinstance(value, (dict, list)):
        return False
    if shape.drops_zero and is_zero(value):
        return True
    return shape.default is not ABSENT and same_value(value, shape.default, shape)


_ZEROS: Final[Mapping[Scalar | None, Any]] = {
    Scalar.STRING: "", Scalar.BYTES: "", Scalar.QUANTITY: "0",
    Scalar.INTEGER: 0, Scalar.NUMBER: 0, Scalar.BOOLEAN: False,
}  # fmt: skip


def is_read_from_null(value: Any, shape: Shape) -> bool:
    """Whether a null where this scalar belongs says the same."""
    if shape.keeps_null:
        return False
    return is_zero(value) or (value is not None and value == _ZEROS.get(shape.scalar))


def null_entry(shape: Shape) -> Any:
    """What the API server's own types make of a null in this map or list; None where it stays."""
    if not shape.drops_empty:
        return None
    value = shape.item if shape.form is Form.LIST else shape.child("") or ANY
    return {} if value.form in {Form.STRUCT, Form.MAP} else _ZEROS.get(value.scalar)


def cleaned(value: Any, shape: Shape | None) -> Any:
    """A desired value as the server would keep it: without nulls, and what its types drop.

    ABSENT where nothing is left. Never changes its argument.
    """
    shape = shape or ANY
    if isinstance(value, dict):
        zero = null_entry(shape) if None in value.values() else None
        made = {}
        for key, inner in value.items():
            kept = cleaned(zero if inner is None else inner, shape.child(key))
            if kept is not ABSENT:
                made[key] = kept
        return ABSENT if shape.drops_empty and not made else made
    if isinstance(value, list):
        zero = null_entry(shape) if None in value else None
        items = [zero if item is None else cleaned(item, shape.item) for item in value]
        return ABSENT if shape.drops_empty and not items else items
    if value is None:
        return None if shape.keeps_null else ABSENT
    if shape.drops_zero and is_zero(value):
        return ABSENT
    return value


def merge_patch(value: Any, patch: Any) -> Any:
    """A JSON merge patch (RFC 7386): maps are merged, null removes, all else is taken whole."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(value) if isinstance(value, Mapping) else {}
    for name, item in patch.items():
        if item is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), item)
    return merged
