"""Files of a checkout written below a folder.

What to write comes in as items, with a way to read each; files, and links that stay links, go out.
`checkout` calls it after it has refused links that escape. Nothing is ever written through a link
or outside of the folder, whatever the names are.
"""

import contextlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from errno import EDQUOT, EFBIG, ENOSPC
from pathlib import Path

from gitops.errors import SourceError
from gitops.source.options import GitOptions

LINK, PROGRAM = "120000", "100755"
_FULL = (ENOSPC, EDQUOT, EFBIG)


@dataclass(frozen=True, slots=True)
class Item:
    """One file or link: its path, git's mode, and how to read it."""

    path: str
    mode: str
    read: Callable[[], bytes]


def write_items(folder: Path, items: Iterable[Item], options: GitOptions, where: str) -> None:
    """Write items below `folder`, which is made.

    Raises:
        SourceError: `unsafe` for a name, `limit` beyond the bounds, `disk-full`.
    """
    left = options.max_export_bytes
    made: set[Path] = set()
    for item in items:
        _check_name(item.path, where)
        content = item.read()
        left -= len(content)
        if left < 0:
            raise SourceError(
                f"the files hold more than {options.max_export_bytes} bytes",
                where=where,
                remedy="narrow the application's path, or raise the limit",
                reason="limit",
            )
        try:
            _make_folder(folder, (folder / item.path).parent, made)
            _write(folder / item.path, item.mode, content)
        except (OSError, ValueError) as error:
            raise _unwritten(item.path, where, error) from error


def _check_name(path: str, where: str) -> None:
    """A second look at what the reader of trees has refused already, where it matters most."""
    parts = path.split("/")
    if any(part in ("", ".", "..") or part.lower() == ".git" for part in parts):
        raise SourceError(
            f"the name {path!r} is not allowed in a repository",
            where=where,
            remedy="remove it from the commit",
            reason="unsafe",
        )


def _make_folder(root: Path, folder: Path, made: set[Path]) -> None:
    if folder in made:
        return
    folder.mkdir(parents=True, exist_ok=True)
    if folder.resolve() != root.resolve() / folder.relative_to(root):
        raise ValueError("a link stands where a folder is needed")
    made.add(folder)


def _write(path: Path, mode: str, content: bytes) -> None:
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    if mode == LINK:
        path.symlink_to(os.fsdecode(content))
        return
    permissions = 0o755 if mode == PROGRAM else 0o644
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, permissions), "wb") as file:
        file.write(content)


def _unwritten(path: str, where: str, error: Exception) -> SourceError:
    if isinstance(error, OSError) and error.errno in _FULL:
        return SourceError(
            f"{path!r} could not be written: {error.strerror}",
            where=where,
            remedy="make room on the disk that holds the working directory",
            reason="disk-full",
        )
    why = error.strerror if isinstance(error, OSError) else str(error)
    return SourceError(f"{path!r} could not be written: {why}", where=where, reason="unsafe")
