"""The ceilings of what an event may cost, counted at 200 applications of 4 objects.

Requests are counted from the API server's audit log, git by a shim on PATH, renders by a wrapper
around the renderer, transactions by the database. Every test leaves the fleet as it found it.
"""

import json
import sqlite3
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from gitops.controlplane.processes import ControlPlane
from gitops.engine.declaring.deleting import DeleteOptions
from gitops.model.events import Event
from gitops.model.objects import Live, ObjectId
from gitops.model.revision import OutcomeKind, RevisionKind
from gitops.model.status import ApplicationStatus
from gitops.ports import Delivery
from gitops.scheduler import Scheduler
from tests.helpers.controlplane import AuditLog, Kubectl, eventually
from tests.helpers.counting import Counters
from tests.helpers.fleet import declaration, names, objects
from tests.helpers.gitserver import serve_http
from tests.helpers.gitshim import GitShim
from tests.helpers.service import BY_HAND, World, start_world
from tests.helpers.sqlite import Watcher, watched

APPLICATIONS = 200
TAGS = count(2)

PER_SYNC = 4
"""Transactions of one sync: the render; the plan, claims and opening; outcomes; the close."""
WEBHOOK = 2
"""A delivery is kept before it is answered, and marked when its applications were woken."""
DISCOVERY = 12
"""Requests that learn what the server serves: version, kinds, schemas."""
RESTART_READS = 16
"""Statements that read the database at a start, however many applications there are."""
KINDS = {"serviceaccounts", "deployments", "services", "ingresses"}
ROLLED_OUT = 'jsonpath={.status.conditions[?(@.type=="Progressing")].reason}=NewReplicaSetAvailable'
"""Its controller writes nothing more: an update between a read and a guarded write is a retry."""
CONDITION = {"type": "Odd", "status": "True", "reason": "Test", "message": "looked at"}

pytestmark = pytest.mark.xdist_group("fleet")


class Reads(Watcher):
    """The statements that read the database."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def statement(self, connection: sqlite3.Connection, sql: str, values: Any) -> None:
        del connection, values
        if sql.startswith("SELECT"):
            self.found.append(sql)


@dataclass
class Fleet:
    world: World
    counters: Counters
    namespace: str

    def fill(self, file: Path) -> None:
        """Push everything and declare the applications."""
        for name in names(APPLICATIONS):
            self.world.repo.write(f"{name}/objects.yaml", objects(name))
        self.world.repo.commit("Everything")
        self.world.repo.push()
        url, namespace = self.world.url, self.namespace
        file.write_text("---\n".join(declaration(n, url, namespace) for n in names(APPLICATIONS)))
        self.world.running.files.review()

    def settled(self, *chosen: str) -> None:
        """Wait until applications are Synced, Healthy and at rest; all when none is named."""
        wanted = set(chosen or names(APPLICATIONS))

        def ask() -> bool:
            statuses = [s for s in self.world.service.reading.statuses() if _name(s) in wanted]
            return len(statuses) == len(wanted) and all(map(_is_settled, statuses))

        self.world.wait_for(ask, "the fleet Synced and Healthy", 300)

    def delivery(self) -> Delivery:
        """A push to the repository's branch, as a webhook tells it."""
        sha = self.world.repo.head()
        now = self.world.service.edges.clock.now()
        return Delivery(
            uuid.uuid4().hex, "generic", self.world.url, "refs/heads/main", sha, "ada",
            f"push of {sha}", now,
        )  # fmt: skip

    def idle(self) -> None:
        """Wait until nothing runs, and nothing waits to run."""
        assert self.world.service.dispatcher.wait_idle(60), self.world.story()

    def push_new_tag(self, name: str) -> None:
        self.world.push(f"{name}/objects.yaml", objects(name, f"v{next(TAGS)}"))


def _name(status: ApplicationStatus) -> str:
    return status.application.name


def _is_settled(status: ApplicationStatus) -> bool:
    good = status.sync == "Synced" and status.health.status in (None, "Healthy")
    return good and not status.busy


@pytest.fixture(scope="module")
def fleet(
    control_plane: ControlPlane, kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("fleet")
    namespace = f"fleet-{uuid.uuid4().hex[:8]}"
    kubectl("create", "namespace", namespace)
    shim = GitShim(folder / "shim")
    counters = Counters(AuditLog(control_plane), shim)
    with ExitStack() as stack:
        shim.install(stack.enter_context(pytest.MonkeyPatch.context()))
        http = stack.enter_context(serve_http(folder / "git"))
        declared = folder / "applications"
        declared.mkdir()
        world = stack.enter_context(
            start_world(control_plane, folder, namespace, counters.around, applications=(declared,))
        )
        world.url = http.url(world.repo.remote.name)
        counters.world = world
        made = Fleet(world, counters, namespace)
        made.fill(declared / "all.yaml")
        made.settled()
        yield made
    kubectl("delete", "namespace", namespace, "--wait=false")


def test_a_push_that_changes_one_application_renders_one_and_touches_one(fleet: Fleet) -> None:
    fleet.push_new_tag("app-100")
    fleet.counters.begin()
    fleet.world.refresh("app-100")
    fleet.settled()
    cost = fleet.counters.cost()
    assert (cost.rendered, cost.keyed) == (["app-100"], ["app-100"])
    assert cost.remote == {"fetch": 1}
    assert cost.git["diff-tree"] == 1
    assert cost.objects == [
        "dry-run patch deployments/app-100",
        "patch deployments/app-100",
    ]
    assert cost.writes <= PER_SYNC


def test_a_push_costs_what_it_changed(fleet: Fleet) -> None:
    for name in ("app-007", "app-008", "app-009"):
        fleet.world.repo.write(f"{name}/objects.yaml", objects(name, f"v{next(TAGS)}"))
    fleet.world.repo.commit("Three")
    fleet.world.repo.push()
    fleet.counters.begin()
    fleet.world.service.poll(fleet.world.url)
    fleet.settled()
    cost = fleet.counters.cost()
    assert sorted(cost.rendered) == ["app-007", "app-008", "app-009"]
    assert cost.remote == {"ls-remote": 1, "fetch": 1}
    assert cost.git["diff-tree"] == 1
    assert len(cost.dry_runs) == 3
    assert len(cost.applied) == 3
    assert len(cost.objects) == 6
    assert cost.writes <= 3 * PER_SYNC


def test_a_push_that_no_application_reads_renders_nothing_and_asks_nobody(fleet: Fleet) -> None:
    fleet.counters.begin()
    sha = fleet.world.push("README.md", f"{uuid.uuid4()}\n")
    fleet.world.service.poll(fleet.world.url)
    fleet.settled()
    cost = fleet.counters.cost()
    assert (cost.rendered, cost.keyed) == ([], [])
    assert cost.remote == {"ls-remote": 1, "fetch": 1}
    assert cost.git["diff-tree"] == 1
    assert cost.beside_watches == []
    assert cost.writes == 0
    commit = fleet.world.status("app-000").commit
    assert commit is not None
    assert commit.sha == sha


def test_polling_with_nothing_new_is_one_look_a_repository_and_nothing_else(fleet: Fleet) -> None:
    service, polled = fleet.world.service, []

    def poll(url: str) -> None:
        polled.append(url)
        service.poll(url)

    scheduler = Scheduler(
        service.parts.registry.repositories, poll, lambda: None, timedelta(milliseconds=250), 0
    )
    fleet.counters.begin()
    scheduler.start()
    eventually(lambda: len(polled) >= 8, "eight polls")
    scheduler.stop()
    fleet.idle()
    cost = fleet.counters.cost()
    assert set(polled) == {fleet.world.url}
    assert set(cost.git) == {"ls-remote"}
    assert 1 <= cost.git["ls-remote"] <= len(polled)
    assert cost.beside_watches == []
    assert (cost.rendered, cost.writes) == ([], 0)


def test_a_webhook_is_one_fetch_and_one_write_before_the_sync(fleet: Fleet) -> None:
    fleet.push_new_tag("app-050")
    before: list[int] = []

    def listen(event: Event) -> None:
        if event.kind == "revision-opened":
            before.append(fleet.counters.writes)

    fleet.world.service.events.listen(listen)
    fleet.counters.begin()
    concerned = fleet.world.service.webhook(fleet.delivery())
    assert concerned is not None
    assert len(concerned.applications) == APPLICATIONS
    fleet.settled()
    cost = fleet.counters.cost()
    assert cost.remote == {"fetch": 1}
    assert cost.rendered == ["app-050"]
    assert cost.objects == [
        "dry-run patch deployments/app-050",
        "patch deployments/app-050",
    ]
    assert cost.writes <= PER_SYNC + WEBHOOK
    assert fleet.world.service.parts.store.deliveries() == []


def test_a_webhook_that_brings_nothing_new_costs_one_fetch_and_no_request(fleet: Fleet) -> None:
    fleet.counters.begin()
    fleet.world.service.webhook(fleet.delivery())
    fleet.settled()
    cost = fleet.counters.cost()
    assert cost.remote == {"fetch": 1}
    assert (cost.rendered, cost.beside_watches) == ([], [])
    assert cost.writes <= WEBHOOK


def test_a_restart_renders_nothing_writes_nothing_and_lists_each_kind_once(fleet: Fleet) -> None:
    fleet.counters.begin()
    before = len(fleet.world.events)
    reads = Reads()
    with watched(reads):
        fleet.world.restart()
        fleet.counters.restarted()
        fleet.idle()
    fleet.settled()
    cost = fleet.counters.cost()
    assert (cost.rendered, cost.keyed) == ([], [])
    assert cost.remote == {"fetch": 1}
    assert cost.writes == 0
    lists = Counter(a.resource for a in cost.asked if a.verb == "list")
    assert lists == dict.fromkeys(KINDS, 1)
    watches = {a.resource for a in cost.asked if a.verb == "watch"}
    assert watches == KINDS
    others = [a for a in cost.asked if a.verb not in ("list", "watch")]
    assert [a for a in others if a.resource] == []
    assert len(others) <= DISCOVERY
    assert 0 < len(reads.found) <= RESTART_READS, reads.found
    assert [e for e in fleet.world.events[before:] if e.kind in ("registered", "health")] == []
    assert not fleet.world.service.parts.store.open_revisions()


def test_drift_of_one_object_is_one_dry_run_one_apply_and_one_revision(
    fleet: Fleet, kubectl: Kubectl
) -> None:
    before = fleet.world.status("app-120").revision or 0
    fleet.counters.begin()
    kubectl(
        "-n", fleet.namespace, "set", "image", "deployment/app-120", "web=registry.example/evil:v1"
    )
    healed = fleet.world.closed("app-120", before + 1)
    fleet.settled()
    cost = fleet.counters.cost()
    assert healed.kind is RevisionKind.HEAL
    assert (cost.git, cost.rendered, cost.keyed) == ({}, [], [])
    assert cost.objects == [
        "dry-run patch deployments/app-120",
        "patch deployments/app-120",
    ]
    assert len(fleet.world.service.reading.revisions("app-120")) == before + 1
    assert cost.writes <= PER_SYNC


def test_a_status_change_costs_nothing(fleet: Fleet, kubectl: Kubectl) -> None:
    actual = fleet.world.service.parts.actual
    seen = ObjectId("apps", "Deployment", fleet.namespace, "app-130")
    fleet.counters.begin()
    patch = {"status": {"observedGeneration": 1, "replicas": 0, "conditions": [CONDITION]}}
    kubectl(
        "-n", fleet.namespace, "patch", "deployment/app-130", "--subresource=status",
        "--type=merge", "-p", json.dumps(patch),
    )  # fmt: skip
    eventually(lambda: CONDITION["type"] in str(_status(actual.get(seen))), "the watch's event")
    fleet.idle()
    cost = fleet.counters.cost()
    assert (cost.git, cost.rendered, cost.keyed) == ({}, [], [])
    assert cost.beside_watches == []
    assert cost.writes == 0


def test_adoption_is_a_read_an_ownership_patch_a_dry_run_and_an_apply_an_object(
    fleet: Fleet, kubectl: Kubectl
) -> None:
    fleet.world.push("adopted/objects.yaml", objects("adopted"))
    kubectl.apply(objects("adopted", "v0"), namespace=fleet.namespace)
    kubectl.wait(ROLLED_OUT, "-n", fleet.namespace, "deployment/adopted")
    fleet.counters.begin()
    fleet.world.declare("adopted", "adopted", syncPolicy={"adopt": "auto"})
    first = fleet.world.closed("adopted", 1)
    assert first.healthy, first
    assert {o.outcome for o in first.outcomes} == {OutcomeKind.ADOPTED}
    cost = fleet.counters.cost()
    resources = ("serviceaccounts", "deployments", "services", "ingresses")
    for resource in resources:
        asked = [a for a in cost.beside_watches if a.resource == resource]
        assert [f"{'dry-run ' * a.dry_run}{a.verb}" for a in asked] == [
            "dry-run patch", "get", "patch", "patch",
        ]  # fmt: skip
    assert len(cost.objects) == 4 * len(resources)
    assert cost.remote == {"ls-remote": 1, "fetch": 1}
    assert cost.writes <= PER_SYNC + 5  # registered, claimed, and outcomes of three more kinds
    fleet.world.service.delete("adopted", DeleteOptions(), BY_HAND)
    registry = fleet.world.service.parts.registry
    fleet.world.wait_for(lambda: registry.find("adopted") is None, "the deletion")


def _status(live: Live | None) -> Any:
    return live.decode().get("status") if live else None
