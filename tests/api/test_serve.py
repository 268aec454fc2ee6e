"""`gitops serve` as a process: how it starts, what it says, how it ends."""

import json
import os
import signal
import socket
from pathlib import Path

import httpx
import pytest

from tests.helpers.repo import GIT
from tests.helpers.serving import get, serving
from tests.helpers.waiting import WAIT_S

TOKEN = "a-token-of-the-team"


def test_it_starts_says_where_and_stops_politely(tmp_path: Path) -> None:
    with serving(tmp_path) as process:
        url = process.ready()
        assert get(f"{url}/api/v1/applications").json() == []
        with httpx.stream(
            "GET",
            f"{url}/api/v1/events",
            headers={"Accept": "text/event-stream"},
            timeout=WAIT_S,
            trust_env=False,
        ) as answer:
            lines = answer.iter_lines()
            next(lines)
            process.popen.send_signal(signal.SIGTERM)
            for _ in lines:
                pass
        assert process.end() == 0
        assert process.popen.stdout is not None
        assert process.popen.stdout.read() == ""
    events = [json.loads(line)["event"] for line in process.lines]
    assert events[0].startswith("listening on http://127.0.0.1:")
    assert events[-2:] == ["stopping", "stopped"]


def test_a_second_start_finds_its_state(tmp_path: Path) -> None:
    for _ in range(2):
        with serving(tmp_path) as process:
            process.ready()
            process.popen.send_signal(signal.SIGINT)
            assert process.end() == 0


def refused(folder: Path, *arguments: str, **settings: object) -> str:
    """Start what must not start; returns what it says."""
    with serving(folder, *arguments, **settings) as process:
        assert process.end() == 1
    assert "Traceback" not in "\n".join(process.lines)
    return process.lines[-1]


def test_without_a_token_it_listens_on_loopback_only(tmp_path: Path) -> None:
    for host in ("0.0.0.0", "::", "10.0.0.1", "gitops.example.com"):
        line = refused(tmp_path, server={"host": host, "port": 0})
        assert line.startswith(f"error: server.host: the service would listen on {host} without")
    assert "without a token" in refused(tmp_path, "--host", "0.0.0.0")


def test_a_token_opens_every_address_and_is_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    with serving(
        tmp_path, server={"host": "0.0.0.0", "port": 0, "tokenFile": str(file)}
    ) as process:
        port = process.ready().rpartition(":")[2]
        url = f"http://127.0.0.1:{port}/api/v1/applications"
        assert get(url).status_code == 401
        assert get(url, Authorization=f"Bearer {TOKEN}").status_code == 200
        process.popen.send_signal(signal.SIGTERM)
        assert process.end() == 0
    assert TOKEN not in "\n".join(process.lines)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"server": {"port": 0, "tokenFile": "/nowhere/token"}}, "/nowhere/token: cannot be read"),
        ({"colour": "red"}, "unknown setting colour"),
        ({"server": {"port": 99999}}, "server.port"),
        ({"cluster": {"kubeconfig": "/nowhere/kubeconfig"}, "server": {"port": 0}}, "/nowhere"),
    ],
)
def test_what_is_wrong_with_the_settings_is_one_sentence(
    tmp_path: Path, settings: dict[str, object], words: str
) -> None:
    assert words in refused(tmp_path, **settings)


def test_an_empty_token_file_is_no_token(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("\n")
    line = refused(tmp_path, server={"port": 0, "tokenFile": str(tmp_path / "token")})
    assert "the token is empty" in line


def test_a_port_in_use_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = refused(tmp_path, server={"port": port})
    assert f"cannot listen on 127.0.0.1:{port} (Address already in use); choose" in line


def test_two_services_do_not_share_a_state(tmp_path: Path) -> None:
    with serving(tmp_path) as process:
        process.ready()
        other = tmp_path / "other"
        other.mkdir()
        assert str(tmp_path / "state") in refused(other, "--state-dir", str(tmp_path / "state"))


def test_broken_declarations_do_not_stop_the_start(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("kind: Application\nmetadata: [")
    with serving(tmp_path, "--applications", str(tmp_path / "bad.yaml")) as process:
        process.ready()
        assert any("applications not read" in line for line in list(process.lines))


def test_what_it_starts_inherits_no_settings(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").write_text(f'#!/bin/sh\nenv >> {tmp_path}/"$1".env\nexec {GIT} "$@"')
    (tmp_path / "bin" / "git").chmod(0o755)
    environ = {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "GITOPS_SERVER__TOKEN": TOKEN,
        "GITOPS_TOKEN": TOKEN,
    }
    with serving(tmp_path, environ=environ) as process:
        url = f"{process.ready()}/api/v1/version"
        assert get(url, Authorization=f"Bearer {TOKEN}").status_code == 200
        process.stop()
    assert "GITOPS" not in (tmp_path / "--version.env").read_text()
