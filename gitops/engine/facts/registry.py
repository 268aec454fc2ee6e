"""Which applications are declared, by whom, and what is known of each while the service runs.

Declarations come from files, from applications of applications in Git, and through the API. A name
belongs to one origin; a second declaration is an error that names both places. What a file or Git
declares cannot be changed through the API.
"""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from gitops.engine.facts.desired import Desired
from gitops.errors import ConflictError, GitopsError, NotFoundError
from gitops.model.application import Application, Origin
from gitops.model.health import Health, HealthStatus
from gitops.model.objects import ObjectId
from gitops.model.revision import Commit, Trigger

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Refusal:
    """That drift of an object could not be repaired: why, and when that was tried."""

    message: str = ""
    times: tuple[float, ...] = ()


@dataclass(slots=True)
class Runtime:
    """One declared application and what is known of it now; nothing here must survive a restart.

    `problem` is what stands in the way of knowing desired (Git, rendering, the cluster) and
    `waiting_for` the dependencies that are not healthy yet; both are "" or empty when all is well.
    `away` holds, by URL, why a repository does not answer now; what its mirror holds is known.
    `heals` holds when drift of an object was repaired, `refusals` when that was refused, and why.
    `drift_notes` hold what was told of what drifted and is not repaired by itself.
    `left` holds what requires pruning, with the reason why it was not; None: nobody looked yet.
    `explained` holds the one reason why it is `explained_as` (Degraded, say), by the object that
    makes it so; `remarks` hold what else people should know of objects. `overruled` holds what the
    cluster made otherwise of them, with the state of the history that says so.
    `started` says that the process has started and nothing was decided since. `declared` is what
    brought a declaration that nothing was decided about yet; `cause` is what a running sync is for,
    `cancelled` who has asked to end it.
    """

    application: Application
    origin: Origin
    warnings: tuple[str, ...] = ()
    desired: Desired | None = None
    problem: GitopsError | None = None
    held: str = ""
    waiting_for: tuple[str, ...] = ()
    drifted: set[ObjectId] = field(default_factory=set)
    drift_notes: dict[ObjectId, str] = field(default_factory=dict)
    left: dict[ObjectId, str] | None = None
    pending: set[ObjectId] = field(default_factory=set)
    health: dict[ObjectId, Health] = field(default_factory=dict)
    explained: dict[ObjectId, str] = field(default_factory=dict)
    explained_as: HealthStatus | None = None
    remarks: dict[ObjectId, str] = field(default_factory=dict)
    overruled: tuple[object, Mapping[ObjectId, str]] = field(default_factory=lambda: (None, {}))
    heals: dict[ObjectId, list[float]] = field(default_factory=dict)
    refusals: dict[ObjectId, Refusal] = field(default_factory=dict)
    revision: int | None = None
    failures: int = 0
    gone: bool = False
    leaving: bool = False
    """Its declaration is gone, and it is about to be deleted; any place may declare it again."""
    syncing: bool = False
    noted: bool = False
    """Whether the job that runs has told what the application wants, or that nobody knows it."""
    seen: bool = False
    """Whether any job since the start has."""
    started: bool = False
    declared: Trigger | None = None
    cause: Trigger | None = None
    cancelled: str = ""
    away: dict[str, GitopsError] = field(default_factory=dict)
    closed: str = ""
    """Why a sync window keeps what is due from being done, or ""."""

    @property
    def name(self) -> str:
        """The application's name."""
        return self.application.name

    @property
    def trouble(self) -> GitopsError | None:
        """What stands in the way of knowing what Git wants now, or None."""
        return self.problem or next(iter(self.away.values()), None)

    @property
    def commit(self) -> Commit | None:
        """The newest commit seen."""
        return self.desired.commit if self.desired else None


class Registry:
    """Declared applications by name; safe from any thread."""

    def __init__(self) -> None:
        self._runtimes: dict[str, Runtime] = {}
        self._ordered: list[Runtime] | None = None
        self._dependants: dict[str, list[Runtime]] | None = None
        self._lock = threading.RLock()

    def declare(
        self, application: Application, origin: Origin, warnings: tuple[str, ...] = ()
    ) -> Runtime:
        """Take a declaration in, new or changed; raises ConflictError for another's name."""
        with self._lock:
            self._dependants = None
            known = self._runtimes.get(application.name)
            if known is None:
                runtime = Runtime(application, origin, warnings)
                self._runtimes[application.name] = runtime
                self._ordered = None
                return runtime
            if not known.leaving and not same_origin(known.origin, origin):
                raise ConflictError(
                    f'the application "{application.name}" is declared twice: '
                    f"by {describe(known.origin)} and by {describe(origin)}",
                    where=origin.where,
                    remedy="remove one declaration, or rename one",
                )
            known.origin, known.leaving = origin, False
            known.warnings = warnings
            known.application = application
            return known

    def remove(self, name: str) -> Runtime | None:
        """Drop a declaration; returns what was known."""
        with self._lock:
            runtime = self._runtimes.pop(name, None)
            self._ordered = self._dependants = None
            if runtime is not None:
                runtime.gone = True
            return runtime

    def get(self, name: str) -> Runtime:
        """One application; raises NotFoundError."""
        with self._lock:
            runtime = self._runtimes.get(name)
        if runtime is None:
            raise NotFoundError(
                f'there is no application "{name}"',
                remedy="`gitops list` shows those that there are",
            )
        return runtime

    def find(self, name: str) -> Runtime | None:
        """One application, or None."""
        with self._lock:
            return self._runtimes.get(name)

    def all(self) -> list[Runtime]:
        """Every application, by name."""
        with self._lock:
            if self._ordered is None:
                self._ordered = [self._runtimes[name] for name in sorted(self._runtimes)]
            return list(self._ordered)

    def using(self, repo_urls: Iterable[str]) -> list[Runtime]:
        """Applications with a source in one of these repositories, by name."""
        wanted = set(repo_urls)
        return [
            runtime
            for runtime in self.all()
            if any(source.repo_url in wanted for source in runtime.application.sources)
        ]

    def depends_on(self, name: str) -> tuple[str, ...]:
        """What an application depends on; nothing where it is not known."""
        known = self.find(name)
        return known.application.depends_on if known else ()

    def dependants(self, name: str) -> list[Runtime]:
        """Applications that depend on `name`, by name."""
        with self._lock:
            if self._dependants is None:
                self._dependants = {}
                for runtime in self.all():
                    for other in set(runtime.application.depends_on):
                        self._dependants.setdefault(other, []).append(runtime)
            return list(self._dependants.get(name, ()))

    def takers(self, name: str) -> list[Runtime]:
        """Applications that take over from `name` (`spec.takesOver`), by name."""
        return [r for r in self.all() if name in r.application.takes_over]

    def repositories(self) -> list[str]:
        """Every repository that an application uses, in order."""
        return sorted({s.repo_url for r in self.all() for s in r.application.sources})


def same_origin(one: Origin, other: Origin) -> bool:
    """Whether two declarations come from one place; a line number does not matter."""
    return one.kind == other.kind and _file(one) == _file(other)


def _file(origin: Origin) -> str:
    return origin.where.rpartition(":")[0] if origin.kind == "file" else origin.where


def describe(origin: Origin) -> str:
    """For people: `the file apps.yaml:3`, `the application apps`, `the API`."""
    match origin.kind:
        case "file":
            return f"the file {origin.where}"
        case "git":
            return f"the application {origin.where}"
        case "api":
            return "the API"
