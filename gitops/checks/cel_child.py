"""The process that runs health checks in CEL: `python -m gitops.checks.cel_child`.

In: frames on standard input, each with the expressions of a check and an object. Out: a frame
each: the name of the first expression that is true, `none`, or `error`. Started and killed by
`worker.py`; nothing else imports it.
"""

import functools
import operator as op
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

import celpy
from celpy import celtypes
from celpy.adapter import json_to_cel
from celpy.celparser import CELParseError
from celpy.evaluation import CELEvalError, base_functions

from gitops.checks import cel_format, cel_optional
from gitops.checks.frames import serve

ORDER: Final = ("inProgress", "failed", "current")
"""As Flux asks (its RFC 9)."""
EXCERPT: Final = 300


class ExpressionError(Exception):
    """An expression cannot be read or evaluated; the text says why."""


def answer(request: Mapping[str, Any]) -> dict[str, Any]:
    """`{said, parts}` for `{expressions, object}`; the fields of the object are the variables."""
    variables = {
        name: json_to_cel(value) for name, value in request["object"].items() if value is not None
    }
    try:
        for name in ORDER:
            expression = request["expressions"].get(name)
            if expression and _is_true(expression, variables):
                return {"said": name, "parts": []}
    except ExpressionError as error:
        return {"said": "error", "parts": [str(error)]}
    return {"said": "none", "parts": []}


def _is_true(expression: str, variables: dict[str, Any]) -> bool:
    try:
        found = _program(expression).evaluate(variables)
    except CELParseError as error:
        raise ExpressionError(
            f"failed to parse the CEL expression '{expression}': {_syntax(error)}"
        ) from error
    except (CELEvalError, ValueError, TypeError, ArithmeticError, RecursionError) as error:
        raise ExpressionError(
            f"failed to evaluate the CEL expression '{expression}': {_reason(error)}"
        ) from error
    if not isinstance(found, celtypes.BoolType | bool):
        raise ExpressionError(f"failed to evaluate CEL expression as boolean: '{expression}'")
    return bool(found)


@functools.lru_cache(maxsize=256)
def _program(expression: str) -> celpy.Runner:
    environment = _environment()
    tree = cel_optional.compiled(environment, expression)
    return environment.program(tree, functions=FUNCTIONS)


@functools.cache
def _environment() -> celpy.Environment:
    return cel_optional.environment()


def _syntax(error: CELParseError) -> str:
    line, column = getattr(error, "line", None), getattr(error, "column", None)
    return f"syntax error at {line}:{column}" if line and column else "syntax error"


def _reason(error: Exception) -> str:
    """The library's own words without the values that it prints after them."""
    said = str(error.args[0]) if error.args else type(error).__name__
    if said.startswith("found no matching overload"):
        return "no such overload: the types of its values do not go together"
    said = said.partition(" (in activation")[0].replace("no such member in mapping", "no such key")
    return said[:EXCERPT]


# --- Comparisons as cel-go makes them -----------------------------------------------------------


def _compared(operator: str) -> Callable[[Any, Any], Any]:
    """A comparison that takes numbers of two types, and finds other types unequal."""
    strict = base_functions[operator]
    by_value = _BY_VALUE[operator]

    def compare(one: Any, other: Any) -> Any:
        if isinstance(one, _NUMBERS) and isinstance(other, _NUMBERS):
            return celtypes.BoolType(by_value(_bare(one), _bare(other)))
        try:
            return strict(one, other)
        except TypeError:
            if operator not in _UNEQUAL:
                raise
            return celtypes.BoolType(_UNEQUAL[operator])

    return compare


def _bare(number: Any) -> int | float:
    return float(number) if isinstance(number, float) else int(number)


_NUMBERS: Final = (celtypes.IntType, celtypes.UintType, celtypes.DoubleType)
_UNEQUAL: Final = {"_==_": False, "_!=_": True}
_BY_VALUE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "_<_": op.lt, "_<=_": op.le, "_>_": op.gt, "_>=_": op.ge, "_==_": op.eq, "_!=_": op.ne,
}  # fmt: skip


# --- The functions on strings that Flux adds (cel-go's `ext.Strings`) --------------------------


def _text(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function on strings that takes and gives CEL's own types."""

    @functools.wraps(function)
    def called(*given: Any) -> Any:
        if not isinstance(given[0], str):
            return CELEvalError(f"{function.__name__} is for strings", TypeError, ())
        return json_to_cel(function(*given))

    return called


def _join(items: Any, separator: str = "") -> Any:
    return celtypes.StringType(separator.join(str(item) for item in items))


def _replace(text: str, old: str, new: str, times: int = -1) -> str:
    return text.replace(old, new, int(times))


def _split(text: str, separator: str, times: int = -1) -> list[str]:
    if times == 0:
        return []
    if not separator:
        return list(text)
    return text.split(separator, int(times) - 1 if times > 0 else -1)


def _substring(text: str, start: int, end: int | None = None) -> str:
    stop = len(text) if end is None else int(end)
    if not 0 <= start <= stop <= len(text):
        raise ValueError("substring: index out of range")
    return text[int(start) : stop]


FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    **{operator: _compared(operator) for operator in _BY_VALUE},
    **cel_optional.FUNCTIONS,
    "format": cel_format.format_text,
    "strings.quote": cel_format.quote,
    "charAt": _text(lambda text, index: text[int(index)] if 0 <= index < len(text) else ""),
    "indexOf": _text(lambda text, part, start=0: text.find(part, int(start))),
    "join": _join,
    "lastIndexOf": _text(lambda text, part: text.rfind(part)),
    "lowerAscii": _text(lambda text: text.lower()),
    "replace": _text(_replace),
    "reverse": _text(lambda text: text[::-1]),
    "split": _text(_split),
    "substring": _text(_substring),
    "trim": _text(lambda text: text.strip()),
    "upperAscii": _text(lambda text: text.upper()),
}


if __name__ == "__main__":
    _environment()  # the grammar is read before any check is timed
    serve(answer, float(sys.argv[1]))
