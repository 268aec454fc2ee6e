"""The control plane that everything runs on, what it was asked, and what its clients used.

Requests are counted from the API server's audit log, so that they are counted alike for whoever
sends them; processor time and memory are read from `/proc`.
"""

import contextlib
import http.client
import json
import os
import socket
import threading
import time
import urllib.request
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from benchmarks.targets import Target
from gitops.controlplane.processes import ControlPlane

QUIET_S: Final = 2.0
"""So long nobody may write anything before a measurement begins."""
VISIBLE_S: Final = 60.0
"""So long a change may take to be seen."""
TICKS: Final = os.sysconf("SC_CLK_TCK")


def pause(seconds: float) -> None:
    """Let time pass; for what tells nobody when it is done."""
    threading.Event().wait(seconds)


class Plane:
    """One control plane without fsync, with its audit log."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        self.kubeconfig = plane.kubeconfig
        self.target = Target(plane.url, str(plane.ca), plane.token)

    @classmethod
    @contextmanager
    def start(cls, folder: Path) -> "Iterator[Plane]":
        """A fresh one, until the block ends."""
        with ControlPlane.start(folder, unsafe_no_fsync=True, audit=True) as plane:
            yield cls(plane)

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """One JSON request as administrator."""
        return self._plane.call(method, path, body)

    def namespace(self, name: str) -> None:
        """Make a namespace, and wait for its default ServiceAccount."""
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        self.call("POST", "/api/v1/namespaces", body)

    def patch(self, path: str, patch: dict[str, Any]) -> dict[str, Any]:
        """A foreign write: a merge patch by somebody else; the object after it."""
        request = urllib.request.Request(  # noqa: S310 - our own API server
            f"{self.target.url}{path}?fieldManager=somebody",
            json.dumps(patch).encode(),
            {
                "Authorization": f"Bearer {self.target.token}",
                "Content-Type": "application/merge-patch+json",
            },
            method="PATCH",
        )
        with urllib.request.urlopen(request, context=self.target.tls) as answer:  # noqa: S310 - as above
            found: dict[str, Any] = json.loads(answer.read())
            return found

    def cpu(self) -> dict[str, float]:
        """Processor seconds that each of its programs has used so far."""
        components = self._plane.status().components
        return {one.name: usage(one.pid).cpu_s for one in components if one.pid is not None}

    # --- what it was asked --------------------------------------------------------------------

    def mark(self) -> int:
        """A place in the audit log: everything answered so far lies before it."""
        token = uuid.uuid4().hex
        log = self._plane.audit_log
        before = log.stat().st_size if log.exists() else 0
        self.call("GET", f"/api/v1/namespaces/default?barrier={token}")
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with log.open() as text:
                text.seek(before)
                if token in text.read():
                    return log.stat().st_size
            pause(0.02)
        raise TimeoutError("the audit log")

    def requests(self, mark: int, agent: str) -> Counter[str]:
        """How often each thing was asked since a mark by clients with an agent: verb by verb."""
        self.mark()
        found: Counter[str] = Counter()
        with self._plane.audit_log.open() as log:
            log.seek(mark)
            for line in log:
                if agent in line and line.endswith("\n"):
                    _count(json.loads(line), agent, found)
        return found

    def settle(self, timeout_s: float = 600) -> None:
        """Wait until controllers have done what the last workload gave them to do."""
        log = self._plane.audit_log
        deadline = time.monotonic() + timeout_s
        mark, since = log.stat().st_size, time.monotonic()
        while time.monotonic() < deadline:
            pause(0.25)
            with log.open() as text:
                text.seek(mark)
                writes = any(f'"verb":"{v}"' in text.read() for v in ("create", "update", "patch"))
            if writes:
                mark, since = log.stat().st_size, time.monotonic()
            elif time.monotonic() - since > QUIET_S:
                return

    # --- a change that becomes visible --------------------------------------------------------

    def follow(self, path: str) -> "Following":
        """Watch the objects of a collection."""
        return Following(self.target, path)


def _count(event: dict[str, Any], agent: str, found: Counter[str]) -> None:
    """Add one finished request, or one opened watch."""
    verb, uri = event["verb"], event["requestURI"]
    stage = "ResponseStarted" if verb == "watch" else "ResponseComplete"
    if agent not in event.get("userAgent", "") or event["stage"] != stage or "barrier=" in uri:
        return
    if "objectRef" not in event:
        found["discovery"] += 1
    else:
        found["dry-run" if "dryRun=" in uri else verb] += 1


class Following:
    """The objects of a collection as a watch shows them; times are of the monotonic clock."""

    def __init__(self, target: Target, path: str) -> None:
        self._changed = threading.Condition()
        self._now: dict[str, tuple[dict[str, Any], float]] = {}
        parts = urlsplit(target.url)
        self._connection = http.client.HTTPSConnection(
            parts.hostname or "", parts.port, context=target.tls
        )
        headers = {"Authorization": f"Bearer {target.token}"}
        self._connection.request("GET", f"{path}?watch=true", headers=headers)
        self._stream = self._connection.getresponse()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
            for line in self._stream:
                found = json.loads(line)["object"]
                with self._changed:
                    self._now[found["metadata"]["name"]] = (found, time.perf_counter())
                    self._changed.notify_all()

    def wait(self, name: str, holds: Callable[[dict[str, Any]], bool]) -> float:
        """The time at which an object was so."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._holds(name, holds), VISIBLE_S):
                raise TimeoutError(f"{name} did not become so")
            return self._now[name][1]

    def _holds(self, name: str, holds: Callable[[dict[str, Any]], bool]) -> bool:
        return name in self._now and holds(self._now[name][0])

    def close(self) -> None:
        """Hang up."""
        with contextlib.suppress(OSError):
            if self._connection.sock is not None:
                self._connection.sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._connection.close()


@dataclass(frozen=True, slots=True)
class Usage:
    """Processor seconds of a process and of the children that it waited for, and its memory."""

    cpu_s: float
    rss_mib: float
    peak_mib: float


def usage(pid: int) -> Usage:
    """What a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = sum(int(fields[place]) for place in (11, 12, 13, 14))
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    return Usage(
        ticks / TICKS,
        int(status["VmRSS"].split()[0]) / 1024,
        int(status["VmHWM"].split()[0]) / 1024,
    )


def total(used: Iterable[Usage]) -> Usage:
    """Of several processes together; the peak is the sum of their peaks."""
    every = list(used)
    return Usage(
        sum(one.cpu_s for one in every),
        sum(one.rss_mib for one in every),
        sum(one.peak_mib for one in every),
    )


def spent(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """What each program used between two looks at `Plane.cpu`, seconds."""
    return {name: round(after[name] - was, 2) for name, was in before.items() if name in after}


def forget_peak(pid: int) -> None:
    """Let the peak of a process's memory begin again, where the kernel lets us."""
    try:
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    except OSError:
        return
