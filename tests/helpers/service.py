"""A whole service in the test process: the shared control plane, a repository, a store of its own.

Fixture: `world`, started, polling off (push, then `refresh`, `sync` or a webhook). Make one of your
own with `start_world(...)` where a test needs settings, restarts or several. Everything is real;
only the process is shared. Waiting is by the service's own events, never by the clock.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
import yaml

from gitops import wiring
from gitops.controlplane.processes import ControlPlane
from gitops.engine.operations import SyncOptions
from gitops.engine.service import Edges, Service
from gitops.model.events import Event
from gitops.model.revision import Revision, RevisionState, Trigger, TriggerKind
from gitops.model.status import ApplicationStatus
from gitops.settings.load import Settings
from tests.helpers.repo import Repo
from tests.helpers.waiting import WAIT_S

BY_HAND = Trigger(TriggerKind.MANUAL, "tester@example.com", "by hand")

T = TypeVar("T")

CONFIG_MAP = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {name}
data:
  word: {word}
"""

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
spec:
  replicas: {replicas}
  selector:
    matchLabels: {{app: {name}}}
  template:
    metadata:
      labels: {{app: {name}}}
    spec:
      containers:
      - name: web
        image: {image}
"""


def config_map(name: str = "words", word: str = "one") -> str:
    """A ConfigMap's text: the cheapest object there is."""
    return CONFIG_MAP.format(name=name, word=word)


def deployment(name: str = "web", replicas: int = 1, image: str = "registry.example/web:v1") -> str:
    """A Deployment's text; a tag of the control plane's simulation makes its pods fail."""
    return DEPLOYMENT.format(name=name, replicas=replicas, image=image)


@dataclass
class World:
    """One service on one control plane with one repository."""

    plane: ControlPlane | None
    repo: Repo
    namespace: str
    settings: Settings
    running: wiring.Running
    events: list[Event] = field(default_factory=list)
    around: Callable[[Edges], Edges] = lambda edges: edges
    url: str = ""
    """How the service reaches the repository; "" is the repository's own URL."""

    @property
    def service(self) -> Service:
        """The engine's facade."""
        return self.running.service

    def application(self, name: str = "demo", path: str = "app", **spec: Any) -> str:
        """The text of an Application that follows `path` of the repository."""
        body = {
            "apiVersion": "gitops.dev/v1alpha1",
            "kind": "Application",
            "metadata": {"name": name},
            "spec": {
                "source": {
                    "repoURL": self.url or self.repo.url,
                    "targetRevision": "main",
                    "path": path,
                },
                "destination": {"name": "in-cluster", "namespace": self.namespace},
                **spec,
            },
        }
        return yaml.safe_dump(body)

    def push(self, path: str, content: str, message: str = "Change something") -> str:
        """Write one file, commit and push it; returns the commit."""
        sha = self.repo.write(path, content).commit(message)
        self.repo.push()
        return sha

    def declare(self, name: str = "demo", path: str = "app", **spec: Any) -> None:
        """Register an application through the API's own call."""
        self.service.declarer.create(
            self.application(name, path, **spec), "test.yaml", BY_HAND.actor
        )

    def status(self, name: str = "demo") -> ApplicationStatus:
        """One application as people see it."""
        return self.service.reading.status(name)

    def wait_for(self, ask: Callable[[], T | None], what: str = "", timeout_s: float = WAIT_S) -> T:
        """Ask after every event until the answer is truthy, and return it."""
        end = time.monotonic() + timeout_s
        while True:
            newest = self.service.events.newest
            if answer := ask():
                return answer
            assert time.monotonic() < end, f"not within {timeout_s} s: {what}\n{self.story()}"
            self.service.events.since(newest, timeout_s=0.5)

    def message(self, text: str, name: str = "demo") -> str:
        """The status's message, once it holds this text; it follows the close of a revision."""
        return self.wait_for(lambda: text in (m := self.status(name).message) and m, text)

    def story(self) -> str:
        """What happened so far, for a failed assertion."""
        return "\n".join(f"{e.application}: {e.kind}: {e.message}" for e in self.events)

    def settled(self, name: str = "demo", timeout_s: float = WAIT_S) -> ApplicationStatus:
        """Wait until an application is Synced, Healthy and at rest."""

        def ask() -> ApplicationStatus | None:
            status = self.status(name)
            good = status.sync == "Synced" and status.health.status in (None, "Healthy")
            return status if good and not status.busy else None

        return self.wait_for(ask, f"{name} Synced and Healthy", timeout_s)

    def closed(self, name: str = "demo", number: int = 1, timeout_s: float = WAIT_S) -> Revision:
        """Wait until a revision has ended, and return it."""

        def ask() -> Revision | None:
            found = [r for r in self.service.edges.store.revisions(name) if r.number == number]
            ended = found and found[0].state is not RevisionState.RUNNING
            return self.service.reading.revision(name, number) if ended else None

        return self.wait_for(ask, f"{name}'s revision {number}", timeout_s)

    def sync(self, name: str = "demo", options: SyncOptions | None = None) -> Event:
        """Sync by hand and wait for its end."""
        after = self.service.events.newest
        ticket = self.service.sync(name, options or SyncOptions(), BY_HAND)
        done = self.service.outcome_of(name, ticket, after, WAIT_S)
        assert done is not None, self.story()
        return done

    def refresh(self, name: str = "demo") -> None:
        """Let it look at Git and the cluster."""
        self.service.refresh(name, BY_HAND)

    def restart(self) -> None:
        """Stop the service and start another on the same state."""
        self.running.stop()
        self.running = _build(self.settings, self.events, self.around)
        self.running.start()


UNREACHABLE = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "none",
    "contexts": [{"name": "none", "context": {"cluster": "none", "user": "none"}}],
    "clusters": [{"name": "none", "cluster": {"server": "https://127.0.0.1:1"}}],
    "users": [{"name": "none", "user": {"token": "none"}}],
}


def unreachable_kubeconfig(folder: Path) -> Path:
    """A kubeconfig of a cluster that does not answer: for what needs no cluster."""
    file = folder / "unreachable.yaml"
    file.write_text(yaml.safe_dump(UNREACHABLE))
    return file


def _build(
    settings: Settings, events: list[Event], around: Callable[[Edges], Edges]
) -> wiring.Running:
    running = wiring.build(settings, around)
    running.service.events.listen(events.append)
    return running


@contextmanager
def start_world(
    plane: ControlPlane | None,
    folder: Path,
    namespace: str,
    around: Callable[[Edges], Edges] = lambda edges: edges,
    **settings: Any,
) -> Iterator[World]:
    """A started service; `settings` are sections or fields of Settings, polling is off.

    `around` is put around its edges, after a restart too. Without a control plane its cluster does
    not answer.
    """
    kubeconfig = plane.kubeconfig if plane else unreachable_kubeconfig(folder)
    values: dict[str, Any] = {
        "state_dir": folder / "state",
        "cluster": {"kubeconfig": kubeconfig},
        "git": {"poll_interval": timedelta(0)},
        "sync": {"workers": 8},
        **settings,
    }
    chosen = Settings(**values)
    repo = Repo.create(folder / "git")
    events: list[Event] = []
    running = _build(chosen, events, around)
    world = World(plane, repo, namespace, chosen, running, events, around)
    try:
        world.running.start()
        yield world
    finally:
        world.running.stop()


@pytest.fixture
def world(control_plane: ControlPlane, tmp_path: Path, namespace: str) -> Iterator[World]:
    """A started service with an empty repository; declare applications, push, wait."""
    with start_world(control_plane, tmp_path, namespace) as started:
        yield started


@pytest.fixture
def quiet(tmp_path: Path) -> Iterator[World]:
    """A started service whose cluster does not answer: cheap, for what never gets that far."""
    with start_world(None, tmp_path, "default") as started:
        yield started
