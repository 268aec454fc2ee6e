"""What a workload needs of a reconciler, so that any can be driven through the Kubernetes API.

`Reconciler` is the whole interface: set-up, a word about pushes, a predicate that says when it is
done, and the processes to watch. `Manifested` drives a peer by its programs, its set-up manifests
and a predicate on the objects that it keeps its state in; `peers` knows some.
"""

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from benchmarks.plane import Plane, pause
from gitops.errors import ControlPlaneError

KINDS: Final = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


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
    """A peer on the same control plane, driven by objects.

    `kinds` are its CustomResourceDefinitions; `programs` says how its processes are started, by
    name and with the control plane in KUBECONFIG, the service first; `setup` gives its objects with
    the API paths of their collections; `told` is how it hears of its first objects ("") and of a
    push; `state` are the collections of the objects that tell the state, and `synced` says of one
    of them whether it is at a commit ("" is any).
    """

    name: str
    agent: str
    kinds: Sequence[Mapping[str, Any]]
    programs: Callable[[Setting], Mapping[str, Sequence[str]]]
    setup: Callable[[Setting], list[tuple[str, dict[str, Any]]]]
    state: Sequence[str]
    synced: Callable[[Mapping[str, Any], str], bool]
    told: Callable[[Setting, str], None]
    setting: Setting | None = field(default=None, init=False)
    started: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict, init=False)

    def prepare(self, setting: Setting) -> None:
        """Make its kinds known, and start its programs."""
        self.setting = setting
        for kind in self.kinds:
            setting.plane.call("POST", KINDS, dict(kind))
        self._until(self._serves, 60)
        environ = {**os.environ, "KUBECONFIG": str(setting.plane.kubeconfig)}
        for name, command in self.programs(setting).items():
            with (setting.folder / f"{name}.log").open("a") as log:
                self.started[name] = subprocess.Popen(
                    command, env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log
                )

    def _known(self) -> Setting:
        if self.setting is None:
            raise RuntimeError(self.name)
        return self.setting

    def _serves(self) -> bool:
        """Whether the API server has its collections."""
        try:
            self._objects()
        except (OSError, ControlPlaneError):
            return False
        return True

    def _objects(self) -> list[dict[str, Any]]:
        return [o for path in self.state for o in self._known().plane.call("GET", path)["items"]]

    def _until(self, question: Callable[[], bool], timeout_s: float) -> None:
        """Ask until yes; there is nothing to wait for but the answer."""
        deadline = time.monotonic() + timeout_s
        while not question():
            if time.monotonic() > deadline:
                raise TimeoutError(self.name)
            ended = [name for name, process in self.started.items() if process.poll() is not None]
            if ended:
                raise RuntimeError(f"{ended[0]} ended: see its log")
            pause(0.25)

    def begin(self) -> None:
        """Create its objects."""
        setting = self._known()
        for path, body in self.setup(setting):
            setting.plane.call("POST", path, body)
        self.told(setting, "")

    def pushed(self, sha: str) -> None:
        """Tell it, where it can be told."""
        self.told(self._known(), sha)

    def wait_synced(self, sha: str, count: int, timeout_s: float) -> None:
        """Ask the API until enough of its objects say so."""
        enough = lambda: sum(self.synced(o, sha) for o in self._objects()) >= count  # noqa: E731 - a question
        self._until(enough, timeout_s)

    def restart(self) -> float:
        """Nobody tells when a peer has compared everything."""
        raise NotImplementedError

    def processes(self) -> Mapping[str, int]:
        """Those that it was started with."""
        return {name: process.pid for name, process in self.started.items()}

    def counts(self) -> Mapping[str, int]:
        """Nothing is known."""
        return {}

    def close(self) -> None:
        """End its programs."""
        for process in self.started.values():
            process.terminate()
        for process in self.started.values():
            process.wait(60)
