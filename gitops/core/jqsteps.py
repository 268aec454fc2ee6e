"""What the steps of a jq path do: each takes one place of a body and gives those it leads to.

In: (pointer, value); the pointer is None for a computed value. Out: an iterator of the same.
Called by jqpath.
"""

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from gitops.core.pointers import Pointer
from gitops.core.values import same_json

Found = tuple[Pointer | None, Any]
Step = Callable[[Found], Iterator[Found]]
MAX_FOUND: Final = 100_000


def chain(first: Step, then: Step) -> Step:
    """`first | then`."""

    def step(found: Found) -> Iterator[Found]:
        for inner in first(found):
            yield from then(inner)

    return step


def both(first: Step, other: Step) -> Step:
    """`first, other`."""

    def step(found: Found) -> Iterator[Found]:
        yield from first(found)
        yield from other(found)

    return step


def optional(step: Step) -> Step:
    """`step?`: no step here fails, so it is the step itself."""
    return step


def field(name: str | float) -> Step:
    """`.name`, `["name"]` or `[0]`; nothing where there is no such field."""

    def step(found: Found) -> Iterator[Found]:
        pointer, value = found
        if isinstance(name, str):
            if isinstance(value, Mapping) and name in value:
                yield _below(pointer, name), value[name]
            elif pointer is None or not isinstance(value, list):
                yield None, None
        elif isinstance(value, list) and -len(value) <= name < len(value):
            index = int(name) % len(value)
            yield _below(pointer, index), value[index]

    return step


def _below(pointer: Pointer | None, token: str | int) -> Pointer | None:
    return None if pointer is None else (*pointer, str(token))


def every(found: Found) -> Iterator[Found]:
    """`[]`: each item of a list, each value of a map."""
    pointer, value = found
    pairs: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, list):
        pairs = enumerate(value)
    elif isinstance(value, Mapping):
        pairs = value.items()
    for token, inner in pairs:
        yield _below(pointer, token), inner


def recurse(found: Found) -> Iterator[Found]:
    """`..`: the place itself and every place below it."""
    todo = [found]
    while todo:
        place = todo.pop()
        yield place
        todo.extend(every(place))


def selected(condition: Step) -> Step:
    """`select(condition)`."""

    def step(found: Found) -> Iterator[Found]:
        for _, value in condition(found):
            if _is_true(value):
                yield found

    return step


def literal(value: Any) -> Step:
    """A constant."""

    def step(found: Found) -> Iterator[Found]:
        del found
        yield None, value

    return step


def logical(joined: Callable[[Iterable[bool]], bool]) -> Callable[[Step, Step], Step]:
    """`and`, `or`."""

    def join(first: Step, other: Step) -> Step:
        return compared(lambda a, b: joined((_is_true(a), _is_true(b))), first, other)

    return join


def compared(holds: Callable[[Any, Any], bool], first: Step, other: Step) -> Step:
    """Two values compared."""

    def step(found: Found) -> Iterator[Found]:
        for _, right in other(found):
            for _, left in first(found):
                yield None, holds(left, right)

    return step


def _is_true(value: Any) -> bool:
    return value is not None and value is not False


def _ordered(holds: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """Order of two texts or two numbers; nothing else is ordered here."""

    def compare(left: Any, right: Any) -> bool:
        kinds = [_kind(value) for value in (left, right)]
        return kinds in (["string"] * 2, ["number"] * 2) and holds(left, right)

    return compare


COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "==": same_json,
    "!=": lambda left, right: not same_json(left, right),
    "<": _ordered(operator.lt),
    "<=": _ordered(operator.le),
    ">": _ordered(operator.gt),
    ">=": _ordered(operator.ge),
}
_KINDS: Final = (
    (bool, "boolean"), ((int, float), "number"), (str, "string"), (list, "array"),
    (Mapping, "object"),
)  # fmt: skip


def _kind(value: Any) -> str:
    return next((name for kind, name in _KINDS if isinstance(value, kind)), "null")


def _contains(value: Any, argument: Any) -> bool:
    return isinstance(value, str) and argument in value


FUNCTIONS: Final[Mapping[str, tuple[int, Callable[[Any, Any], Any]]]] = {
    "not": (0, lambda value, _: not _is_true(value)),
    "type": (0, lambda value, _: _kind(value)),
    "length": (0, lambda value, _: len(value) if isinstance(value, (str, list, Mapping)) else 0),
    "keys": (0, lambda value, _: sorted(value) if isinstance(value, Mapping) else None),
    "startswith": (1, lambda value, text: isinstance(value, str) and value.startswith(text)),
    "endswith": (1, lambda value, text: isinstance(value, str) and value.endswith(text)),
    "contains": (1, _contains),
    "has": (1, lambda value, name: isinstance(value, Mapping) and name in value),
}
"""Name -> how many arguments (texts) it takes, and what it gives."""
