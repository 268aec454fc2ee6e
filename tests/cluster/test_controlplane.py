"""The embedded control plane lives, dies and comes back as promised."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gitops.controlplane.processes import ControlPlane
from gitops.errors import ControlPlaneError
from tests.helpers.controlplane import AuditLog, Kubectl, eventually, start_control_plane

HOLD = """
import sys
from pathlib import Path
from gitops.controlplane.processes import ControlPlane
plane = ControlPlane.start(Path(sys.argv[1]), unsafe_no_fsync=True, detach=len(sys.argv) > 2)
print("started", flush=True)
sys.stdin.read()
"""

LATE = """
import os, signal, sys
from pathlib import Path
from gitops.controlplane.build import Binaries
from gitops.controlplane.components import Options
from gitops.controlplane.state import Layout
from gitops.controlplane.supervise import StopError, Supervisor

class Late(set):
    def __and__(self, other):
        found = set(self) & other
        os.kill(os.getpid(), signal.SIGTERM)
        return found

here = Path(sys.argv[1])
supervisor = Supervisor(Layout(here), Binaries.of(here), Options(False, False, False))
supervisor._signals = Late({signal.SIGHUP})
supervisor._wait(0)
try:
    supervisor._wait(0)
except StopError:
    print("stopped")
"""


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that is dead and not yet collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def pids(plane: ControlPlane) -> list[int]:
    return [c.pid for c in plane.status().components if c.pid is not None]


@contextlib.contextmanager
def holder(directory: Path, *more: str) -> Iterator[subprocess.Popen[str]]:
    """Another Python process that started a control plane and keeps it."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(directory), *more],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "started\n"
            yield process
        finally:
            process.kill()


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane that these tests may hurt."""
    with start_control_plane(tmp_path_factory.mktemp("own")) as plane:
        yield plane


def test_the_audit_log_counts_every_request(audit: AuditLog, control_plane: ControlPlane) -> None:
    mark = audit.mark()
    control_plane.call("GET", "/api/v1/nodes")
    control_plane.call("GET", "/api/v1/nodes/node-1")
    asked = [(e["verb"], e["requestURI"]) for e in audit.since(mark, user="admin")]
    assert asked == [("list", "/api/v1/nodes"), ("get", "/api/v1/nodes/node-1")]


def test_the_service_has_a_name_of_its_own_in_the_audit_log(
    audit: AuditLog, control_plane: ControlPlane
) -> None:
    mark = audit.mark()
    Kubectl(control_plane.kubeconfig_of("gitops"))("get", "--raw", "/api/v1/nodes")
    control_plane.call("GET", "/api/v1/namespaces")
    assert [e["requestURI"] for e in audit.since(mark, user="gitops")] == ["/api/v1/nodes"]


def test_a_refused_request_says_why(control_plane: ControlPlane) -> None:
    with pytest.raises(ControlPlaneError, match=r'nodes "none" not found'):
        control_plane.call("GET", "/api/v1/nodes/none")


def test_without_a_token_the_server_gives_nothing(control_plane: ControlPlane) -> None:
    answer = Kubectl(control_plane.kubeconfig).try_("--token=wrong", "get", "secrets")
    assert answer.returncode != 0
    assert "You must be logged in" in answer.stderr


def test_rbac_binds_service_accounts(kubectl: Kubectl, namespace: str) -> None:
    eventually(lambda: kubectl.try_("-n", namespace, "get", "sa", "default").returncode == 0)
    token = kubectl("-n", namespace, "create", "token", "default").strip()
    as_account = ("--token", token, "-n", namespace)
    refused = kubectl.try_(*as_account, "get", "configmaps")
    assert f"system:serviceaccount:{namespace}:default" in refused.stderr
    kubectl(
        *("-n", namespace, "create", "rolebinding", "view", "--clusterrole=view"),
        f"--serviceaccount={namespace}:default",
    )
    assert "kube-root-ca.crt" in eventually(
        lambda: kubectl.try_(*as_account, "get", "configmaps").stdout
    )


def test_a_second_start_finds_the_first(own: ControlPlane) -> None:
    before = pids(own)
    again = ControlPlane.start(own.directory)
    with again:  # what did not start it does not stop it
        assert (again.url, again.token) == (own.url, own.token)
    assert ControlPlane.attach(own.directory).status().ready
    assert pids(own) == before


def test_the_api_server_restarts_on_the_same_port_with_the_same_data(own: ControlPlane) -> None:
    url, before = own.url, own.status()
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept"}}
    own.call("POST", "/api/v1/namespaces/default/configmaps", body)
    own.restart_apiserver()
    assert own.url == url
    assert own.call("GET", "/api/v1/namespaces/default/configmaps/kept")["kind"] == "ConfigMap"
    others = {c.name: c.pid for c in before.components if c.name != "kube-apiserver"}
    after = {c.name: c.pid for c in own.status().components}
    assert {name: after[name] for name in others} == others


def test_a_paused_api_server_refuses_until_it_is_resumed(own: ControlPlane) -> None:
    own.pause()
    states = {c.name: c.state for c in own.status().components}
    assert states["kube-apiserver"] == "paused"
    with pytest.raises(OSError, match="refused"):
        own.call("GET", "/readyz")
    own.resume()
    own.call("GET", "/api/v1/nodes")


def test_a_frozen_api_server_answers_nobody_until_it_thaws(own: ControlPlane) -> None:
    own.freeze()
    try:
        with pytest.raises(OSError, match="timed out"):
            urllib.request.urlopen(own.url, timeout=0.3)
    finally:
        own.thaw()
    own.call("GET", "/api/v1/nodes")


@pytest.mark.parametrize("component", ["kube-apiserver", "etcd", "kwok"])
def test_what_dies_is_started_again(own: ControlPlane, component: str) -> None:
    before = {c.name: c for c in own.status().components}[component]
    own.kill(component)
    own.wait_ready()
    after = {c.name: c for c in own.status().components}[component]
    assert after.restarts == before.restarts + 1
    own.call("GET", "/api/v1/nodes")


def test_only_the_owner_can_read_secrets(own: ControlPlane) -> None:
    private = [own.kubeconfig, *(own.directory / "pki").iterdir()]
    assert [path for path in private if path.stat().st_mode & 0o077] == []
    assert own.directory.stat().st_mode & 0o077 == 0
    command_lines = [Path(f"/proc/{pid}/cmdline").read_text() for pid in pids(own)]
    assert not [line for line in command_lines if own.token in line]


def test_two_at_once_and_a_clean_stop_and_a_start_where_it_was(tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(start_control_plane, [tmp_path / "a", tmp_path / "b"])
    with first, second:
        assert first.url != second.url
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kept"}}
        first.call("POST", "/api/v1/namespaces", body)
        with pytest.raises(ControlPlaneError, match="not found"):
            second.call("GET", "/api/v1/namespaces/kept")
        running, url = pids(first), first.url
        assert len(running) == 5
    assert [pid for pid in running if is_alive(pid)] == []
    assert first.status().running is False
    with pytest.raises(ControlPlaneError) as caught:
        ControlPlane.attach(tmp_path / "a")
    assert caught.value.reason == "stopped"
    with start_control_plane(tmp_path / "a") as again:
        assert again.url == url
        assert again.call("GET", "/api/v1/namespaces/kept")["metadata"]["name"] == "kept"
    again.purge()
    assert not (tmp_path / "a").exists()


def test_two_starts_of_one_directory_make_one_control_plane(tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(start_control_plane, [tmp_path / "c", tmp_path / "c"])
    with first, second:
        assert first.url == second.url
        assert first.status().ready
    assert not first.status().running


def test_nothing_is_left_when_the_one_who_started_it_is_killed(tmp_path: Path) -> None:
    with holder(tmp_path / "c") as process:
        plane = ControlPlane.attach(tmp_path / "c")
        running = pids(plane)
        process.kill()
        eventually(lambda: not plane.status().running, "the supervisor to end")
    assert [pid for pid in running if is_alive(pid)] == []


def test_nothing_is_left_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    with holder(tmp_path / "c"):
        plane = ControlPlane.attach(tmp_path / "c")
        running, url = pids(plane), plane.url
        os.kill(int((tmp_path / "c" / "lock").read_text()), signal.SIGKILL)
        eventually(lambda: not any(is_alive(pid) for pid in running), "the processes to end")
        assert not plane.status().running
        with start_control_plane(tmp_path / "c") as again:
            assert again.url == url


def test_detached_it_outlives_the_one_who_started_it(tmp_path: Path) -> None:
    with holder(tmp_path / "c", "--detach") as process:
        plane = ControlPlane.attach(tmp_path / "c")
        process.kill()
        process.wait()
    running = pids(plane)
    plane.call("GET", "/api/v1/nodes")
    plane.stop()
    assert [pid for pid in running if is_alive(pid)] == []


def test_a_taken_port_is_given_up(tmp_path: Path, own: ControlPlane) -> None:
    port = int(own.url.rsplit(":", 1)[1])
    (tmp_path / "c").mkdir()
    known = {"ports": {"apiserver": port, "etcd": 1, "etcd-peer": 2}, "components": []}
    (tmp_path / "c" / "state.json").write_text(json.dumps(known))
    with start_control_plane(tmp_path / "c") as plane:
        assert plane.url != own.url


def test_a_start_that_cannot_work_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "c" / "etcd").mkdir(parents=True)
    (tmp_path / "c" / "etcd" / "member").write_text("not a folder")
    with pytest.raises(ControlPlaneError) as caught:
        start_control_plane(tmp_path / "c")
    assert caught.value.message.startswith("etcd did not start: ")
    assert caught.value.where == str(tmp_path / "c" / "logs" / "etcd.log")
    assert not ControlPlane(tmp_path / "c").status().running


@pytest.mark.parametrize(
    "act",
    [
        lambda plane: plane.pause(),
        lambda plane: plane.kill(),
        lambda plane: plane.freeze(),
        lambda plane: plane.url,
        lambda plane: plane.token,
    ],
    ids=["pause", "kill", "freeze", "url", "token"],
)
def test_what_does_not_run_cannot_be_used(tmp_path: Path, act) -> None:
    (tmp_path / "paused").mkdir()
    with pytest.raises(ControlPlaneError) as caught:
        act(ControlPlane(tmp_path))
    assert caught.value.reason == "stopped"


def test_a_signal_that_comes_while_another_is_looked_at_is_not_lost(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LATE, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "stopped\n"


def test_stop_of_what_does_not_run_does_nothing(tmp_path: Path) -> None:
    ControlPlane(tmp_path).stop()
    ControlPlane(tmp_path).purge()
    assert tmp_path.exists()
