"""What a workload needs of a reconciler, so that any can be driven through the Kubernetes API.

`Reconciler` is the whole interface: set-up, a word about pushes, a predicate that says when it is
done, and the processes to watch. `Manifested` drives a peer that somebody else runs on the same
control plane: give it set-up manifests and a predicate on the objects that it keeps its state in.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from benchmarks.plane import Plane, pause


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a reconciler works: the repository's URL, the applications, where they go."""

    plane: Plane
    folder: Path
    url: str
    namespace: str
    count: int
    variant: str


class Reconciler(Protocol):
    """One reconciler under test."""

    name: str
    agent: str
    """What its requests say in their User-Agent."""

    def prepare(self, setting: Setting) -> None:
        """Be installed and running, with nothing to do yet."""

    def begin(self) -> None:
        """Take the applications on, at what is pushed already; returns at once."""

    def pushed(self, sha: str) -> None:
        """A commit was pushed; a webhook where there are any."""

    def wait_synced(self, sha: str, count: int, timeout_s: float) -> None:
        """Return when so many more applications were brought to a commit, and it is recorded."""

    def restart(self) -> float:
        """Stop, start again; the seconds until everything was compared."""

    def processes(self) -> Mapping[str, int]:
        """Process ids by name; the first is the service."""

    def counts(self) -> Mapping[str, int]:
        """What it counts of itself (renders, database writes); may be empty."""

    def close(self) -> None:
        """End what it started."""


@dataclass
class Manifested:
    """A peer: `setup` gives its objects, `synced` says whether one of them is at a commit.

    `kinds` are the API paths of the collections whose objects tell the state; `pids` says which
    processes are the peer's.
    """

    name: str
    agent: str
    setup: Callable[[Setting], list[tuple[str, dict[str, Any]]]]
    synced: Callable[[Mapping[str, Any], str], bool]
    kinds: tuple[str, ...]
    pids: Callable[[], Mapping[str, int]]
    setting: Setting | None = field(default=None, init=False)

    def prepare(self, setting: Setting) -> None:
        """Somebody else runs it."""
        self.setting = setting

    def _known(self) -> Setting:
        if self.setting is None:
            raise RuntimeError(self.name)
        return self.setting

    def begin(self) -> None:
        """Create its objects."""
        setting = self._known()
        for path, body in self.setup(setting):
            setting.plane.call("POST", path, body)

    def pushed(self, sha: str) -> None:
        """It polls."""

    def wait_synced(self, sha: str, count: int, timeout_s: float) -> None:
        """Ask the API until enough of its objects say so."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            found = [o for k in self.kinds for o in self._known().plane.call("GET", k)["items"]]
            if sum(1 for one in found if self.synced(one, sha)) >= count:
                return
            pause(0.5)
        raise TimeoutError(self.name)

    def restart(self) -> float:
        """Nothing of ours to restart."""
        raise NotImplementedError

    def processes(self) -> Mapping[str, int]:
        """What the caller said."""
        return self.pids()

    def counts(self) -> Mapping[str, int]:
        """Nothing is known."""
        return {}

    def close(self) -> None:
        """Its owner ends it."""
