"""The process that runs jq: `python -m gitops.checks.jq_child`.

In: frames on standard input, each with expressions and objects. Out: a frame each, with the places
that the expressions name in every object. Started and killed by `worker.py`. libjq is the reference
implementation; Argo CD runs gojq, which reads the same language.
"""

import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import jq

from gitops.checks.frames import serve

MAX_FOUND: Final = 100_000
"""Places that an expression may name in one object."""


def answer(request: Mapping[str, Any]) -> dict[str, Any]:
    """`{places}`: a list of paths for each object; or `{refused, why}`, an expression's fault."""
    for expression in request["expressions"]:
        fault = fault_of(expression)
        if fault:
            return {"refused": expression, "why": fault}
    return {"places": [_places(request["expressions"], body) for body in request["objects"]]}


@lru_cache(maxsize=256)
def fault_of(expression: str) -> str:
    """What is wrong with an expression, in jq's words; "" where it can be run."""
    try:
        _program(expression)
    except ValueError as error:
        return str(error).partition("\n")[0].removeprefix("jq: error: ")
    return ""


@lru_cache(maxsize=256)
def _program(expression: str) -> Any:
    return jq.compile(f"[limit({MAX_FOUND}; path({expression}\n))]")


def _places(expressions: Sequence[str], body: Any) -> list[list[str]]:
    """Paths as tokens of JSON pointers. An expression that fails on this object names nothing."""
    found: list[list[str]] = []
    for expression in expressions:
        try:
            paths = _program(expression).input_value(body).first()
        except ValueError:
            continue
        for path in paths:
            found += _tokens(path, body)
    return found


def _tokens(path: Sequence[Any], body: Any) -> list[list[str]]:
    """A path of names, indexes and slices as pointers; a slice is each of its items."""
    tokens: list[str] = []
    value, window = body, _items(body)
    for step in path:
        if isinstance(step, dict):
            window = window[_index(step.get("start")) : _index(step.get("end"))]
            continue
        token = step if isinstance(step, str) else _place(int(step), window)
        value = _below(value, token)
        tokens.append(str(token))
        window = _items(value)
    if path and isinstance(path[-1], dict):
        return [[*tokens, str(index)] for index in window]
    return [tokens]


def _items(value: Any) -> range:
    return range(len(value)) if isinstance(value, list) else range(0)


def _place(index: int, window: range) -> int:
    """An index of a list, or of a slice of it; beyond its end it is as it stands."""
    return window[index] if -len(window) <= index < len(window) else index


def _index(value: Any) -> int | None:
    return None if value is None else int(value)


def _below(value: Any, token: str | int) -> Any:
    if isinstance(value, dict) and isinstance(token, str):
        return value.get(token)
    if isinstance(value, list) and isinstance(token, int) and 0 <= token < len(value):
        return value[token]
    return None


if __name__ == "__main__":
    serve(answer, float(sys.argv[1]))
