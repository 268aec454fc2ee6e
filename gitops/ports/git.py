"""Git at the edge: mirrors and what a commit holds."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gitops.model.revision import Commit


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One entry of a Git tree; `mode` as git prints it (`120000` link, `160000` module)."""

    path: str
    mode: str
    sha: str
    size: int | None = None


class Checkout(Protocol):
    """One commit of one repository, read from the mirror; paths are relative to its root."""

    commit: Commit
    repo_url: str

    def object_sha(self, path: str) -> str | None:
        """Hash of the blob or tree at `path` ("." is the root tree); None where there is none."""

    def entry(self, path: str) -> TreeEntry | None:
        """What lies at `path`, no link followed on the way; None where there is nothing."""

    def entries(self, path: str, *, recurse: bool) -> Sequence[TreeEntry]:
        """Entries below a tree, sorted by path; empty where `path` is not a tree."""

    def read(self, path: str) -> bytes:
        """A blob's content; raises SourceError `path-missing`."""

    def export(self, folder: Path, paths: Collection[str] = (".",)) -> None:
        """Write the named paths below `folder`, submodules included, never `.git`."""


class Repositories(Protocol):
    """Bare mirrors, one a repository. All raise SourceError; a failure changes nothing."""

    def poll(self, repo_url: str) -> Mapping[str, str]:
        """One `ls-remote`: reference name to sha, with `HEAD`, and `^{}` for peeled tags."""

    def known(self, repo_url: str) -> Mapping[str, str]:
        """What the mirror holds, in the shape of `poll`; empty before the first fetch."""

    def fetch(self, repo_url: str, *, sha: str | None = None) -> None:
        """Bring the mirror up to date (1 fetch); `sha` asks for a commit no reference names."""

    def resolve(self, repo_url: str, revision: str) -> Commit:
        """A branch, tag, SHA (also short), full reference, semver constraint or HEAD.

        Raises SourceError `ref-missing` or `ref-ambiguous`.
        """

    def checkout(self, repo_url: str, sha: str) -> Checkout:
        """A commit in the mirror."""

    def changed_paths(self, repo_url: str, old_sha: str, new_sha: str) -> frozenset[str] | None:
        """Paths that differ between two commits, computed once; None where it cannot be told."""
