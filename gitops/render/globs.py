r"""Argo CD's globs of files. Called by plain rendering and by Helm's value files.

Argo CD compiles `directory.include` and `exclude` without separators (gobwas/glob), so `*` and `?`
match a slash too and `**` means the same as `*`. Value files are matched with separators
(doublestar): there `**` that stands alone between slashes is any number of folders, none too, and
else the same as `*`.

Whoever writes an Application writes patterns, and paths come from its repository: matching takes
time in proportion to both, whatever they are, which regular expressions cannot promise.
"""

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from gitops.errors import RenderError

MAX_LENGTH: Final = 1024
MAX_DEPTH: Final = 10
MAX_ALTERNATIVES: Final = 64
"""How many patterns braces may stand for."""

Accepts = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class _Step:
    """One character that is wanted, or (`repeats`) any number of them."""

    accepts: Accepts
    repeats: bool = False


@dataclass(frozen=True, slots=True)
class Glob:
    """A pattern that matches whole paths."""

    alternatives: tuple[tuple[_Step, ...], ...]

    def matches(self, path: str) -> bool:
        """Whether a whole path is as the pattern wants it."""
        return any(_matches(steps, path) for steps in self.alternatives)


def _matches(steps: Sequence[_Step], path: str) -> bool:
    """Walk the path once, with every place of the pattern that may be reached: bit n is step n."""
    cache: dict[str, int] = {}
    loops = sum(1 << place for place, step in enumerate(steps) if step.repeats)
    reached = _skip(1, loops)
    for character in path:
        if character not in cache:
            wanted = (1 << n for n, step in enumerate(steps) if step.accepts(character))
            cache[character] = sum(wanted)
        taken = reached & cache[character]
        reached = _skip((taken & loops) | ((taken & ~loops) << 1), loops)
        if not reached:
            return False
    return bool(reached >> len(steps) & 1)


def _skip(reached: int, loops: int) -> int:
    """Also what comes after steps that may match nothing; two of those never stand together."""
    return reached | (reached & loops) << 1


def compile_glob(pattern: str, *, separators: bool = False, where: str) -> Glob:
    r"""A pattern that matches whole paths.

    Args:
        pattern: `*`, `**`, `?`, `[a-z]`, `[!a-z]`, `{a,b}` and `\` as an escape.
        separators: whether `*` and `?` stop at a slash.
        where: the setting that holds the pattern, for errors.

    Raises:
        RenderError: `failed` where brackets or braces are not closed, `limit` beyond the bounds.
    """
    if len(pattern) > MAX_LENGTH:
        raise RenderError(
            f"the glob is longer than {MAX_LENGTH} characters", where=where, reason="limit"
        )
    reader = _Reader(pattern, separators, where)
    return Glob(tuple(_joined(steps) for steps in reader.alternatives()))


def _joined(steps: Sequence[_Step]) -> tuple[_Step, ...]:
    """Of neighbours that repeat, one that accepts what any of them does is as good."""
    kept: list[_Step] = []
    for step in steps:
        if kept and kept[-1].repeats and step.repeats:
            kept[-1] = max(kept[-1], step, key=lambda one: one.accepts("/"))
        else:
            kept.append(step)
    return tuple(kept)


@dataclass(slots=True)
class _Reader:
    pattern: str
    separators: bool
    where: str
    at: int = 0
    depth: int = 0

    def alternatives(self, *, inside: bool = False) -> list[tuple[_Step, ...]]:
        """What a pattern, or (`inside`) the rest of a brace, stands for; ends behind it."""
        done: list[tuple[_Step, ...]] = []
        current: list[tuple[_Step, ...]] = [()]
        while self.at < len(self.pattern):
            character = self.pattern[self.at]
            if inside and character in ",}":
                self.at += 1
                done += current
                if character == "}":
                    return done
                current = [()]
                continue
            parts = self._parts()
            current = [(*a, *b) for a, b in itertools.product(current, parts)]
            if len(current) + len(done) > MAX_ALTERNATIVES:
                raise self._error("stands for too many patterns", "limit")
        if inside:
            raise self._error("has an open brace")
        return current

    def _parts(self) -> list[tuple[_Step, ...]]:
        """What the next piece of the pattern may stand for."""
        if self.pattern[self.at] == "{":
            return self._braces()
        if self._is_folders() and self.pattern[self.at + 2 :][:1] == "/":
            self.at += len("**/")
            return [(), (_Step(_any, repeats=True), _Step(_slash))]
        return [(self._step(),)]

    def _is_folders(self) -> bool:
        """Whether two stars begin here that stand alone between slashes, where those count."""
        before, after = self.pattern[: self.at][-1:], self.pattern[self.at + 2 :][:1]
        double = self.separators and self.pattern.startswith("**", self.at)
        return double and before in _EDGES and after in _EDGES

    def _braces(self) -> list[tuple[_Step, ...]]:
        if self.depth == MAX_DEPTH:
            raise self._error(f"has braces more than {MAX_DEPTH} deep", "limit")
        self.at += 1
        self.depth += 1
        found = self.alternatives(inside=True)
        self.depth -= 1
        return found

    def _step(self) -> _Step:
        return _STEPS.get(self.pattern[self.at], _Reader._literal)(self)

    def _literal(self) -> _Step:
        wanted = self.pattern[self.at]
        self.at += 1
        return _Step(lambda character: character == wanted)

    def _star(self) -> _Step:
        stops = self.separators and not self._is_folders()
        while self.pattern[self.at : self.at + 1] == "*":
            self.at += 1
        return _Step(_no_slash if stops else _any, repeats=True)

    def _question(self) -> _Step:
        self.at += 1
        return _Step(_no_slash if self.separators else _any)

    def _escape(self) -> _Step:
        if self.at + 1 < len(self.pattern):
            self.at += 1
        return self._literal()

    def _class(self) -> _Step:
        end = self.pattern.find("]", self.at + 2)
        if end < 0:
            return self._literal()
        body = self.pattern[self.at + 1 : end]
        self.at = end + 1
        negated = body.startswith("!")
        body = body[1:] if negated else body
        body = re.sub(r"([\\\[^&~|])", r"\\\1", body)
        try:
            found = re.compile(f"[{'^' if negated else ''}{body}]", re.DOTALL)
        except re.error as error:
            raise self._error(f"cannot be read: {error.msg}") from error
        return _Step(lambda character: found.match(character) is not None)

    def _error(self, why: str, reason: str = "failed") -> RenderError:
        return RenderError(f"the glob {self.pattern!r} {why}", where=self.where, reason=reason)


def _any(_character: str) -> bool:
    return True


def _slash(character: str) -> bool:
    return character == "/"


def _no_slash(character: str) -> bool:
    return character != "/"


_EDGES: Final = ("", "/", "{", ",", "}")
_STEPS: Final[dict[str, Callable[[_Reader], _Step]]] = {
    "*": _Reader._star,  # noqa: SLF001 - a part of the class above
    "?": _Reader._question,  # noqa: SLF001 - as above
    "\\": _Reader._escape,  # noqa: SLF001 - as above
    "[": _Reader._class,  # noqa: SLF001 - as above
}
