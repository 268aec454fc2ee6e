"""One JSON value as kubectl reads it: text and a position in, value, end and faults out.

Called by `core/yaml/reader.py` where a text begins with an opening brace.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from gitops.core.yaml.nodes import TextFault
from gitops.core.yaml.numbers import ScalarError, to_json


@dataclass(frozen=True, slots=True)
class JsonRead:
    """A value and where it ends; `duplicates` are keys given twice; `fault` makes it unusable."""

    value: Any
    end: int
    duplicates: tuple[str, ...] = ()
    fault: TextFault | None = None


def read_json(text: str, start: int, max_depth: int, place: tuple[int, int]) -> JsonRead | None:
    """Read one value at `start`, which is at `place`; None where there is no JSON."""
    hooks = _Hooks()
    decoder = json.JSONDecoder(
        object_pairs_hook=hooks.pairs,
        parse_constant=_refuse_constant,
        parse_int=_integer,
        parse_float=lambda digits: to_json(float(digits)),
    )
    too_deep = TextFault("too-deep", f"nested more than {max_depth} levels deep", *place)
    try:
        value, end = decoder.raw_decode(text, start)
    except RecursionError:
        return JsonRead(None, len(text), (), too_deep)
    except (json.JSONDecodeError, ScalarError):
        return None
    if _is_deeper(value, max_depth):
        return JsonRead(None, end, (), too_deep)
    return JsonRead(value, end, tuple(hooks.duplicates))


def explain_json(text: str, start: int) -> TextFault:
    """Why there is no JSON at `start`."""
    try:
        json.JSONDecoder(parse_constant=_refuse_constant).raw_decode(text, start)
    except json.JSONDecodeError as error:
        message = f"cannot read JSON: {error.msg[:1].lower()}{error.msg[1:]}"
        return TextFault("syntax", message, error.lineno, error.colno)
    except ScalarError as error:
        return TextFault("syntax", f"cannot read JSON: {error}", *place_of(text, start))
    return TextFault("scalar", "a number is too large for JSON", *place_of(text, start))


def place_of(text: str, position: int) -> tuple[int, int]:
    """Line and column, from 1, of a position in a text."""
    return text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)


class _Hooks:
    """What the decoder calls for each object; remembers keys given twice."""

    def __init__(self) -> None:
        self.duplicates: list[str] = []

    def pairs(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = {_mend(key): _mend(item) for key, item in pairs}
        if len(value) < len(pairs):
            seen: set[str] = set()
            for key, _ in pairs:
                if key in seen:
                    self.duplicates.append(key)
                seen.add(key)
        return value


_HALVES: Final = re.compile("[\ud800-\udfff]")


def _mend(value: Any) -> Any:
    """Half surrogate pairs become U+FFFD, as in Go."""
    if isinstance(value, str):
        return _HALVES.sub("\ufffd", value)
    return [_mend(item) for item in value] if isinstance(value, list) else value


def _refuse_constant(name: str) -> NoReturn:
    raise ScalarError(f"{name} is not a JSON value")


def _integer(digits: str) -> int | float:
    """An integer of 64 bits, else a float."""
    fits = len(digits) <= 20  # noqa: PLR2004 - sign and digits of a 64-bit integer
    value: int | float = to_json(int(digits) if fits else float(digits))
    return value


def _is_deeper(value: Any, depth: int) -> bool:
    level: list[Any] = [value]
    for _ in range(depth + 1):
        level = [item for container in level for item in _items(container)]
        if not level:
            return False
    return True


def _items(container: Any) -> list[Any]:
    if isinstance(container, dict):
        return list(container.values())
    return container if isinstance(container, list) else []
