"""`format` and `strings.quote` in CEL, as cel-go has them; Flux gives its checks both.

In: CEL's own values. Out: texts; an error of CEL where a clause cannot be read or does not take a
value. Called by `cel_child.py`.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from celpy import celtypes
from celpy.evaluation import CELEvalError

_CLAUSE: Final = re.compile(r"%(?:\.(?P<precision>\d+))?(?P<verb>.?)", re.DOTALL)
_DEFAULT_PRECISION: Final = 6
_MOST_PRECISION: Final = 1000
_WHOLE: Final = (celtypes.IntType, celtypes.UintType)
_NUMBERS: Final = (*_WHOLE, celtypes.DoubleType)
_NOT_FINITE: Final = {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}
_ESCAPES: Final = str.maketrans({
    "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v",
    "\\": "\\\\", '"': '\\"',
})  # fmt: skip


def quote(text: Any) -> Any:
    """A text in double quotes, as it would stand in an expression."""
    if not isinstance(text, str):
        raise TypeError("strings.quote is for strings")
    return celtypes.StringType(f'"{text.translate(_ESCAPES)}"')


def format_text(text: Any, arguments: Any) -> Any:
    """A text with its clauses (`%s`, `%d`, `%.3f` …) replaced by the arguments, in order."""
    if not isinstance(text, str) or not isinstance(arguments, Sequence):
        raise TypeError("format is for strings, with a list")
    waiting = iter(arguments)
    try:
        return celtypes.StringType(_CLAUSE.sub(lambda found: _written(found, waiting), text))
    except (ValueError, TypeError) as error:
        return CELEvalError(str(error), type(error), ())


def _written(found: re.Match[str], waiting: Iterator[Any]) -> str:
    verb, given = found["verb"], found["precision"]
    if verb == "%" and given is None:
        return "%"
    if verb not in _VERBS:
        raise ValueError(f'unrecognized formatting clause "{verb}"')
    precision = _DEFAULT_PRECISION if given is None else int(given)
    if precision > _MOST_PRECISION:
        raise ValueError(f"a precision of {precision} is too much")
    try:
        value = next(waiting)
    except StopIteration:
        raise ValueError("format has more clauses than values") from None
    return _VERBS[verb](value, precision)


def _whole(code: str, *types: type) -> Callable[[Any, int], str]:
    """A clause for whole numbers, and what else it takes as such."""
    taken = (*_WHOLE, *types)

    def write(value: Any, _: int) -> str:
        if not any(isinstance(value, kind) for kind in taken):
            raise TypeError(f"%{code} does not take {_type(value)}")
        return format(int(value), code)

    return write


def _hexadecimal(code: str) -> Callable[[Any, int], str]:
    whole = _whole(code)

    def write(value: Any, precision: int) -> str:
        content = value.encode() if isinstance(value, str) else value
        if not isinstance(content, bytes):
            return whole(value, precision)
        digits = content.hex()
        return digits.upper() if code == "X" else digits

    return write


def _real(code: str) -> Callable[[Any, int], str]:
    def write(value: Any, precision: int) -> str:
        if not isinstance(value, _NUMBERS):
            raise TypeError(f"%{code} does not take {_type(value)}")
        text = format(float(value), f".{precision}{code}")
        return _NOT_FINITE.get(text, text)

    return write


def told(value: Any) -> str:
    """A value of any type as `%s` writes it."""
    for kind, write in _TOLD:
        if isinstance(value, kind):
            return write(value)
    return str(value)


def _double(value: Any) -> str:
    text = str(float(value))
    return _NOT_FINITE.get(text) or f"{Decimal(text):f}".removesuffix(".0")


def _duration(value: timedelta) -> str:
    return f"{_double(value.total_seconds())}s"


def _map(value: Any) -> str:
    return "{" + ", ".join(sorted(f"{told(k)}: {told(v)}" for k, v in value.items())) + "}"


def _type(value: Any) -> str:
    return _type_name(type(value))


def _type_name(kind: type) -> str:
    return "null_type" if kind is type(None) else kind.__name__.removesuffix("Type").lower()


_TOLD: Final[tuple[tuple[type, Callable[[Any], str]], ...]] = (
    (celtypes.BoolType, lambda value: str(bool(value)).lower()),
    (type(None), lambda _: "null"),
    (float, _double),
    (bytes, lambda value: bytes(value).decode(errors="replace")),
    (timedelta, _duration),
    (celtypes.ListType, lambda value: "[" + ", ".join(map(told, value)) + "]"),
    (celtypes.MapType, _map),
    (type, _type_name),
)
_VERBS: Final[dict[str, Callable[[Any, int], str]]] = {
    "s": lambda value, _: told(value),
    "d": _whole("d"),
    "b": _whole("b", celtypes.BoolType),
    "o": _whole("o"),
    "x": _hexadecimal("x"),
    "X": _hexadecimal("X"),
    "f": _real("f"),
    "e": _real("e"),
}
