"""The disk is full in the middle of it: nothing is lost, and revisions end truthfully.

The service runs in a process of its own whose files may not grow (RLIMIT_FSIZE, set from outside),
or in this one with a database that may have no more pages (SQLite's own limit); the limit is lifted
as a person would make room.
"""

import resource
import sqlite3
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from gitops import wiring
from gitops.controlplane.processes import ControlPlane
from gitops.model.revision import RevisionState
from gitops.settings.load import Settings
from tests.helpers.controlplane import Kubectl, eventually
from tests.helpers.killable import Killable
from tests.helpers.outage import Outage
from tests.helpers.repo import Repo
from tests.helpers.service import World, config_map, start_world
from tests.helpers.sqlite import Watcher, watched


class Cramped:
    """One application whose service has a disk of a chosen size."""

    def __init__(self, plane: ControlPlane, folder: Path, namespace: str) -> None:
        self.plane, self.folder, self.namespace = plane, folder, namespace
        self.repo = Repo.create(folder / "git")
        declared = folder / "application.yaml"
        declared.write_text(self._application())
        self.settings = Settings(
            state_dir=folder / "state",
            applications=(declared,),
            cluster={"kubeconfig": plane.kubeconfig},  # type: ignore[arg-type]  # as a file has it
            git={"poll_interval": timedelta(milliseconds=500)},  # type: ignore[arg-type]  # as a file has it
        )

    def _application(self) -> str:
        return yaml.safe_dump({
            "apiVersion": "gitops.dev/v1alpha1",
            "kind": "Application",
            "metadata": {"name": "demo"},
            "spec": {
                "source": {"repoURL": self.repo.url, "targetRevision": "main", "path": "app"},
                "destination": {"name": "in-cluster", "namespace": self.namespace},
            },
        })  # fmt: skip

    def push(self, word: str) -> None:
        noise = {f"noise-{n}": uuid.uuid4().hex * 40 for n in range(20)}
        body = {**yaml.safe_load(config_map(word=word)), "data": {"word": word, **noise}}
        self.repo.write("app/words.yaml", yaml.safe_dump(body)).commit(word)
        self.repo.push()

    def fill(self, process: Killable) -> None:
        """Let no file grow beyond what the database's log has now."""
        size = max(path.stat().st_size for path in (self.folder / "state").glob("gitops.db*"))
        resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE, (size + 4096, -1))

    def make_room(self, process: Killable) -> None:
        resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE, (-1, -1))

    def world(self) -> World:
        running = wiring.build(self.settings)
        running.start()
        return World(self.plane, self.repo, self.namespace, self.settings, running)


@pytest.fixture
def cramped(control_plane: ControlPlane, tmp_path: Path, namespace: str) -> Cramped:
    return Cramped(control_plane, tmp_path, namespace)


def test_a_full_disk_is_told_and_everything_goes_on_when_there_is_room(
    cramped: Cramped, kubectl: Kubectl
) -> None:
    cramped.push("one")
    process = Killable.run(cramped.settings, cramped.folder / "writes", None)
    assert process.wait_for(lambda e: "revision 1 succeeded" in e["message"])
    cramped.fill(process)
    cramped.push("two")
    assert process.wait_for(lambda e: e["kind"] == "problem" and "full" in e["message"])
    where = ("-n", cramped.namespace, "get", "configmap", "words", "-o", "jsonpath={.data.word}")
    assert kubectl(*where) in ("one", "two")
    cramped.make_room(process)
    assert process.wait_for(
        lambda e: e["kind"] == "revision-closed" and e.get("state") == "succeeded"
    ), process.story()
    eventually(lambda: kubectl(*where) == "two", "the second version")
    process.stop()
    world = cramped.world()
    try:
        world.settled()
        store = world.service.parts.store
        assert store.verify().faults == ()
        assert store.open_revisions() == []
        newest, *older = store.revisions("demo")
        assert newest.healthy
        assert older[-1].state is RevisionState.SUCCEEDED
        assert all("full" in r.message for r in older[:-1]), older
        assert len(store.claims("demo")) == 1
    finally:
        world.running.stop()


class Pages(Watcher):
    """How many pages every database of this process may have; the least is what it has."""

    LEAST, MANY = 1, 1_000_000

    def __init__(self) -> None:
        self.most = self.MANY

    def fill(self) -> None:
        self.most = self.LEAST

    def make_room(self) -> None:
        self.most = self.MANY

    def statement(self, connection: sqlite3.Connection, sql: str, values: object) -> None:
        if sql.startswith("BEGIN"):
            connection.execute(f"PRAGMA max_page_count = {self.most}")


@pytest.fixture
def pages() -> Iterator[Pages]:
    made = Pages()
    with watched(made):
        yield made


SORRY = """\
apiVersion: v1
kind: {kind}
metadata:
  name: sorry
  annotations: {{gitops.dev/hook: SyncFail, gitops.dev/hook-delete-policy: HookFailed}}
{more}"""
GOOD = SORRY.format(kind="ServiceAccount", more="")
BAD = SORRY.format(kind="Service", more="spec: {clusterIP: 127.0.0.1, ports: [{port: 80}]}\n")


@pytest.mark.parametrize(("sorry", "outcome"), [(GOOD, "created"), (BAD, "failed")])
def test_sync_fail_hooks_run_where_the_database_ended_a_sync_and_theirs_is_not_the_error(
    control_plane: ControlPlane, namespace: str, tmp_path: Path, pages: Pages,
    sorry: str, outcome: str,
) -> None:  # fmt: skip
    outage = Outage("words-0", pages.fill)
    with start_world(control_plane, tmp_path, namespace, outage.around) as world:
        for number in range(OBJECTS):
            world.repo.write(f"app/{number}.yaml", config_map(f"words-{number}"))
        world.push("app/sorry.yaml", sorry)
        world.declare()
        assert outage.began.wait(60), world.story()
        world.message("the database cannot grow")
        told = [e.message for e in world.events if e.kind == "outcome" and "sorry" in e.message]
        assert {outcome in message for message in told} == {True}, world.story()
        pages.make_room()
        world.settled()
        newest, oldest = world.service.reading.revisions("demo")
        assert (newest.healthy, oldest.state) == (True, RevisionState.FAILED)
        assert "the database cannot grow" in oldest.message
        found = world.service.reading.revision("demo", oldest.number).outcomes
        assert [str(o.outcome) for o in found if o.id.name == "sorry"] == [outcome]


OBJECTS = 60
"""So many that their claims need more pages than are half empty."""


def test_a_database_that_fills_up_in_a_sync_loses_nothing(
    control_plane: ControlPlane, namespace: str, tmp_path: Path, pages: Pages
) -> None:
    outage = Outage("words-0", pages.fill)
    with start_world(control_plane, tmp_path, namespace, outage.around) as world:
        for number in range(OBJECTS):
            world.repo.write(f"app/{number}.yaml", config_map(f"words-{number}"))
        world.repo.commit("Many")
        world.repo.push()
        world.declare()
        assert outage.began.wait(60), world.story()
        world.wait_for(
            lambda: "the database cannot grow" in world.status().message, "the full disk"
        )
        assert world.status().sync == "Unknown"
        pages.make_room()
        world.settled()
        newest, oldest = world.service.reading.revisions("demo")
        store = world.service.parts.store
        assert (newest.healthy, oldest.state) == (True, RevisionState.FAILED)
        assert "the database cannot grow" in oldest.message
        assert len(store.claims("demo")) == OBJECTS
        assert store.verify().faults == ()
        assert store.open_revisions() == []
        world.restart()
        world.settled()
        assert len(world.service.reading.revisions("demo")) == 2
