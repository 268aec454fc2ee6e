"""Argo CD's globs of files. Called by plain rendering and by Helm's value files.

Argo CD compiles `directory.include` and `exclude` without separators (gobwas/glob), so `*` and `?`
match a slash too and `**` means the same as `*`. Value files are matched with separators
(doublestar): there `**` that stands alone between slashes is any number of folders, none too, and
else the same as `*`. A bracket or a brace whose other half is missing means itself.
"""

from dataclasses import dataclass
from typing import Any, Final

from gitops.core.globs import translated
from gitops.core.linear import compiled, encoded
from gitops.errors import RenderError

MAX_LENGTH: Final = 1024


@dataclass(frozen=True, slots=True)
class Glob:
    """A pattern that matches whole paths, in time in proportion to their length."""

    expression: Any

    def matches(self, path: str) -> bool:
        """Whether a whole path is as the pattern wants it."""
        return self.expression.fullmatch(encoded(path)) is not None


def compile_glob(pattern: str, *, separators: bool = False, where: str) -> Glob:
    r"""A pattern that matches whole paths.

    Args:
        pattern: `*`, `**`, `?`, `[a-z]`, `[!a-z]`, `{a,b}` and `\` as an escape.
        separators: whether `*` and `?` stop at a slash.
        where: the setting that holds the pattern, for errors.

    Raises:
        RenderError: `failed` where a brace is not closed or a range goes backwards, `limit` beyond
            the bounds.
    """
    if len(pattern) > MAX_LENGTH:
        raise RenderError(
            f"the glob is longer than {MAX_LENGTH} characters", where=where, reason="limit"
        )
    found = translated(pattern, "/" if separators else "", folders=separators)
    if found.is_open:
        raise _error(pattern, "has an open brace", where)
    expression = compiled(found.expression)
    if expression is None:
        raise _error(pattern, "cannot be read: a range in it goes backwards", where)
    return Glob(expression)


def _error(pattern: str, why: str, where: str) -> RenderError:
    return RenderError(f"the glob {pattern!r} {why}", where=where, reason="failed")
