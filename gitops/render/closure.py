"""What a render can read, and its identity by content.

A closure is filled by the readers of Kustomize, Helm and plain folders before any tool starts:
files and folders by their real paths, the links that lead to them, and the names whose appearance
would change the answer. Called by the renderer, which makes keys and exports from it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from gitops.errors import RenderError
from gitops.render.tree import Spot, Tree, join

MAX_PATHS: Final = 20_000
"""Beyond it the references are somebody's bomb; a repository's own tree hash has no such limit."""


@dataclass(slots=True)
class Closure:
    """Everything of one tree that a render can read.

    `content` paths are hashed and exported; `watched` names need not exist: if one appears, the
    render may change.
    """

    tree: Tree
    content: set[str] = field(default_factory=set)
    watched: set[str] = field(default_factory=set)

    def add(self, spot: Spot) -> None:
        """A file or a whole folder that is there, with the links that lead to it."""
        self.content.update(spot.links)
        self.content.add(spot.path)
        if len(self.content) > MAX_PATHS:
            raise RenderError(
                f"a render may read {MAX_PATHS} paths, and this one names more", reason="limit"
            )

    def add_folder(self, spot: Spot) -> None:
        """A whole folder, and what the links inside it lead to."""
        pending = [spot]
        while pending:
            current = pending.pop()
            known = current.path in self.content
            self.add(current)
            if current.kind == "folder" and not known:
                pending += self._targets(current.path)

    def _targets(self, folder: str) -> Iterable[Spot]:
        for link in self.tree.links_below(folder):
            spot = self.tree.look(link, where=link)
            if spot.kind != "missing":
                yield spot

    def require(self, folder: str, path: str, *, where: str) -> Spot:
        """A path that a file names and that has to be there; it is not added yet."""
        spot = self.tree.look(join(folder, path, where=where), where=where)
        if spot.kind == "missing":
            raise RenderError(
                f"{path!r} is named here and does not exist",
                where=where,
                remedy="correct the path, or add the file to the repository",
                reason="failed",
            )
        return spot

    def require_file(self, folder: str, path: str, *, where: str) -> Spot:
        """A file that has to be there; added."""
        spot = self.require(folder, path, where=where)
        if spot.kind != "file":
            raise RenderError(
                f"{path!r} is a folder, and a file is wanted", where=where, reason="failed"
            )
        self.add(spot)
        return spot

    def lines(self) -> list[str]:
        """The sorted lines that a key hashes: each path with its hash."""
        return [f"{path} {self.tree.sha(path)}" for path in sorted(self.content)]

    def paths(self) -> tuple[str, ...]:
        """The sorted paths outside of which no change can matter; folders stand for what they hold.

        What lies below a folder that is itself named is left out. A submodule's own path is added:
        Git names that, and not its files, when it changes.
        """
        named = self.content | self.watched
        return tuple(outermost(named | self.tree.modules(named)))

    def exported(self) -> list[str]:
        """The sorted paths to export."""
        return outermost(self.content)


def outermost(paths: Iterable[str]) -> list[str]:
    """Sorted paths without those that lie below another."""
    kept: list[str] = []
    for path in sorted(set(paths), key=lambda path: path.split("/")):
        if path == ".":
            return ["."]
        if not kept or not path.startswith(kept[-1] + "/"):
            kept.append(path)
    return kept
