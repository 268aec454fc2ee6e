"""Walks through the systems of `examples-repo/`: what a person does, and what the cluster shows.

Fixtures: `walk`, a started service whose repository is empty; `walk_as_annotated`, one more.
`walk.take("kubia")` copies a system with its Application into the repository under names of this
test's own, registers and pushes it. Then `walk.change(...)` commits and answers with the revision
that came of it, and `walk.kubectl` does by hand what people do. Everything waits for the service's
events.
"""

import itertools
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitops.controlplane.processes import ControlPlane
from gitops.engine.declaring.deleting import DeleteOptions
from gitops.engine.operations import ApproveOptions, RollbackOptions
from gitops.engine.service import Service
from gitops.model.events import Event
from gitops.model.revision import Revision, RevisionKind
from gitops.model.status import ApplicationStatus
from tests.helpers.controlplane import Kubectl
from tests.helpers.service import BY_HAND, World, start_world
from tests.helpers.waiting import WAIT_S

EXAMPLES = Path(__file__).parents[2] / "examples-repo"
OFFICIAL = "https://git.example.com/examples.git"
# The API server gives away none of these by itself while others are left: a port is one Service's
# in the whole cluster, and stays so until the namespace of an earlier test is gone.
NODE_PORTS = itertools.cycle(range(30002, 30085))


@dataclass
class Walk:
    """One service, one repository, and names that no other test uses."""

    world: World
    kubectl: Kubectl
    names: dict[str, str] = field(default_factory=dict)

    @property
    def service(self) -> Service:
        """The engine's facade."""
        return self.world.service

    @property
    def namespace(self) -> str:
        """The test's own namespace, which exists."""
        return self.world.namespace

    def path(self, name: str) -> Path:
        """A file of the working copy."""
        return self.world.repo.work / name

    # --- what people put into Git -----------------------------------------------------------------

    def copy(self, *systems: str) -> None:
        """Copy systems into the working copy, under this test's names."""
        for system in systems:
            for source in sorted((EXAMPLES / system).rglob("*")):
                if source.is_file():
                    place = self.path(str(source.relative_to(EXAMPLES)))
                    place.parent.mkdir(parents=True, exist_ok=True)
                    place.write_text(self.rename(source.read_text()))

    def rename(self, text: str) -> str:
        """A text of the examples, with this test's names."""
        for old, new in self.names.items():
            text = text.replace(old, new)
        return text

    def declaration(self, system: str, **spec: Any) -> str:
        """A system's Application of the examples, with fields of its spec laid over."""
        text = self.rename((EXAMPLES / "applications" / f"{system}.yaml").read_text())
        body = yaml.safe_load(text)
        body["spec"].pop("dependsOn", None)
        body["spec"]["source"] |= spec.pop("source", {})
        body["spec"]["syncPolicy"] = body["spec"].get("syncPolicy", {}) | spec.pop("policy", {})
        body["spec"] |= spec
        return yaml.safe_dump(body)

    def take(self, system: str, *edits: tuple[str, str, str], **spec: Any) -> Revision:
        """Copy, edit, push and register a system; returns its first revision, closed."""
        self.copy(system)
        for path, old, new in edits:
            self.edit(path, old, new)
        self.push(f"Add {system}")
        self.declare(self.declaration(system, **spec))
        return self.world.closed(system, 1)

    def declare(self, text: str) -> list[str]:
        """Register Applications as the API does."""
        return self.service.declarer.create(text, "test.yaml", BY_HAND.actor)

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace a text in a file of the working copy."""
        place = self.path(path)
        text = place.read_text()
        assert old in text, f"{path} does not hold {old!r}"
        place.write_text(text.replace(old, new))

    def push(self, message: str) -> str:
        """Commit everything and push it; returns the commit."""
        sha = self.world.repo.commit(message)
        self.world.repo.push()
        return sha

    def poll(self) -> None:
        """Let the service look at the repository, as its scheduler does."""
        self.service.poll(self.world.repo.url)

    def change(self, name: str, path: str, old: str, new: str, message: str = "") -> Revision:
        """Edit a file, push, and wait for the revision that comes of it."""
        self.edit(path, old, new)
        return self.publish(name, message or f"{old} → {new}")

    def publish(self, name: str, message: str = "Change something") -> Revision:
        """Push what lies in the working copy, and wait for the revision that comes of it."""

        def act() -> None:
            self.push(message)
            self.poll()

        return self.after(name, act)

    # --- what comes of it -------------------------------------------------------------------------

    def after(self, name: str, act: Callable[[], object]) -> Revision:
        """Do something and wait for the application's next revision, closed."""
        number = self.newest(name).number + 1
        act()
        return self.world.closed(name, number)

    def newest(self, name: str) -> Revision:
        """The newest revision as it stands."""
        return self.service.reading.revisions(name, limit=1)[0]

    def kinds(self, name: str) -> list[RevisionKind]:
        """The kinds of an application's revisions, oldest first."""
        return [r.kind for r in reversed(self.service.reading.revisions(name))]

    def settled(self, name: str) -> ApplicationStatus:
        """Wait until an application is Synced, Healthy and at rest."""
        return self.world.settled(name)

    def at_rest(self, name: str) -> ApplicationStatus:
        """Wait until nothing runs or waits for an application, however it stands."""

        def ask() -> ApplicationStatus | None:
            status = self.world.status(name)
            return None if status.busy else status

        return self.world.wait_for(ask, f"{name} at rest")

    def told(self, name: str, kind: str) -> list[str]:
        """The messages of an application's events of one kind, oldest first."""
        return [e.message for e in self.world.events if (e.application, e.kind) == (name, kind)]

    def wait_told(self, name: str, kind: str, *parts: str) -> Event:
        """Wait for an event whose message holds all of these parts."""

        def ask() -> Event | None:
            found = (e for e in self.world.events if (e.application, e.kind) == (name, kind))
            return next((e for e in found if all(p in e.message for p in parts)), None)

        return self.world.wait_for(ask, f"{name}: {kind} with {parts}")

    def rollback(self, name: str, number: int | None = None) -> Event:
        """Roll back by hand, and wait for its end."""
        after = self.service.events.newest
        ticket = self.service.rollback(name, RollbackOptions(number), BY_HAND)
        return self._done(name, ticket, after)

    def delete(self, name: str, options: DeleteOptions | None = None) -> Event:
        """Delete an application, and wait for its end."""
        after = self.service.events.newest
        ticket = self.service.delete(name, options or DeleteOptions(), BY_HAND)
        return self._done(name, ticket, after)

    def approve(self, name: str, options: ApproveOptions | None = None) -> Event:
        """Approve what is held, and wait for its end."""
        after = self.service.events.newest
        ticket = self.service.approve(name, BY_HAND, options)
        return self._done(name, ticket, after)

    def _done(self, name: str, ticket: int, after: int) -> Event:
        done = self.service.outcome_of(name, ticket, after, WAIT_S)
        assert done is not None, self.world.story()
        return done

    # --- what the cluster shows -------------------------------------------------------------------

    def get(self, what: str, path: str, namespace: str | None = None) -> str:
        """A JSONPath of an object, as kubectl prints it."""
        where = self.namespace if namespace is None else namespace
        return self.kubectl("-n", where, "get", what, "-o", f"jsonpath={{{path}}}")

    def live(self, what: str, namespace: str | None = None) -> dict[str, Any]:
        """A whole object."""
        body: dict[str, Any] = self.kubectl.json("-n", namespace or self.namespace, "get", what)
        return body

    def exists(self, what: str, namespace: str | None = None) -> bool:
        """Whether the cluster has an object that is not going."""
        found = self.kubectl.try_("-n", namespace or self.namespace, "get", what, "-o", "name")
        return found.returncode == 0


def changes(revision: Revision) -> list[str]:
    """What a revision did, in words: `scale kubia 1→3`."""
    return [change for outcome in revision.outcomes for change in outcome.changes]


def outcomes(revision: Revision) -> dict[str, str]:
    """How each object of a revision ended, by kind and name: `Service/kubia-http`."""
    return {f"{o.id.kind}/{o.id.name}": str(o.outcome) for o in revision.outcomes}


def names_of(namespace: str) -> dict[str, str]:
    """What of the examples' names a test replaces by its own."""
    mark = namespace.removeprefix("test-")
    return {
        "namespace: default": f"namespace: {namespace}",
        "nohi": f"nohi-{mark}",
        "namespace: workloads": f"namespace: workloads-{mark}",
        "kind: Namespace\nmetadata:\n  name: workloads": "kind: Namespace\nmetadata:\n"
        f"  name: workloads-{mark}",
        "example.com/v1": f"{mark}.example.com/v1",
        "backups.example.com": f"backups.{mark}.example.com",
        "group: example.com": f"group: {mark}.example.com",
        "releaseName: ingress-nginx": f"releaseName: ingress-{mark}",
        "namespace: ingress-nginx": f"namespace: ingress-{mark}",
        "name: nginx\n": f"name: nginx-{mark}\n",
        "ingressClassName: nginx": f"ingressClassName: nginx-{mark}",
        "nodePort: 30001": f"nodePort: {next(NODE_PORTS)}",
    }


AS_ANNOTATED = """\
local told = (obj.metadata.annotations or {})["example.com/health"]
return {status = told or "Healthy", message = "so it says"}
"""


@pytest.fixture
def walk_as_annotated(
    control_plane: ControlPlane, tmp_path: Path, namespace: str, kubectl: Kubectl
) -> Iterator[Walk]:
    """A service for which a ConfigMap is as healthy as its annotation says."""
    checks = {"customizations": {"resource.customizations.health.ConfigMap": AS_ANNOTATED}}
    with start_world(control_plane, tmp_path, namespace, health=checks) as world:
        yield Walk(world, kubectl)


@pytest.fixture
def walk(
    control_plane: ControlPlane, kubectl: Kubectl, tmp_path: Path, namespace: str
) -> Iterator[Walk]:
    """A started service with an empty repository, names of its own, and kubectl."""
    names = names_of(namespace)
    with start_world(control_plane, tmp_path, namespace) as world:
        names[OFFICIAL] = world.repo.url
        yield Walk(world, kubectl, names)
    left = [n for n in kubectl("get", "namespaces", "-o", "name").split()
            if n.endswith(namespace.removeprefix("test-")) and namespace not in n]  # fmt: skip
    if left:
        kubectl("delete", "--wait=false", "--ignore-not-found", *left)
    shutil.rmtree(tmp_path / "state", ignore_errors=True)
