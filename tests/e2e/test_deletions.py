"""Deletions that end early go on; declarations that go while nobody looks are let go."""

from pathlib import Path

import yaml

from gitops.controlplane.processes import ControlPlane
from gitops.engine.deleting import DeleteOptions
from gitops.model.revision import RecordKind, RevisionKind, RevisionState
from gitops.ports import TrailQuery
from tests.helpers.controlplane import Kubectl
from tests.helpers.killable import Kill, Killable
from tests.helpers.service import BY_HAND, World, config_map, start_world
from tests.helpers.walk import Walk, outcomes

FINALIZER = "resources-finalizer.argocd.argoproj.io"
KEPT = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: kept
  finalizers: [example.com/kept]
"""
IMPATIENT = {"syncPolicy": {"healthDeadline": "1s", "retry": {"limit": 0}}}


def names(kubectl: Kubectl, world: World) -> set[str]:
    """The ConfigMaps of the test that are not the cluster's own."""
    listed = kubectl("-n", world.namespace, "get", "configmaps", "-o", "name").split()
    return {name.partition("/")[2] for name in listed} - {"kube-root-ca.crt"}


def killed(world: World, kill: Kill, log: Path) -> list[str]:
    """Delete `demo` in a process that dies at this write; returns the writes that were made."""
    world.running.stop()
    process = Killable.run(world.settings, log, kill, "delete demo")
    alive = process.wait_for(lambda e: bool(e["kind"] == "job-done"))
    if alive:
        process.stop()
    assert alive != process.was_killed, process.story()
    return process.writes()


def test_a_deletion_killed_at_any_write_is_brought_to_its_end(
    world: World, kubectl: Kubectl, tmp_path: Path
) -> None:
    log = tmp_path / "writes"
    world.repo.write("app/one.yaml", config_map("one"))
    world.push("app/two.yaml", config_map("two"))
    world.declare()
    world.settled()
    writes = killed(world, Kill(), log)
    deletions = [write for write in writes if write.startswith("delete ")]
    assert sorted(deletions) == ["delete ConfigMap/one", "delete ConfigMap/two"]
    for at in range(1, len(writes) + 1):
        world.restart()
        world.declare()
        world.settled()
        made = killed(world, Kill(at, after=True), log)
        world.restart()
        assert "Synced" not in [status.sync for status in world.service.reading.statuses()]
        world.wait_for(lambda: not world.service.parts.store.states(), str(made))
        assert world.service.parts.registry.all() == []
        assert names(kubectl, world) == set()
        store = world.service.parts.store
        assert (store.claims(), store.registered()) == ([], {})
        assert (store.open_revisions(), store.verify().faults) == ([], ())
        newest = world.service.reading.revisions("demo", limit=1)[0]
        assert (newest.kind, newest.state) == (RevisionKind.DELETE, RevisionState.SUCCEEDED)


def test_a_deletion_that_fails_is_seen_and_goes_on_when_it_is_asked_for(walk: Walk) -> None:
    walk.world.repo.write("app/words.yaml", config_map())
    walk.world.push("app/kept.yaml", KEPT)
    walk.world.declare(**IMPATIENT)
    walk.settled("demo")
    done = walk.delete("demo")
    assert done.data["state"] == "failed"
    status = walk.at_rest("demo")
    assert status.sync == "OutOfSync"
    assert status.message.startswith("is being deleted: revision 2: ConfigMap")
    assert not walk.exists("configmap/words")
    refused = walk.world.sync()
    assert refused.data["error"]["message"] == "the application is being deleted"
    walk.world.refresh()
    walk.at_rest("demo")
    assert walk.kinds("demo") == [RevisionKind.SYNC, RevisionKind.DELETE]

    release(walk)
    assert walk.delete("demo").data["state"] == "succeeded"
    assert walk.service.parts.registry.find("demo") is None


def release(walk: Walk) -> None:
    """Let the object go that a finalizer keeps."""
    patch = '{"metadata": {"finalizers": null}}'
    walk.kubectl("-n", walk.namespace, "patch", "configmap", "kept", "--type=merge", "-p", patch)


def test_a_removed_childs_deletion_goes_on_after_a_restart(walk: Walk) -> None:
    child = yaml.safe_load(walk.world.application("one", "one", **IMPATIENT))
    child["metadata"]["finalizers"] = [FINALIZER]
    walk.world.repo.write("apps/one.yaml", yaml.safe_dump(child))
    walk.world.repo.write("apps/two.yaml", walk.world.application("two", "two"))
    walk.world.repo.write("two/words.yaml", config_map())
    walk.world.push("one/kept.yaml", KEPT)
    walk.world.declare("apps", "apps")
    for name in ("one", "two"):
        assert walk.world.closed(name, 1).healthy, walk.world.story()
    walk.world.repo.remove("apps/one.yaml")
    assert outcomes(walk.publish("apps", "Remove one"))["Application/one"] == "deleted"
    assert walk.world.closed("one", 2).state is RevisionState.FAILED
    walk.at_rest("one")

    release(walk)
    walk.world.restart()
    walk.wait_told("one", "unregistered")
    assert walk.service.parts.store.claims("one") == []
    assert walk.newest("one").trigger.evidence == "the deletion was interrupted"
    assert walk.settled("two").revision == 1


def test_what_was_declared_in_a_file_that_went_meanwhile_is_let_go(
    control_plane: ControlPlane, kubectl: Kubectl, tmp_path: Path, namespace: str
) -> None:
    folder = tmp_path / "declared"
    folder.mkdir()
    with start_world(control_plane, tmp_path, namespace, applications=(folder,)) as world:
        for name in ("one", "two"):
            world.push(f"{name}/words.yaml", config_map(name))
        (folder / "one.yaml").write_text(world.application("one", "one"))
        (folder / "two.yaml").write_text(world.application("two", "two"))
        world.restart()
        world.settled("one")
        world.settled("two")

        (folder / "two.yaml").rename(tmp_path / "two.yaml")
        (folder / "bad.yaml").write_text("kind: [")
        world.restart()
        assert len(world.service.parts.store.claims("two")) == 1, "it may be in the broken file"

        (folder / "bad.yaml").unlink()
        world.restart()
        assert world.service.parts.store.claims("two") == []
        assert "two" not in world.service.parts.store.states()
        [record] = world.service.reading.trail(TrailQuery(kind=RecordKind.UNREGISTERED))
        assert (record.application, record.payload["left"]) == (
            "two", [f"ConfigMap {namespace}/two"],
        )  # fmt: skip
        assert names(kubectl, world) == {"one", "two"}
        assert world.settled("one").revision == 1


def test_a_deletion_that_cannot_begin_leaves_the_application_as_it_was(quiet: World) -> None:
    quiet.push("app/words.yaml", config_map())
    quiet.declare()
    after = quiet.service.events.newest
    ticket = quiet.service.delete("demo", DeleteOptions(), BY_HAND)
    done = quiet.service.outcome_of("demo", ticket, after, 60)
    assert done is not None
    assert done.data["error"]["code"] == "cluster"
    assert quiet.service.parts.states.get("demo").deleting == ""
    assert quiet.service.reading.revisions("demo") == []
