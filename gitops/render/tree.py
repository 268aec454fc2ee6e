"""A checkout with its symbolic links resolved, and nothing outside of it.

In: a `Checkout` and paths relative to its root. Out: what a path is and where it really lies, with
every link on the way. Called by detection and by the closures. A path or link that leaves the
repository is a RenderError `refused`; the check is made on names, before anything is exported.
"""

import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from gitops.errors import RenderError
from gitops.ports import Checkout, TreeEntry

MAX_LINKS: Final = 40
"""As the kernel's limit on links in one path."""

MODULE: Final = "160000"
LINK: Final = "120000"
_FOLDERS: Final = ("040000", "40000", MODULE)

Kind = Literal["file", "folder", "missing"]


@dataclass(frozen=True, slots=True)
class Spot:
    """What lies at a path: its kind, its real path, and the links that were followed."""

    kind: Kind
    path: str
    links: tuple[str, ...] = ()


class OutsideError(RenderError):
    """A relative path that leaves the repository: a larger folder might hold it."""


def join(folder: str, path: str, *, where: str) -> str:
    """A path that somebody wrote relative to `folder`, made relative to the root.

    Raises:
        RenderError: `refused` where it is absolute or (OutsideError) leaves the repository.
    """
    if path.startswith("/"):
        raise RenderError(
            f"the path {path!r} is absolute",
            where=where,
            remedy="write it relative to the file that names it",
            reason="refused",
        )
    joined = posixpath.normpath(posixpath.join(folder, path))
    if joined == ".." or joined.startswith("../") or "\0" in joined:
        raise OutsideError(
            f"the path {path!r} leaves the repository",
            where=where,
            remedy="keep everything that is rendered in the repository",
            reason="refused",
        )
    return joined


class Tree:
    """One checkout, with what lies at each path kept for as long as this object lives."""

    def __init__(self, checkout: Checkout) -> None:
        self.checkout = checkout
        self._entries: dict[str, TreeEntry | None] = {}

    def look(self, path: str, *, where: str | None = None) -> Spot:
        """Where `path` really is. `path` is as `join` gives it."""
        path = posixpath.normpath(path)
        if path == ".":
            return Spot("folder", ".")
        entry = self._entry(path)
        if entry is not None and entry.mode != LINK:
            return Spot(_kind(entry), path)
        return self._walk(path, where or path)

    def children(self, folder: str) -> Sequence[TreeEntry]:
        """Entries of a real folder, sorted by name."""
        return self.checkout.entries(folder, recurse=False)

    def links_below(self, folder: str) -> list[str]:
        """Every symbolic link anywhere below a real folder."""
        entries = self.checkout.entries(folder, recurse=True)
        return [entry.path for entry in entries if entry.mode == LINK]

    def modules(self, paths: Iterable[str]) -> set[str]:
        """Those folders on the way to `paths` that are submodules."""
        if self.checkout.object_sha(".gitmodules") is None:
            return set()
        folders = {folder for path in paths for folder in _above(path)}
        return {folder for folder in folders if self._is_module(folder)}

    def _is_module(self, path: str) -> bool:
        entry = self._entry(path)
        return entry is not None and entry.mode == MODULE

    def read(self, spot: Spot) -> bytes:
        """A file's content."""
        return self.checkout.read(spot.path)

    def sha(self, path: str) -> str:
        """Hash of what lies at a real path, "-" where there is nothing."""
        return self.checkout.object_sha(path) or "-"

    def _entry(self, path: str) -> TreeEntry | None:
        if path not in self._entries:
            self._entries[path] = self.checkout.entry(path)
        return self._entries[path]

    def _walk(self, path: str, where: str) -> Spot:
        """Resolve component by component, as the kernel does."""
        pending = path.split("/")[::-1]
        real: list[str] = []
        links: list[str] = []
        kind: Kind = "folder"
        while pending:
            part = pending.pop()
            if part in ("", "."):
                continue
            if part == "..":
                if not real:
                    raise _escape(links[-1], where)
                real.pop()
                continue
            entry = self._entry("/".join([*real, part])) if kind == "folder" else None
            if entry is None:
                return Spot("missing", "/".join([*real, part, *pending[::-1]]), tuple(links))
            if entry.mode == LINK:
                links.append("/".join([*real, part]))
                pending += self._target(links, where).split("/")[::-1]
            else:
                real.append(part)
                kind = _kind(entry)
        return Spot(kind, "/".join(real) or ".", tuple(links))

    def _target(self, links: Sequence[str], where: str) -> str:
        if len(links) > MAX_LINKS:
            raise RenderError(
                f"the symbolic link {links[0]!r} goes round in a circle",
                where=where,
                reason="refused",
            )
        target = self.checkout.read(links[-1]).decode("utf-8", "surrogateescape")
        if target.startswith("/"):
            raise _escape(links[-1], where)
        return target


def _above(path: str) -> Iterable[str]:
    """The path itself and every folder above it but the root."""
    parts = path.split("/")
    return ("/".join(parts[:count]) for count in range(1, len(parts) + 1))


def _kind(entry: TreeEntry) -> Kind:
    return "folder" if entry.mode in _FOLDERS else "file"


def _escape(link: str, where: str) -> RenderError:
    return RenderError(
        f"the symbolic link {link!r} leaves the repository",
        where=where,
        remedy="link to files of the same repository only",
        reason="refused",
    )
