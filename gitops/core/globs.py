"""Globs as Argo CD's projects have them.

In: a pattern and a text. Out: whether the whole text matches. `matches` follows the globs of URLs
and names (github.com/gobwas/glob), `matches_word` Go's `path.Match`, by which kinds are compared.
Whoever writes an Application writes patterns: they are matched in time in proportion to the text.
"""

import re
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
    """A regular expression in RE2's syntax, or None where the pattern cannot be read."""
    one = f"[^{re.escape(separator)}]" if separator else "."
    parts, depth = [], 0
    for token in _TOKEN.finditer(pattern):
        depth += {"{": 1, "}": -1}.get(token[0], 0)
        part = _translate(token, one, alternatives=depth > 0)
        if part is None or depth < 0:
            return None
        parts.append(part)
    return None if depth else compiled("(?s)" + "".join(parts))


_TOKEN: Final = re.compile(r"\\(?P<meant>.)|\[(?P<denied>!?)(?P<listed>[^\]]+)\]|\*\*|.", re.DOTALL)
_BROKEN: Final = frozenset("[\\")
"""What stands for itself only after a backslash."""


def _translate(token: re.Match[str], one: str, *, alternatives: bool) -> str | None:
    """One token as a regular expression; None where it is half of something."""
    text = token[0]
    if token["listed"]:
        listed = re.sub(
            r"(.)(-(?=.))?",
            lambda m: re.escape(m[1]) + (m[2] or ""),
            token["listed"],
            flags=re.DOTALL,
        )
        return f"[{'^' if token['denied'] else ''}{listed}]"
    special = {"**": ".*", "*": f"{one}*", "?": one, "{": "(?:", "}": ")"}
    if alternatives:
        special[","] = "|"
    if token["meant"] is None and text in _BROKEN:
        return None
    return special.get(text) or re.escape(token["meant"] or text)
