"""The process that runs health checks in CEL: `python -m gitops.checks.cel_child`.

In: frames on standard input, each with the expressions of a check and an object. Out: a frame
each: the name of the first expression that is true, `none`, or `error`. Started and killed by
`worker.py`; nothing else imports it.
"""

import functools
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

import celpy
from celpy import celtypes
from celpy.adapter import json_to_cel
from celpy.celparser import CELParseError
from celpy.evaluation import CELEvalError

from gitops.checks.frames import serve

ORDER: Final = ("inProgress", "failed", "current")
"""As Flux asks (its RFC 9)."""
EXCERPT: Final = 300


class ExpressionError(Exception):
    """An expression cannot be read or evaluated; the text says why."""


def answer(request: Mapping[str, Any]) -> dict[str, Any]:
    """`{said, parts}` for `{expressions, object}`; the fields of the object are the variables."""
    variables = {
        name: json_to_cel(whole(value))
        for name, value in request["object"].items()
        if value is not None
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
    return environment.program(environment.compile(expression), functions=FUNCTIONS)


@functools.cache
def _environment() -> celpy.Environment:
    return celpy.Environment()


def whole(value: Any) -> Any:
    """A JSON value in which 3.0 is 3: CEL's numbers of different types do not compare here."""
    if isinstance(value, dict):
        return {key: whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [whole(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < _INT64:
        return int(value)
    return value


_INT64: Final = 2**63


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
    "charAt": _text(lambda text, index: text[int(index)] if 0 <= index < len(text) else ""),
    "indexOf": _text(lambda text, part, start=0: text.find(part, int(start))),
    "join": _join,
    "lastIndexOf": _text(lambda text, part: text.rfind(part)),
    "lowerAscii": _text(lambda text: text.lower()),
    "replace": _text(_replace),
    "split": _text(_split),
    "substring": _text(_substring),
    "trim": _text(lambda text: text.strip()),
    "upperAscii": _text(lambda text: text.upper()),
}


if __name__ == "__main__":
    _environment()  # the grammar is read before any check is timed
    serve(answer, float(sys.argv[1]))
