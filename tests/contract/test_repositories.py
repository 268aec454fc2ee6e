"""`ports.Repositories` over file, HTTP and SSH: references, commits, and what happens to them."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gitops.errors import SourceError
from tests.helpers.gitshim import GitShim
from tests.helpers.gitworld import TRANSPORTS, World, make_world
from tests.helpers.repo import Repo


@pytest.fixture(params=TRANSPORTS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with make_world(request.param, tmp_path) as made:
        yield made


@pytest.fixture
def local(tmp_path: Path) -> Iterator[World]:
    with make_world("file", tmp_path) as made:
        yield made


def test_poll_names_every_branch_tag_and_head(world: World) -> None:
    sha = world.repo.head()
    world.repo.branch("dev").tag("v1", message="One").push()

    found = world.repositories().poll(world.url)

    tag = world.repo.git("rev-parse", "v1")
    assert found == {
        "HEAD": sha,
        "refs/heads/dev": sha,
        "refs/heads/main": sha,
        "refs/tags/v1": tag,
        "refs/tags/v1^{}": sha,
    }


def test_what_is_known_after_a_fetch_equals_a_poll(world: World) -> None:
    world.repo.branch("feature/a").tag("plain").tag("v1", message="One")
    world.repo.tag("nested", "v1", message="A tag of a tag").push()
    repositories = world.repositories()
    assert repositories.known(world.url) == {}

    repositories.fetch(world.url)

    assert repositories.known(world.url) == repositories.poll(world.url)
    assert repositories.known(world.url)["refs/tags/nested^{}"] == world.repo.head()


def test_a_poll_is_one_ls_remote_and_a_fetch_one_fetch(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repositories = world.fetched()
    repositories.checkout(world.url, repositories.resolve(world.url, "main").sha)
    world.repo.write("new", "1").commit()
    world.repo.push()
    shim = GitShim(tmp_path / "shim")
    shim.install(monkeypatch)

    repositories.poll(world.url)
    assert shim.counts() == {"ls-remote": 1}

    shim.clear()
    repositories.fetch(world.url)
    assert shim.counts() == {"fetch": 1}


def test_each_way_to_name_a_commit_finds_it(world: World) -> None:
    first = world.repo.head()
    world.repo.tag("v1.2.0", message="Release").switch("dev").write("b", "2")
    second = world.repo.commit("Second")
    world.repo.push()
    repositories = world.fetched()

    def found(revision: str) -> str:
        return repositories.resolve(world.url, revision).sha

    assert {found(r) for r in ("main", "HEAD", "", "refs/heads/main", "heads/main")} == {first}
    assert {found(r) for r in ("v1.2.0", "refs/tags/v1.2.0", "tags/v1.2.0", "^1.1")} == {first}
    assert {found(r) for r in ("dev", second, second[:7], second.upper())} == {second}
    assert found(world.repo.git("rev-parse", "v1.2.0")) == first


def test_a_commit_tells_who_wrote_it_when_and_what(world: World) -> None:
    world.repo.write("x", "1").commit("Scale kubia\n\nBecause of the sale.")
    world.repo.push()

    commit = world.fetched().resolve(world.url, "main")

    assert commit.author == "Ada Lovelace <ada@example.com>"
    assert commit.message == "Scale kubia\n\nBecause of the sale."
    assert commit.authored_at == datetime(2023, 11, 14, 22, 13, 22, tzinfo=UTC)
    assert commit.signature == "N"


def test_a_force_push_moves_the_branch_and_the_old_commit_stays_readable(world: World) -> None:
    repositories = world.fetched()
    old = repositories.resolve(world.url, "main").sha
    repositories.checkout(world.url, old)
    world.repo.write("app/deployment.yaml", "kind: Job\n")
    new = world.repo.commit("Other history", amend=True)
    world.repo.push(force=True)

    repositories.fetch(world.url)

    assert repositories.resolve(world.url, "main").sha == new
    assert (
        repositories.checkout(world.url, old).read("app/deployment.yaml") == b"kind: Deployment\n"
    )
    assert repositories.changed_paths(world.url, old, new) == {"app/deployment.yaml"}


def test_a_deleted_branch_is_missing_and_the_error_names_what_is_there(world: World) -> None:
    world.repo.branch("staging").branch("stagging").push()
    repositories = world.fetched()
    world.repo.delete("staging")

    repositories.fetch(world.url)

    with pytest.raises(SourceError, match=r"no branch or tag `staging`.*did you mean `stagging`"):
        repositories.resolve(world.url, "staging")


def test_a_moved_tag_is_followed(world: World) -> None:
    world.repo.tag("stable").push()
    repositories = world.fetched()
    world.repo.write("x", "1").commit()
    world.repo.tag("stable").push(force=True)

    repositories.fetch(world.url)

    assert repositories.resolve(world.url, "stable").sha == world.repo.head()


def test_a_branch_that_became_a_folder_of_branches_is_followed(world: World) -> None:
    world.repo.branch("release").push()
    repositories = world.fetched()
    world.repo.delete("release").git("branch", "-D", "release")
    world.repo.branch("release/1").push()

    repositories.fetch(world.url)

    assert repositories.known(world.url) == repositories.poll(world.url)
    assert repositories.resolve(world.url, "release/1").sha == world.repo.head()


def test_the_default_branch_is_the_remotes(world: World) -> None:
    world.repo.switch("trunk").write("x", "1")
    sha = world.repo.commit()
    world.repo.push()
    repositories = world.fetched()
    assert repositories.resolve(world.url, "HEAD").sha != sha

    (world.repo.remote / "HEAD").write_text("ref: refs/heads/trunk\n")
    repositories.fetch(world.url)

    assert repositories.resolve(world.url, "HEAD").sha == sha


def test_a_commit_that_no_reference_names_is_fetched_by_its_hash(world: World) -> None:
    world.repo.write("x", "1")
    lost = world.repo.commit("Soon unnamed")
    world.repo.push().git("reset", "--quiet", "--hard", "HEAD~1")
    world.repo.push(force=True)
    repositories = world.fetched()
    with pytest.raises(SourceError) as missing:
        repositories.resolve(world.url, lost)
    assert missing.value.reason == "ref-missing"

    # What a forge allows, and git's own HTTP and file servers do by the protocol's second version.
    repositories.fetch(world.url, sha=lost)

    assert repositories.resolve(world.url, lost).message == "Soon unnamed"


def test_a_commit_that_the_server_lacks_changes_nothing(world: World) -> None:
    repositories = world.fetched()
    before = repositories.known(world.url)

    with pytest.raises(SourceError) as missing:
        repositories.fetch(world.url, sha="1" * 40)

    assert missing.value.reason == "ref-missing"
    assert repositories.known(world.url) == before


def test_a_restart_finds_the_mirror_as_it_was(world: World) -> None:
    sha = world.fetched().resolve(world.url, "main").sha

    again = world.repositories()

    assert again.resolve(world.url, "main").sha == sha
    assert again.checkout(world.url, sha).read("app/deployment.yaml") == b"kind: Deployment\n"


def test_an_empty_repository_is_fetched_and_has_no_commits(local: World) -> None:
    empty = Repo.create(local.folder / "empty")
    repositories = local.repositories()

    repositories.fetch(empty.url)

    assert repositories.poll(empty.url) == repositories.known(empty.url) == {}
    with pytest.raises(SourceError, match="has no commits"):
        repositories.resolve(empty.url, "HEAD")


def test_before_the_first_fetch_nothing_is_resolved(local: World) -> None:
    with pytest.raises(SourceError, match="not fetched yet") as missing:
        local.repositories().resolve(local.url, "main")
    assert missing.value.reason == "ref-missing"


def test_a_name_of_a_branch_and_a_tag_at_different_commits_is_ambiguous(local: World) -> None:
    local.repo.tag("v2").write("x", "1").commit()
    local.repo.branch("v2").push()
    repositories = local.fetched()

    with pytest.raises(SourceError, match="use refs/heads/v2 or refs/tags/v2") as ambiguous:
        repositories.resolve(local.url, "v2")

    assert ambiguous.value.reason == "ref-ambiguous"
    assert repositories.resolve(local.url, "refs/heads/v2").sha == local.repo.head()


def test_a_short_hash_of_several_commits_is_ambiguous(local: World) -> None:

    lines = "".join(
        f"commit refs/heads/many\ncommitter A <a@x> {n} +0000\ndata 0\n\n" for n in range(900)
    )
    local.repo.git("fast-import", "--quiet", text=lines)
    hashes = local.repo.git("rev-list", "many").split()
    prefixes = [sha[:4] for sha in hashes]
    shared = next(p for p in prefixes if prefixes.count(p) > 1)
    local.repo.push()

    with pytest.raises(SourceError, match="write more digits") as ambiguous:
        local.fetched().resolve(local.url, shared)

    assert ambiguous.value.reason == "ref-ambiguous"


def test_no_tag_within_a_constraint_is_said(local: World) -> None:
    local.repo.tag("v1.0.0").push()
    with pytest.raises(SourceError, match="no tag satisfies `>=2`"):
        local.fetched().resolve(local.url, ">=2")


def test_a_tag_of_a_file_leads_to_no_commit(local: World) -> None:
    local.repo.tag("blob", local.repo.blob("text")).push()
    with pytest.raises(SourceError, match="`refs/tags/blob` does not lead to a commit"):
        local.fetched().resolve(local.url, "blob")


def test_a_commit_with_a_signature_is_marked_unchecked(local: World) -> None:
    raw = local.repo.git("cat-file", "commit", "HEAD")
    signed = raw.replace("\n\n", "\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n -----END\n\n", 1)
    sha = local.repo.git("hash-object", "-t", "commit", "-w", "--stdin", text=signed)
    local.repo.branch("signed", sha).push()

    assert local.fetched().resolve(local.url, "signed").signature == "E"


def test_spellings_of_one_repository_share_a_mirror(local: World, tmp_path: Path) -> None:
    repositories = local.fetched()
    assert repositories.known(str(local.repo.remote) + "/") == repositories.known(local.url)
    assert len(list((tmp_path / "mirrors").glob("*.git"))) == 1


def test_callers_who_wait_for_a_fetch_share_the_next_one(
    local: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repositories = local.fetched()
    shim = GitShim(tmp_path / "shim")
    shim.install(monkeypatch)
    together = threading.Barrier(9)

    def fetch() -> None:
        together.wait()
        repositories.fetch(local.url)

    threads = [threading.Thread(target=fetch) for _ in range(8)]
    for thread in threads:
        thread.start()
    together.wait()
    for thread in threads:
        thread.join()

    assert 1 <= shim.counts()["fetch"] < 8


def test_changed_paths_are_compared_once_however_many_ask(
    local: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = local.repo.head()
    local.repo.write("app/service.yaml", "x").write("näme with\ttab", "y").commit()
    new = local.repo.remove("app/deployment.yaml").commit()
    local.repo.push()
    repositories = local.fetched()
    shim = GitShim(tmp_path / "shim")
    shim.install(monkeypatch)

    for _ in range(200):
        changed = repositories.changed_paths(local.url, old, new)
        assert changed == {"app/service.yaml", "app/deployment.yaml", "näme with\ttab"}

    assert shim.counts()["diff-tree"] == 1
    assert repositories.changed_paths(local.url, old, old) == frozenset()
    assert repositories.changed_paths(local.url, "0" * 40, new) is None
    assert repositories.changed_paths(local.url, "--output=x", new) is None
    assert repositories.changed_paths("/nowhere", old, new) is None
