"""The part of jq that ignore rules need: paths, iteration, pipes and `select`.

In: an expression such as `.spec.containers[] | select(.name == "proxy") | .env` and a body. Out:
pointers of the places that it names. Called by ignore. Nothing is run: the expression is parsed
into steps, and each step walks the body.
"""

import functools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from gitops.core.jqsteps import (
    COMPARISONS,
    FUNCTIONS,
    MAX_FOUND,
    Step,
    both,
    chain,
    compared,
    every,
    field,
    literal,
    logical,
    optional,
    recurse,
    selected,
)
from gitops.core.pointers import Pointer
from gitops.errors import ApplicationError

_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<string>"(?:[^"\\]|\\.)*")|(?P<number>-?\d+(?:\.\d+)?)"""
    r"""|(?P<op>\.\.|==|!=|<=|>=|[.|,()\[\]?<>])|(?P<word>[A-Za-z_]\w*))"""
)
_LITERALS: Final[Mapping[str, Any]] = {"true": True, "false": False, "null": None}
_MAX_LENGTH: Final = 2000
_MAX_DEPTH: Final = 50


def find_paths(expression: str, body: Mapping[str, Any]) -> list[Pointer]:
    """The places that an expression names in a body; raises ApplicationError."""
    found: list[Pointer] = []
    for pointer, _ in compile_path(expression)(((), body)):
        if pointer:
            found.append(pointer)
        if len(found) > MAX_FOUND:
            raise _refusal(expression, "names too many places")
    return found


@functools.lru_cache(maxsize=256)
def compile_path(expression: str) -> Step:
    """Parse an expression; raises ApplicationError where it is beyond the supported part."""
    if len(expression) > _MAX_LENGTH:
        raise _refusal(expression[:60], "is too long")
    return _Parser(expression).parse()


def _refusal(expression: str, why: str) -> ApplicationError:
    return ApplicationError(
        f"the jq expression {expression!r} {why}",
        where="spec.ignoreDifferences",
        remedy="use paths, [], | and select(...), or a JSON pointer",
    )


class _Parser:
    """Recursive descent over the tokens of one expression."""

    def __init__(self, expression: str) -> None:
        self.expression = expression
        self.tokens = list(self._tokens())
        self.position = 0
        self.depth = 0

    def _tokens(self) -> Iterator[tuple[str, str]]:
        """(kind, text) of each token."""
        text, at = self.expression.rstrip(), 0
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise _refusal(self.expression, f"is not supported from character {at + 1} on")
            kind = match.lastgroup or ""
            yield kind, match[kind]
            at = match.end()

    def parse(self) -> Step:
        """The whole expression."""
        step = self._pipe()
        if self.position < len(self.tokens):
            raise self._unexpected()
        return step

    @property
    def _kind(self) -> str:
        return self.tokens[self.position][0] if self.position < len(self.tokens) else ""

    @property
    def _text(self) -> str:
        return self.tokens[self.position][1] if self.position < len(self.tokens) else ""

    def _next(self) -> str:
        text = self._text
        self.position += 1
        return text

    def _accept(self, text: str) -> bool:
        if self._text == text and self._kind in {"op", "word"}:
            self.position += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            raise self._unexpected()

    def _unexpected(self) -> ApplicationError:
        what = f"is not supported at {self._text!r}" if self._text else "ends too early"
        return _refusal(self.expression, what)

    def _chained(self, part: Callable[[], Step], joins: Mapping[str, Callable[..., Step]]) -> Step:
        step = part()
        while self._kind in {"op", "word"} and self._text in joins:
            step = joins[self._next()](step, part())
        return step

    def _pipe(self) -> Step:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise _refusal(self.expression, "is nested too deeply")
        step = self._chained(self._comma, {"|": chain})
        self.depth -= 1
        return step

    def _comma(self) -> Step:
        return self._chained(self._either, {",": both})

    def _either(self) -> Step:
        return self._chained(self._both, {"or": logical(any)})

    def _both(self) -> Step:
        return self._chained(self._comparison, {"and": logical(all)})

    def _comparison(self) -> Step:
        return self._chained(
            self._postfix,
            {text: functools.partial(compared, holds) for text, holds in COMPARISONS.items()},
        )

    def _postfix(self) -> Step:
        step = self._primary()
        while True:
            if self._accept("?"):
                step = optional(step)
            elif self._accept("["):
                step = chain(step, self._brackets())
            elif self._accept("."):
                step = chain(step, self._after_dot())
            else:
                return step

    def _primary(self) -> Step:
        if self._kind in {"string", "number"}:
            return literal(json.loads(self._next()))
        if self._accept("("):
            step = self._pipe()
            self._expect(")")
            return step
        if self._accept(".."):
            return recurse
        if self._accept("."):
            return self._after_dot() if self._kind in {"word", "string"} else _identity
        if self._kind == "word":
            return self._word(self._next())
        raise self._unexpected()

    def _after_dot(self) -> Step:
        if self._kind == "word":
            return field(self._next())
        if self._kind == "string":
            return field(json.loads(self._next()))
        if self._accept("["):
            return self._brackets()
        raise self._unexpected()

    def _brackets(self) -> Step:
        if self._accept("]"):
            return every
        if self._kind not in {"string", "number"}:
            raise self._unexpected()
        step = field(json.loads(self._next()))
        self._expect("]")
        return step

    def _word(self, word: str) -> Step:
        if word in _LITERALS:
            return literal(_LITERALS[word])
        if word == "select":
            self._expect("(")
            step = selected(self._pipe())
            self._expect(")")
            return step
        if word not in FUNCTIONS:
            self.position -= 1
            raise self._unexpected()
        count, make = FUNCTIONS[word]
        argument = None
        if count:
            self._expect("(")
            if self._kind != "string":
                raise self._unexpected()
            argument = json.loads(self._next())
            self._expect(")")
        return functools.partial(_apply, make, argument)


def _identity(found: tuple[Pointer | None, Any]) -> Iterator[tuple[Pointer | None, Any]]:
    yield found


def _apply(
    make: Callable[[Any, Any], Any], argument: Any, found: tuple[Pointer | None, Any]
) -> Iterator[tuple[Pointer | None, Any]]:
    yield None, make(found[1], argument)
