"""Argo CD's globs as regular expressions. Called by plain rendering and by Helm's value files.

Argo CD compiles `directory.include` and `exclude` without separators (gobwas/glob), so `*` and `?`
match a slash too and `**` means the same as `*`. Value files are matched with separators.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from gitops.errors import RenderError


@dataclass(slots=True)
class _Cursor:
    pattern: str
    separators: bool
    at: int = 0
    depth: int = 0


def compile_glob(pattern: str, *, separators: bool = False, where: str) -> re.Pattern[str]:
    r"""A pattern that matches whole paths.

    Args:
        pattern: `*`, `**`, `?`, `[a-z]`, `[!a-z]`, `{a,b}` and `\` as an escape.
        separators: whether `*` and `?` stop at a slash.
        where: the setting that holds the pattern, for errors.

    Raises:
        RenderError: `failed` where brackets or braces are not closed.
    """
    cursor = _Cursor(pattern, separators)
    parts: list[str] = []
    while cursor.at < len(pattern):
        parts.append(_TOKENS.get(pattern[cursor.at], _literal)(cursor))
    if cursor.depth:
        raise RenderError(f"the glob {pattern!r} has an open brace", where=where, reason="failed")
    try:
        return re.compile("".join(parts) + r"\Z", re.DOTALL)
    except re.error as error:
        message = f"the glob {pattern!r} cannot be read: {error.msg}"
        raise RenderError(message, where=where, reason="failed") from error


def _literal(cursor: _Cursor) -> str:
    cursor.at += 1
    return re.escape(cursor.pattern[cursor.at - 1])


def _star(cursor: _Cursor) -> str:
    start = cursor.at
    while cursor.pattern[cursor.at : cursor.at + 1] == "*":
        cursor.at += 1
    return "[^/]*" if cursor.separators and cursor.at - start == 1 else ".*"


def _question(cursor: _Cursor) -> str:
    cursor.at += 1
    return "[^/]" if cursor.separators else "."


def _escape(cursor: _Cursor) -> str:
    cursor.at += 2
    return re.escape(cursor.pattern[cursor.at - 1 : cursor.at] or "\\")


def _class(cursor: _Cursor) -> str:
    end = cursor.pattern.find("]", cursor.at + 2)
    if end < 0:
        return _literal(cursor)
    body = cursor.pattern[cursor.at + 1 : end]
    cursor.at = end + 1
    negated = body.startswith("!")
    body = body[1:] if negated else body
    body = body.replace("\\", "\\\\").replace("[", "\\[").replace("^", "\\^")
    return f"[{'^' if negated else ''}{body}]"


def _open(cursor: _Cursor) -> str:
    cursor.at += 1
    cursor.depth += 1
    return "(?:"


def _close(cursor: _Cursor) -> str:
    if not cursor.depth:
        return _literal(cursor)
    cursor.at += 1
    cursor.depth -= 1
    return ")"


def _comma(cursor: _Cursor) -> str:
    if not cursor.depth:
        return _literal(cursor)
    cursor.at += 1
    return "|"


_TOKENS: dict[str, Callable[[_Cursor], str]] = {
    "*": _star,
    "?": _question,
    "\\": _escape,
    "[": _class,
    "{": _open,
    "}": _close,
    ",": _comma,
}
