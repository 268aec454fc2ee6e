"""What a demo's directory holds: where things lie, and what outlives one start.

In: a directory. Out: paths and `Facts`. Everything in `gitops/demo` builds on it. The lock belongs
to whoever runs the demo: the process that stays in the foreground, and the service. The process id
in it is valid only while it is locked.
"""

import fcntl
import json
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from gitops.errors import ConflictError

LOCK_PAUSE_S: Final = 0.05
PRIVATE: Final = 0o600


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things lie below a demo's directory, which is absolute."""

    root: Path

    @property
    def cluster(self) -> Path:
        """The embedded control plane's directory."""
        return self.root / "cluster"

    @property
    def kubeconfig(self) -> Path:
        """An administrator's kubeconfig."""
        return self.root / "kubeconfig"

    @property
    def remote(self) -> Path:
        """The bare repository that people push to."""
        return self.root / "remote.git"

    @property
    def work(self) -> Path:
        """The clone that people commit in."""
        return self.root / "work"

    @property
    def state(self) -> Path:
        """The service's database, mirrors and key."""
        return self.root / "state"

    @property
    def settings(self) -> Path:
        """The service's settings."""
        return self.root / "gitops.yaml"

    @property
    def application(self) -> Path:
        """The one Application that is not in Git: it registers those that are."""
        return self.root / "application.yaml"

    @property
    def facts(self) -> Path:
        """What scripts and the hook read: `demo.json`."""
        return self.root / "demo.json"

    @property
    def log(self) -> Path:
        """What the service says."""
        return self.root / "service.log"

    @property
    def lock(self) -> Path:
        """Locked while anything of the demo runs."""
        return self.root / "lock"


@dataclass(frozen=True, slots=True)
class Facts:
    """What `demo.json` says; `port` is kept over restarts, so that addresses stay valid."""

    url: str
    kubeconfig: str
    remote: str
    work: str
    secret: str

    @property
    def port(self) -> int:
        """The port of `url`."""
        return int(self.url.rpartition(":")[2])

    def to_wire(self) -> dict[str, Any]:
        """As it is written."""
        return {
            "url": self.url,
            "kubeconfig": self.kubeconfig,
            "remote": self.remote,
            "work": self.work,
            "webhookSecret": self.secret,
        }


def read_facts(layout: Layout) -> Facts | None:
    """The facts of the last start; None where there was none, or the file is broken."""
    try:
        value = json.loads(layout.facts.read_text())
        secret = value.pop("webhookSecret")
        return Facts(secret=secret, **value)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def write_private(path: Path, text: str) -> None:
    """Replace a file that only its owner may read, in one step."""
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE), "w") as file:
        file.write(text)
    partial.replace(path)


def take_lock(layout: Layout, wait_s: float) -> IO[str]:
    """Lock the directory for as long as the answer, or a child that inherits it, is open.

    Waits for what still ends. Raises ConflictError where a demo runs here.
    """
    file = layout.lock.open("a+")
    pause = threading.Event()
    end = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = _pid(file)
            if time.monotonic() > end or (pid is not None and is_alive(pid)):
                file.close()
                raise already_runs(layout) from None
            pause.wait(LOCK_PAUSE_S)
        else:
            note_pid(file, os.getpid())
            return file


def note_pid(file: IO[str], pid: int) -> None:
    """Write down which process a stop has to be sent to."""
    file.seek(0)
    file.truncate()
    file.write(str(pid))
    file.flush()


def holder(layout: Layout) -> int | None:
    """The process to which a stop is sent; None where nothing runs, 0 where it is not known."""
    try:
        with layout.lock.open("r") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return _pid(file) or 0
    except FileNotFoundError:
        pass
    return None


def _pid(file: IO[str]) -> int | None:
    file.seek(0)
    text = file.read().strip()
    return int(text) if text.isdigit() else None


def is_alive(pid: int) -> bool:
    """Whether a process exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def already_runs(layout: Layout) -> ConflictError:
    """The error for a second start."""
    facts = read_facts(layout)
    return ConflictError(
        "the demo already runs" + (f" at {facts.url}" if facts else ""),
        where=str(layout.root),
        remedy=f"use it, or stop it with `gitops demo stop --directory '{layout.root}'`",
    )
