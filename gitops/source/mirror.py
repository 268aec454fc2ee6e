"""One bare mirror of one repository on disk: made, brought up to date, protected, compared.

An `Access` and a URL come in with each command that talks to the server; nothing of either is kept
in the mirror's configuration. `repositories` calls it, from any thread. References change in one
transaction at the end of a fetch, so a fetch that fails leaves what was there.
"""

import contextlib
import fcntl
import re
import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

from gitops.core.git.references import HEADS, PEELED, TAGS, is_sha
from gitops.errors import SourceError
from gitops.model.revision import Commit
from gitops.source.credentials import Access
from gitops.source.faults import explain, explain_local, timed_out, too_much
from gitops.source.options import GitOptions
from gitops.source.process import (
    Bounds,
    GitRunner,
    OutputLimitError,
    ProcessTimeoutError,
    Result,
    environment,
)
from gitops.source.reader import MODULE, Reader, ReaderPool
from gitops.source.remote import Remote

KEEP = "refs/gitops/keep/"
KEPT_DIFFS = 256
# The pattern matches HEAD and nothing else that a server has; written plainly, a repository without
# commits would fail the whole fetch.
_PERHAPS_HEAD = "+HEA*:refs/gitops/HEA*"
_HEAD = "+HEAD:refs/gitops/HEAD"
_NO_HEAD = re.compile(r"couldn't find remote ref HEAD")
_CONFLICT = re.compile(r"cannot lock ref|local refs could not be updated")
_BROKEN = re.compile(
    r"is empty|corrupt|bad object|invalid sha1 pointer|valid object|not a git repository"
    r"|cannot be accessed|index unavailable|unable to (open|read)",
    re.IGNORECASE,
)
_LOOSE_LIMIT = 27
_PACK_LIMIT = 50


Opening = Callable[[], contextlib.AbstractContextManager[Access]]


class Mirror:
    """The mirror at `path`; it is made by the first fetch."""

    def __init__(
        self, path: Path, runner: GitRunner, options: GitOptions, pool: ReaderPool
    ) -> None:
        self.path = path
        self._runner = runner
        self._options = options
        self._own = {**environment({}, runner.home), "GIT_DIR": str(path)}
        self.reader = Reader(runner, path, self._own, options, pool)
        self._remote = Remote(path, runner, options)
        self._write = threading.RLock()
        self._held: int | None = None
        self._keeping = threading.Lock()
        self._compare = threading.Lock()
        self._cleaned = False
        self._started = 0
        self._ended: tuple[str, SourceError | None] = ("", None)
        self._refs: dict[str, str] | None = None
        self._keep: dict[str, None] | None = None
        self._diffs: OrderedDict[tuple[str, str], frozenset[str] | None] = OrderedDict()

    @property
    def exists(self) -> bool:
        """Whether something was fetched, or tried to be."""
        return (self.path / "HEAD").is_file()

    def commit(self, sha: str) -> Commit | None:
        """A commit's facts, also by the beginning of its hash; None where it is not here."""
        return self.reader.commit(sha) if self.exists else None

    # --- from the server ------------------------------------------------------------------------

    def fetch(self, url: str, access: Opening, sha: str | None) -> None:
        """One `git fetch` of branches, tags and HEAD, and of the commit `sha`.

        Callers who waited while another fetch of this URL began and ended share how it ended.
        """
        asked = self._started
        with self._writing():
            if sha is None and self._started > asked and self._ended[0] == url:
                if self._ended[1] is not None:
                    raise self._ended[1]
                return
            self._started += 1
            try:
                self._make()
                with access() as opened:
                    self._bring(url, opened, sha)
            except SourceError as error:
                self._ended = (url, error)
                raise
            finally:
                self._refs = None
            self._ended = (url, None)
            self._tidy()

    def _bring(self, url: str, access: Access, sha: str | None) -> None:
        specs = [f"+{HEADS}*:{HEADS}*", f"+{TAGS}*:{TAGS}*"]
        # A web page instead of an answer reads as a server without references (git still speaks a
        # protocol of plain files): where a HEAD was, it is asked for, or all would be pruned.
        specs.append(_HEAD if self._has_head() else _PERHAPS_HEAD)
        if sha is not None and self.reader.commit(sha) is None:
            specs.append(f"+{sha}:{KEEP}{sha}")
            self._keep = None
        result = self._transfer(url, specs, access)
        if result.status and _NO_HEAD.search(result.stderr):
            self.listed(url, access)
            specs[2] = _PERHAPS_HEAD
            result = self._transfer(url, specs, access)
        if result.status and _CONFLICT.search(result.stderr):
            # `a` went and `a/b` came: one transaction cannot do both.
            self._clean()
            result = self._transfer(url, specs, access, atomic=False)
        if result.status and _BROKEN.search(result.stderr) and self._is_broken():
            self._set_aside()
            result = self._transfer(url, specs, access)
        if result.status:
            self._clean()
            raise explain(result.stderr, url, access.secrets)

    def _has_head(self) -> bool:
        try:
            return "HEAD" in self.refs()
        except SourceError:
            if not self._is_broken():
                raise
            self._set_aside()
            return False

    def _transfer(
        self, url: str, specs: list[str], access: Access, *, atomic: bool = True
    ) -> Result:
        try:
            return self._remote.fetch(url, specs, access, self._held, atomic=atomic)
        except SourceError:
            self._clean()
            raise

    def listed(self, url: str, access: Access) -> Mapping[str, str]:
        """One `ls-remote`, in the shape of `refs`.

        Raises SourceError `half-answer` where it names nothing and the mirror has something.
        """
        found = self._remote.references(url, access)
        if not found and self.refs():
            raise SourceError(
                "the server names no branches and tags any more",
                where=url,
                remedy="check that a Git server answers; if the repository was emptied on purpose, "
                f"remove {self.path}",
                reason="half-answer",
            )
        return found

    # --- what it holds --------------------------------------------------------------------------

    def refs(self) -> Mapping[str, str]:
        """References as `ls-remote` names them; empty before the first fetch."""
        if not self.exists:
            return {}
        found = self._refs
        if found is None:
            with self._writing():
                found = self._refs = self._read_refs()
        return found

    def _read_refs(self) -> dict[str, str]:
        form = "--format=%(objectname) %(*objecttype) %(*objectname) %(refname)"
        result = self._local(["for-each-ref", form, HEADS, TAGS, "refs/gitops/HEAD"])
        found: dict[str, str] = {}
        for line in result.stdout.decode(errors="surrogateescape").splitlines():
            sha, kind, peeled, name = line.split(" ", 3)
            if name == "refs/gitops/HEAD":
                found["HEAD"] = sha
                continue
            found[name] = sha
            if kind == "tag":
                commit = self.reader.commit(peeled)
                peeled = commit.sha if commit else peeled
            if peeled:
                found[name + PEELED] = peeled
        return found

    def changed_paths(self, old: str, new: str) -> frozenset[str] | None:
        """Paths that differ, from one comparison however many ask.

        None where either commit is unknown, and where a submodule moved: what changed in it lies in
        another repository.
        """
        if not (is_sha(old) and is_sha(new) and self.exists):
            return None
        if old == new:
            return frozenset()
        if self.reader.commit(old) is None or self.reader.commit(new) is None:
            return None
        with self._compare:
            if (old, new) not in self._diffs:
                self._diffs[old, new] = self._diff(old, new)
                while len(self._diffs) > KEPT_DIFFS:
                    self._diffs.popitem(last=False)
            self._diffs.move_to_end((old, new))
            return self._diffs[old, new]

    def _diff(self, old: str, new: str) -> frozenset[str] | None:
        result = self._local(["diff-tree", "-r", "--raw", "-z", "--no-renames", old, new])
        # Of each difference first modes, hashes and a letter, then the path.
        words = result.stdout.decode(errors="surrogateescape").split("\0")[:-1]
        if any(MODULE in words[at][1:].split(" ")[:2] for at in range(0, len(words), 2)):
            return None
        return frozenset(words[1::2])

    def module_urls(self, blob_sha: str) -> dict[str, str]:
        """Path to URL, as a `.gitmodules` blob names them; raises SourceError `submodule`."""
        try:
            result = self._local(["config", "--blob", blob_sha, "--no-includes", "-z", "--list"])
        except SourceError as error:
            raise SourceError(
                f".gitmodules cannot be read ({error.message})",
                remedy="check it with `git config -f .gitmodules --list`",
                reason="submodule",
            ) from error
        values: dict[str, dict[str, str]] = {}
        for item in result.stdout.decode(errors="surrogateescape").split("\0"):
            key, _, value = item.partition("\n")
            section, _, rest = key.partition(".")
            name, _, field = rest.rpartition(".")
            if section == "submodule" and name:
                values.setdefault(name, {})[field] = value
        whole = [value for value in values.values() if {"path", "url"} <= value.keys()]
        return {value["path"].rstrip("/"): value["url"] for value in whole}

    # --- keeping --------------------------------------------------------------------------------

    def keep(self, shas: Collection[str]) -> None:
        """Protect commits from `maintain`, whatever becomes of the branches that held them.

        Those that the mirror does not have are passed over; beyond the bound the oldest go.
        """
        # Not under the lock of writers, which a fetch holds for as long as its server likes.
        with self._keeping:
            kept = self._kept()
            if all(sha in kept for sha in shas):
                return
            fresh = [s for s in dict.fromkeys(shas) if s not in kept and self.reader.commit(s)]
            together = [*kept, *fresh]
            gone = together[: max(0, len(together) - self._options.keep_commits)]
            lines = [f"update {KEEP}{sha} {sha}\n" for sha in fresh if sha not in gone]
            lines += [f"delete {KEEP}{sha}\n" for sha in gone if sha in kept]
            if lines:
                self._local(["update-ref", "--stdin"], feed="".join(lines).encode())
            self._keep = dict.fromkeys(together[len(gone) :])

    def _kept(self) -> dict[str, None]:
        """Kept commits, those that were committed first in front."""
        if self._keep is None:
            arguments = ["for-each-ref", "--sort=committerdate", "--format=%(objectname)", KEEP]
            listed = self._local(arguments).stdout.decode().split() if self.exists else []
            self._keep = dict.fromkeys(listed)
        return self._keep

    def maintain(self) -> None:
        """Pack objects, and drop those that nothing has named for two weeks."""
        with self._writing():
            if self.exists:
                self._local(["gc", "--quiet", "--prune=2.weeks.ago"], self._options.fetch_timeout_s)
                self.reader.close()

    def _tidy(self) -> None:
        """Pack when git itself would: many loose objects (judged by one folder) or many packs."""
        loose = _count(self.path / "objects" / "17", "*")
        packs = _count(self.path / "objects" / "pack", "*.pack")
        if loose > _LOOSE_LIMIT or packs > _PACK_LIMIT:
            # The fetch is done and good; packing is tried again after the next one.
            with contextlib.suppress(SourceError):
                self.maintain()

    def close(self) -> None:
        """End the process that reads objects."""
        self.reader.close()

    # --- the folder -----------------------------------------------------------------------------

    def _make(self) -> None:
        """Make the empty mirror beside its place and move it there, so that it is never half."""
        if self.exists:
            if not self._cleaned:
                self._clean()
            return
        self.reader.reset()
        self._keep = self._refs = None
        fresh = self.path.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(self.path, ignore_errors=True)
        arguments = [
            "init",
            "--quiet",
            "--bare",
            "--template=",
            "--initial-branch=main",
            str(fresh),
        ]
        self._local(arguments, variables=environment({}, self._runner.home))
        fresh.rename(self.path)

    def _is_broken(self) -> bool:
        """Whether it is this mirror that cannot be read, and not the server's repository."""
        try:
            self._local(["fsck", "--connectivity-only", "--no-dangling", "--no-progress"])
        except SourceError as error:
            return error.reason == "half-answer"
        return False

    def _set_aside(self) -> None:
        """Begin anew; the broken mirror is kept beside it until the next time."""
        self.reader.reset()
        aside = self.path.with_suffix(".broken")
        shutil.rmtree(aside, ignore_errors=True)
        self.path.rename(aside)
        self._make()

    def _clean(self) -> None:
        """Remove what a git that was killed left behind; nobody else writes meanwhile."""
        self._cleaned = True
        with self._keeping:
            self._remove_locks()

    def _remove_locks(self) -> None:
        places = [self.path.glob("*.lock"), (self.path / "refs").rglob("*.lock")]
        places += [(self.path / "objects").rglob("tmp_*"), self.path.glob("shallow_*")]
        for place in places:
            for path in list(place):
                with contextlib.suppress(OSError):
                    shutil.rmtree(path) if path.is_dir() else path.unlink()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Alone, among threads and among processes that share the folder."""
        with self._write:
            if self._held is not None:
                yield
                return
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self.path.with_suffix(".lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                self._held = lock.fileno()
                try:
                    yield
                finally:
                    self._held = None

    def _local(
        self,
        arguments: list[str],
        timeout_s: float | None = None,
        *,
        feed: bytes = b"",
        variables: Mapping[str, str] | None = None,
    ) -> Result:
        """Run a command that talks to no server."""
        bounds = Bounds(timeout_s or self._options.local_timeout_s, self._options.max_output_bytes)
        where = str(self.path)
        try:
            result = self._runner.run(arguments, variables or self._own, bounds, feed)
        except ProcessTimeoutError:
            raise timed_out(where, bounds.timeout_s, f"git {arguments[0]}") from None
        except OutputLimitError:
            raise too_much(where, f"what git {arguments[0]} printed") from None
        if result.status:
            raise explain_local(result.stderr, where)
        return result


def _count(folder: Path, pattern: str) -> int:
    return sum(1 for _ in folder.glob(pattern))
