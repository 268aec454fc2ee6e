"""Words that faults share: the nearest known name, a path in dots, a value with its type.

Called by `core/manifests/parse.py` and the modules of `core/validation`; strings in, strings out.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

Path = tuple[str | int, ...]
"""Keys and list indexes from the root of a body."""

_SIMPLE: Final = re.compile(r"[A-Za-z0-9_$-]+\Z")


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name that a person most likely meant; None where none is close.

    Other capitals count as equal; else up to a third of the letters may differ, at most three.
    """
    best: tuple[int, str] | None = None
    folded = word.lower()
    allowed = min(3, max(1, len(word) // 3))
    for name in sorted(known):
        if name == word:
            continue
        other = name.lower()
        if abs(len(folded) - len(other)) > allowed:
            continue
        distance = 0 if folded == other else edits(folded, other)
        if distance <= allowed and (best is None or distance < best[0]):
            best = (distance, name)
    return best[1] if best else None


def edits(left: str, right: str) -> int:
    """Insertions, removals, replacements and swaps of neighbours that make `left` `right`."""
    before: list[int] = []
    above = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        row = [i]
        for j, b in enumerate(right, 1):
            cost = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, above = above, row
    return above[-1]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`, did you mean "replicas"?`, or nothing."""
    found = nearest(word, known)
    return f', did you mean "{found}"?' if found else ""


def dotted(path: Sequence[str | int]) -> str:
    """`spec.containers[0].env`; keys with dots or slashes in brackets and quotes."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif not text:
            text = shorten(step)
        elif _SIMPLE.match(step):
            text += f".{step}"
        else:
            text += f'["{shorten(step)}"]'
    return text


def tokens(path: Sequence[str | int]) -> tuple[str, ...]:
    """A path as the texts of its steps, as JSON pointers have them."""
    return tuple(str(step) for step in path)


def kind_of(value: Any) -> str:
    """`a string`, `an integer`, `null`."""
    if value is None:
        return "null"
    return _KINDS.get(type(value), "a value")


_KINDS: Final[dict[type, str]] = {
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "a mapping",
}


def shorten(text: str, limit: int = 60) -> str:
    """Text for a message: one line, at most `limit` characters."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def listed(words: Sequence[str], limit: int = 12) -> str:
    """`a, b or c`; long lists are cut."""
    shown = [*words[:limit], "…"] if len(words) > limit else list(words)
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"
