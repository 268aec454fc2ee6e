"""Where `gitops cluster` keeps things, and what it prints."""

from pathlib import Path

import pytest

from gitops.cli import cluster
from gitops.controlplane.processes import Status
from gitops.controlplane.state import Component


@pytest.mark.parametrize(
    ("env", "directory"),
    [
        ({"GITOPS_CLUSTER": "/here", "XDG_STATE_HOME": "/x"}, Path("/here")),
        ({"XDG_STATE_HOME": "/x"}, Path("/x/gitops/cluster")),
        ({}, Path.home() / ".local" / "state" / "gitops" / "cluster"),
    ],
    ids=["ours", "xdg", "home"],
)
def test_the_directory_does_not_depend_on_the_folder(
    monkeypatch: pytest.MonkeyPatch, env: dict[str, str], directory: Path
) -> None:
    for name in ("GITOPS_CLUSTER", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert cluster.default_directory() == directory


def test_a_paused_process_is_shown_without_a_pid() -> None:
    found = Status(
        directory=Path("/d"),
        running=True,
        ready=False,
        url="https://127.0.0.1:1",
        kubeconfig=Path("/d/kubeconfig"),
        components=(Component("etcd", "running", 7, 1), Component("kwok", "paused")),
    )
    assert cluster.describe(found).splitlines() == [
        "starting: https://127.0.0.1:1",
        "kubeconfig: /d/kubeconfig",
        "",
        "PROCESS   STATE     PID   RESTARTS",
        "etcd      running   7     1",
        "kwok      paused          0",
    ]
