"""The demo as one object: start it, wait until its applications run, stop it.

In: a directory. Out: a `Demo`: the embedded control plane, a Git repository with the example
systems, and the service on both. `cli/demo.py` calls it and shows what happens.
"""

import contextlib
import json
import os
import secrets
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Self

import yaml

from gitops.controlplane.processes import ControlPlane
from gitops.controlplane.progress import Progress
from gitops.demo import repository
from gitops.demo.layout import (
    Facts,
    Layout,
    holder,
    note_pid,
    read_facts,
    take_lock,
    write_private,
)
from gitops.demo.service import HOST, ServiceProcess, Standing, choose_port, standings
from gitops.errors import ConflictError, ControlPlaneError, ServiceError
from gitops.settings.sections import WebhookSection

ROOT_APPLICATION: Final = "examples"
LOCK_S: Final = 30.0
STOP_S: Final = 50.0
POLL_S: Final = 0.2
SETTLED_S: Final = 180.0
RESTING_S: Final = 4.0
POLLS: Final = {True: "15m", False: "60s"}
"""How often the repository is polled, with the hook and without: a poll that comes between a push
and its webhook would find it first, and who pushed it would be told nowhere."""

Show = Callable[[list[Standing]], None]


@dataclass(frozen=True, slots=True)
class Options:
    """How a demo is started; port 0 is any free one."""

    port: int = 0
    webhook: bool = True
    detach: bool = False


class Demo:
    """A running demo."""

    def __init__(self, layout: Layout, facts: Facts, lock: IO[str]) -> None:
        self.layout = layout
        self.facts = facts
        self._lock = lock
        self._plane: ControlPlane | None = None
        self._service: ServiceProcess | None = None

    @classmethod
    def start(cls, directory: Path, options: Options, progress: Progress) -> Self:
        """Start everything in a directory, which is made where it is missing.

        Returns when the service answers. What fails leaves nothing running. Raises ConflictError,
        SourceError, ControlPlaneError, ServiceError.
        """
        layout = Layout(directory.resolve())
        _check_directory(layout)
        layout.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = take_lock(layout, LOCK_S)
        try:
            known = _check_place(layout)
            port = choose_port(options.port, known.port if known else None)
            demo = cls(layout, _facts(layout, port, known), lock)
        except BaseException:
            lock.close()
            raise
        try:
            demo._start(options, progress)
        except BaseException:
            demo.stop()
            raise
        return demo

    def _start(self, options: Options, progress: Progress) -> None:
        repository.prepare(self.layout, webhook=options.webhook)
        left = ControlPlane(self.layout.cluster)
        left.stop()  # one that a crash left behind would not end with us
        self._plane = left
        self._plane = ControlPlane.start(
            self.layout.cluster, detach=options.detach, progress=progress
        )
        write_private(self.layout.kubeconfig, self._plane.kubeconfig.read_text())
        write_private(
            self.layout.settings, _settings(self.layout, self.facts, POLLS[options.webhook])
        )
        self.layout.application.write_text(_application(self.layout))
        write_private(self.layout.facts, _json(self.facts))
        self._service = ServiceProcess.start(
            self.layout, self.facts.url, self._lock, detach=options.detach
        )
        self._service.wait_ready()

    def wait_settled(self, show: Show) -> list[Standing]:
        """Wait until every application is Synced and Healthy; returns how they stand.

        Ends early where nothing moves any more, and after three minutes: what somebody broke before
        a restart must not keep the rest waiting. Raises ServiceError where the service ends.
        """
        pause = threading.Event()
        started = resting = time.monotonic()
        while True:
            found = self._standings()
            show(found)
            now = time.monotonic()
            complete = any(each.name == ROOT_APPLICATION for each in found)
            if complete and all(each.is_good or each.stopped for each in found):
                return found
            if not (complete and all(each.is_resting for each in found)):
                resting = now
            if now - resting > RESTING_S or now - started > SETTLED_S:
                return found
            pause.wait(POLL_S)

    def _standings(self) -> list[Standing]:
        self.check()
        try:
            return standings(self.facts.url)
        except OSError:
            return []

    def check(self) -> None:
        """Raise ServiceError or ControlPlaneError where something ended by itself."""
        if self._service is not None and self._service.has_ended:
            raise self._service.failure("ended")
        if self._plane is not None and not self._plane.status().running:
            raise ControlPlaneError(
                "the control plane was stopped from elsewhere", where=str(self.layout.cluster)
            )

    def stay(self) -> None:
        """Return never: raises what `check` raises, or KeyboardInterrupt."""
        pause = threading.Event()
        while True:
            self.check()
            pause.wait(POLL_S)

    def let_go(self) -> None:
        """Leave everything running; from here on a stop is the service's."""
        if self._service is not None:
            note_pid(self._lock, self._service.pid)
            self._service.let_go()
        self._lock.close()

    def stop(self) -> None:
        """End everything within a bound: the service first, then what it talks to."""
        with _without_signals():
            if self._service is not None:
                self._service.stop()
            if self._plane is not None:
                self._plane.stop()
            self._lock.close()


def stop(directory: Path, *, purge: bool) -> bool:
    """Stop the demo of a directory; returns whether one ran. `purge` removes the directory."""
    layout = Layout(directory.resolve())
    pid = holder(layout)
    ran = pid is not None
    if pid:
        _end(layout, pid)
    plane = ControlPlane(layout.cluster)
    ran = ran or plane.status().running
    plane.stop()
    if purge and layout.lock.exists():  # never somebody else's directory
        shutil.rmtree(layout.root)
    return ran


def _end(layout: Layout, pid: int) -> None:
    """Ask whoever runs the demo to stop, then make them; returns when nobody holds the lock."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        if _is_released(layout, STOP_S):
            return
    raise ServiceError(
        "the demo does not end", where=str(layout.root), remedy=f"look at process {pid}"
    )


def _is_released(layout: Layout, timeout_s: float) -> bool:
    pause = threading.Event()
    end = time.monotonic() + timeout_s
    while holder(layout) is not None:
        if time.monotonic() > end:
            return False
        pause.wait(POLL_S)
    return True


def _check_directory(layout: Layout) -> None:
    """Never fill a folder that holds something else."""
    if layout.root.exists() and not layout.lock.exists() and any(layout.root.iterdir()):
        raise ConflictError(
            "the directory holds something that is not a demo's",
            where=str(layout.root),
            remedy="choose another with --directory",
        )


def _check_place(layout: Layout) -> Facts | None:
    """The facts of the last start; a demo that was moved names places that are gone."""
    known = read_facts(layout)
    if known is not None and known.remote != str(layout.remote):
        raise ConflictError(
            f"this demo was made as {Path(known.remote).parent}, and its applications name it so",
            where=str(layout.root),
            remedy="move it back, or remove it and start again",
        )
    return known


def _facts(layout: Layout, port: int, known: Facts | None) -> Facts:
    return Facts(
        url=f"http://{HOST}:{port}",
        kubeconfig=str(layout.kubeconfig),
        remote=str(layout.remote),
        work=str(layout.work),
        secret=known.secret if known else secrets.token_hex(24),
    )


def _json(facts: Facts) -> str:
    return json.dumps(facts.to_wire(), indent=2) + "\n"


def _settings(layout: Layout, facts: Facts, polls: str) -> str:
    values = {
        "stateDir": str(layout.state),
        "applications": [str(layout.application)],
        "server": {"host": HOST, "port": facts.port},
        "cluster": {"kubeconfig": str(layout.cluster / "pki" / "gitops.kubeconfig")},
        "git": {"pollInterval": polls},
        "webhook": dict.fromkeys(WebhookSection.model_fields, facts.secret),
    }
    return "# Written by `gitops demo` at each start.\n" + yaml.safe_dump(values, sort_keys=False)


def _application(layout: Layout) -> str:
    values: dict[str, Any] = {
        "apiVersion": "gitops.dev/v1alpha1",
        "kind": "Application",
        "metadata": {"name": ROOT_APPLICATION},
        "spec": {
            "source": {
                "repoURL": repository.url(layout),
                "targetRevision": "main",
                "path": "applications",
            },
            "destination": {"name": "in-cluster", "namespace": "default"},
        },
    }
    comment = "# An application of applications: it registers those that it finds in Git.\n"
    return comment + yaml.safe_dump(values, sort_keys=False)


@contextlib.contextmanager
def _without_signals() -> Iterator[None]:
    """Let nobody interrupt a stop, which is bounded anyway."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
