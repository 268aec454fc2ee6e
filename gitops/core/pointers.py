"""JSON pointers (RFC 6901) and sets of them.

In: pointer texts. Out: tuples of tokens, and `Trie`, a set that is walked along with a value.
Called by merge, changes, ignore, patch, summary and mask.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

Pointer = tuple[str, ...]


def parse_pointer(text: str) -> Pointer | None:
    """`/a/b~1c` -> ("a", "b/c"); None where it is no pointer. A missing first slash is forgiven."""
    if not text:
        return ()
    if any(part not in {"0", "1"} for part in _after_tildes(text)):
        return None
    parts = text.removeprefix("/").split("/")
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in parts)


def _after_tildes(text: str) -> list[str]:
    return [piece[:1] for piece in text.split("~")[1:]]


def format_pointer(tokens: Iterable[str | int]) -> str:
    """("a", "b/c", 0) -> `/a/b~1c/0`."""
    return "".join(f"/{str(token).replace('~', '~0').replace('/', '~1')}" for token in tokens)


def value_at(value: Any, tokens: Iterable[str]) -> Any:
    """The value that a pointer leads to, or None."""
    for token in tokens:
        if isinstance(value, Mapping):
            value = value.get(token)
        elif isinstance(value, list) and token.isdecimal() and int(token) < len(value):
            value = value[int(token)]
        else:
            return None
    return value


@dataclass(frozen=True, slots=True)
class Trie:
    """A set of pointers; `end` says that the pointer that leads here is in it."""

    end: bool = False
    children: dict[str, "Trie"] = field(default_factory=dict)

    @classmethod
    def of(cls, pointers: Iterable[Pointer]) -> "Trie":
        """The set of these pointers."""
        return _trie(tuple(pointers))

    def child(self, token: str | int) -> "Trie | None":
        """The part below a token; None where there is none."""
        return self.children.get(str(token))


@lru_cache(maxsize=256)
def _trie(pointers: tuple[Pointer, ...]) -> Trie:
    """Made once a set: what is never compared is the same for most objects."""
    below: dict[str, list[Pointer]] = {}
    for pointer in pointers:
        if pointer:
            below.setdefault(pointer[0], []).append(pointer[1:])
    return Trie(
        any(not pointer for pointer in pointers),
        {token: _trie(tuple(rest)) for token, rest in below.items()},
    )
