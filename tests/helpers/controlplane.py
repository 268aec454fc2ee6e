"""A real control plane for tests: one a worker, started when a test first asks for it.

Fixtures: `control_plane` (session), `kubectl` (session), `namespace` (fresh for each test) and
`audit` (what the API server was asked). Start one of your own with `start_control_plane(folder)`
where a test breaks it.
"""

import json
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any, TypeVar

import pytest
import yaml

from gitops.controlplane import build
from gitops.controlplane.processes import ControlPlane
from tests.helpers.waiting import WAIT_S

T = TypeVar("T")


class Kubectl:
    """Our own kubectl against one control plane: `kubectl("get", "pods") -> str`."""

    def __init__(self, kubeconfig: Path) -> None:
        found = build.find_or_build(embedded=True)
        self._command = [str(found.kubectl), f"--kubeconfig={kubeconfig}"]
        self._env = {"PATH": "/usr/bin:/bin", "HOME": str(kubeconfig.parent)}

    def __call__(self, *args: str, input: str | None = None) -> str:  # noqa: A002 - subprocess's word
        """Standard output; an AssertionError with kubectl's words where it fails."""
        answer = self.try_(*args, input=input)
        assert answer.returncode == 0, f"kubectl {' '.join(args)}: {answer.stderr}"
        return answer.stdout

    def try_(self, *args: str, input: str | None = None) -> subprocess.CompletedProcess[str]:  # noqa: A002 - as above
        """The whole answer, whatever its code."""
        return subprocess.run(
            [*self._command, *args],
            input=input,
            capture_output=True,
            text=True,
            timeout=2 * WAIT_S,
            check=False,
            env=self._env,
        )

    def json(self, *args: str) -> Any:
        """`get` and the like, read from `-o json`."""
        return json.loads(self(*args, "-o", "json"))

    def apply(self, *objects: dict[str, Any] | str, namespace: str | None = None) -> str:
        """`apply -f -` of bodies or YAML texts, client-side as people do."""
        texts = [body if isinstance(body, str) else yaml.safe_dump(body) for body in objects]
        where = ["-n", namespace] if namespace else []
        return self(*where, "apply", "-f", "-", input="\n---\n".join(texts))

    def wait(self, condition: str, *args: str, timeout_s: float = WAIT_S) -> str:
        """`wait --for=<condition>`: a condition, `jsonpath=…`, `delete`, `create`."""
        return self("wait", f"--for={condition}", f"--timeout={timeout_s}s", *args)


def eventually(ask: Callable[[], T], what: str = "", timeout_s: float = WAIT_S) -> T:
    """Ask until the answer is truthy and return it; for what no watch can tell."""
    pause = Event()
    end = time.monotonic() + timeout_s
    while not (answer := ask()):
        assert time.monotonic() < end, f"not within {timeout_s} s: {what or ask}"
        pause.wait(0.05)
    return answer


@dataclass(frozen=True)
class AuditLog:
    """What the API server was asked, from its audit log.

    `mark()` before, `since(mark, …)` after; both first wait until the log holds everything that was
    answered so far.
    """

    plane: ControlPlane

    def mark(self) -> int:
        """A place in the log: everything answered so far lies before it."""
        token = uuid.uuid4().hex
        self.plane.call("GET", f"/api/v1/namespaces/default?barrier={token}")
        eventually(lambda: token in self._text(), "the barrier in the audit log")
        return self.plane.audit_log.stat().st_size

    def since(
        self,
        mark: int,
        *,
        user: str | None = None,
        agent: str | None = None,
        verbs: tuple[str, ...] | None = None,
    ) -> list[dict[str, Any]]:
        """Finished requests and opened watches since a mark.

        `user` is the exact user name, `agent` a part of the user agent; our barriers are left out.
        """
        self.mark()
        with self.plane.audit_log.open() as log:
            log.seek(mark)
            events = [json.loads(line) for line in log if line.endswith("\n")]
        return [
            event
            for event in events
            if _is_counted(event)
            and (user is None or event["user"]["username"] == user)
            and (agent is None or agent in event.get("userAgent", ""))
            and (verbs is None or event["verb"] in verbs)
        ]

    def _text(self) -> str:
        return self.plane.audit_log.read_text()


def _is_counted(event: dict[str, Any]) -> bool:
    """One event a request: its end, or a watch's begin."""
    stage = "ResponseStarted" if event["verb"] == "watch" else "ResponseComplete"
    return event["stage"] == stage and "barrier=" not in event["requestURI"]


def scale_as_autoscaler(plane: ControlPlane, namespace: str, target: str, replicas: int) -> None:
    """Write `replicas` as the autoscaler does: through the scale subresource, by its manager.

    `target` is a path below the namespace's apps: `deployments/web`. For a real autoscaler at work,
    annotate pods with `gitops.dev/cpu` instead.
    """
    path = f"/apis/apps/v1/namespaces/{namespace}/{target}/scale"
    scale = plane.call("GET", path)
    scale["spec"]["replicas"] = replicas
    del scale["metadata"]["resourceVersion"]  # controllers write the object meanwhile
    plane.call("PUT", f"{path}?fieldManager=kube-controller-manager", scale)


def start_control_plane(directory: Path, *, every_api: bool = False) -> ControlPlane:
    """One of your own, without fsync and with the audit log; stop it, or use it as a context."""
    return ControlPlane.start(directory, unsafe_no_fsync=True, audit=True, every_api=every_api)


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane that this worker's tests share; do not break it."""
    with start_control_plane(tmp_path_factory.mktemp("cluster")) as plane:
        yield plane


@pytest.fixture(scope="session")
def kubectl(control_plane: ControlPlane) -> Kubectl:
    """Kubectl on the shared control plane."""
    return Kubectl(control_plane.kubeconfig)


@pytest.fixture
def audit(control_plane: ControlPlane) -> AuditLog:
    """The audit log of the shared control plane."""
    return AuditLog(control_plane)


@pytest.fixture
def namespace(control_plane: ControlPlane) -> Iterator[str]:
    """A fresh namespace; it goes afterwards, in its own time."""
    name = f"test-{uuid.uuid4().hex[:10]}"
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    control_plane.call("POST", "/api/v1/namespaces", body)
    yield name
    control_plane.call("DELETE", f"/api/v1/namespaces/{name}")
