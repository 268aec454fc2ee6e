"""A folder as a checkout gives what Git would give for the same content."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops.errors import SourceError
from gitops.render.folder import FolderCheckout, find_root
from gitops.source.repositories import GitRepositories
from tests.helpers.repo import Repo


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    repo = Repo.create(tmp_path)
    repo.write("a.yaml", "a").write("b/c.yaml", "c").write("b/d/e.txt", b"\xff\x00")
    repo.write("b.txt", "").write("b-d/x", "x").link("l", "b/c.yaml").link("f", "b")
    repo.write("run.sh", "#!/bin/sh")
    (repo.work / "run.sh").chmod(0o755)
    (repo.work / "empty").mkdir()
    return repo


@pytest.fixture
def both(repo: Repo, tmp_path: Path) -> Iterator[tuple[FolderCheckout, object]]:
    sha = repo.commit()
    repo.push()
    repositories = GitRepositories(tmp_path / "mirrors")
    repositories.fetch(repo.url)
    yield FolderCheckout(repo.work), repositories.checkout(repo.url, sha)
    repositories.close()


PATHS = (".", "a.yaml", "b", "b/c.yaml", "b/d", "b/d/e.txt", "l", "f", "run.sh", "none", "a.yaml/x")


def test_hashes_are_git_s(both: tuple[FolderCheckout, FolderCheckout]) -> None:
    folder, git = both
    assert {path: folder.object_sha(path) for path in PATHS} == {
        path: git.object_sha(path) for path in PATHS
    }


def test_what_lies_at_a_path_is_git_s(both: tuple[FolderCheckout, FolderCheckout]) -> None:
    folder, git = both
    beyond = ("f/c.yaml", "l/x", ".git", ".git/config")
    for path in (*PATHS, *beyond):
        mine, theirs = folder.entry(path), git.entry(path)
        assert (mine and (mine.path, mine.mode)) == (theirs and (theirs.path, theirs.mode)), path
    assert folder.entry("..") is folder.entry("../other") is git.entry("../other") is None


@pytest.mark.parametrize("recurse", [True, False])
def test_listings_are_git_s(both: tuple[FolderCheckout, FolderCheckout], *, recurse: bool) -> None:
    folder, git = both
    for path in (".", "b", "b/d", "a.yaml", "none", "l"):
        mine = [(entry.path, entry.mode) for entry in folder.entries(path, recurse=recurse)]
        theirs = [(entry.path, entry.mode) for entry in git.entries(path, recurse=recurse)]
        assert [row for row in mine if row[0] != "empty"] == theirs


def test_contents_and_exports_are_git_s(
    both: tuple[FolderCheckout, FolderCheckout], tmp_path: Path
) -> None:
    folder, git = both
    for path in ("a.yaml", "b/d/e.txt", "l"):
        assert folder.read(path) == git.read(path)
    for paths in ((".",), ("b/d", "l", "b/c.yaml", "run.sh")):
        mine, theirs = (tmp_path / f"{name}{len(paths)}" for name in ("mine", "theirs"))
        mine.mkdir()
        theirs.mkdir()
        folder.export(mine, paths)
        git.export(theirs, paths)
        assert FolderCheckout(mine).object_sha(".") == FolderCheckout(theirs).object_sha(".")
        assert not (mine / ".git").exists()


def test_what_is_not_there_or_outside_is_told(repo: Repo) -> None:
    checkout = FolderCheckout(repo.work / "b")
    with pytest.raises(SourceError) as caught:
        checkout.read("none")
    assert caught.value.reason == "path-missing"
    for path in ("../a.yaml", "..", "/etc/passwd"):
        with pytest.raises(SourceError, match="outside"):
            checkout.read(path)


def test_a_folder_s_root_is_the_working_tree_around_it(repo: Repo, tmp_path: Path) -> None:
    assert find_root(repo.work / "b" / "d") == repo.work
    assert find_root(repo.work / "a.yaml") == repo.work
    alone = tmp_path / "alone"
    alone.mkdir()
    assert find_root(alone) == alone
