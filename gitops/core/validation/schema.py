"""A body beside the schema of its kind: unknown fields, wrong types, missing fields, bad values.

In: a body and its `Shape`. Out: flaws, each with its path. Called by `core/validation/validate.py`.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from gitops.core.manifests.metadata import Flaw, string_flaw
from gitops.core.schema.schema import ANY, Form, ListType, Scalar, Shape
from gitops.core.validation.fields import CHOICES, belongs, moved_field
from gitops.core.validation.formats import (
    base64_flaw,
    duration_flaw,
    quantity_flaw,
    time_flaw,
)
from gitops.core.wording import Path, did_you_mean, dotted, kind_of, listed, shorten
from gitops.model.diff import ABSENT
from gitops.model.objects import Body

_INT32: Final = (-(1 << 31), (1 << 31) - 1)


def check_schema(body: Body, shape: Shape, *, has_status: bool) -> Iterator[Flaw]:
    """Every way in which a body does not fit; a `status` that is the server's is left out."""
    skipped = {"status"} if has_status else set()
    for flaw in _check_struct(body, shape, (), skipped):
        is_bare = flaw.code == "unknown-field" and flaw.message.endswith('"')
        yield (
            flaw._replace(message=flaw.message + belongs(body, shape, flaw.path))
            if is_bare
            else flaw
        )


def check_value(value: Any, shape: Shape, path: Path) -> Iterator[Flaw]:
    """Flaws of one value; null counts as absent, except in maps of strings and in lists."""
    if value is None:
        return
    if shape.form is Form.SCALAR:
        yield from _check_scalar(value, shape, path)
    elif shape.form is Form.LIST:
        yield from _check_list(value, shape, path)
    elif shape.form is Form.STRUCT:
        yield from _check_struct(value, shape, path, frozenset())
    elif shape.form is Form.MAP:
        yield from _check_map(value, shape, path)


def _check_struct(
    value: Any, shape: Shape, path: Path, skipped: set[str] | frozenset[str]
) -> Iterator[Flaw]:
    if not isinstance(value, Mapping):
        yield _wrong_type(path, value, "a mapping")
        return
    moved = False
    for key, item in value.items():
        if key in skipped:
            continue
        child = shape.child(key)
        if child is None:
            yield _unknown(key, value, shape, path)
            moved = moved or moved_field(shape.name, key) is not None
        else:
            yield from check_value(item, child, (*path, key))
            yield from _check_choice(key, item, shape, path)
    for key in sorted(shape.required - _OPTIONAL.get(shape.name.rpartition(".")[2], set())):
        if value.get(key) is None and not (moved and shape.required == {key}):
            yield _missing(key, value, shape, path)
        elif value.get(key) == "" and _must_not_be_empty(key, shape):
            message = f"{dotted((*path, key))} is empty"
            yield Flaw("missing-field", message, (*path, key), of_key=True)


_OPTIONAL: Final = {
    "CSIDriver": {"spec"},
    "LimitRangeSpec": {"limits"},
    "Sysctl": {"value"},
    "HTTPHeader": {"value"},
    "PreferredSchedulingTerm": {"preference"},
}
"""What the specification requires and the server does not."""


def _unknown(key: str, value: Mapping[str, Any], shape: Shape, path: Path) -> Flaw:
    full = (*path, key)
    hint = moved_field(shape.name, key)
    if hint is not None:
        message = f'unknown field "{dotted(full)}"; {hint}'
        return Flaw("unknown-field", message, full, of_key=True)
    meant = did_you_mean(key, (name for name in shape.field_names if name not in value))
    return Flaw("unknown-field", f'unknown field "{dotted(full)}"{meant}', full, of_key=True)


def _check_choice(key: str, value: Any, shape: Shape, path: Path) -> Iterator[Flaw]:
    """Words that the server takes although its specification does not list them."""
    choices = CHOICES.get((shape.name.rpartition(".")[2], key))
    if choices is None:
        return
    is_list = isinstance(value, list)
    for index, item in enumerate(value if is_list else [value]):
        if isinstance(item, str) and item not in choices and (item or is_list):
            where = (*path, key, index) if is_list else (*path, key)
            meant = did_you_mean(item, choices) or f"; write {listed(choices)}"
            message = f'{dotted(where)} cannot be "{shorten(item)}"{meant}'
            yield Flaw("bad-value", message, where)


def _missing(key: str, value: Mapping[str, Any], shape: Shape, path: Path) -> Flaw:
    child = shape.child(key)
    choices = sorted(map(str, child.enum)) if child else []
    choices = choices or list(CHOICES.get((shape.name.rpartition(".")[2], key), ()))
    hint = f"; write {listed(choices)}" if choices else ""
    place = (*path, key) if key in value else path
    state = "is null" if key in value else "is missing"
    message = f"{dotted((*path, key))} {state}{hint}"
    return Flaw("missing-field", message, place, of_key=key in value)


def _must_not_be_empty(key: str, shape: Shape) -> bool:
    """Whether a required text must not be ""; of some names, rules of their own tell."""
    last = shape.name.rpartition(".")[2]
    told = key == "name" and last in _NAMED
    return bool(last) and key not in {"value", "apiGroup"} and not told


_NAMED: Final = frozenset({
    "Container", "EphemeralContainer", "EnvVar", "Volume", "Subject", "RoleRef",
})  # fmt: skip


def _check_map(value: Any, shape: Shape, path: Path) -> Iterator[Flaw]:
    if not isinstance(value, Mapping):
        yield _wrong_type(path, value, "a mapping")
        return
    for key, item in value.items():
        child = shape.child(key) or ANY
        if item is None and child.scalar is Scalar.STRING and not child.nullable:
            yield string_flaw(item, (*path, key))
        else:
            yield from check_value(item, child, (*path, key))


def _check_list(value: Any, shape: Shape, path: Path) -> Iterator[Flaw]:
    if not isinstance(value, list):
        hint = '; begin its items with "- "' if isinstance(value, Mapping) else ""
        yield _wrong_type(path, value, f"a list{hint}")
        return
    item_shape = shape.item
    for index, item in enumerate(value):
        if item is None and item_shape.form is not Form.ANY and not item_shape.nullable:
            yield _wrong_type((*path, index), item, _wanted(item_shape))
        else:
            yield from check_value(item, item_shape, (*path, index))
    yield from _check_duplicates(value, shape, path)


def _check_duplicates(value: list[Any], shape: Shape, path: Path) -> Iterator[Flaw]:
    """Items that one list may not hold twice: by their keys, or by value."""
    if shape.list_type is ListType.ATOMIC:
        return
    seen: dict[str, int] = {}
    for index, item in enumerate(value):
        words = _identity(item, shape)
        if words is None:
            continue
        if words in seen:
            message = f"{dotted(path)} holds {words} twice: [{seen[words]}] and [{index}]"
            yield Flaw("duplicate-entry", message, (*path, index))
        else:
            seen[words] = index


def _identity(item: Any, shape: Shape) -> str | None:
    if shape.list_type is ListType.SET:
        return None if isinstance(item, Mapping | list) else f'"{shorten(str(item))}"'
    if not isinstance(item, Mapping):
        return None
    pairs = [(key, item.get(key, shape.key_default(key))) for key in shape.keys]
    if all(value is ABSENT or value is None for _, value in pairs):
        return None
    return ", ".join(f'{key} "{value}"' for key, value in pairs if value is not ABSENT)


def _check_scalar(value: Any, shape: Shape, path: Path) -> Iterator[Flaw]:
    scalar = shape.scalar or Scalar.STRING
    wanted, types = _SCALARS[scalar]
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        yield _scalar_type(value, scalar, path, wanted)
        return
    if shape.enum and value not in shape.enum and value != "":
        yield _bad_enum(value, shape, path)
    if scalar in (Scalar.INTEGER, Scalar.INT_OR_STRING):
        low, high = _INT32
        narrow = shape.format == "int32" or scalar is Scalar.INT_OR_STRING
        if narrow and isinstance(value, int) and not low <= value <= high:
            yield Flaw("bad-value", f"{dotted(path)} is beyond 32 bits", path)
    flaw = _FORMATS.get(scalar)
    wrong = flaw(value) if flaw is not None else None
    if wrong is not None:
        shown = "" if scalar is Scalar.BYTES else f' "{shorten(str(value))}"'
        code = "not-base64" if scalar is Scalar.BYTES else "bad-value"
        yield Flaw(code, f"{dotted(path)}{shown} {wrong}", path)


def _bad_enum(value: Any, shape: Shape, path: Path) -> Flaw:
    names = sorted(map(str, shape.enum))
    meant = did_you_mean(str(value), names) or f"; write {listed(names)}"
    return Flaw("bad-value", f'{dotted(path)} cannot be "{shorten(str(value))}"{meant}', path)


def _scalar_type(value: Any, scalar: Scalar, path: Path, wanted: str) -> Flaw:
    if scalar is Scalar.STRING:
        return string_flaw(value, path)
    hint = ""
    if isinstance(value, str) and scalar in {Scalar.INTEGER, Scalar.NUMBER, Scalar.BOOLEAN}:
        plain = value.strip().lower()
        is_one = plain in {"true", "false"} if scalar is Scalar.BOOLEAN else plain.isdecimal()
        hint = "; remove the quotes" if is_one else ""
    message = f"{dotted(path)} is {kind_of(value)}, but must be {wanted}{hint}"
    return Flaw("wrong-type", message, path)


def _wrong_type(path: Path, value: Any, wanted: str) -> Flaw:
    name = dotted(path) or "the object"
    return Flaw("wrong-type", f"{name} is {kind_of(value)}, but must be {wanted}", path)


def _wanted(shape: Shape) -> str:
    if shape.scalar is not None:
        return _SCALARS[shape.scalar][0]
    return "a list" if shape.form is Form.LIST else "a mapping"


_SCALARS: Final[Mapping[Scalar, tuple[str, tuple[type, ...]]]] = {
    Scalar.STRING: ("a string", (str,)),
    Scalar.INTEGER: ("an integer", (int,)),
    Scalar.NUMBER: ("a number", (int, float)),
    Scalar.BOOLEAN: ("true or false", (bool,)),
    Scalar.QUANTITY: ("a quantity", (str, int, float)),
    Scalar.INT_OR_STRING: ("an integer or a string", (int, str)),
    Scalar.TIME: ("a time", (str,)),
    Scalar.DURATION: ("a duration", (str,)),
    Scalar.BYTES: ("base64", (str,)),
}
_FORMATS: Final[Mapping[Scalar, Callable[[Any], str | None]]] = {
    Scalar.QUANTITY: quantity_flaw,
    Scalar.TIME: time_flaw,
    Scalar.DURATION: duration_flaw,
    Scalar.BYTES: base64_flaw,
}
