"""A plain folder on this machine as a `Checkout`. Called by `gitops render` and by tests.

Its root is the Git working tree that the folder lies in, if any, so that bases beside it can be
read; what lies outside of the root is not there. Hashes are those that Git would give to the same
content, made when they are asked for; listings carry none, so that a large folder is not read.
"""

import hashlib
import os
import shutil
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from gitops.errors import SourceError
from gitops.model.revision import Commit
from gitops.ports import TreeEntry

_MODES: Final = {"link": "120000", "folder": "040000", "program": "100755", "file": "100644"}
_IGNORED: Final = ".git"


def find_root(path: Path) -> Path:
    """The Git working tree that holds `path`, else the folder itself."""
    start = path if path.is_dir() else path.parent
    for folder in (start, *start.parents):
        if (folder / _IGNORED).exists():
            return folder
    return start


class FolderCheckout:
    """The content of a folder as it is now; changes show at once."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.commit = Commit(sha="")
        self.repo_url = str(root)

    def object_sha(self, path: str) -> str | None:
        """Git's hash of the content; None where there is nothing."""
        place = self._place(path)
        mode = _mode(place)
        if mode is None:
            return None
        return _tree_sha(place).hex() if mode == _MODES["folder"] else _blob_sha(place).hex()

    def entry(self, path: str) -> TreeEntry | None:
        """What lies at a path, without its hash; None where a link is on the way."""
        place = Path(os.path.normpath(self.root / path))
        inside = place == self.root or place.parent.resolve() == place.parent
        if not inside or not place.is_relative_to(self.root):
            return None
        found = place.relative_to(self.root)
        mode = None if _IGNORED in found.parts else _mode(place)
        return TreeEntry(found.as_posix(), mode, "") if mode else None

    def entries(self, path: str, *, recurse: bool) -> Sequence[TreeEntry]:
        """Files and links, with folders where not recursive; without hashes."""
        place = self._place(path)
        if _mode(place) != _MODES["folder"]:
            return []
        found = _below(place) if recurse else list(_listed(place))
        entries = [
            TreeEntry(child.relative_to(self.root).as_posix(), _mode(child) or "", "")
            for child in found
        ]
        return sorted(entries, key=lambda entry: entry.path)

    def read(self, path: str) -> bytes:
        """A file's bytes; a link's target."""
        place = self._place(path)
        try:
            return _content(place)
        except OSError as error:
            raise SourceError(
                f"{path!r} cannot be read: {error.strerror}",
                where=self.repo_url,
                reason="path-missing",
            ) from error

    def export(self, folder: Path, paths: Collection[str] = (".",)) -> None:
        """Copy the named paths below `folder`; links stay links."""
        for path in paths:
            source, target = self._place(path), folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir() and not source.is_symlink():
                shutil.copytree(
                    source,
                    target,
                    symlinks=True,
                    dirs_exist_ok=True,
                    ignore=shutil.ignore_patterns(_IGNORED),
                )
            else:
                shutil.copy2(source, target, follow_symlinks=False)

    def _place(self, path: str) -> Path:
        """The place of a path, with no link followed on the way into another folder."""
        place = Path(os.path.normpath(self.root / path))
        if place != self.root and not place.parent.resolve().is_relative_to(self.root):
            raise SourceError(
                f"{path!r} lies outside of the folder", where=self.repo_url, reason="path-missing"
            )
        return place


def _listed(folder: Path) -> list[Path]:
    children = sorted(folder.iterdir(), key=lambda child: child.name)
    return [child for child in children if child.name != _IGNORED and _mode(child)]


def _below(folder: Path) -> list[Path]:
    found: list[Path] = []
    for child in _listed(folder):
        found += _below(child) if _mode(child) == _MODES["folder"] else [child]
    return found


def _mode(place: Path) -> str | None:
    """As Git writes it; None where there is nothing that Git would keep."""
    if place.is_symlink():
        return _MODES["link"]
    if place.is_dir():
        return _MODES["folder"]
    if not place.is_file():
        return None
    return _MODES["program" if os.access(place, os.X_OK) else "file"]


def _content(place: Path) -> bytes:
    return os.fsencode(place.readlink()) if place.is_symlink() else place.read_bytes()


def _blob_sha(place: Path) -> bytes:
    content = _content(place)
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).digest()


def _tree_sha(folder: Path) -> bytes:
    lines: list[tuple[bytes, bytes]] = []
    for child in _listed(folder):
        mode, name = (_mode(child) or "").lstrip("0").encode(), os.fsencode(child.name)
        is_folder = mode == b"40000"
        if is_folder and not _below(child):
            continue  # Git keeps no empty folders
        sha = _tree_sha(child) if is_folder else _blob_sha(child)
        lines.append((name + b"/" * is_folder, mode + b" " + name + b"\0" + sha))
    content = b"".join(line for _, line in sorted(lines))
    return hashlib.sha1(b"tree %d\0" % len(content) + content, usedforsecurity=False).digest()
