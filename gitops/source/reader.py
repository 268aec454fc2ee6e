"""Objects of one mirror: commits, trees and blobs, through one `git cat-file --batch` that stays.

Hashes come in, parsed objects go out; `checkout` and `mirror` call it, from any thread. Trees and
commits are kept in memory, newest use first; blobs are not.
"""

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, TypeVar

from git.objects.fun import tree_entries_from_data
from git.objects.util import parse_actor_and_date

from gitops.core.git.references import is_sha
from gitops.errors import SourceError
from gitops.model.revision import Commit
from gitops.source.options import GitOptions
from gitops.source.process import GitRunner

KEPT_TREES = 2048
TREE_BYTES = 16 * 1024 * 1024

_DIED = (OSError, EOFError, ValueError)
_PEEL = "^{commit}"
LINK, MODULE, TREE = "120000", "160000", "040000"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Node:
    """One name in a tree."""

    name: str
    mode: str
    sha: str


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree's own hash, and what lies in it by name, in git's order."""

    sha: str
    nodes: Mapping[str, Node]


class ReaderPool:
    """Bounds how many mirrors hold a process open; the one opened longest ago is closed."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._open: OrderedDict[int, Reader] = OrderedDict()
        self._lock = threading.Lock()

    def opened(self, reader: "Reader") -> None:
        """A reader has started its process."""
        with self._lock:
            self._open[id(reader)] = reader
            self._open.move_to_end(id(reader))
            oldest = [one for one in self._open.values() if one is not reader]
            surplus = oldest[: max(0, len(self._open) - self._size)]
        for one in surplus:
            if one.close_if_idle():
                with self._lock:
                    self._open.pop(id(one), None)


class Reader:
    """Reads objects by full hash. A lock keeps one question and its answer together."""

    def __init__(
        self,
        runner: GitRunner,
        git_dir: Path,
        variables: Mapping[str, str],
        options: GitOptions,
        pool: ReaderPool,
    ) -> None:
        self._pool = pool
        self._runner = runner
        self._git_dir = git_dir
        self._variables = variables
        self._options = options
        self._lock = threading.Lock()
        self._process: Any = None
        self._kept: OrderedDict[tuple[str, str], Any] = OrderedDict()

    def commit(self, sha: str) -> Commit | None:
        """A commit's facts, by its hash or its unique beginning; a tag's is followed.

        None where the mirror has no such commit; raises SourceError `ref-ambiguous` for a beginning
        that several objects share.
        """
        name = sha + _PEEL
        return self._keep("commit", name, lambda: self._commit(name), keep=is_sha(sha))

    def tree(self, sha: str) -> "Tree":
        """The names in a tree, or in the tree of a commit."""
        return self._keep("tree", sha, lambda: self._tree(sha))

    def blob(self, sha: str) -> bytes:
        """A blob's content; raises SourceError `limit` beyond the largest file allowed."""
        found = self._ask(sha, self._options.max_file_bytes)
        if found is None:
            raise self._damaged(sha)
        return found[2]

    def close(self) -> None:
        """End the process; the next question starts another."""
        with self._lock:
            self._stop()

    def reset(self) -> None:
        """Forget everything: there will be another mirror at this place."""
        with self._lock:
            self._stop()
            self._kept.clear()

    def close_if_idle(self) -> bool:
        """End the process unless a question is under way; never waits."""
        if not self._lock.acquire(blocking=False):
            return False
        try:
            self._stop()
        finally:
            self._lock.release()
        return True

    def _keep(self, kind: str, name: str, make: Callable[[], T], *, keep: bool = True) -> T:
        with self._lock:
            if (kind, name) in self._kept:
                self._kept.move_to_end((kind, name))
                kept: T = self._kept[kind, name]
                return kept
        made = make()
        if keep and made is not None:
            with self._lock:
                self._kept[kind, name] = made
                while len(self._kept) > KEPT_TREES:
                    self._kept.popitem(last=False)
        return made

    def _commit(self, name: str) -> Commit | None:
        found = self._ask(name, TREE_BYTES)
        if found is None:
            # Of a beginning that several commits share, git says so only when it need not follow.
            self._ask(name.removesuffix(_PEEL), TREE_BYTES)
            return None
        return parse_commit(found[0], found[2])

    def _tree(self, sha: str) -> "Tree":
        found = self._ask(f"{sha}^{{tree}}", TREE_BYTES)
        if found is None:
            raise self._damaged(sha)
        try:
            entries = tree_entries_from_data(found[2])
        except ValueError as error:
            raise SourceError(
                f"a folder in the repository holds a name that is not allowed ({error})",
                where=f"tree {sha}",
                remedy="remove entries named `.git`, `.` or `..` from the commit",
                reason="unsafe",
            ) from error
        nodes = {}
        for binary, mode, name in entries:
            if "\0" in name or name in nodes:
                raise self._damaged(sha)
            nodes[name] = Node(name, f"{mode:06o}", binary.hex())
        return Tree(found[0], nodes)

    def _ask(self, name: str, limit: int) -> tuple[str, str, bytes] | None:
        """Hash, type and content; None where there is no such object."""
        if "\n" in name or not name:
            return None
        with self._lock:
            with contextlib.suppress(*_DIED):
                return self._exchange(name, limit)
            # The process died, or was ended when the repository was packed anew.
            self._stop()
            try:
                return self._exchange(name, limit)
            except _DIED:
                self._stop()
                raise self._damaged(name) from None

    def _exchange(self, name: str, limit: int) -> tuple[str, str, bytes] | None:
        if self._process is None:
            self._process = self._runner.start(
                ["cat-file", "--batch"], self._variables, interactive=True
            )
            self._pool.opened(self)
        stdin, stdout = self._process.stdin, self._process.stdout
        stdin.write(name.encode(errors="surrogateescape") + b"\n")
        stdin.flush()
        header = stdout.readline()
        if not header.endswith(b"\n"):
            raise EOFError
        parts = header.decode(errors="replace").split()
        if parts[-1] == "missing":
            return None
        if parts[-1] == "ambiguous":
            raise SourceError(
                f"the commit `{name.removesuffix(_PEEL)}` is ambiguous",
                remedy="write more digits",
                reason="ref-ambiguous",
            )
        sha, kind, size = parts
        if int(size) > limit:
            self._stop()
            raise SourceError(
                f"the {kind} {sha[:8]} has {int(size)} bytes, more than the {limit} allowed",
                reason="limit",
            )
        content = _read_exactly(stdout, int(size) + 1)[:-1]
        return sha, kind, content

    def _stop(self) -> None:
        if self._process is not None:
            process, self._process = self._process, None
            with contextlib.suppress(OSError):
                process.stdin.close()
            self._runner.end(process)
            self._runner.forget(process)

    def _damaged(self, name: str) -> SourceError:
        return SourceError(
            f"the mirror lacks or cannot read the object {name}",
            where=str(self._git_dir),
            remedy="remove this folder; it is fetched anew",
            reason="half-answer",
        )


def _read_exactly(stream: IO[bytes], size: int) -> bytes:
    content = stream.read(size)
    if len(content) != size:
        raise EOFError
    return content


def parse_commit(sha: str, content: bytes) -> Commit:
    """A commit object's facts; times in UTC.

    `signature` is "E" for a commit that carries one, as git writes it for one that cannot be
    checked (no key is asked), and "N" for none.
    """
    head, _, message = content.partition(b"\n\n")
    fields: dict[str, bytes] = {}
    for line in head.split(b"\n"):
        name, _, value = line.partition(b" ")
        if name:
            fields.setdefault(name.decode(errors="replace"), value)
    encoding = fields.get("encoding", b"utf-8").decode(errors="replace")
    author, when = _author(_decode(fields.get("author", b""), encoding))
    signed = "gpgsig" in fields or "gpgsig-sha256" in fields
    return Commit(
        sha, author, _decode(message, encoding).rstrip("\n"), when, "E" if signed else "N"
    )


def _author(line: str) -> tuple[str, datetime | None]:
    try:
        actor, epoch, _ = parse_actor_and_date(f"author {line}")
        when = datetime.fromtimestamp(epoch, UTC)
    except (ValueError, OverflowError, OSError):
        return line, None
    return (f"{actor.name} <{actor.email}>" if actor.email else str(actor.name or "")), when


def _decode(value: bytes, encoding: str) -> str:
    try:
        return value.decode(encoding)
    except (LookupError, UnicodeDecodeError):
        return value.decode("utf-8", errors="replace")
