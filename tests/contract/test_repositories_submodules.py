"""Submodules through `ports.Checkout`: followed, bounded, and refused where they lead elsewhere."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops.errors import SourceError
from gitops.source.checkout import GitCheckout
from gitops.source.credentials import Credential
from gitops.source.options import GitOptions
from gitops.source.repositories import GitRepositories
from tests.helpers.gitserver import HttpGit, serve_http
from tests.helpers.gitworld import World, make_world
from tests.helpers.repo import Repo


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with make_world("file", tmp_path) as made:
        yield made


@pytest.fixture
def http(tmp_path: Path) -> Iterator[tuple[HttpGit, World]]:
    with make_world("file", tmp_path) as world, serve_http(world.repo.remote.parent) as server:
        world.url = server.url(world.repo.remote.name)
        yield server, world


def _library(world: World, name: str = "library") -> Repo:
    library = Repo.create(world.repo.remote.parent, name)
    library.write("base/kustomization.yaml", "resources: []\n").commit("Library")
    library.push()
    return library


def _pin(world: World, url: str, sha: str, path: str = "lib") -> str:
    world.repo.submodule(path, url, sha)
    pinned = world.repo.commit_index()
    world.repo.push()
    return pinned


def _at(world: World, sha: str, options: GitOptions | None = None) -> GitCheckout:
    repositories: GitRepositories = world.fetched(options)
    return repositories.checkout(world.url, sha)


def test_submodules_are_read_and_exported_recursively(
    http: tuple[HttpGit, World], tmp_path: Path
) -> None:
    server, world = http
    inner, library = _library(world, "inner"), _library(world)
    library.submodule("nested", server.url("inner.git"), inner.head())
    library_sha = library.commit_index()
    library.push()
    checkout = _at(world, _pin(world, "../library.git", library_sha, "vendor/lib"))

    assert checkout.object_sha("vendor/lib") == library_sha
    assert checkout.object_sha("vendor/lib/base") == library.git("rev-parse", "HEAD:base")
    assert checkout.read("vendor/lib/nested/base/kustomization.yaml") == b"resources: []\n"
    assert [(e.path, e.mode) for e in checkout.entries("vendor", recurse=False)] == [
        ("vendor/lib", "160000")
    ]
    paths = [e.path for e in checkout.entries("vendor", recurse=True)]
    assert "vendor/lib/nested/base/kustomization.yaml" in paths

    checkout.export(tmp_path / "out")
    assert (tmp_path / "out/vendor/lib/nested/base/kustomization.yaml").exists()
    assert not list((tmp_path / "out").rglob(".git"))


def test_what_does_not_touch_a_submodule_does_not_need_it(http: tuple[HttpGit, World]) -> None:
    server, world = http
    checkout = _at(world, _pin(world, server.url("gone.git"), "4" * 40))

    assert checkout.read("app/deployment.yaml")
    assert [e.path for e in checkout.entries("app", recurse=True)] == ["app/deployment.yaml"]
    with pytest.raises(SourceError) as failed:
        checkout.read("lib/base")
    assert failed.value.reason == "unreachable"


def test_a_submodule_pinned_to_a_commit_that_was_not_pushed_is_named(
    http: tuple[HttpGit, World],
) -> None:
    server, world = http
    _library(world)
    checkout = _at(world, _pin(world, server.url("library.git"), "4" * 40))
    with pytest.raises(SourceError) as failed:
        checkout.entries("lib", recurse=True)
    assert failed.value.reason in ("ref-missing", "submodule")


def test_a_submodule_that_moved_makes_the_comparison_unknown(http: tuple[HttpGit, World]) -> None:
    server, world = http
    library = _library(world)
    old = _pin(world, server.url("library.git"), library.head())
    new = _pin(world, server.url("library.git"), library.commit("Next"))
    plain = world.repo.head()
    repositories = world.fetched()

    assert repositories.changed_paths(world.url, old, new) is None
    assert plain == new


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc",
        "/etc",
        "ext::sh -c id",
        "--upload-pack=id",
        "../../../../etc",
        "http://evil.example/x.git",
        "https://user:planted@evil.example/x.git",
        "git@evil.example:x.git",
    ],
)
def test_submodules_of_other_places_are_refused_before_anything_is_asked(
    http: tuple[HttpGit, World], url: str
) -> None:
    _, world = http
    checkout = _at(world, _pin(world, url, "4" * 40))

    with pytest.raises(SourceError) as refused:
        checkout.read("lib/x")

    assert refused.value.reason == "submodule"
    assert "planted" not in str(refused.value)


def test_a_submodule_of_another_host_is_followed_when_its_prefix_is_allowed(
    http: tuple[HttpGit, World], tmp_path: Path
) -> None:
    _, world = http
    library = _library(world)
    with serve_http(tmp_path / "served") as elsewhere:
        url = elsewhere.url("library.git").replace("127.0.0.1", "localhost")
        pinned = _pin(world, url, library.head())
        origin = elsewhere.origin.replace("127.0.0.1", "localhost")
        checkout = _at(world, pinned, GitOptions(submodule_prefixes=(origin,)))
        assert checkout.read("lib/base/kustomization.yaml")


def test_submodules_on_this_machine_need_a_local_parent_and_permission(
    world: World, tmp_path: Path
) -> None:
    library = _library(world)
    pinned = _pin(world, "../library.git", library.head())

    with pytest.raises(SourceError, match="this machine's files"):
        _at(world, pinned).read("lib/base/kustomization.yaml")

    allowed = _at(world, pinned, GitOptions(local_submodules=True))
    assert allowed.read("lib/base/kustomization.yaml") == b"resources: []\n"
    with serve_http(world.repo.remote.parent) as server:
        world.url = server.url(world.repo.remote.name)
        repo = world.repo
        repo.git("config", "-f", ".gitmodules", "submodule.lib.url", str(library.remote))
        sha = repo.commit_index()
        repo.push()
        with pytest.raises(SourceError, match="this machine's files"):
            _at(world, sha, GitOptions(local_submodules=True)).read("lib/base/kustomization.yaml")


def test_a_submodule_without_a_name_and_a_broken_gitmodules_are_told(world: World) -> None:
    world.repo.git("update-index", "--add", "--cacheinfo", f"160000,{'4' * 40},lib")
    sha = world.repo.commit_index()
    world.repo.push()
    with pytest.raises(SourceError, match="has no URL"):
        _at(world, sha).read("lib/x")

    world.repo.write(".gitmodules", "[submodule\nnonsense")
    sha = world.repo.commit_index()
    world.repo.push()
    with pytest.raises(SourceError, match=r"\.gitmodules cannot be read") as broken:
        _at(world, sha).read("lib/x")
    assert broken.value.reason == "submodule"


def test_submodules_that_contain_themselves_are_bounded(http: tuple[HttpGit, World]) -> None:
    # A commit cannot pin itself, so a chain of nine does as well.
    server, world = http
    chain = [_library(world, f"c{n}") for n in range(10)]
    sha = chain[0].head()
    for number, repo in enumerate(chain[1:]):
        repo.submodule("lib", server.url(f"c{number}.git"), sha)
        sha = repo.commit_index()
        repo.push()
    checkout = _at(world, _pin(world, server.url("c9.git"), sha))

    with pytest.raises(SourceError, match="nested more than"):
        checkout.entries("lib", recurse=True)


def test_a_submodule_is_fetched_with_its_own_credentials(http: tuple[HttpGit, World]) -> None:
    server, world = http
    library = _library(world)
    pinned = _pin(world, "../library.git", library.head())
    server.password = "library-token"
    world.credentials.append(Credential(server.origin, password="library-token"))

    assert _at(world, pinned).read("lib/base/kustomization.yaml")
