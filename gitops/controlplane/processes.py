"""The embedded control plane as one object: start it, attach to it, ask it, stop it.

In: a directory. Out: a `ControlPlane` with a kubeconfig for any client. Callers: the command line,
the demo and the tests. The work is done by a supervisor process (`supervise.py`) that belongs to
the directory; this class talks to it through files, a pipe and signals.
"""

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import gitops
from gitops.controlplane import build, certificates, components, state
from gitops.controlplane.api import Api
from gitops.controlplane.progress import Progress, silent
from gitops.controlplane.state import Component, Layout
from gitops.errors import ControlPlaneError

START_TIMEOUT_S: Final = 120.0
STOP_TIMEOUT_S: Final = 15.0
POLL_S: Final = 0.03
FOREGROUND_POLL_S: Final = 0.3


@dataclass(frozen=True, slots=True)
class Status:
    """How a control plane is; `url` is "" before its first start."""

    directory: Path
    running: bool
    ready: bool
    url: str
    kubeconfig: Path
    components: tuple[Component, ...]


class ControlPlane:
    """A running control plane. As a context manager it stops what it started."""

    def __init__(self, directory: Path, supervisor: subprocess.Popen[bytes] | None = None) -> None:
        self._layout = Layout(directory)
        self._supervisor = supervisor

    # -- life

    @classmethod
    def start(
        cls,
        directory: Path,
        *,
        unsafe_no_fsync: bool = False,
        audit: bool = False,
        every_api: bool = False,
        detach: bool = False,
        progress: Progress = silent,
    ) -> Self:
        """Start what is kept in a directory, or attach to it where it runs already.

        Returns when pods could run. The control plane ends with this process, unless `detach`;
        `unsafe_no_fsync` is for tests; `audit` writes every request to `audit_log`;
        `every_api` serves alpha and beta versions too.
        Raises ControlPlaneError (also when the binaries have to be built first and cannot be).
        """
        layout = Layout(directory.resolve())
        layout.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        if state.holder(layout.lock) is None:
            binaries = build.find_or_build(progress)
            command = [sys.executable, "-m", "gitops.controlplane.supervise", str(layout.root)]
            command += ["--binaries", str(binaries.directory)]
            command += ["--unsafe-no-fsync"] if unsafe_no_fsync else []
            command += ["--audit"] if audit else []
            command += ["--every-api"] if every_api else []
            process = _launch(layout, command if detach else [*command, "--attached"])
            if _await_answer(process, layout):
                if detach:
                    process.returncode = 0  # it outlives us: no warning that it still runs
                return cls(layout.root, None if detach else process)
        plane = cls(layout.root)
        plane._wait_for(lambda: plane.status().ready, "it did not become ready", START_TIMEOUT_S)
        return plane

    @classmethod
    def attach(cls, directory: Path) -> Self:
        """The control plane that runs in a directory; raises ControlPlaneError `stopped`."""
        plane = cls(directory.resolve())
        if not plane.status().running:
            raise ControlPlaneError(
                "no control plane runs here",
                where=str(directory),
                remedy="start it with `gitops cluster start`",
                reason="stopped",
            )
        return plane

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """End every process, by force when the time is over; data stay in the directory."""
        pid = state.holder(self._layout.lock)
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            if not self._is_gone_within(timeout_s):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                self._is_gone_within(timeout_s)
            if self._supervisor is None:
                with contextlib.suppress(ChildProcessError):  # ours, if we started it detached
                    os.waitpid(pid, 0)
        if self._supervisor is not None:
            if self._supervisor.stdin is not None:
                self._supervisor.stdin.close()
            self._supervisor.wait(timeout_s)
            self._supervisor = None

    def wait_end(self, asked: threading.Event) -> bool:
        """Wait until somebody sets `asked` (False) or the control plane ended by itself (True)."""
        while not asked.wait(FOREGROUND_POLL_S):
            if state.holder(self._layout.lock) is None:
                return True
        return False

    def purge(self) -> None:
        """Stop, and remove the directory with everything in it."""
        self.stop()
        if (self._layout.pki / certificates.TOKENS).exists():  # never somebody else's directory
            shutil.rmtree(self._layout.root)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._supervisor is not None:
            self.stop()

    # -- facts

    @property
    def directory(self) -> Path:
        """Where everything of it lies."""
        return self._layout.root

    @property
    def kubeconfig(self) -> Path:
        """An administrator's kubeconfig."""
        return self._layout.kubeconfig

    def kubeconfig_of(self, user: str) -> Path:
        """A kubeconfig of one of `certificates.USERS`: each may do everything.

        `gitops` is for the service, so that the audit log tells its requests from other people's.
        """
        return self.kubeconfig if user == "admin" else self._layout.pki / f"{user}.kubeconfig"

    @property
    def url(self) -> str:
        """The API server, `https://127.0.0.1:<port>`; stays the same over restarts if it can."""
        return f"https://127.0.0.1:{self._port}"

    @property
    def token(self) -> str:
        """The administrator's bearer token."""
        return certificates.token(self._layout.pki, "admin")

    @property
    def ca(self) -> Path:
        """The certificate that signs the API server's."""
        return self._layout.pki / "ca.crt"

    @property
    def audit_log(self) -> Path:
        """Every request, one JSON event a line (audit.k8s.io/v1, level Metadata), if asked for."""
        return self._layout.audit

    def log(self, component: str) -> Path:
        """A component's log."""
        return self._layout.logs / f"{component}.log"

    def status(self) -> Status:
        """How it is now; never raises."""
        running = state.holder(self._layout.lock) is not None
        known = state.read(self._layout.state)
        port = known.ports.get("apiserver")
        return Status(
            directory=self._layout.root,
            running=running,
            ready=running and known.ready,
            url=f"https://127.0.0.1:{port}" if port else "",
            kubeconfig=self._layout.kubeconfig,
            components=known.components if running else (),
        )

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """One JSON request as administrator; raises ControlPlaneError with the server's message."""
        status, answer = Api(self._port, self.ca, self.token).call(method, path, body)
        if status >= 400:  # noqa: PLR2004 - HTTP's errors
            message = str(answer.get("message", status))
            raise ControlPlaneError(message, where=f"{method} {path}", reason="refused")
        return answer

    # -- faults, on purpose

    def pause(self, component: str = components.APISERVER) -> None:
        """Stop one process until `resume`; returns when it is gone."""
        (self._layout.paused / component).touch()
        self._signal_supervisor()
        self._wait_for(lambda: self._component(component).state == "paused", "it did not stop")

    def resume(self, component: str = components.APISERVER) -> None:
        """Start a paused process on the same port and data; returns when it serves."""
        (self._layout.paused / component).unlink(missing_ok=True)
        self._signal_supervisor()
        self._wait_for(lambda: self._component(component).state == "running", "it did not start")
        self.wait_ready()

    def restart_apiserver(self) -> None:
        """Stop the API server cleanly and start it again; returns when it serves."""
        self.pause()
        self.resume()

    def kill(self, component: str = components.APISERVER) -> None:
        """SIGKILL one process; the supervisor starts it again. Returns when it runs again."""
        before = self._component(component)
        if before.pid is None:
            raise ControlPlaneError(f"{component} does not run", reason="stopped")
        os.kill(before.pid, signal.SIGKILL)
        self._wait_for(
            lambda: self._component(component).pid not in {None, before.pid},
            f"{component} was not started again",
        )

    def freeze(self, component: str = components.APISERVER) -> None:
        """SIGSTOP one process: connections stay open and nothing answers, until `thaw`."""
        self._send(component, signal.SIGSTOP)

    def thaw(self, component: str = components.APISERVER) -> None:
        """SIGCONT a frozen process."""
        self._send(component, signal.SIGCONT)

    def wait_ready(self, timeout_s: float = 60.0) -> None:
        """Return when the API server says that it is ready."""
        api = Api(self._port, self.ca, self.token)
        self._wait_for(api.is_ready, "the API server did not become ready", timeout_s)

    # -- parts

    @property
    def _port(self) -> int:
        port = state.read(self._layout.state).ports.get("apiserver")
        if port is None:
            raise ControlPlaneError(
                "no control plane was started here", where=str(self.directory), reason="stopped"
            )
        return port

    def _component(self, name: str) -> Component:
        return state.read(self._layout.state).component(name)

    def _send(self, component: str, number: signal.Signals) -> None:
        pid = self._component(component).pid
        if pid is None:
            raise ControlPlaneError(f"{component} does not run", reason="stopped")
        os.kill(pid, number)

    def _signal_supervisor(self) -> None:
        pid = state.holder(self._layout.lock)
        if pid is None:
            raise ControlPlaneError(
                "no control plane runs here", where=str(self.directory), reason="stopped"
            )
        os.kill(pid, signal.SIGHUP)

    def _is_gone_within(self, timeout_s: float) -> bool:
        gone = lambda: state.holder(self._layout.lock) is None  # noqa: E731 - a question
        return _until(gone, timeout_s)

    def _wait_for(self, question: Callable[[], bool], what: str, timeout_s: float = 60.0) -> None:
        if not _until(question, timeout_s):
            raise ControlPlaneError(
                what,
                where=str(self.directory),
                remedy=f"look at the logs in {self._layout.logs}",
                reason="timeout",
            )


def _until(question: Callable[[], bool], timeout_s: float) -> bool:
    """Ask until yes or until time is over; other processes tell us nothing, so we have to ask."""
    pause = threading.Event()
    end = time.monotonic() + timeout_s
    while not question():
        if time.monotonic() >= end:
            return False
        pause.wait(POLL_S)
    return True


def _launch(layout: Layout, command: list[str]) -> subprocess.Popen[bytes]:
    """Start a supervisor in a session of its own, so that Ctrl-C reaches us and not it."""
    attached = command[-1] == "--attached"
    root = str(Path(gitops.__file__).parent.parent)
    paths = [root, os.environ.get("PYTHONPATH", "")]
    env = dict(os.environ) | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    with (layout.root / "supervisor.log").open("ab") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE if attached else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=layout.root,
            env=env,
            start_new_session=True,
        )


def _await_answer(process: subprocess.Popen[bytes], layout: Layout) -> bool:
    """Whether the supervisor got the directory and everything is up; False: another has it."""
    output = process.stdout
    if output is None:  # pragma: no cover - we asked for a pipe
        raise ControlPlaneError("the supervisor has no output", reason="start")
    line = b""
    try:
        with output:
            if select.select([output], [], [], START_TIMEOUT_S)[0]:
                line = output.readline()
    finally:
        if not line:  # too late, or somebody interrupted us
            process.terminate()
    facts: dict[str, Any] = json.loads(line) if line else {}
    if facts.get("ready"):
        return True
    if process.stdin is not None:
        process.stdin.close()
    process.wait()
    if facts.get("held"):
        return False
    raise ControlPlaneError(
        facts.get("error") or "the control plane did not start",
        where=facts.get("where") or str(layout.root / "supervisor.log"),
        reason=facts.get("reason") or "start",
    )
