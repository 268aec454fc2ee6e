"""Credentials open repositories, wrong ones are told apart, and none is seen anywhere."""

import logging
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops.errors import SettingsError, SourceError
from gitops.scratch import private_folder
from gitops.source.credentials import Credential
from gitops.source.repositories import GitRepositories
from tests.helpers.gitserver import (
    NO_SSHD,
    HttpGit,
    SshGit,
    has_sshd,
    make_certificate,
    make_ssh_key,
    serve_http,
    serve_ssh,
)
from tests.helpers.gitworld import PASSWORD, World, make_world
from tests.helpers.waiting import WAIT_S

needs_sshd = pytest.mark.skipif(not has_sshd(), reason=NO_SSHD)


@pytest.fixture
def http(tmp_path: Path) -> Iterator[tuple[HttpGit, World]]:
    with make_world("file", tmp_path) as world, serve_http(world.repo.remote.parent) as server:
        world.url = server.url(world.repo.remote.name)
        yield server, world


@pytest.fixture
def ssh(tmp_path: Path) -> Iterator[tuple[SshGit, World]]:
    with (
        make_world("file", tmp_path) as world,
        serve_ssh(world.repo.remote.parent, tmp_path / "ssh") as server,
    ):
        world.url = server.url(world.repo.remote.name)
        yield server, world


def _refused(repositories: GitRepositories, url: str) -> SourceError:
    with pytest.raises(SourceError) as failed:
        repositories.poll(url)
    assert failed.value.reason == "refused"
    return failed.value


def test_a_bearer_token_opens(http: tuple[HttpGit, World]) -> None:
    server, world = http
    server.bearer = PASSWORD
    world.credentials.append(Credential(server.origin, bearer=PASSWORD))

    assert world.fetched().resolve(world.url, "main")


def test_credentials_in_the_url_open_and_are_split_off(http: tuple[HttpGit, World]) -> None:
    server, world = http
    server.password = PASSWORD
    repositories = world.repositories()
    url = world.url.replace("://", f"://git:{PASSWORD}@")

    repositories.fetch(url)

    assert repositories.checkout(url, repositories.resolve(url, "main").sha).repo_url == world.url
    assert repositories.known(world.url) == repositories.known(url)


def test_a_token_written_as_the_urls_user_opens(http: tuple[HttpGit, World]) -> None:
    server, world = http
    server.username, server.password = PASSWORD, ""
    server.faults.status = 0
    server.password = "x"

    failed = _refused(world.repositories(), world.url.replace("://", f"://{PASSWORD}@"))

    assert "does not accept the credentials" in failed.message
    assert PASSWORD not in str(failed)
    assert any(authorization.startswith("Basic ") for _, _, authorization in server.requests)


def test_without_credentials_the_remedy_is_to_configure_some(http: tuple[HttpGit, World]) -> None:
    server, world = http
    server.password = PASSWORD

    failed = _refused(world.repositories(), world.url)

    assert "none are configured" in failed.message
    assert "configure a credential" in str(failed)


@pytest.mark.parametrize("wrong", [{"password": "old-token"}, {"bearer": "old-token"}])
def test_wrong_credentials_are_not_accepted_and_the_mirror_stays(
    http: tuple[HttpGit, World], wrong: dict[str, str]
) -> None:
    server, world = http
    before = world.fetched().known(world.url)
    server.password = PASSWORD
    world.credentials.append(Credential(server.origin, **wrong))
    repositories = world.repositories()

    failed = _refused(repositories, world.url)
    with pytest.raises(SourceError):
        repositories.fetch(world.url)

    assert "does not accept the credentials" in failed.message
    assert "old-token" not in str(failed)
    assert repositories.known(world.url) == before


def test_the_longest_prefix_wins_and_prefixes_end_at_slashes(http: tuple[HttpGit, World]) -> None:
    server, world = http
    server.password = PASSWORD
    world.credentials += [
        Credential(server.origin, password="wrong"),
        Credential(f"{server.origin}/rep", password="wrong"),
        Credential(f"{server.origin}/repo.git", password=PASSWORD),
    ]
    assert world.repositories().poll(world.url)


@pytest.mark.parametrize("credential", [{"password": PASSWORD}, {"bearer": PASSWORD}])
def test_a_redirect_to_another_host_gets_no_credentials(
    http: tuple[HttpGit, World], credential: dict[str, str]
) -> None:
    server, world = http
    with serve_http(world.repo.remote.parent) as elsewhere:
        elsewhere.password = "something"
        server.faults.redirect = elsewhere.origin
        world.credentials.append(Credential(server.origin, **credential))

        _fails(world.repositories(), world.url)

        assert [authorization for _, _, authorization in elsewhere.requests if authorization] == []


def _fails(repositories: GitRepositories, url: str) -> SourceError:
    with pytest.raises(SourceError) as failed:
        repositories.poll(url)
    return failed.value


def test_a_certificate_authority_is_needed_and_enough(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path / "tls")
    with (
        make_world("file", tmp_path) as world,
        serve_http(world.repo.remote.parent, certificate) as server,
    ):
        server.password = PASSWORD
        url = server.url(world.repo.remote.name)
        failed = _refused(world.repositories(), url)
        assert "TLS certificate is not trusted" in failed.message

        pem = certificate.certificate.read_text()
        for number, ca in enumerate((pem, certificate.certificate)):
            world.credentials = [Credential(server.origin, password=PASSWORD, ca=ca)]
            assert world.repositories(name=f"m{number}").poll(url)


@needs_sshd
def test_an_unknown_host_key_is_refused_with_the_way_to_get_it(
    ssh: tuple[SshGit, World], tmp_path: Path
) -> None:
    server, world = ssh
    hosts = tmp_path / "empty"
    hosts.touch()
    world.credentials = [Credential(server.origin, ssh_key=server.key, known_hosts=hosts)]

    failed = _refused(world.repositories(), world.url)

    assert "host key is not known" in failed.message
    assert "ssh-keyscan" in str(failed)


@needs_sshd
def test_a_changed_host_key_is_refused(ssh: tuple[SshGit, World], tmp_path: Path) -> None:
    server, world = ssh
    make_ssh_key(tmp_path / "other")
    kind, key = (tmp_path / "other.pub").read_text().split()[:2]
    hosts = f"[127.0.0.1]:{server.port} {kind} {key}\n"
    world.credentials = [Credential(server.origin, ssh_key=server.key, known_hosts=hosts)]

    failed = _refused(world.repositories(), world.url)

    assert "not the one that is known" in failed.message


@needs_sshd
def test_a_wrong_ssh_key_is_not_accepted(ssh: tuple[SshGit, World], tmp_path: Path) -> None:
    server, world = ssh
    other = make_ssh_key(tmp_path / "other")
    for key, sentence in ((other, "does not accept the SSH key"), ("no key", "SSH key")):
        world.credentials = [Credential(server.origin, ssh_key=key, known_hosts=server.known_hosts)]
        assert sentence in _refused(world.repositories(), world.url).message


@needs_sshd
def test_an_ssh_key_in_a_file_opens(ssh: tuple[SshGit, World], tmp_path: Path) -> None:
    server, world = ssh
    place = tmp_path / "a folder with 100% blanks"
    place.mkdir()
    (place / "key").write_text(server.key)
    (place / "key").chmod(0o600)
    (place / "hosts").write_text(server.known_hosts)
    world.credentials = [
        Credential(server.origin, ssh_key=place / "key", known_hosts=place / "hosts")
    ]

    assert world.fetched().resolve(world.url, "main")


@needs_sshd
def test_a_repository_that_the_ssh_server_lacks_is_a_sentence(ssh: tuple[SshGit, World]) -> None:
    server, world = ssh
    world.credentials = [
        Credential(server.origin, ssh_key=server.key, known_hosts=server.known_hosts)
    ]
    failed = _fails(world.repositories(), server.url("nothing.git"))
    assert failed.reason == "unreachable"
    assert "no Git repository" in failed.message


@needs_sshd
def test_key_files_are_gone_after_each_command(ssh: tuple[SshGit, World]) -> None:
    server, world = ssh
    world.credentials = [
        Credential(server.origin, ssh_key=server.key, known_hosts=server.known_hosts)
    ]
    repositories = world.fetched()
    repositories.poll(world.url)

    assert list((repositories.directory / "keys").iterdir()) == []
    assert _files_with(repositories.directory, server.key.splitlines()[2]) == []


def test_key_files_of_a_killed_process_go_at_the_start(tmp_path: Path) -> None:
    left = tmp_path / "mirrors" / "keys" / "left"
    left.mkdir(parents=True)
    (left / "key").write_text("secret")
    with private_folder("used-", left.parent) as used:
        GitRepositories(tmp_path / "mirrors").close()
        assert list(left.parent.iterdir()) == [used]


@pytest.mark.parametrize("kind", ["password", "bearer", "url"])
def test_a_planted_token_is_found_nowhere(
    http: tuple[HttpGit, World], kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    server, world = http
    caplog.set_level(logging.DEBUG)
    url = world.url
    if kind == "bearer":
        server.bearer = PASSWORD
        world.credentials.append(Credential(server.origin, bearer=PASSWORD))
    else:
        server.password = PASSWORD
        if kind == "password":
            world.credentials.append(Credential(server.origin, password=PASSWORD))
        else:
            url = url.replace("://", f"://git:{PASSWORD}@")
    repositories = world.repositories()
    repositories.fetch(url)

    server.faults.hang = True
    failures: list[str] = []

    def fetch() -> None:
        try:
            repositories.fetch(url)
        except SourceError:
            failures.append(traceback.format_exc())

    thread = threading.Thread(target=fetch)
    thread.start()
    assert server.hanging.wait(WAIT_S)
    arguments = _all_arguments()
    server.release()
    thread.join()

    assert "git" in arguments
    assert PASSWORD not in arguments
    assert failures
    assert PASSWORD not in failures[0]
    assert PASSWORD not in caplog.text
    assert _files_with(repositories.directory, PASSWORD) == []
    assert PASSWORD not in repr(world.credentials)
    assert server.requests[-1][2] or kind != "bearer"


def _all_arguments() -> str:
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            found.append((place / "cmdline").read_bytes().decode(errors="replace"))
        except OSError:
            continue
    return "\n".join(found)


def _files_with(folder: Path, text: str) -> list[Path]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if text.encode() in path.read_bytes()]


def test_only_the_owner_may_read_the_mirrors(tmp_path: Path) -> None:
    GitRepositories(tmp_path / "mirrors").close()
    assert (tmp_path / "mirrors").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"url_prefix": "not a url"}, "cannot be read"),
        (
            {"url_prefix": "https://h", "password": "a", "bearer": "b"},
            "both a password and a bearer",
        ),
        ({"url_prefix": "https://h", "bearer": "a\r\nX-Evil: 1"}, "line break"),
    ],
)
def test_a_credential_that_cannot_be_used_is_refused(given: dict[str, str], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        Credential(**given)
