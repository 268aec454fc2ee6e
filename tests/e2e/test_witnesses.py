"""An object that moves in one commit is handed over, though nobody says so, whoever is first."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from gitops.controlplane.processes import ControlPlane
from gitops.engine.declaring.deleting import DeleteOptions
from gitops.engine.operations import SyncOptions
from gitops.engine.service import Edges
from gitops.model.revision import RevisionState
from gitops.ports import Rendered, Renderer, RenderKey, RenderRequest
from tests.helpers.controlplane import Kubectl
from tests.helpers.service import BY_HAND, config_map, start_world
from tests.helpers.waiting import WAIT_S
from tests.helpers.walk import Walk, outcomes


class Gate:
    """The real renderer, at which one application waits while the gate is closed."""

    def __init__(self, slow: str) -> None:
        self._slow = slow
        self._open = threading.Event()
        self._open.set()
        self.waits = threading.Event()
        self._renderer: Renderer

    def around(self, edges: Edges) -> Edges:
        self._renderer = edges.renderer
        return replace(edges, renderer=self)

    def close(self) -> None:
        self.waits.clear()
        self._open.clear()

    def open(self) -> None:
        self._open.set()

    def key(self, request: RenderRequest) -> RenderKey:
        if request.application.name == self._slow and not self._open.is_set():
            self.waits.set()
            assert self._open.wait(WAIT_S)
        return self._renderer.key(request)

    def render(self, request: RenderRequest) -> Rendered:
        return self._renderer.render(request)

    def versions(self) -> Mapping[str, str]:
        return self._renderer.versions()


@pytest.fixture
def gate() -> Gate:
    return Gate("two")


@pytest.fixture
def slow(
    control_plane: ControlPlane, kubectl: Kubectl, tmp_path: Path, namespace: str, gate: Gate
) -> Iterator[Walk]:
    """`one` holds `kept` and `moved`, `two` an object of its own; nobody takes anything over."""
    with start_world(control_plane, tmp_path, namespace, gate.around) as world:
        walk = Walk(world, kubectl)
        for file in ("one/kept", "one/moved", "two/own"):
            world.repo.write(f"{file}.yaml", config_map(file.partition("/")[2]))
        walk.push("Start")
        for name in ("one", "two"):
            world.declare(name, name)
            walk.settled(name)
        yield walk
        gate.open()


def move(walk: Walk) -> str:
    """Push one commit that moves the object; returns its uid."""
    walk.world.repo.remove("one/moved.yaml")
    walk.world.repo.write("two/moved.yaml", config_map("moved"))
    walk.push("Move an object")
    return walk.get("configmap/moved", ".metadata.uid")


def is_moved(walk: Walk, uid: str) -> None:
    """It is the other one's now, and was never gone."""

    def owner() -> str:
        return str(walk.live("configmap/moved")["metadata"]["annotations"]["gitops.dev/tracking"])

    walk.world.wait_for(lambda: owner().startswith("two:"), "the new owner")
    for name in ("one", "two"):
        walk.settled(name)
        states = {r.state for r in walk.service.reading.revisions(name)}
        assert states == {RevisionState.SUCCEEDED}
    assert walk.get("configmap/moved", ".metadata.uid") == uid
    assert {c.id.name for c in walk.service.parts.store.claims("two")} == {"own", "moved"}


def test_a_holder_waits_until_its_neighbours_have_seen_the_commit(slow: Walk, gate: Gate) -> None:
    gate.close()
    uid = move(slow)
    slow.poll()
    assert gate.waits.wait(WAIT_S)
    slow.world.message("waits for two", "one")
    assert slow.world.status("one").waiting_for == ("two",)
    gate.open()
    is_moved(slow, uid)


def test_a_holder_waits_after_a_start_until_everybody_has_looked(slow: Walk, gate: Gate) -> None:
    gate.close()
    slow.world.running.stop()
    uid = move(slow)
    slow.world.restart()
    assert gate.waits.wait(WAIT_S)
    slow.world.message("waits for two", "one")
    gate.open()
    is_moved(slow, uid)


def test_what_somebody_asks_for_after_a_start_waits_until_everybody_has_looked(
    slow: Walk, gate: Gate
) -> None:
    gate.close()
    slow.world.running.stop()
    uid = move(slow)
    slow.world.restart()
    assert gate.waits.wait(WAIT_S)
    after = slow.service.events.newest
    ticket = slow.service.sync("one", SyncOptions(), BY_HAND)
    told = slow.wait_told("one", "waiting")
    assert told.message == "waits until two was looked at since the start"
    gate.open()
    done = slow.service.outcome_of("one", ticket, after, 60)
    assert done is not None
    assert done.data["state"] in ("succeeded", "unchanged"), slow.world.story()
    is_moved(slow, uid)


def test_what_somebody_asks_for_after_a_start_waits_not_for_ever(slow: Walk, gate: Gate) -> None:
    gate.close()
    slow.world.running.stop()
    slow.world.repo.write("two/more.yaml", config_map("more"))
    slow.world.push("one/more.yaml", config_map("mine"))
    slow.world.restart()
    slow.service.reconciler.witnesses.longest_s = 1.0
    assert gate.waits.wait(WAIT_S)
    assert slow.delete("one").data["state"] == "succeeded"
    assert slow.exists("configmap/own")
    assert not slow.exists("configmap/kept")


def test_a_deletion_goes_on_after_a_start_when_everybody_has_looked(slow: Walk, gate: Gate) -> None:
    kept = config_map("late").replace("name: late", "name: late\n  finalizers: [example.com/kept]")
    slow.world.push("last/late.yaml", kept)
    impatient = {"healthDeadline": "1s", "retry": {"limit": 0}}
    slow.world.declare("last", "last", dependsOn=[{"name": "one"}], syncPolicy=impatient)
    slow.settled("last")
    assert slow.delete("last").data["state"] == "failed"
    slow.service.delete("one", DeleteOptions(), BY_HAND)
    slow.world.message("waits until last", "one")
    gate.close()
    slow.world.running.stop()
    uid = slow.get("configmap/moved", ".metadata.uid")
    slow.world.push("two/moved.yaml", config_map("moved"))
    slow.world.restart()
    assert gate.waits.wait(WAIT_S)
    told = "is being deleted: goes on when every application was looked at"
    assert slow.world.status("one").message == told
    patch = '{"metadata": {"finalizers": null}}'
    slow.kubectl("-n", slow.namespace, "patch", "configmap", "late", "--type=merge", "-p", patch)
    gate.open()
    slow.wait_told("one", "unregistered")
    slow.settled("two")
    assert slow.get("configmap/moved", ".metadata.uid") == uid
    assert not slow.exists("configmap/kept")


def test_a_neighbour_that_takes_too_long_is_not_waited_for(slow: Walk, gate: Gate) -> None:
    slow.service.reconciler.witnesses.longest_s = 1.0
    gate.close()
    slow.world.repo.write("two/more.yaml", config_map("more"))
    slow.world.repo.remove("one/moved.yaml")
    slow.push("Remove an object")
    slow.poll()
    ended = slow.world.closed("one", 2)
    assert outcomes(ended) == {"ConfigMap/kept": "unchanged", "ConfigMap/moved": "deleted"}


def test_a_neighbour_whose_manifests_are_broken_holds_up_nobody(slow: Walk) -> None:
    slow.world.repo.write("two/broken.yaml", "kind: [")
    slow.world.repo.remove("one/moved.yaml")
    slow.push("Remove an object")
    slow.poll()
    ended = slow.world.closed("one", 2)
    assert outcomes(ended)["ConfigMap/moved"] == "deleted"
