"""Every repository that applications name: one bare mirror each, below one folder.

URLs as users write them come in, references, commits and checkouts go out. The engine and the
scheduler call it through `ports.Repositories`; wiring makes it. Two spellings of one repository
share a mirror, named by the hash of the normalised URL.
"""

import threading
from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from gitops.core.git.references import Ambiguous, Found, Missing, PerhapsSha, is_sha, resolve
from gitops.core.git.repo_url import normalise, parse, split_credentials
from gitops.errors import SourceError
from gitops.model.revision import Commit
from gitops.scratch import sweep
from gitops.source.checkout import GitCheckout, Modules
from gitops.source.credentials import Credential, Credentials
from gitops.source.mirror import Mirror
from gitops.source.options import GitOptions
from gitops.source.process import (
    GitRunner,
)
from gitops.source.reader import ReaderPool


class GitRepositories:
    """Implements `ports.Repositories`; `close` it when the service stops."""

    def __init__(
        self,
        directory: Path,
        credentials: Sequence[Credential] = (),
        options: GitOptions | None = None,
    ) -> None:
        self.directory = directory.absolute()
        self.options = options or GitOptions()
        home, keys = self.directory / "home", self.directory / "keys"
        for folder in (self.directory, home, keys):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        sweep("", keys)
        self._credentials = Credentials(credentials, keys)
        self._runner = GitRunner(home)
        self._pool = ReaderPool(self.options.open_readers)
        self._mirrors: dict[str, Mirror] = {}
        self._lock = threading.Lock()

    # --- ports.Repositories ---------------------------------------------------------------------

    def poll(self, repo_url: str) -> Mapping[str, str]:
        """One `ls-remote`: branches, tags with `^{}` for what they lead to, and HEAD."""
        url, own, mirror = self._open(repo_url)
        with self._credentials.access(url, self.options, own) as access:
            return mirror.listed(url, access)

    def known(self, repo_url: str) -> Mapping[str, str]:
        """What the mirror holds, in the shape of `poll`; empty before the first fetch."""
        return dict(self._open(repo_url)[2].refs())

    def fetch(self, repo_url: str, *, sha: str | None = None) -> None:
        """One `git fetch`; `sha` (40 digits) asks for a commit that no reference names."""
        url, own, mirror = self._open(repo_url)
        sha = sha.lower() if sha else None
        if sha is not None and not is_sha(sha):
            raise SourceError(
                f"`{sha[:80]}` is not the hash of a commit",
                where=url,
                remedy="write all 40 digits",
                reason="ref-missing",
            )
        mirror.fetch(url, lambda: self._credentials.access(url, self.options, own), sha)

    def resolve(self, repo_url: str, revision: str) -> Commit:
        """The commit that a revision names in the mirror; see `core/git/references.py`.

        Raises:
            SourceError: `ref-missing`, `ref-ambiguous`.
        """
        url, _, mirror = self._open(repo_url)
        verdict = resolve(mirror.refs(), revision)
        commit = None
        match verdict:
            case Found(_, sha) | PerhapsSha(sha):
                commit = mirror.commit(sha)
            case Ambiguous(names):
                raise SourceError(
                    f"`{revision}` is both a branch and a tag, at different commits",
                    where=url,
                    remedy=f"use {' or '.join(names)}",
                    reason="ref-ambiguous",
                )
            case Missing():
                pass
        if commit is None:
            raise _missing(url, revision, verdict, mirror)
        return commit

    def checkout(self, repo_url: str, sha: str) -> GitCheckout:
        """A commit in the mirror, which from now on survives a force-push and packing."""
        url, _, mirror = self._open(repo_url)
        commit = mirror.commit(sha)
        if commit is None:
            raise SourceError(
                f"the commit {sha} is not in the mirror",
                where=url,
                remedy="fetch the repository",
                reason="ref-missing",
            )
        mirror.keep([commit.sha])
        return GitCheckout(commit, url, mirror, Modules(self.options, self._open_module))

    def changed_paths(self, repo_url: str, old_sha: str, new_sha: str) -> frozenset[str] | None:
        """Paths that differ; None where a commit is not in the mirror, or a submodule moved."""
        return self._open(repo_url)[2].changed_paths(old_sha, new_sha)

    # --- beyond the port ------------------------------------------------------------------------

    def keep(self, repo_url: str, shas: Collection[str]) -> None:
        """Protect commits from `maintain`; a checkout does it by itself."""
        self._open(repo_url)[2].keep(shas)

    def maintain(self, repo_url: str) -> None:
        """Pack a mirror; fetches do it by themselves when git would."""
        self._open(repo_url)[2].maintain()

    def close(self) -> None:
        """End every git process; later calls that need one raise SourceError."""
        self._runner.close()
        with self._lock:
            mirrors = list(self._mirrors.values())
        for mirror in mirrors:
            mirror.close()

    # --- inside ---------------------------------------------------------------------------------

    def _open(self, repo_url: str) -> tuple[str, Credential | None, Mirror]:
        """The URL without credentials, the credentials that it held, and its mirror."""
        url, user, password = split_credentials(repo_url)
        parsed = parse(url)
        if parsed is None or (parsed.local and not self.options.local_repositories):
            raise SourceError(
                "the repository URL cannot be used",
                where=url[:200],
                remedy="write https://host/path, ssh://user@host/path, user@host:path"
                + (", file:///path or an absolute path" if self.options.local_repositories else ""),
                reason="refused",
            )
        own = None
        if parsed.scheme != "ssh" and (password or (user and not self._credentials.find(url))):
            own = Credential(url, username=user, password=password)
        return url, own, self._mirror(normalise(url))

    def _mirror(self, name: str) -> Mirror:
        key = sha256(name.encode(errors="surrogateescape")).hexdigest()[:40]
        with self._lock:
            if key not in self._mirrors:
                path = self.directory / f"{key}.git"
                self._mirrors[key] = Mirror(path, self._runner, self.options, self._pool)
            return self._mirrors[key]

    def _open_module(self, url: str, sha: str) -> tuple[Mirror, Commit]:
        """A submodule's mirror with its pinned commit: fetched by reference, then by hash."""
        clean, _, mirror = self._open(url)
        for fetch in (None, "references", "commit"):
            if fetch is not None:
                self.fetch(url, sha=sha if fetch == "commit" else None)
            commit = mirror.commit(sha)
            if commit is not None:
                mirror.keep([sha])
                return mirror, commit
        raise SourceError(
            f"the submodule's commit {sha} is not in its repository",
            where=clean,
            remedy="push it, or move the submodule to a commit that was pushed",
            reason="submodule",
        )


def _missing(
    url: str, revision: str, verdict: Found | PerhapsSha | Missing | Ambiguous, mirror: Mirror
) -> SourceError:
    if not mirror.exists:
        return SourceError(
            "the repository was not fetched yet",
            where=url,
            remedy="wait for its first fetch",
            reason="ref-missing",
        )
    if isinstance(verdict, Found):
        message, remedy = f"`{verdict.name}` does not lead to a commit", "name a branch or a tag"
    elif isinstance(verdict, PerhapsSha):
        message = f"there is no branch, tag or commit `{revision}`"
        remedy = "push it, or write all 40 digits of a commit that no branch or tag contains"
    elif isinstance(verdict, Missing) and verdict.constraint:
        message, remedy = f"no tag satisfies `{revision}`", "push a tag, or widen the constraint"
    elif not mirror.refs():
        message, remedy = (
            "the repository has no commits",
            "push a branch, and check that the URL is that of a Git repository",
        )
    else:
        near = verdict.nearest if isinstance(verdict, Missing) else ()
        message = f"there is no branch or tag `{revision}`"
        remedy = f"did you mean {' or '.join(f'`{name}`' for name in near)}?" if near else "push it"
    return SourceError(message, where=url, remedy=remedy, reason="ref-missing")
