"""The API server goes away, restarts or hangs: nothing is lost, and everything goes on by itself.

The control plane is this module's own, because the tests break it.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gitops.cluster.client import KubeCluster
from gitops.cluster.transport import Limits
from gitops.controlplane.processes import ControlPlane
from gitops.engine.service import Edges
from gitops.model.revision import OutcomeKind, RevisionKind, RevisionState
from gitops.openapi.loader import load_builtin
from tests.helpers.controlplane import Kubectl, start_control_plane
from tests.helpers.outage import Outage
from tests.helpers.service import BY_HAND, World, config_map, deployment, start_world

pytestmark = pytest.mark.xdist_group("api-server")

NAMESPACE = "default"
WAVES = ("first", "second", "third")


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with start_control_plane(tmp_path_factory.mktemp("breakable")) as started:
        yield started


@pytest.fixture(scope="module")
def admin(plane: ControlPlane) -> Kubectl:
    return Kubectl(plane.kubeconfig)


@pytest.fixture(autouse=True)
def clean(plane: ControlPlane, admin: Kubectl) -> Iterator[None]:
    yield
    plane.resume()
    admin("-n", NAMESPACE, "delete", "configmap", *WAVES, "--ignore-not-found")


def push_waves(world: World) -> None:
    """Three ConfigMaps, one after the other."""
    for wave, name in enumerate(WAVES):
        note = f'annotations: {{gitops.dev/sync-wave: "{wave}"}}'
        text = config_map(name).replace("metadata:", f"metadata:\n  {note}")
        world.repo.write(f"app/{name}.yaml", text)
    world.repo.commit("Three waves")
    world.repo.push()


def told(world: World) -> set[str]:
    """Every health that was told so far."""
    return {str(event.data["status"]) for event in world.events if event.kind == "health"}


def is_whole(world: World, admin: Kubectl) -> None:
    """One revision made each object once, it is healthy, and drift is still seen."""
    world.settled()
    revision = world.service.reading.revision("demo", 1)
    assert (revision.state, revision.healthy) == (RevisionState.SUCCEEDED, True)
    assert revision.attempts >= 2
    assert [o.id.name for o in revision.outcomes] == list(WAVES)
    assert revision.outcomes[0].outcome in (OutcomeKind.CREATED, OutcomeKind.UNCHANGED)
    assert {r.number for r in world.service.reading.revisions("demo")} == {1}
    assert "Missing" not in told(world)
    admin("-n", NAMESPACE, "delete", "configmap", "third")
    healed = world.closed(number=2)
    assert (healed.kind, healed.state) == (RevisionKind.HEAL, RevisionState.SUCCEEDED)
    assert world.service.parts.store.verify().faults == ()
    assert world.service.parts.store.open_revisions() == []


def test_a_sync_that_loses_the_api_server_goes_on_when_it_is_back(
    plane: ControlPlane, admin: Kubectl, tmp_path: Path
) -> None:
    outage = Outage("second", plane.pause)
    with start_world(plane, tmp_path, NAMESPACE, outage.around) as world:
        push_waves(world)
        world.declare()
        assert outage.began.wait(60), world.story()
        world.wait_for(lambda: world.status().sync == "Unknown", "nobody can tell")
        status = world.status()
        assert "cannot reach the API server" in status.message
        world.wait_for(lambda: world.status().health.status == "Unknown", "its health")
        assert {o.health.status for o in world.status().objects if o.id.name == "first"} == {
            "Unknown"
        }
        assert world.service.reading.revision("demo", 1).state is RevisionState.RUNNING
        world.wait_for(lambda: "default/second failed" in world.story(), "the first attempt's end")
        plane.resume()
        is_whole(world, admin)


def impatient(plane: ControlPlane, edges: Edges) -> Edges:
    """The same cluster with requests that wait for three seconds."""
    edges.cluster.close()
    installation = edges.store.installation
    limits = Limits(timeout_s=3, attempts=1)
    cluster = KubeCluster.connect(plane.kubeconfig, None, installation, limits=limits)
    cluster.assume(load_builtin())
    return replace(edges, cluster=cluster)


def test_a_sync_goes_on_when_an_api_server_that_hangs_answers_again(
    plane: ControlPlane, admin: Kubectl, tmp_path: Path
) -> None:
    outage = Outage("second", plane.freeze)
    with start_world(
        plane, tmp_path, NAMESPACE, lambda edges: outage.around(impatient(plane, edges))
    ) as world:
        push_waves(world)
        world.declare()
        try:
            assert outage.began.wait(60)
            world.wait_for(lambda: "in time" in world.story(), "the request that nobody answers")
        finally:
            plane.thaw()
        is_whole(world, admin)


def test_a_start_without_the_api_server_waits_for_it_and_changes_nothing(
    plane: ControlPlane, admin: Kubectl, tmp_path: Path
) -> None:
    with start_world(plane, tmp_path, NAMESPACE) as world:
        push_waves(world)
        world.declare()
        world.settled()
        plane.pause()
        try:
            world.restart()
            world.wait_for(lambda: world.status().sync == "Unknown", "nobody can tell")
            assert {o.health.status for o in world.status().objects} == {"Unknown"}
        finally:
            plane.resume()
        world.settled()
        assert {r.number for r in world.service.reading.revisions("demo")} == {1}
        assert "Missing" not in told(world)
        admin("-n", NAMESPACE, "delete", "configmap", "third")
        assert world.closed(number=2).state is RevisionState.SUCCEEDED


def test_an_outage_beyond_the_deadline_for_health_is_no_verdict(
    plane: ControlPlane, admin: Kubectl, tmp_path: Path
) -> None:
    outage = Outage("web", plane.pause, after=True)
    with start_world(plane, tmp_path, NAMESPACE, outage.around) as world:
        world.push("app/web.yaml", deployment())
        policy = {"healthDeadline": "15s", "rollback": {"automatic": True}, "retry": {"limit": 0}}
        world.declare(syncPolicy=policy)
        assert outage.began.wait(60), world.story()
        ended = world.closed()
        assert ended.state is RevisionState.FAILED
        late = f"Deployment {NAMESPACE}/web was Unknown when its deadline passed: cannot reach the"
        assert ended.message.startswith(late)
        world.service.suspend("demo", BY_HAND, suspended=True)
        plane.resume()
        patient = {**policy, "healthDeadline": "5m"}  # a node that was lost takes minutes
        world.declare(syncPolicy=patient)
        world.service.suspend("demo", BY_HAND, suspended=False)
        world.settled(timeout_s=300)
        newest, *_ = world.service.reading.revisions("demo")
        assert (newest.kind, newest.healthy) == (RevisionKind.SYNC, True)
        kinds = {event.kind for event in world.events}
        assert "rollback-failed" not in kinds
    admin("-n", NAMESPACE, "delete", "deployment", "web")
