"""Deletions that end early go on; declarations that go while nobody looks are let go."""

from pathlib import Path

import yaml

from gitops.controlplane.processes import ControlPlane
from gitops.engine.declaring.deleting import DeleteOptions
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


def test_a_deletion_that_fails_tells_what_keeps_it_and_ends_when_that_is_gone(walk: Walk) -> None:
    walk.world.repo.write("app/words.yaml", config_map())
    walk.world.push("app/kept.yaml", KEPT)
    walk.world.declare(**IMPATIENT)
    walk.settled("demo")
    done = walk.delete("demo")
    assert done.data["state"] == "failed"
    status = walk.at_rest("demo")
    assert status.sync == "OutOfSync"
    kept = "kept by the finalizer example.com/kept"
    title = f"ConfigMap {walk.namespace}/kept"
    assert status.message == f"is being deleted: {title} is {kept}"
    assert {o.id.name: o.message for o in status.objects} == {
        "kept": f"is being deleted, and {kept}"
    }
    assert walk.newest("demo").message.endswith(f"is being deleted, and {kept}")
    assert not walk.exists("configmap/words")
    assert walk.delete("demo").data["state"] == "failed", "it is not forgotten while it is there"
    refused = walk.world.sync()
    assert refused.data["error"]["message"] == "the application is being deleted"
    walk.world.refresh()
    walk.at_rest("demo")
    assert walk.kinds("demo") == [RevisionKind.SYNC, *[RevisionKind.DELETE] * 2]

    release(walk)
    walk.wait_told("demo", "unregistered")
    newest = walk.newest("demo")
    assert (newest.state, newest.trigger.evidence) == (
        RevisionState.SUCCEEDED, "what kept it from going is gone",
    )  # fmt: skip


def test_a_deletion_that_waits_tells_by_what(walk: Walk) -> None:
    walk.world.push("app/kept.yaml", KEPT)
    walk.world.declare()
    walk.settled("demo")
    after = walk.service.events.newest
    ticket = walk.service.delete("demo", DeleteOptions(), BY_HAND)
    told = f"ConfigMap {walk.namespace}/kept is kept by the finalizer example.com/kept"
    assert walk.wait_told("demo", "blocked").message == told
    assert walk.world.status("demo").message == f"is being deleted: {told}"
    release(walk)
    done = walk.service.outcome_of("demo", ticket, after, 60)
    assert done is not None
    assert done.data["state"] == "succeeded"


def test_a_namespace_that_stays_tells_what_is_left_in_it(walk: Walk) -> None:
    name = walk.namespace.replace("test-", "extra-")
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    walk.world.push("app/namespace.yaml", yaml.safe_dump(body))
    walk.world.declare()
    walk.settled("demo")
    walk.kubectl.apply(KEPT, namespace=name)
    after = walk.service.events.newest
    ticket = walk.service.delete("demo", DeleteOptions(), BY_HAND)
    told = walk.wait_told("demo", "blocked", "example.com/kept in 1 resource instances")
    assert told.message.startswith(f"Namespace {name} is kept: Some ")
    walk.kubectl(
        "-n", name, "patch", "configmap", "kept", "--type=merge", "-p",
        '{"metadata": {"finalizers": null}}',
    )  # fmt: skip
    done = walk.service.outcome_of("demo", ticket, after, 60)
    assert done is not None
    assert done.data["state"] == "succeeded"


def test_what_a_prune_waits_for_stays_the_applications(walk: Walk) -> None:
    walk.world.repo.write("app/words.yaml", config_map())
    walk.world.push("app/kept.yaml", KEPT)
    walk.world.declare(**IMPATIENT)
    walk.settled("demo")
    walk.world.repo.remove("app/kept.yaml")
    failed = walk.publish("demo", "Remove it")
    assert "and kept by the finalizer example.com/kept" in failed.message
    walk.at_rest("demo")
    held = {c.id.name for c in walk.service.parts.store.claims("demo")}
    assert held == {"words", "kept"}
    release(walk)
    walk.world.push("app/words.yaml", config_map(word="two"))
    walk.world.refresh()
    walk.settled("demo")
    assert [c.id.name for c in walk.service.parts.store.claims("demo")] == ["words"]


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

    walk.world.restart()
    release(walk)
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


# --- applications that depend on one another ----------------------------------------------------


def child(walk: Walk, name: str, *depends_on: str) -> str:
    """An Application with a finalizer over the folder of its name."""
    spec = {**IMPATIENT, "dependsOn": [{"name": other} for other in depends_on]}
    body = yaml.safe_load(walk.world.application(name, name, **spec))
    body["metadata"]["finalizers"] = [FINALIZER]
    return yaml.safe_dump(body)


def start_children(walk: Walk, **depends_on: str) -> None:
    """A parent with these children and a bystander, each with a ConfigMap of its name."""
    for name, other in {**depends_on, "bystander": ""}.items():
        walk.world.repo.write(f"apps/{name}.yaml", child(walk, name, *other.split()))
        walk.world.repo.write(f"{name}/words.yaml", config_map(name))
    if "web" in depends_on:
        walk.world.repo.write("web/kept.yaml", KEPT)
    walk.push("Start")
    walk.world.declare("apps", "apps")
    for name in depends_on:
        walk.world.closed(name, 1)
        walk.settled(name)


def remove(walk: Walk, *names: str) -> None:
    for name in names:
        walk.world.repo.remove(f"apps/{name}.yaml")
    walk.publish("apps", "Remove them")


WAITS = "is being deleted: waits until web, which depends on it, is deleted"


def test_a_child_goes_after_what_depends_on_it_through_a_restart(walk: Walk) -> None:
    start_children(walk, db="", web="db")
    remove(walk, "db", "web")
    walk.world.message(WAITS, "db")
    assert walk.world.status("db").waiting_for == ("web",)
    walk.wait_told("db", "waiting", "until web")
    assert walk.world.closed("web", 2).state is RevisionState.FAILED
    walk.world.restart()
    walk.world.message(WAITS, "db")
    assert walk.exists("configmap/db")
    release(walk)
    walk.wait_told("db", "unregistered")
    assert names(walk.kubectl, walk.world) == {"bystander"}
    assert walk.kinds("db") == [RevisionKind.SYNC, RevisionKind.DELETE]
    assert walk.newest("web").finished_at <= walk.newest("db").started_at
    assert walk.service.parts.store.states().keys() == {"apps", "bystander"}


def test_a_child_waits_no_longer_for_what_is_declared_again(walk: Walk) -> None:
    start_children(walk, db="", web="db")
    remove(walk, "db", "web")
    walk.world.message(WAITS, "db")
    walk.world.repo.write("apps/web.yaml", child(walk, "web"))
    walk.publish("apps", "Keep one of them")
    walk.wait_told("db", "unregistered")
    assert not walk.exists("configmap/db")
    release(walk)
    walk.settled("web")


def test_a_deleted_parent_takes_its_children_in_their_order(walk: Walk) -> None:
    start_children(walk, db="", web="db", cron="web")
    assert walk.delete("apps").data["state"] == "succeeded"
    cron, web = (walk.world.closed(name, 2) for name in ("cron", "web"))
    assert cron.finished_at is not None
    assert cron.finished_at <= web.started_at
    walk.world.message(WAITS, "db")
    release(walk)
    walk.wait_told("db", "unregistered")
    assert names(walk.kubectl, walk.world) == set()


def test_applications_that_depend_on_one_another_in_a_circle_are_deleted(walk: Walk) -> None:
    start_children(walk, one="", two="one")
    walk.world.repo.write("apps/one.yaml", child(walk, "one", "two"))
    walk.publish("apps", "Close the circle")
    remove(walk, "one", "two")
    for name in ("one", "two"):
        walk.wait_told(name, "unregistered")
    assert names(walk.kubectl, walk.world) == {"bystander"}


def test_who_asks_for_a_deletion_that_waits_is_told_its_end(walk: Walk) -> None:
    for name in ("db", "web"):
        walk.world.repo.write(f"{name}/words.yaml", config_map(name))
    walk.world.push("web/kept.yaml", KEPT)
    walk.world.declare("db", "db", **IMPATIENT)
    walk.world.declare("web", "web", **IMPATIENT, dependsOn=[{"name": "db"}])
    walk.settled("web")
    assert walk.delete("web").data["state"] == "failed"
    after = walk.service.events.newest
    ticket = walk.service.delete("db", DeleteOptions(), BY_HAND)
    walk.world.message(WAITS, "db")
    release(walk)
    done = walk.service.outcome_of("db", ticket, after, 60)
    assert done is not None
    assert done.data["state"] == "succeeded"
    assert names(walk.kubectl, walk.world) == set()
