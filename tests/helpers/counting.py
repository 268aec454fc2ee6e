"""Counters around a service's edges: what an event costs, as numbers.

`Counters.around` goes into `start_world`; renders are counted there, git by the shim on PATH, the
database by its own counter, the API server by its audit log.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gitops.engine.service import Edges
from gitops.ports import Rendered, Renderer, RenderKey, RenderRequest
from tests.helpers.controlplane import AuditLog
from tests.helpers.gitshim import GitShim
from tests.helpers.service import World


class CountingRenderer:
    """The real renderer, and which applications it rendered."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._lock = threading.Lock()
        self.rendered: list[str] = []
        self.keyed: list[str] = []

    def key(self, request: RenderRequest) -> RenderKey:
        with self._lock:
            self.keyed.append(request.application.name)
        return self._renderer.key(request)

    def render(self, request: RenderRequest) -> Rendered:
        with self._lock:
            self.rendered.append(request.application.name)
        return self._renderer.render(request)

    def versions(self) -> Mapping[str, str]:
        return self._renderer.versions()


@dataclass
class Counters:
    """Everything that is counted between `begin` and `cost`."""

    audit: AuditLog
    shim: GitShim
    renderer: CountingRenderer | None = None
    world: World | None = None
    _mark: int = 0
    _writes: int = 0

    def around(self, edges: Edges) -> Edges:
        """Put the counting renderer in; a restart makes a new one."""
        self.renderer = CountingRenderer(edges.renderer)
        return replace(edges, renderer=self.renderer)

    @property
    def writes(self) -> int:
        """Write transactions since the store was opened."""
        assert self.world is not None
        return int(getattr(self.world.service.edges.store, "writes"))  # noqa: B009 - not in the port

    def begin(self) -> None:
        """Count from here."""
        self._mark = self.audit.mark()
        self.shim.clear()
        self._writes = self.writes
        assert self.renderer is not None
        self.renderer.rendered.clear()
        self.renderer.keyed.clear()

    def cost(self) -> "Cost":
        """What was done since `begin`, or since a restart's start."""
        assert self.renderer is not None
        requests = [Asked.of(e) for e in self.audit.since(self._mark, agent="gitops")]
        return Cost(
            self.shim.counts(),
            list(self.renderer.rendered),
            list(self.renderer.keyed),
            requests,
            self.writes - self._writes,
        )

    def restarted(self) -> None:
        """The store is a new one: its counter began at 0."""
        self._writes = 0


@dataclass(frozen=True)
class Asked:
    """One request to the API server."""

    verb: str
    resource: str
    name: str
    dry_run: bool
    path: str

    def __str__(self) -> str:
        return f"{'dry-run ' * self.dry_run}{self.verb} {self.resource}/{self.name}"

    @classmethod
    def of(cls, event: dict[str, Any]) -> "Asked":
        reference = event.get("objectRef") or {}
        return cls(
            event["verb"],
            str(reference.get("resource") or ""),
            str(reference.get("name") or ""),
            "dryRun=" in event["requestURI"],
            event["requestURI"],
        )


@dataclass(frozen=True)
class Cost:
    """What an event cost; `git` counts commands by name."""

    git: dict[str, int]
    rendered: list[str]
    keyed: list[str]
    asked: list[Asked] = field(default_factory=list)
    writes: int = 0

    @property
    def remote(self) -> dict[str, int]:
        """Git commands that talk to a server."""
        return {k: n for k, n in self.git.items() if k in ("ls-remote", "fetch", "clone")}

    @property
    def dry_runs(self) -> list[Asked]:
        return [a for a in self.asked if a.dry_run]

    @property
    def applied(self) -> list[Asked]:
        verbs = ("patch", "create", "update", "delete")
        return [a for a in self.asked if a.verb in verbs and not a.dry_run]

    @property
    def objects(self) -> list[str]:
        """Requests about objects, watches left out; what a process learns once is not in it."""
        return [str(a) for a in self.beside_watches if a.resource]

    @property
    def beside_watches(self) -> list[Asked]:
        """Requests of ours but the renewal of open watches."""
        return [a for a in self.asked if a.verb != "watch"]
