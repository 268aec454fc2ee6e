"""Mirrors over time: processes, kept commits, packing, and what a crash left behind."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gitops.errors import SourceError
from gitops.source.options import GitOptions
from gitops.source.repositories import GitRepositories
from tests.helpers.gitserver import serve_http
from tests.helpers.gitshim import GitShim
from tests.helpers.gitworld import World, make_world
from tests.helpers.repo import Repo
from tests.helpers.waiting import WAIT_S


@pytest.fixture
def local(tmp_path: Path) -> Iterator[World]:
    with make_world("file", tmp_path) as made:
        yield made


def test_reading_many_files_starts_one_process(
    local: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(40):
        local.repo.write(f"apps/{number}/manifest.yaml", f"n: {number}\n")
    sha = local.repo.commit()
    local.repo.push()
    local.fetched().checkout(local.url, sha)
    shim = GitShim(tmp_path / "shim")
    shim.install(monkeypatch)
    checkout = local.repositories().checkout(local.url, sha)

    for entry in checkout.entries("apps", recurse=True):
        checkout.read(entry.path)
    checkout.export(tmp_path / "out")

    assert shim.counts()["cat-file"] == 1
    assert set(shim.counts()) <= {"cat-file", "for-each-ref"}


def test_kept_commits_survive_packing_and_others_go(local: World) -> None:
    repositories = local.fetched()
    kept = repositories.resolve(local.url, "main").sha
    repositories.checkout(local.url, kept)
    local.repo.write("x", "1")
    dropped = local.repo.commit("Dropped", amend=True)
    local.repo.push(force=True)
    repositories.fetch(local.url)
    local.repo.write("x", "2").commit("Final", amend=True)
    local.repo.push(force=True)
    repositories.fetch(local.url)

    mirror = next((local.folder / "mirrors").glob("*.git"))
    local.repo.git("-C", str(mirror), "gc", "--quiet", "--prune=now")
    again = local.repositories()

    assert again.resolve(local.url, kept).sha == kept
    assert again.checkout(local.url, kept).read("app/deployment.yaml")
    with pytest.raises(SourceError):
        again.resolve(local.url, dropped)


def test_maintenance_keeps_everything_readable(local: World) -> None:
    repositories = local.fetched()
    sha = repositories.resolve(local.url, "main").sha
    checkout = repositories.checkout(local.url, sha)

    repositories.maintain(local.url)

    assert checkout.read("app/deployment.yaml") == b"kind: Deployment\n"
    assert repositories.known(local.url) == repositories.poll(local.url)


def test_kept_commits_are_bounded_and_unknown_ones_passed_over(local: World) -> None:
    shas = [local.repo.commit(f"Number {n}") for n in range(5)]
    local.repo.push()
    repositories = local.fetched(GitOptions(keep_commits=3))

    repositories.keep(local.url, shas)
    repositories.keep(local.url, ["2" * 40])

    mirror = next((local.folder / "mirrors").glob("*.git"))
    kept = local.repo.git(
        "-C", str(mirror), "for-each-ref", "--format=%(objectname)", "refs/gitops/keep"
    )
    assert sorted(kept.split()) == sorted(shas[2:])


def test_a_shallow_mirror_resolves_compares_and_keeps(local: World) -> None:
    first = [local.repo.write("x", str(n)).commit(f"Number {n}") for n in range(5)][-1]
    local.repo.push()
    repositories = local.fetched(GitOptions(depth=1))
    repositories.checkout(local.url, first)
    second = local.repo.write("y", "1").commit()
    local.repo.push()

    repositories.fetch(local.url)

    mirror = next((local.folder / "mirrors").glob("*.git"))
    assert local.repo.git("-C", str(mirror), "rev-list", "--count", "main") == "1"
    assert repositories.changed_paths(local.url, first, second) == {"y"}
    assert repositories.checkout(local.url, first).read("x") == b"4"


def test_many_repositories_hold_few_processes(local: World) -> None:
    repositories = local.repositories(GitOptions(open_readers=2))
    repos = [Repo.create(local.folder / "more", f"r{n}") for n in range(5)]
    for repo in repos:
        repo.write("f", repo.remote.name).commit()
        repo.push()
        repositories.fetch(repo.url)

    for repo in [*repos, *repos]:
        assert repositories.checkout(repo.url, repo.head()).read("f") == repo.remote.name.encode()
        assert len(_reading(repositories)) <= 2


def _reading(repositories: GitRepositories) -> list[int]:
    """Processes that read objects for these mirrors."""
    mirrors = str(repositories.directory).encode()
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            command = (place / "cmdline").read_bytes()
            environment = (place / "environ").read_bytes()
        except OSError:
            continue
        if b"cat-file\0--batch" in command and mirrors in environment:
            found.append(int(place.name))
    return found


def test_after_close_no_process_is_left_and_none_is_started(local: World) -> None:
    repositories = local.fetched()
    repositories.resolve(local.url, "main")
    assert len(_reading(repositories)) == 1

    repositories.close()

    assert _reading(repositories) == []
    with pytest.raises(SourceError, match="stopping"):
        repositories.poll(local.url)


def test_what_a_killed_git_left_behind_does_not_stop_the_next_fetch(local: World) -> None:
    local.fetched().close()
    mirror = next((local.folder / "mirrors").glob("*.git"))
    for name in ("packed-refs.lock", "HEAD.lock", "shallow.lock", "refs/heads/main.lock"):
        (mirror / name).parent.mkdir(parents=True, exist_ok=True)
        (mirror / name).touch()
    (mirror / "objects" / "pack" / "tmp_pack_x1").write_bytes(b"half a pack")
    sha = local.repo.write("x", "1").commit()
    local.repo.push()

    repositories = local.fetched()

    assert repositories.resolve(local.url, "main").sha == sha
    assert not list(mirror.rglob("tmp_*"))


def test_a_mirror_that_was_being_made_is_made_anew(local: World) -> None:
    local.fetched().close()
    mirror = next((local.folder / "mirrors").glob("*.git"))
    (mirror / "HEAD").unlink()

    assert local.fetched().resolve(local.url, "main").sha == local.repo.head()


def test_a_mirror_that_broke_is_set_aside_and_fetched_anew(local: World) -> None:
    local.repo.commit()
    local.repo.push()
    local.fetched().close()
    mirror = next((local.folder / "mirrors").glob("*.git"))
    for ref in (mirror / "refs" / "heads").glob("*"):
        ref.write_text("3" * 40 + "\n")
    local.repo.write("x", "1").commit()
    local.repo.push()

    repositories = local.fetched()

    assert repositories.resolve(local.url, "main").sha == local.repo.head()
    assert mirror.with_suffix(".broken").exists()


def test_a_mirror_whose_objects_broke_is_set_aside_and_fetched_anew(local: World) -> None:
    local.fetched().close()
    mirror = next((local.folder / "mirrors").glob("*.git"))
    for loose in (mirror / "objects").glob("??/*"):
        loose.chmod(0o644)
        loose.write_bytes(b"")
    local.repo.write("x", "1").commit()
    local.repo.push()

    repositories = local.fetched()

    commit = repositories.resolve(local.url, "main")
    assert repositories.checkout(local.url, commit.sha).read("x") == b"1"


def test_a_reading_process_that_was_killed_is_started_again(local: World) -> None:
    repositories = local.fetched()
    checkout = repositories.checkout(local.url, local.repo.head())
    for pid in _reading(repositories):
        os.kill(pid, signal.SIGKILL)

    assert checkout.read("app/deployment.yaml") == b"kind: Deployment\n"
    assert len(_reading(repositories)) == 1


def test_many_threads_read_at_once(local: World) -> None:
    for number in range(50):
        local.repo.write(f"f{number}", f"{number}" * 1000)
    sha = local.repo.commit()
    local.repo.push()
    checkout = local.fetched().checkout(local.url, sha)

    def read(number: int) -> bool:
        name = f"{number % 50}"
        return checkout.read(f"f{name}") == name.encode() * 1000

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(400)))


def test_callers_who_wait_share_a_failure_too(
    local: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repositories = local.fetched()
    with serve_http(local.repo.remote.parent) as server:
        url = server.url(local.repo.remote.name)
        server.faults.hang = True
        shim = GitShim(tmp_path / "shim")
        shim.install(monkeypatch)

        def fetch(_: int) -> str | None:
            try:
                repositories.fetch(url)
            except SourceError as error:
                return error.reason
            return None

        with ThreadPoolExecutor(8) as pool:
            answers = [pool.submit(fetch, number) for number in range(8)]
            assert server.hanging.wait(WAIT_S)
            server.release()
            reasons = [answer.result() for answer in answers]

    assert None not in reasons
    assert shim.counts()["fetch"] < 8


def test_a_slow_fetch_does_not_hold_up_what_is_there(local: World) -> None:
    with serve_http(local.repo.remote.parent) as server, ThreadPoolExecutor(1) as pool:
        local.url = server.url(local.repo.remote.name)
        old = local.repo.head()
        local.repo.write("x", "1").commit()
        local.repo.push()
        repositories = local.fetched()
        server.faults.hang = True
        fetching = pool.submit(repositories.fetch, local.url)
        assert server.hanging.wait(WAIT_S)

        commit = repositories.resolve(local.url, "main")
        assert repositories.checkout(local.url, commit.sha).read("x") == b"1"
        assert repositories.checkout(local.url, old).commit.sha == old
        assert repositories.changed_paths(local.url, old, commit.sha) == {"x"}
        assert not fetching.done()

        server.release()
        with pytest.raises(SourceError):
            fetching.result(WAIT_S)


def test_a_server_that_stalls_is_given_up_before_the_whole_time_is_over(local: World) -> None:
    with serve_http(local.repo.remote.parent) as server:
        server.faults.hang = True
        repositories = local.repositories(GitOptions(stall_timeout_s=1))
        with pytest.raises(SourceError) as failed:
            repositories.fetch(server.url(local.repo.remote.name))
    assert failed.value.reason in ("half-answer", "unreachable")


def test_mirrors_that_somebody_removed_are_fetched_anew(local: World) -> None:
    local.repo.write("x", "1").commit()
    local.repo.push()
    repositories = local.fetched()
    sha = repositories.resolve(local.url, "main").sha
    repositories.checkout(local.url, sha).read("x")
    shutil.rmtree(local.folder / "mirrors")

    assert repositories.known(local.url) == {}
    repositories.fetch(local.url)

    assert repositories.known(local.url) == repositories.poll(local.url)
    assert repositories.checkout(local.url, sha).read("x") == b"1"


def test_a_fetch_whose_process_was_killed_ends_before_the_next_begins(
    local: World, tmp_path: Path
) -> None:
    local.fetched().close()
    with serve_http(local.repo.remote.parent) as server:
        url = server.url(local.repo.remote.name)
        server.faults.hang = True
        killed = subprocess.Popen([sys.executable, "-c", _FETCH, str(tmp_path / "mirrors"), url])
        assert server.hanging.wait(WAIT_S)
        killed.kill()
        killed.wait()
        lock = next(p for p in (tmp_path / "mirrors").glob("*.lock") if _is_locked(p))
        server.faults.hang = False
        server.release()
        repositories = local.repositories()
        repositories.fetch(url)

    assert not _is_locked(lock)
    assert repositories.known(url)["HEAD"] == local.repo.head()


def _is_locked(path: Path) -> bool:
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


_FETCH = """
import sys
from pathlib import Path
from gitops.source.repositories import GitRepositories
GitRepositories(Path(sys.argv[1])).fetch(sys.argv[2])
"""


@pytest.mark.parametrize("sha", ["main:refs/heads/evil", "--upload-pack=x", "1234", "g" * 40, "+"])
def test_only_a_whole_hash_is_asked_for(local: World, sha: str) -> None:
    repositories = local.fetched()
    with pytest.raises(SourceError, match="not the hash of a commit") as refused:
        repositories.fetch(local.url, sha=sha)
    assert refused.value.reason == "ref-missing"
