"""`gitops cluster` as people and scripts use it."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gitops.controlplane.build import OWN_TOOLS_VARIABLE, pin
from gitops.controlplane.processes import ControlPlane
from tests.helpers.controlplane import eventually
from tests.helpers.waiting import WAIT_S

Run = Callable[..., subprocess.CompletedProcess[str]]
COMMAND = [sys.executable, "-m", "gitops", "cluster"]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """The command, with a directory of the test's own; nothing runs afterwards."""
    monkeypatch.setenv("GITOPS_CLUSTER", str(tmp_path / "c"))

    def call(*args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *args], capture_output=True, text=True, check=False, timeout=WAIT_S
        )

    yield call
    ControlPlane(tmp_path / "c").stop()


def test_it_starts_shows_itself_and_stops(run: Run, tmp_path: Path) -> None:
    started = run("start")
    assert started.returncode == 0, started.stderr
    assert "the control plane is ready in" in started.stdout
    assert f"export KUBECONFIG={tmp_path}/c/kubeconfig" in started.stdout
    assert "already running" in run("start").stdout

    table = run("status")
    assert table.returncode == 0
    assert table.stdout.startswith("ready: https://127.0.0.1:")
    assert table.stdout.count("running") == 5
    facts = json.loads(run("status", "-o", "json").stdout)
    assert facts["ready"] is True
    assert {c["state"] for c in facts["components"]} == {"running"}

    path = run("kubeconfig").stdout.strip()
    assert path == f"{tmp_path}/c/kubeconfig"
    assert run("kubeconfig", "--raw").stdout == Path(path).read_text()

    assert run("stop").stdout == f"stopped in {tmp_path}/c\n"
    assert run("stop").stdout == f"nothing runs in {tmp_path}/c\n"
    stopped = run("status", "-o", "json")
    assert stopped.returncode == 1
    assert json.loads(stopped.stdout)["running"] is False
    assert "the directory is removed" in run("stop", "--purge").stdout
    assert not (tmp_path / "c").exists()


def test_in_the_foreground_it_ends_with_ctrl_c(run: Run, tmp_path: Path) -> None:
    command = [*COMMAND, "start", "--foreground", "--audit", "-o", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        plane = ControlPlane(tmp_path / "c")
        eventually(lambda: plane.status().ready)
        assert plane.audit_log.exists()
        process.send_signal(signal.SIGINT)
        assert process.wait(WAIT_S) == 0
        assert process.stdout is not None
        assert json.loads(process.stdout.read())["url"].startswith("https://127.0.0.1:")
    assert not plane.status().running


def test_in_the_foreground_a_stop_from_elsewhere_is_told(run: Run, tmp_path: Path) -> None:
    command = [*COMMAND, "start", "--foreground"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        eventually(lambda: ControlPlane(tmp_path / "c").status().ready)
        run("stop")
        _, told = process.communicate(timeout=WAIT_S)
    assert process.returncode == 1
    assert b"the control plane was stopped from elsewhere" in told


def test_a_kubeconfig_that_was_never_made_is_an_error(run: Run, tmp_path: Path) -> None:
    answer = run("kubeconfig")
    assert answer.returncode == 1
    assert answer.stderr == (
        f"error: {tmp_path}/c: no control plane was ever started here; "
        "start it with `gitops cluster start`\n"
    )
    assert run("status").stdout == f"no control plane runs in {tmp_path}/c\n"


def test_the_programs_and_their_origin_are_listed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(OWN_TOOLS_VARIABLE, "1")
    found = json.loads(run("build", "-o", "json").stdout)
    assert found["pin"] == pin()
    assert {program["origin"] for program in found["programs"]} == {"embedded"}
    assert [program["name"] for program in found["programs"]][3] == "etcd"
    assert "kube-scheduler" in run("build").stdout
