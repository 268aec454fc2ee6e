"""Symbolic links of a checkout that lead out of it.

Names and targets come in, a verdict goes out; nothing is read from the disk. `checkout` refuses to
export such links, and whoever wants to name them all asks `escaping_links`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

MAX_FOLLOWED = 40
"""As the kernel's limit on links in one path."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link at `path`, relative to the checkout's root, and the text that it holds."""

    path: str
    target: str


def escapes(path: str, target_of: Callable[[str], str | None]) -> bool:
    """Whether following `path` as the kernel does leaves the root, or does not end.

    `target_of` gives the target of the link at a path without links on the way, None where there is
    no link. What does not exist is followed by its name alone.
    """
    pending, real, followed = path.split("/")[::-1], list[str](), 0
    while pending:
        part = pending.pop()
        if part == "..":
            if not real:
                return True
            real.pop()
        elif part not in ("", "."):
            real.append(part)
            target = target_of("/".join(real))
            if target is None:
                continue
            followed += 1
            if target.startswith("/") or followed > MAX_FOLLOWED:
                return True
            real.pop()
            pending += target.split("/")[::-1]
    return False


def escaping_links(paths: Iterable[str], target_of: Callable[[str], str | None]) -> Iterator[Link]:
    """Those of the links at `paths` that lead out, in the order given."""
    for path in paths:
        if escapes(path, target_of):
            yield Link(path, target_of(path) or "")
