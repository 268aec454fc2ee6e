"""Label selectors, as `kubectl -l` reads them.

In: a text (`tier=web,env in (dev,test),!legacy`) and the labels of an object. Out: whether all that
it asks for holds. Called by `core/planning/selecting.py`.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from gitops.core.validation.formats import label_value_flaw, qualified_flaw
from gitops.errors import InputError

_TOKEN: Final = re.compile(r"\s*(==|!=|[=!(),]|[^\s=!(),<>]+)")
_MARKS: Final = frozenset("=!(),") | {"==", "!="}
_SETS: Final[Mapping[str, bool]] = {"in": True, "notin": False}
_EQUALS: Final[Mapping[str, bool]] = {"=": True, "==": True, "!=": False}


@dataclass(frozen=True, slots=True)
class Requirement:
    """One of a selector's requirements.

    With `wanted`, the key has to be there with one of `values`; otherwise it must not be. `values`
    None stands for any.
    """

    key: str
    values: frozenset[str] | None
    wanted: bool

    def is_met(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels has what is asked for."""
        value = labels.get(self.key)
        there = value is not None and (self.values is None or value in self.values)
        return there is self.wanted


def read_selector(text: str) -> tuple[Requirement, ...]:
    """The requirements of a selector, all of which have to be met; raises InputError.

    The grammar is that of `labels.Parse` in apimachinery without `<` and `>`: `key=value`,
    `key==value`, `key!=value`, `key in (a,b)`, `key notin (a,b)`, `key`, `!key`, joined by commas.
    A key that is missing meets `!=` and `notin`.
    """
    reader = _Reader(text)
    found = [reader.requirement()]
    while reader.take({","}):
        found.append(reader.requirement())
    if reader.next:
        raise reader.fault(f'"{reader.next}" is not expected there')
    return tuple(found)


class _Reader:
    """Reads a selector from left to right; `next` is what comes, "" at the end."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self.next = ""
        self._go_on()

    def _go_on(self) -> None:
        rest = _TOKEN.match(self._text, self._at)
        if rest is None and self._text[self._at :].strip():
            raise self.fault(f'"{self._text[self._at :].strip()[0]}" is not expected there')
        self.next = rest[1] if rest else ""
        self._at = rest.end() if rest else len(self._text)

    def take(self, wanted: Collection[str]) -> str:
        """What comes, where it is one of these, and go on; else ""."""
        found = self.next if self.next in wanted else ""
        if found:
            self._go_on()
        return found

    def requirement(self) -> Requirement:
        """One requirement; raises InputError."""
        missing = bool(self.take({"!"}))
        key = self._word()
        if flaw := qualified_flaw(key):
            raise self.fault(f'the key "{key}" {flaw}')
        if missing:
            return Requirement(key, None, wanted=False)
        if word := self.take(_EQUALS):
            return Requirement(key, frozenset({self._value()}), _EQUALS[word])
        if word := self.take(_SETS):
            return Requirement(key, self._values(), _SETS[word])
        return Requirement(key, None, wanted=True)

    def _values(self) -> frozenset[str]:
        if not self.take({"("}):
            raise self.fault("values of a set stand in brackets")
        found = {self._value()}
        while self.take({","}):
            found.add(self._value())
        if not self.take({")"}):
            raise self.fault("a bracket is not closed")
        return frozenset(found)

    def _value(self) -> str:
        """A value, which may be empty; raises InputError."""
        value = self._word()
        if flaw := label_value_flaw(value):
            raise self.fault(f'the value "{value}" {flaw}')
        return value

    def _word(self) -> str:
        word = "" if self.next in _MARKS else self.next
        if word:
            self._go_on()
        return word

    def fault(self, why: str) -> InputError:
        """What is wrong with the selector, and how it is written."""
        return InputError(
            f'"{self._text}" is no label selector: {why}',
            remedy='write it as for kubectl: key=value, key!=value, "key in (a,b)", '
            '"key notin (a,b)", key or "!key", joined by commas',
        )
