"""What a control plane's directory holds: the layout of files, and the supervisor's state.

The supervisor alone writes `state.json`; `processes.py` and the command line read it. Who holds
the lock on the file `lock` is the supervisor, and its content is the supervisor's process id:
valid only while the lock is held, so that a stale id is never signalled.
"""

import fcntl
import json
import os
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Final, Literal

LOCK_TRIES: Final = 5
LOCK_PAUSE_S: Final = 0.02

ComponentState = Literal["running", "paused", "failed", "stopped"]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things lie below a control plane's directory."""

    root: Path

    @property
    def pki(self) -> Path:
        """Certificates, keys and tokens."""
        return self.root / "pki"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.root / "kubeconfig"

    @property
    def audit(self) -> Path:
        """The API server's audit log, one JSON event a line."""
        return self.root / "audit.log"

    @property
    def logs(self) -> Path:
        """One log a component."""
        return self.root / "logs"

    @property
    def etcd(self) -> Path:
        """Etcd's data."""
        return self.root / "etcd"

    @property
    def paused(self) -> Path:
        """A file named after each component that shall not run."""
        return self.root / "paused"

    @property
    def state(self) -> Path:
        """The supervisor's state, as JSON."""
        return self.root / "state.json"

    @property
    def lock(self) -> Path:
        """Locked by the supervisor while it lives."""
        return self.root / "lock"


@dataclass(frozen=True, slots=True)
class Component:
    """One process: `pid` is None unless it runs; `restarts` counts crashes that were repaired."""

    name: str
    state: ComponentState
    pid: int | None = None
    restarts: int = 0


@dataclass(frozen=True, slots=True)
class State:
    """What the supervisor last wrote; `ports` by name: apiserver, etcd, etcd-peer."""

    ready: bool = False
    ports: dict[str, int] = field(default_factory=dict)
    components: tuple[Component, ...] = ()
    error: str = ""

    def component(self, name: str) -> Component:
        """One component; stopped where the supervisor does not know it yet."""
        return next((c for c in self.components if c.name == name), Component(name, "stopped"))


def read(path: Path) -> State:
    """The state in a file; an empty one where the file is missing or broken."""
    try:
        value: dict[str, Any] = json.loads(path.read_text())
        components = tuple(Component(**component) for component in value.pop("components"))
        return State(**value, components=components)
    except (OSError, ValueError, TypeError, KeyError):
        return State()


def write(path: Path, state: State) -> None:
    """Replace the file in one step."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(asdict(state), indent=1))
    partial.replace(path)


def take_lock(path: Path) -> IO[str] | None:
    """Lock for as long as the answer stays open, and note our process id; None if it is held.

    Tries for a moment, because `holder` takes the lock too while it looks.
    """
    file = path.open("a+")
    pause = threading.Event()
    for _ in range(LOCK_TRIES):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pause.wait(LOCK_PAUSE_S)
        else:
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            return file
    file.close()
    return None


def holder(path: Path) -> int | None:
    """The process id of the supervisor that holds the lock; None where nobody does."""
    try:
        with path.open("r") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                text = file.read().strip()
                return int(text) if text else None
    except FileNotFoundError:
        pass
    return None
