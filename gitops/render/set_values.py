"""Takes the texts out of `--set` and `--set-string`: each becomes a file that `--set-file` reads.

In: parameters as Helm takes them, in order. Out: the same arguments with `x` in place of each text,
and which text to set afterwards by which name. Called by `helm.py`, because everybody on a machine
may read the arguments of a program.

The result is what Helm makes of the parameters themselves, whatever values they are merged into.
Arguments of `--set` keep their order, lists and types (a number in a values file would be another
type), so all that they put in place or refuse is the same; Helm reads `--set-file` after them. A
text is set again only if nothing later replaced it. The grammar is that of Helm's `pkg/strvals`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from gitops.errors import RenderError

Steps = tuple[str | int, ...]
"""Keys of maps and indices of lists; an empty key sets nothing."""

_DEEPEST: Final = 256
_SET: Final = "--set"
_PLACEHOLDER: Final = "x"
_NUMBER: Final = re.compile(r"([+-]?)0*([0-9]{1,19})")
_INT64: Final = range(-(1 << 63), 1 << 63)


@dataclass(frozen=True, slots=True)
class Hidden:
    """What Helm is told: arguments, and the texts behind names that follow as `--set-file`."""

    arguments: tuple[str, ...]
    texts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Value:
    """One value of a line: where it stands there, what it says, and how it is named and placed."""

    start: int
    end: int
    text: str
    name: str
    path: Steps


@dataclass(frozen=True, slots=True)
class _Assignment:
    """A path of a line, and the values that it gets: one, or those of a list."""

    path: Steps
    values: tuple[_Value, ...] = ()


def hide_texts(parameters: Sequence[tuple[str, str, str]]) -> Hidden:
    """Replace the texts of parameters, given as (`--set` or `--set-string`, name, value).

    Raises:
        RenderError: `failed`, where Helm could not read a parameter; its value is not quoted.
    """
    arguments: list[str] = []
    read: list[tuple[_Assignment, list[_Value]]] = []
    # Helm reads all of --set first
    for flag, name, value in sorted(parameters, key=lambda parameter: parameter[0] != _SET):
        line = _Line(f"{name}={value}", name)
        found = []
        for assignment in line.read():
            texts = [v for v in assignment.values if _is_text(v.text, forced=flag != _SET)]
            read.append((assignment, texts))
            found += texts
        arguments += [flag, line.without(found)]
    return Hidden(tuple(arguments), tuple(_remaining(read)))


def _remaining(read: Sequence[tuple[_Assignment, list[_Value]]]) -> list[tuple[str, str]]:
    """Names and texts of what no later assignment replaced."""
    later = _Later()
    remaining: list[tuple[str, str]] = []
    for assignment, texts in reversed(read):
        remaining += [
            (value.name, value.text)
            for value in reversed(texts)
            if "" not in value.path and not later.replaces(value.path)
        ]
        later.add(assignment.path)
    return remaining[::-1]


class _Later:
    """The paths of later assignments, as what leads on from each place."""

    def __init__(self) -> None:
        self._onward: dict[Steps, set[type | None]] = {}

    def add(self, path: Steps) -> None:
        """Note a path; None leads on from its end."""
        for length, step in enumerate((*path, None)):
            kind = None if step is None else type(step)
            self._onward.setdefault(path[:length], set()).add(kind)

    def replaces(self, path: Steps) -> bool:
        """Whether one takes away what is at `path`, or fails there: neither leads past it.

        A list whose item becomes a map (or a map a list) loses the item.
        """
        for length, step in enumerate(path):
            kinds = self._onward.get(path[:length])
            if kinds is None:
                return False
            if kinds != {type(step)}:
                return True
        return path in self._onward


def _is_text(text: str, *, forced: bool) -> bool:
    """Whether Helm reads a value as a string that says something.

    `--set`, which forces none, has booleans, null and whole numbers besides.
    """
    if forced or not text:
        return bool(text)
    word = text.casefold()  # simple folding in Helm: a word has as many signs as what folds to it
    if word in ("true", "false", "null") and len(word) == len(text):
        return False
    if text.startswith("0"):
        return text != "0"
    number = _number(text)
    return number is None or number not in _INT64


def _number(text: str) -> int | None:
    """A whole number as Go reads it, of no more digits than 64 bits can have."""
    match = _NUMBER.fullmatch(text)
    return int(match[1] + match[2]) if match else None


class _Line:
    """One argument of `--set`: `name=value,name={value,value}`; a backslash escapes."""

    def __init__(self, text: str, parameter: str) -> None:
        self._text = text
        self._parameter = parameter
        self._at = 0
        self._end = len(text)

    def read(self) -> Iterator[_Assignment]:
        """Each assignment in order; raises RenderError where Helm would refuse the line."""
        while self._at < len(self._text):
            start = self._at
            path, complete = self._path()
            if complete:
                yield self._assignment(path, self._text[start : self._at - 1])
            elif path:
                yield _Assignment(path)

    def without(self, texts: Sequence[_Value]) -> str:
        """The line with a placeholder for each of these values, in order."""
        pieces, at = [], 0
        for value in texts:
            pieces += [self._text[at : value.start], _PLACEHOLDER]
            at = value.end
        return "".join([*pieces, self._text[at : self._end]])

    def _path(self) -> tuple[Steps, bool]:
        """The path up to its `=`.

        False where the line ends before: Helm has only put in place what stands before a dot.
        """
        path: Steps = ()
        while True:
            unended = (*path, "") if path else ()
            key, stop = self._until("=[,.")
            if stop == "," or (key and not stop):
                raise self._fault("a name has no value")
            path = (*path, key)
            while stop == "[" and len(path) <= _DEEPEST:
                path, stop = self._item(path)
            if not stop:
                return unended, False
            if stop == "=":
                return path, True
            if len(path) > _DEEPEST:
                raise self._fault("its name is too deep")

    def _item(self, path: Steps) -> tuple[Steps, str]:
        """A path with the index that follows, and the sign behind it; "" where the line ends.

        Helm passes over an index without `]`, and with it over the rest.
        """
        start = self._at
        text, stop = self._until("]")
        if not stop:
            self._end = start
            return path, ""
        index = _number(text)
        if index is None:
            raise self._fault("an index is no number")
        rest, stop = self._until("[.=")
        if rest:
            raise self._fault("something follows an index")
        return (*path, index), stop

    def _assignment(self, path: Steps, name: str) -> _Assignment:
        if not self._text.startswith("{", self._at):
            start = self._at
            text, stop = self._until(",")
            end = self._at - len(stop)
            return _Assignment(path, (_Value(start, end, text, name, path),))
        self._at += 1
        values: list[_Value] = []
        stop = ","
        while stop == ",":
            start, number = self._at, len(values)
            text, stop = self._until(",}")
            end, place = self._at - 1, f"{name}[{number}]"
            values.append(_Value(start, end, text, place, (*path, number)))
        if not stop:
            raise self._fault("a list has no `}`")
        if self._text.startswith(",", self._at):
            self._at += 1
        return _Assignment(path, tuple(values))

    def _until(self, stops: str) -> tuple[str, str]:
        """Read to one of the signs: what stands before it, unescaped, and it; "" for the end."""
        read: list[str] = []
        while self._at < len(self._text):
            sign = self._text[self._at]
            self._at += 1
            if sign in stops:
                return "".join(read), sign
            if sign == "\\":
                sign = self._text[self._at : self._at + 1]
                self._at += 1
            read.append(sign)
        return "".join(read), ""

    def _fault(self, message: str) -> RenderError:
        return RenderError(
            f"Helm cannot read the parameter: {message}",
            where=f"spec.source.helm.parameters {self._parameter!r}",
            remedy="write `\\` before a dot, a comma, a bracket or an equals sign that is meant",
            reason="failed",
        )
