"""The demo's service: a child process that runs `gitops serve`, and what it says of applications.

In: a directory whose settings are written. Out: a `ServiceProcess`, and `Standing`s read from its
API. `run.py` calls it. An attached service ends with its parent, whatever ends the parent.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Self

import gitops
from gitops.demo.layout import Layout
from gitops.errors import ServiceError

HOST: Final = "127.0.0.1"
READY_S: Final = 60.0
STOP_S: Final = 27.0
POLL_S: Final = 0.1
ASK_S: Final = 10.0
LOG_TAIL: Final = 4000


@dataclass(frozen=True, slots=True)
class Standing:
    """How an application stands, as far as a start cares."""

    name: str
    sync: str
    health: str
    message: str
    busy: bool
    stopped: bool
    """Pinned or suspended: somebody wants it to stay as it is."""

    @property
    def is_good(self) -> bool:
        """Whether there is nothing left to do or to wait for."""
        return self.sync == "Synced" and self.health == "Healthy"

    @property
    def is_resting(self) -> bool:
        """Whether waiting for it would be in vain, unless another application comes along."""
        out = self.sync == "OutOfSync" and self.health != "Progressing"
        return self.is_good or (not self.busy and (self.stopped or out or self.is_broken))

    @property
    def is_broken(self) -> bool:
        """Whether it runs and is not well."""
        return self.health in {"Degraded", "Suspended"}


class ServiceProcess:
    """A running service."""

    def __init__(self, layout: Layout, url: str, process: subprocess.Popen[bytes]) -> None:
        self._layout = layout
        self._url = url
        self._process = process

    @classmethod
    def start(cls, layout: Layout, url: str, lock: IO[str], *, detach: bool) -> Self:
        """Start it; it holds the lock for as long as it lives."""
        module = "gitops" if detach else "gitops.cli.attached"
        command = [sys.executable, "-m", module, "serve", "--config", str(layout.settings)]
        with layout.log.open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL if detach else subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=layout.root,
                env=environment(),
                pass_fds=(lock.fileno(),),
                start_new_session=True,
            )
        return cls(layout, url, process)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether it is gone."""
        return self._process.poll() is not None

    def wait_ready(self) -> None:
        """Return when it answers; raises ServiceError with its own last words."""
        pause = threading.Event()
        end = time.monotonic() + READY_S
        while not self._answers():
            if self.has_ended or time.monotonic() > end:
                raise self.failure("did not start")
            pause.wait(POLL_S)

    def _answers(self) -> bool:
        try:
            ask(self._url, "/readyz")
        except OSError:
            return False
        return True

    def failure(self, what: str) -> ServiceError:
        """The error for a service that is not there, with the last line of its log."""
        with self._layout.log.open("rb") as log:
            log.seek(max(log.seek(0, os.SEEK_END) - LOG_TAIL, 0))
            lines = log.read().decode(errors="replace").strip().splitlines()
        return ServiceError(
            f"the service {what}: {lines[-1] if lines else 'it said nothing'}",
            where=str(self._layout.log),
        )

    def let_go(self) -> None:
        """Leave it running when this process ends."""
        self._process.returncode = 0  # it outlives us: no warning that it still runs

    def stop(self) -> None:
        """End it: politely, and by force after its own bound."""
        if not self.has_ended:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()


def environment() -> dict[str, str]:
    """Ours without `GITOPS_…`, which would win over the demo's settings."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GITOPS_") or name == "GITOPS_EMBEDDED_TOOLS"
    }
    paths = [str(Path(gitops.__file__).parent.parent), kept.get("PYTHONPATH", "")]
    return kept | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


def ask(url: str, path: str) -> Any:
    """GET something of the service as JSON; raises OSError. No proxy stands before loopback."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(url + path, timeout=ASK_S) as answer:
        return json.loads(answer.read())


def standings(url: str) -> list[Standing]:
    """Every application, by name; raises OSError."""
    found = ask(url, "/api/v1/applications")
    return [
        Standing(
            name=each["name"],
            sync=each["sync"],
            health=each["health"]["status"] or "Healthy",
            message=each["message"],
            busy=each["busy"],
            stopped=each["pin"] is not None or each["suspended"],
        )
        for each in found
    ]


def choose_port(wanted: int, known: int | None) -> int:
    """The port asked for, else the last start's, else a free one.

    Raises ServiceError where the port asked for is in use.
    """
    if wanted and not is_free(wanted):
        raise ServiceError(
            f"port {wanted} is in use",
            where=f"{HOST}:{wanted}",
            remedy="choose another with --port, or leave --port away for a free one",
        )
    if wanted:
        return wanted
    if known and is_free(known):
        return known
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])


def is_free(port: int) -> bool:
    """Whether somebody could listen on a port now."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError:
            return False
    return True
