"""One commit of one repository, read from its mirror, with its submodules.

Paths come in, hashes, entries and content go out, without a working tree. The renderer calls it
through `ports.Checkout`. A submodule is opened when something below its path is asked for, and
fetched when its mirror lacks the pinned commit.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from gitops.errors import SourceError
from gitops.model.revision import Commit
from gitops.ports import TreeEntry
from gitops.source.export import Item, write_items
from gitops.source.links import Link, escaping_links
from gitops.source.mirror import Mirror
from gitops.source.modules import MAX_DEPTH, module_url
from gitops.source.options import GitOptions
from gitops.source.reader import LINK, MODULE, TREE, Node

_GITMODULES = ".gitmodules"
_PATH_CHARS = 4096


@dataclass(frozen=True, slots=True)
class Modules:
    """How submodules are reached; `open` gives a mirror that has the commit, or SourceError."""

    options: GitOptions
    open: Callable[[str, str], tuple[Mirror, Commit]]
    depth: int = 0


@dataclass(frozen=True, slots=True)
class _Spot:
    """A name in a tree: in which checkout, where there, and where from the outermost root."""

    owner: "GitCheckout"
    inner: str
    outer: str
    node: Node

    @property
    def is_folder(self) -> bool:
        return self.node.mode in (TREE, MODULE)


_Folder = tuple[_Spot, Mapping[str, Node]]
"""A folder, and what is in it by name."""


class GitCheckout:
    """A commit's content; safe to use from any thread."""

    def __init__(self, commit: Commit, repo_url: str, mirror: Mirror, modules: Modules) -> None:
        self.commit = commit
        self.repo_url = repo_url
        self._mirror = mirror
        self._modules = modules
        self._opened: dict[str, GitCheckout] = {}
        self._folders: dict[tuple[str, ...], _Folder | None] = {}

    # --- ports.Checkout -------------------------------------------------------------------------

    def object_sha(self, path: str) -> str | None:
        """Hash of the blob or tree at `path`; of a submodule its commit; None for nothing."""
        spot = self._find(path)
        return spot.node.sha if spot else None

    def entry(self, path: str) -> TreeEntry | None:
        """What lies at `path`, its links not followed; costs no more in a folder of thousands."""
        spot = self._find(path)
        return TreeEntry(spot.outer or ".", spot.node.mode, spot.node.sha) if spot else None

    def entries(self, path: str, *, recurse: bool) -> Sequence[TreeEntry]:
        """Entries below a tree or submodule, sorted by path; empty where `path` is neither.

        Recursive listings hold files and links, in submodules too, and no folders. Sizes are not
        known without reading, and are None.
        """
        spot = self._find(path)
        if spot is None or not spot.is_folder:
            return []
        found = self._leaves(spot) if recurse else _children(spot)
        entries = [TreeEntry(one.outer, one.node.mode, one.node.sha) for one in found]
        return sorted(entries, key=lambda entry: entry.path)

    def read(self, path: str) -> bytes:
        """A blob's content, a link's target; raises SourceError `path-missing` or `limit`."""
        spot = self._find(path)
        if spot is None or spot.is_folder:
            raise self._missing(path)
        return _content(spot)

    def export(self, folder: Path, paths: Collection[str] = (".",)) -> None:
        """Write the named paths below `folder`, submodules included, never `.git`.

        Links stay links. Files are as they were committed: no attribute converts or leaves any out.

        Raises:
            SourceError: `path-missing`; `unsafe` for a link that leads out of the checkout, or for
                names like `.git`; `limit`; `submodule`; `disk-full`.
        """
        spots = self._named(paths)
        for link in self._escaping(spots.values()):
            raise SourceError(
                f"the symbolic link `{link.path}` leads out of the repository, to {link.target!r}",
                where=self._where,
                remedy="link to files of the same repository only",
                reason="unsafe",
            )
        items = [Item(s.outer, s.node.mode, partial(_content, s)) for s in spots.values()]
        folder.mkdir(parents=True, exist_ok=True)
        write_items(folder, items, self._modules.options, self._where)

    # --- links ----------------------------------------------------------------------------------

    def escaping_links(self, paths: Collection[str] = (".",)) -> tuple[Link, ...]:
        """Every symbolic link below the named paths that leads out of the checkout."""
        return tuple(self._escaping(self._named(paths).values()))

    def _escaping(self, spots: Collection[_Spot]) -> Iterator[Link]:
        links = [spot.outer for spot in spots if spot.node.mode == LINK]
        return escaping_links(links, self._target)

    def _target(self, path: str) -> str | None:
        spot = self._find(path)
        if spot is None or spot.node.mode != LINK:
            return None
        return _content(spot).decode(errors="surrogateescape")

    # --- walking --------------------------------------------------------------------------------

    def _find(self, path: str) -> _Spot | None:
        """What lies at a path, its links not followed; None for nothing."""
        parts = tuple(part for part in path.split("/") if part not in ("", "."))
        if path.startswith("/") or ".." in parts:
            return None
        if not parts:
            return self._root("")
        if parts[:-1] not in self._folders:  # of one folder many names are asked for
            self._folders[parts[:-1]] = self._folder(parts[:-1])
        return _inside(self._folders[parts[:-1]], parts[-1])

    def _folder(self, parts: Sequence[str]) -> _Folder | None:
        """A folder with what is in it; None where there is none."""
        folder: _Folder | None = _open(self._root(""))
        for part in parts:
            spot = _inside(folder, part)
            folder = _open(spot) if spot is not None and spot.is_folder else None
        return folder

    def _root(self, outer: str) -> _Spot:
        """This checkout's root tree, as it lies at `outer` in the outermost one."""
        tree = self._mirror.reader.tree(self.commit.sha)
        return _Spot(self, "", outer, Node("", TREE, tree.sha))

    def _nodes(self, spot: _Spot) -> Mapping[str, Node]:
        return self._mirror.reader.tree(spot.node.sha).nodes

    def _leaves(self, spot: _Spot) -> Iterator[_Spot]:
        """Every file and link below a folder, in no order; bounded, as trees may repeat."""
        pending, left = [spot], self._modules.options.max_export_files
        while pending:
            for one in _children(pending.pop()):
                left -= 1
                if left < 0 or len(one.outer) > _PATH_CHARS:
                    raise SourceError(
                        "the repository holds too many files, or too long a path",
                        where=self._where,
                        remedy="narrow the application's path, or raise the limit",
                        reason="limit",
                    )
                if one.is_folder:
                    pending.append(one)
                else:
                    yield one

    def _named(self, paths: Collection[str]) -> dict[str, _Spot]:
        """The files and links at and below paths, by path, sorted."""
        found: dict[str, _Spot] = {}
        for path in paths:
            spot = self._find(path)
            if spot is None:
                raise self._missing(path)
            leaves = self._leaves(spot) if spot.is_folder else [spot]
            found.update((leaf.outer, leaf) for leaf in leaves)
        return dict(sorted(found.items()))

    # --- submodules -----------------------------------------------------------------------------

    def _module(self, path: str, sha: str) -> "GitCheckout":
        if path in self._opened:
            return self._opened[path]
        modules = self._modules
        if modules.depth >= MAX_DEPTH:
            raise SourceError(
                f"submodules are nested more than {MAX_DEPTH} deep",
                where=f"{self._where} {path}",
                reason="submodule",
            )
        url = module_url(self.repo_url, self._module_urls().get(path), path, modules.options)
        mirror, commit = modules.open(url, sha)
        inner = Modules(modules.options, modules.open, modules.depth + 1)
        self._opened[path] = GitCheckout(commit, url, mirror, inner)
        return self._opened[path]

    def _module_urls(self) -> dict[str, str]:
        node = self._nodes(self._root("")).get(_GITMODULES)
        if node is None or node.mode in (LINK, TREE, MODULE):
            return {}
        return self._mirror.module_urls(node.sha)

    @property
    def _where(self) -> str:
        return f"{self.repo_url} at {self.commit.short}"

    def _missing(self, path: str) -> SourceError:
        return SourceError(
            f"there is no `{path}` in the repository",
            where=self._where,
            remedy="check the path, and that it was committed",
            reason="path-missing",
        )


def _enter(spot: _Spot) -> _Spot:
    """The folder itself: for a submodule, its own root."""
    if spot.node.mode != MODULE:
        return spot
    module = spot.owner._module(spot.inner, spot.node.sha)  # noqa: SLF001 -- a part of the class above
    return module._root(spot.outer)  # noqa: SLF001 -- a part of the class above


def _open(spot: _Spot) -> _Folder:
    below = _enter(spot)
    return below, below.owner._nodes(below)  # noqa: SLF001 -- a part of the class above


def _inside(folder: _Folder | None, name: str) -> _Spot | None:
    """What a folder has under a name."""
    node = folder[1].get(name) if folder is not None else None
    return _below(folder[0], node) if folder is not None and node is not None else None


def _children(spot: _Spot) -> list[_Spot]:
    folder, nodes = _open(spot)
    return [_below(folder, node) for node in nodes.values()]


def _below(folder: _Spot, node: Node) -> _Spot:
    inner = f"{folder.inner}/{node.name}" if folder.inner else node.name
    outer = f"{folder.outer}/{node.name}" if folder.outer else node.name
    return _Spot(folder.owner, inner, outer, node)


def _content(spot: _Spot) -> bytes:
    return spot.owner._mirror.reader.blob(spot.node.sha)  # noqa: SLF001 -- a part of the class above
