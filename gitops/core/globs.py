"""Globs as Argo CD's projects have them, and those of files.

In: a pattern and a text. Out: whether the whole text matches. `matches` follows the globs of URLs
and names (github.com/gobwas/glob), `matches_word` Go's `path.Match`, by which kinds are compared;
`translated` is for those who read patterns more kindly, as `render/globs.py` does.
Whoever writes an Application writes patterns: they are matched in time in proportion to the text.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from gitops.core.linear import compiled, encoded

KEPT: Final = 4096
"""Patterns that are remembered in their compiled form."""


def matches(pattern: str, text: str, separator: str = "") -> bool:
    r"""Whether a text matches; a pattern that cannot be read matches nothing.

    `*` and `?` do not match the separator, `**` does; `[a-z]`, `[!a-z]`, `{a,b}` and `\` before a
    character that is meant as it is.
    """
    found = _compile(pattern, separator)
    return found is not None and found.fullmatch(encoded(text)) is not None


def matches_word(pattern: str, text: str) -> bool:
    r"""As `path.Match`: `*`, `?`, `[a-z]`, `[^a-z]` and `\`; braces mean themselves."""
    braces = re.sub(r"(\\.)|([{},])", lambda m: m[1] or "\\" + m[2], pattern, flags=re.DOTALL)
    return matches(braces.replace("[^", "[!").replace("**", "*"), text, "/")


def is_glob(pattern: str) -> bool:
    """Whether a pattern can be read."""
    return _compile(pattern, "") is not None


@lru_cache(maxsize=KEPT)
def _compile(pattern: str, separator: str) -> Any:
    """A regular expression of RE2, or None where the pattern cannot be read."""
    found = translated(pattern, separator)
    return None if found.has_halves or found.is_open else compiled(found.expression)


@dataclass(frozen=True, slots=True)
class Translated:
    r"""A pattern as a regular expression in RE2's syntax.

    `has_halves`: a `[`, a `}` or a last `\` stands for itself, because its other half is missing;
    `is_open`: a brace is not closed, and there is no expression.
    """

    expression: str
    has_halves: bool
    is_open: bool


def translated(pattern: str, separator: str = "", *, folders: bool = False) -> Translated:
    """Translate a pattern.

    Args:
        pattern: See `matches`.
        separator: What `*` and `?` do not match; "" for none.
        folders: Whether `**` matches separators only where it stands alone between them: then it
            is any number of folders, none too, and else the same as `*`.
    """
    one = f"[^{re.escape(separator)}]" if separator else "."
    parts, depth, has_halves = ["(?s)"], 0, False
    for token in _TOKEN.finditer(pattern):
        text = token[0]
        closes = text == "}" and depth > 0
        has_halves |= text in _BROKEN or (text == "}" and not closes)
        if token["stars"]:
            parts.append(_stars(token, one, folders=folders))
        else:
            parts.append(_translate(token, one, is_inside=depth > 0))
        depth += int(text == "{") - int(closes)
    return Translated("".join(parts), has_halves, depth > 0)


_TOKEN: Final = re.compile(
    r"\\(?P<meant>.)|\[(?P<denied>!?)(?P<listed>[^\]]+)\]|(?P<stars>\*+)(?P<slash>/?)|.", re.DOTALL
)
_BROKEN: Final = frozenset("[\\")
"""What stands for itself only after a backslash."""
_EDGES: Final = ("", "/", "{", ",", "}")


def _stars(token: re.Match[str], one: str, *, folders: bool) -> str:
    before = token.string[: token.start()][-1:]
    after = token.string[token.end("stars") :][:1]
    if not folders or (token["stars"] == "**" and before in _EDGES and after in _EDGES):
        any_number = ".*" if len(token["stars"]) > 1 else f"{one}*"
        return "(?:.*/)?" if folders and token["slash"] else any_number + token["slash"]
    return f"{one}*" + token["slash"]


def _translate(token: re.Match[str], one: str, *, is_inside: bool) -> str:
    """One token as a regular expression; in braces, a comma and the end mean what they do there."""
    if token["listed"]:
        listed = re.sub(
            r"(.)(-(?=.))?",
            lambda m: re.escape(m[1]) + (m[2] or ""),
            token["listed"],
            flags=re.DOTALL,
        )
        return f"[{'^' if token['denied'] else ''}{listed}]"
    special = {"?": one, "{": "(?:"}
    if is_inside:
        special |= {",": "|", "}": ")"}
    return special.get(token[0]) or re.escape(token["meant"] or token[0])
