"""The supervisor: one small process that starts the control plane's processes and keeps them.

`processes.py` runs it as `python -m gitops.controlplane.supervise DIRECTORY …`. It prints one JSON
line on standard output: `{"ready": true}`, `{"held": true}` where another supervisor has the
directory, or `{"error": …}`. Then it waits: for a child that died (which it starts again), for
SIGHUP (look at `paused/`), for SIGTERM, and, when attached, for the end of standard input, which
comes when its parent dies by whatever cause. It stops everything in order and within a bound. If
it is killed itself, the kernel kills its children (Linux; PR_SET_PDEATHSIG).

Single-threaded: a child's death signal is bound to the thread that forked it.
"""

import argparse
import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import IO, Final

import yaml

from gitops.controlplane import bootstrap, certificates, components, state
from gitops.controlplane.api import Api
from gitops.controlplane.build import Binaries
from gitops.controlplane.state import Component, Layout, State
from gitops.errors import ControlPlaneError, GitopsError

PORTS: Final = ("apiserver", "etcd", "etcd-peer")
POLL_S: Final = 0.04
START_TRIES: Final = 5
PORTS_S: Final = 1.0
PR_SET_PDEATHSIG: Final = 1
LOG_TAIL: Final = 2000
PAUSE_S: Final = 2.0
"""How long a paused process may take; an API server with open watches would take a minute."""

HEALTHY_AFTER_S: Final = 10.0
"""A process that ran this long starts again at once when it dies; else later each time."""


class StopError(Exception):
    """Somebody asked us to stop."""


@dataclass(slots=True)
class Child:
    """One process that we keep: `restart_at` is a monotonic time, None where none is due."""

    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    restarts: int = 0
    failures: int = 0
    restart_at: float | None = None

    @property
    def is_alive(self) -> bool:
        """Whether its process runs."""
        return self.process is not None and self.process.poll() is None


def free_ports(names: tuple[str, ...] = PORTS) -> dict[str, int]:
    """Ports of 127.0.0.1 that were free a moment ago."""
    with contextlib.ExitStack() as stack:
        found = {}
        for name in names:
            listener = stack.enter_context(socket.socket())
            listener.bind(("127.0.0.1", 0))
            found[name] = listener.getsockname()[1]
        return found


def are_free(ports: dict[str, int]) -> bool:
    """Whether every port could be listened on now."""
    with contextlib.ExitStack() as stack:
        for port in ports.values():
            listener = stack.enter_context(socket.socket())
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


class Supervisor:
    """Starts, keeps and stops the processes of one directory."""

    def __init__(self, layout: Layout, binaries: Binaries, options: components.Options) -> None:
        self._layout = layout
        self._binaries = binaries
        self._options = options
        self._children: dict[str, Child] = {}
        self._ports: dict[str, int] = {}
        self._ready = False
        self._wakeup, write_end = os.pipe()
        os.set_blocking(self._wakeup, False)
        os.set_blocking(write_end, False)
        signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
        self._signals: set[int] = set()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, self._note)
        self._stdin: IO[bytes] | None = None
        self._libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

    def watch_parent(self) -> None:
        """Stop when standard input ends."""
        self._stdin = sys.stdin.buffer

    def bring_up(self) -> None:
        """Start everything and return when pods could run; raises StopError, ControlPlaneError."""
        certificates.make(self._layout.pki, datetime.now(UTC))  # noqa: TID251 - the process's edge
        self._layout.logs.mkdir(exist_ok=True)
        self._layout.paused.mkdir(exist_ok=True)
        for marker in self._layout.paused.iterdir():
            marker.unlink()
        self._ports = self._known_ports()
        for attempt in range(START_TRIES):
            if attempt or not self._ports:
                self._ports = free_ports()
            self._write_files()
            if self._serve():
                break
            self.stop(timeout_s=5)
        else:
            raise ControlPlaneError("no free ports were found on 127.0.0.1", reason="start")
        bootstrap.create_objects(self._api())
        while not bootstrap.is_settled(self._api()):
            self._wait(POLL_S)
            self._repair()
        self._ready = True
        self._save()

    def run(self) -> None:
        """Keep everything running until somebody asks us to stop."""
        while True:
            due = [c.restart_at for c in self._children.values() if c.restart_at is not None]
            timeout = max(min(due) - time.monotonic(), 0.0) if due else None
            try:
                self._wait(timeout)
            except StopError:
                return
            self._repair()

    def stop(self, timeout_s: float) -> None:
        """End everything: the API server and its clients first, etcd last; then by force.

        An API server whose etcd is gone lingers for minutes, so etcd outlives it.
        """
        end = time.monotonic() + timeout_s
        names = [name for name in components.ORDER if name != components.ETCD]
        self._end(names, end - timeout_s / 3)
        self._end([components.ETCD], end)
        self._ready = False
        self._save()

    # -- parts

    def _known_ports(self) -> dict[str, int]:
        """The ports of the last run, so that kubeconfigs stay valid; {} where they are taken.

        Waits a moment for processes of a supervisor that was killed to be gone.
        """
        ports = state.read(self._layout.state).ports
        if set(ports) != set(PORTS):
            return {}
        end = time.monotonic() + PORTS_S
        while not are_free(ports):
            if time.monotonic() > end:
                return {}
            self._wait(POLL_S)
        return ports

    def _note(self, number: int, frame: FrameType | None) -> None:
        del frame
        self._signals.add(number)

    def _wait(self, timeout_s: float | None) -> None:
        """Wait for a signal, the end of our parent, or time; raises StopError."""
        sources: list[int] = [self._wakeup]
        if self._stdin is not None:
            sources.append(self._stdin.fileno())
        readable, _, _ = select.select(sources, [], [], timeout_s)
        if self._wakeup in readable:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wakeup, 512)
        parent = self._stdin.fileno() if self._stdin is not None else -1
        if parent in readable and not os.read(parent, 512):
            raise StopError
        came, self._signals = self._signals, set()  # one that comes meanwhile is in either
        if came & {signal.SIGTERM, signal.SIGINT}:
            raise StopError

    def _api(self) -> Api:
        token = certificates.token(self._layout.pki, "supervisor")
        return Api(self._ports["apiserver"], self._layout.pki / "ca.crt", token)

    def _write_files(self) -> None:
        """Everything that the processes read; kubeconfigs hold tokens, so only we may read them."""
        pki = self._layout.pki
        url = f"https://127.0.0.1:{self._ports['apiserver']}"
        for user in certificates.USERS:
            path = self._layout.kubeconfig if user == "admin" else pki / f"{user}.kubeconfig"
            token = certificates.token(pki, user)
            body = components.kubeconfig(url, (pki / "ca.crt").read_bytes(), token, user)
            certificates.write_private(path, yaml.safe_dump(body, sort_keys=False).encode())
        policy = json.dumps(components.AUDIT_POLICY)
        (self._layout.root / "audit-policy.json").write_text(policy)
        found = components.commands(self._binaries, self._layout, self._ports, self._options)
        self._children = {name: Child(name, command) for name, command in found.items()}

    def _serve(self) -> bool:
        """Start etcd and the API server, then the rest; False where another took a port."""
        first = [self._children[components.ETCD], self._children[components.APISERVER]]
        for child in first:
            self._spawn(child)
        api = self._api()
        while not api.is_ready():
            self._wait(POLL_S)
            dead = next((child for child in first if not child.is_alive), None)
            if dead is not None:
                if "address already in use" in self._tail(dead.name):
                    return False
                raise ControlPlaneError(
                    f"{dead.name} did not start: {self._reason(dead.name)}",
                    where=str(self._layout.logs / f"{dead.name}.log"),
                    reason="start",
                )
        for child in self._children.values():
            if child not in first:
                self._spawn(child)
        self._save()
        return True

    def _spawn(self, child: Child) -> None:
        log = self._layout.logs / f"{child.name}.log"
        env = {"PATH": "/usr/bin:/bin", "HOME": str(self._layout.root), "LANG": "C.UTF-8"}
        with log.open("ab" if child.restarts else "wb") as output:
            child.process = subprocess.Popen(
                child.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self._layout.root,
                env=env,
                preexec_fn=self._die_with_us,  # noqa: PLW1509 - this process has one thread
            )
        child.started_at = time.monotonic()
        child.restart_at = None

    def _die_with_us(self) -> None:
        if self._libc is not None:
            self._libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

    def _repair(self) -> None:
        """Bring each process to what is wanted of it: paused, or running."""
        for child in self._children.values():
            if (self._layout.paused / child.name).exists():
                child.restart_at = None
                if child.is_alive:
                    self._end([child.name], time.monotonic() + PAUSE_S)
            elif not child.is_alive:
                self._restart(child)
        self._save()

    def _restart(self, child: Child) -> None:
        """Start a dead process: now, or at its time if it died young before."""
        now = time.monotonic()
        if child.process is None:  # it was paused
            self._spawn(child)
            return
        if child.restart_at is None:
            lived = now - child.started_at
            child.failures = 0 if lived > HEALTHY_AFTER_S else child.failures + 1
            child.restart_at = now + min(0.1 * 2**child.failures, 5.0)
        if now >= child.restart_at:
            child.restarts += 1
            self._spawn(child)

    def _end(self, names: list[str], end: float) -> None:
        """SIGTERM, wait until a monotonic time, then SIGKILL; afterwards all are gone."""
        found = [self._children[name] for name in names if name in self._children]
        alive = [child.process for child in found if child.process is not None]
        for process in alive:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.send_signal(signal.SIGCONT)
        for process in alive:
            try:
                process.wait(max(end - time.monotonic(), 0.0))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for child in found:
            child.process = None

    def _save(self) -> None:
        found = [self._describe(child) for child in self._children.values()]
        value = State(ready=self._ready, ports=self._ports, components=tuple(found))
        state.write(self._layout.state, value)

    def _describe(self, child: Child) -> Component:
        pid = child.process.pid if child.process is not None and child.is_alive else None
        described = Component(child.name, "running", pid, child.restarts)
        if (self._layout.paused / child.name).exists() and pid is None:
            return replace(described, state="paused")
        if pid is None:
            return replace(described, state="stopped" if child.process is None else "failed")
        return described

    def _tail(self, name: str) -> str:
        with (self._layout.logs / f"{name}.log").open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(size - LOG_TAIL, 0))
            return log.read().decode(errors="replace")

    def _reason(self, name: str) -> str:
        lines = [line for line in self._tail(name).splitlines() if line.strip()]
        return lines[-1][-300:] if lines else "it said nothing"


def say(**facts: object) -> None:
    """Tell our parent; it may be gone."""
    with contextlib.suppress(OSError):
        sys.stdout.write(json.dumps(facts) + "\n")
        sys.stdout.flush()


def parse(arguments: list[str]) -> argparse.Namespace:
    """Our arguments."""
    parser = argparse.ArgumentParser(prog="gitops.controlplane.supervise")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--binaries", type=Path, required=True)
    parser.add_argument("--attached", action="store_true")
    parser.add_argument("--audit", action="store_true")
    parser.add_argument("--every-api", action="store_true")
    parser.add_argument("--unsafe-no-fsync", action="store_true")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Run until stopped; 1 where the control plane did not start."""
    parsed = parse(arguments)
    layout = Layout(parsed.directory)
    lock = state.take_lock(layout.lock)
    if lock is None:
        say(held=True)
        return 0
    options = components.Options(parsed.unsafe_no_fsync, parsed.audit, parsed.every_api)
    supervisor = Supervisor(layout, Binaries.of(parsed.binaries), options)
    if parsed.attached:
        supervisor.watch_parent()
    try:
        supervisor.bring_up()
        say(ready=True)
        supervisor.run()
    except StopError:
        pass
    except GitopsError as error:
        say(error=error.message, where=error.where, reason=error.reason)
        return 1
    finally:
        supervisor.stop(timeout_s=8)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
