"""What is wrong with a server or its answer is one sentence, and the last good state stays."""

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops.errors import SourceError
from gitops.source.options import GitOptions
from gitops.source.repositories import GitRepositories
from tests.helpers.gitserver import HttpGit, serve_http
from tests.helpers.gitshim import GitShim
from tests.helpers.gitworld import World, make_world
from tests.helpers.repo import Repo
from tests.helpers.waiting import WAIT_S


@pytest.fixture
def http(tmp_path: Path) -> Iterator[tuple[HttpGit, World]]:
    """A server without credentials, and a mirror that has fetched once."""
    with make_world("file", tmp_path) as world, serve_http(world.repo.remote.parent) as server:
        world.url = server.url(world.repo.remote.name)
        yield server, world


@pytest.fixture
def local(tmp_path: Path) -> Iterator[World]:
    with make_world("file", tmp_path) as made:
        yield made


def _big_commit(repo: Repo) -> str:
    """A commit whose pack is large enough to be cut."""
    repo.write("big", os.urandom(300_000).hex())
    sha = repo.commit("Big")
    repo.push()
    return sha


def _fails_and_stays(repositories: GitRepositories, url: str) -> SourceError:
    """Fetch, which fails; everything that was known is still there."""
    before = repositories.known(url)
    sha = repositories.resolve(url, "main").sha
    with pytest.raises(SourceError) as failed:
        repositories.fetch(url)
    assert repositories.known(url) == before
    assert repositories.checkout(url, sha).read("app/deployment.yaml") == b"kind: Deployment\n"
    return failed.value


@pytest.mark.parametrize("cut", [0, 60, 5000, 200_000])
def test_an_answer_that_breaks_off_changes_nothing(http: tuple[HttpGit, World], cut: int) -> None:
    server, world = http
    repositories = world.fetched()
    sha = _big_commit(world.repo)
    server.faults.cut_after = cut

    assert _fails_and_stays(repositories, world.url).reason == "half-answer"

    server.faults.cut_after = None
    repositories.fetch(world.url)
    assert repositories.resolve(world.url, "main").sha == sha


def test_a_branch_that_goes_while_the_answer_breaks_off_is_still_there(
    http: tuple[HttpGit, World],
) -> None:
    server, world = http
    world.repo.branch("doomed").push()
    repositories = world.fetched()
    world.repo.delete("doomed")
    _big_commit(world.repo)
    server.faults.cut_after = 4000

    _fails_and_stays(repositories, world.url)


def test_a_damaged_answer_changes_nothing(http: tuple[HttpGit, World]) -> None:
    server, world = http
    repositories = world.fetched()
    _big_commit(world.repo)
    server.faults.garble = True

    assert _fails_and_stays(repositories, world.url).reason == "half-answer"


@pytest.mark.parametrize(
    ("status", "reason", "sentence"),
    [
        (500, "unreachable", "the server has a fault"),
        (503, "unreachable", "the server has a fault"),
        (429, "unreachable", "limits how often"),
        (404, "unreachable", "no Git repository at this address"),
        (403, "refused", "do not give the right"),
    ],
)
def test_a_status_is_a_sentence(
    http: tuple[HttpGit, World], status: int, reason: str, sentence: str
) -> None:
    server, world = http
    repositories = world.fetched()
    server.faults.status = status

    failed = _fails_and_stays(repositories, world.url)

    assert failed.reason == reason
    assert sentence in failed.message
    assert failed.where == world.url
    assert failed.remedy


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        ("<html>Please sign in</html>", "half-answer"),
        ("<html>\nPlease\tsign in\n</html>\n", "unreachable"),
        ("", "half-answer"),
    ],
)
def test_a_web_page_is_no_repository(http: tuple[HttpGit, World], page: str, reason: str) -> None:
    server, world = http
    repositories = world.fetched()
    server.faults.page = page

    assert _fails_and_stays(repositories, world.url).reason == reason
    with pytest.raises(SourceError) as failed:
        repositories.poll(world.url)
    assert failed.value.reason == reason


def test_a_repository_that_was_emptied_keeps_the_last_good_state(local: World) -> None:
    repositories = local.fetched()
    (local.repo.remote / "HEAD").write_text("ref: refs/heads/none\n")
    local.repo.delete("main")

    failed = _fails_and_stays(repositories, local.url)

    assert "names no branches and tags any more" in failed.message


def test_a_default_branch_that_went_leaves_the_others(local: World) -> None:
    local.repo.branch("dev").push()
    repositories = local.fetched()
    (local.repo.remote / "HEAD").write_text("ref: refs/heads/none\n")
    local.repo.delete("main")

    repositories.fetch(local.url)

    assert set(repositories.known(local.url)) == {"refs/heads/dev"}
    with pytest.raises(SourceError, match="no branch or tag `HEAD`"):
        repositories.resolve(local.url, "HEAD")


def test_a_server_that_hangs_is_given_up(http: tuple[HttpGit, World]) -> None:
    server, world = http
    world.fetched()
    server.faults.hang = True
    repositories = world.repositories(GitOptions(poll_timeout_s=0.5, fetch_timeout_s=0.5))

    with pytest.raises(SourceError, match=r"0\.5 s") as failed:
        repositories.poll(world.url)

    assert failed.value.reason == "timeout"
    assert _fails_and_stays(repositories, world.url).reason == "timeout"
    assert _git_processes(world.url) == []


def test_closing_ends_what_hangs(http: tuple[HttpGit, World]) -> None:
    server, world = http
    server.faults.hang = True
    repositories = world.repositories()
    failures: list[SourceError] = []

    def poll() -> None:
        try:
            repositories.poll(world.url)
        except SourceError as error:
            failures.append(error)

    thread = threading.Thread(target=poll)
    thread.start()
    assert server.hanging.wait(WAIT_S)
    repositories.close()
    thread.join(WAIT_S)

    assert len(failures) == 1
    assert _git_processes(world.url) == []


def _git_processes(url: str) -> list[str]:
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            command = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if url in command:
            found.append(command)
    return found


def test_a_server_that_is_away_and_comes_back(local: World) -> None:
    repositories = local.fetched()
    away = local.repo.remote.with_name("away.git")
    local.repo.remote.rename(away)

    failed = _fails_and_stays(repositories, local.url)
    assert failed.reason == "unreachable"
    assert "no Git repository at this address" in failed.message

    away.rename(local.repo.remote)
    repositories.fetch(local.url)


def test_a_closed_port_is_unreachable(local: World) -> None:
    with socket.socket() as closed:  # bound and not listening: nobody else gets the port meanwhile
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        for url in (f"http://127.0.0.1:{port}/x.git", f"ssh://git@127.0.0.1:{port}/x.git"):
            with pytest.raises(SourceError, match="cannot be reached") as failed:
                local.repositories().poll(url)
            assert failed.value.reason == "unreachable"


def test_a_host_that_does_not_exist_is_unreachable(local: World) -> None:
    with pytest.raises(SourceError, match="cannot be reached") as failed:
        local.repositories().poll("https://no-such-host.invalid/x.git")
    assert failed.value.reason == "unreachable"


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c touch% /tmp/x",
        "--upload-pack=touch",
        "git://host/x",
        "relative/path",
        "",
        "fd::3",
    ],
)
def test_other_transports_and_options_are_refused_before_git_starts(
    local: World, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shim = GitShim(tmp_path / "shim")
    shim.install(monkeypatch)
    with pytest.raises(SourceError, match="repository URL cannot be used") as failed:
        local.repositories().poll(url)
    assert failed.value.reason == "refused"
    assert shim.calls() == []


def test_local_repositories_can_be_forbidden(local: World) -> None:
    repositories = local.repositories(GitOptions(local_repositories=False))
    for url in (local.url, str(local.repo.remote)):
        with pytest.raises(SourceError, match="cannot be used"):
            repositories.fetch(url)


def test_a_missing_git_is_a_sentence(local: World, monkeypatch: pytest.MonkeyPatch) -> None:
    repositories = local.repositories()
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SourceError, match="git was not found on PATH"):
        repositories.poll(local.url)


def test_a_list_of_references_beyond_its_limit_is_refused(local: World) -> None:
    for number in range(30):
        local.repo.branch(f"b{number}")
    local.repo.push()
    with pytest.raises(SourceError, match="larger than its limit") as failed:
        local.repositories(GitOptions(max_output_bytes=1000)).poll(local.url)
    assert failed.value.reason == "limit"


def test_a_server_that_broke_leaves_the_mirror_alone(local: World) -> None:
    repositories = local.fetched()
    sha = _big_commit(local.repo)
    kind = local.repo.remote / "objects" / sha[:2] / sha[2:]
    for loose in (local.repo.remote / "objects").glob("??/*"):
        if loose == kind:
            continue
        loose.chmod(0o644)
        loose.write_bytes(b"rot")

    _fails_and_stays(repositories, local.url)

    assert not list((local.folder / "mirrors").glob("*.broken"))


def test_an_object_that_is_damaged_on_disk_is_a_sentence(local: World) -> None:
    repositories = local.fetched()
    sha = local.repo.git("rev-parse", "HEAD:app/deployment.yaml")
    mirror = next((local.folder / "mirrors").glob("*.git"))
    loose = mirror / "objects" / sha[:2] / sha[2:]
    loose.chmod(0o644)
    loose.write_bytes(b"")

    with pytest.raises(SourceError, match="remove this folder"):
        repositories.checkout(local.url, local.repo.head()).read("app/deployment.yaml")


def test_a_full_disk_is_named_and_the_mirror_stays(local: World) -> None:
    repositories = local.fetched()
    _big_commit(local.repo)
    mirror = next((local.folder / "mirrors").glob("*.git"))
    # A limit of the file's size, as a full disk is; inherited by git alone.
    script = local.folder / "limited" / "git"
    script.parent.mkdir()
    real = GitShim(local.folder / "unused")
    script.write_text(f'#!/bin/sh\nulimit -f 100\ntrap "" XFSZ\nexec {real.folder}/git "$@"\n')
    script.chmod(0o755)
    path = os.environ["PATH"]
    os.environ["PATH"] = f"{script.parent}{os.pathsep}{path}"
    try:
        failed = _fails_and_stays(repositories, local.url)
    finally:
        os.environ["PATH"] = path

    assert failed.reason == "disk-full"
    assert mirror.exists()
    repositories.fetch(local.url)


def test_a_git_environment_around_the_service_takes_no_part(
    local: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Repo.create(local.folder / "other")
    other.write("f", "1").commit()
    other.push()
    monkeypatch.setenv("GIT_DIR", str(other.remote))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(other.remote / "objects"))
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", f"'url.{other.url}.insteadOf={local.url}'")
    monkeypatch.setenv("GIT_SSL_NO_VERIFY", "1")

    repositories = local.fetched()

    assert repositories.resolve(local.url, "main").message == "First commit"
    assert repositories.poll(local.url) == repositories.known(local.url)


def test_a_repository_around_the_mirrors_takes_no_part(local: World, tmp_path: Path) -> None:
    around = Repo.create(tmp_path / "around")
    around.git("config", "url./nowhere.insteadOf", local.url)
    repositories = local.repositories(name=str(around.work / "state"))

    repositories.fetch(local.url)

    assert repositories.poll(local.url) == repositories.known(local.url)
