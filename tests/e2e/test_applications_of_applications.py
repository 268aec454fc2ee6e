"""An application whose manifests are Applications: what it renders is registered, not applied."""

import pytest
import yaml

from gitops.engine.declaring.deleting import DeleteOptions
from gitops.errors import ConflictError
from gitops.model.revision import RevisionState
from tests.helpers.service import BY_HAND, config_map
from tests.helpers.walk import Walk, outcomes

FINALIZER = "resources-finalizer.argocd.argoproj.io"


def child(walk: Walk, name: str, *, finalize: bool = False, **spec: object) -> str:
    body = yaml.safe_load(walk.world.application(name, f"children/{name}", **spec))
    if finalize:
        body["metadata"]["finalizers"] = [FINALIZER]
    text: str = yaml.safe_dump(body)
    return text


def start(walk: Walk, **texts: str) -> None:
    """A parent `apps` with these children, each of which runs one ConfigMap of its name."""
    for name, text in texts.items():
        walk.world.repo.write(f"apps/{name}.yaml", text)
        walk.world.repo.write(f"children/{name}/words.yaml", config_map(name))
    walk.push("Start")
    walk.world.declare("apps", "apps")
    for name in texts:
        assert walk.world.closed(name, 1).healthy, walk.world.story()


def test_children_are_registered_and_synced(walk: Walk) -> None:
    start(walk, one=child(walk, "one"), two=child(walk, "two"))
    parent = walk.service.reading.revision("apps", 1)
    assert outcomes(parent) == {"Application/one": "created", "Application/two": "created"}
    origin = walk.world.status("one").origin
    assert (origin.kind, origin.where) == ("git", "apps")
    assert walk.exists("configmap/one")
    assert walk.exists("configmap/two")
    trigger = walk.service.reading.revision("one", 1).trigger
    assert trigger == parent.trigger, "a child's first sync is by what its parent's was by"
    assert (trigger.kind, trigger.actor) == ("manual", BY_HAND.actor)
    assert walk.settled("apps").sync == "Synced"
    assert walk.service.reading.plan("apps").plan.empty


def test_a_changed_child_is_declared_anew(walk: Walk) -> None:
    start(walk, one=child(walk, "one"), two=child(walk, "two"))
    walk.world.repo.write("elsewhere/words.yaml", config_map("moved"))
    text = child(walk, "one").replace("children/one", "elsewhere")
    walk.world.repo.write("apps/one.yaml", text)
    moved = walk.publish("one", "Move one")
    assert outcomes(moved) == {"ConfigMap/moved": "created", "ConfigMap/one": "deleted"}
    assert outcomes(walk.world.closed("apps", 2)) == {
        "Application/one": "configured",
        "Application/two": "unchanged",
    }
    assert walk.newest("two").number == 1


def test_a_removed_child_is_forgotten_and_what_it_ran_stays(walk: Walk) -> None:
    start(walk, one=child(walk, "one"), two=child(walk, "two"))
    walk.world.repo.remove("apps/two.yaml")
    parent = walk.publish("apps", "Remove two")
    assert outcomes(parent)["Application/two"] == "deleted"
    walk.wait_told("two", "unregistered")
    assert walk.service.parts.registry.find("two") is None
    assert walk.exists("configmap/two")
    assert walk.settled("one").sync == "Synced"


def test_a_removed_child_with_the_finalizer_takes_what_it_ran_along(walk: Walk) -> None:
    start(walk, one=child(walk, "one"), two=child(walk, "two", finalize=True))
    walk.world.repo.remove("apps/two.yaml")
    walk.publish("apps", "Remove two")
    walk.wait_told("two", "unregistered")
    assert not walk.exists("configmap/two")
    assert walk.exists("configmap/one")


def test_an_orphaned_parent_lets_its_children_go_and_what_they_run_stays(walk: Walk) -> None:
    start(walk, one=child(walk, "one"), two=child(walk, "two", finalize=True))
    assert walk.delete("apps", DeleteOptions("orphan")).data["state"] == "succeeded"
    for name in ("one", "two"):
        walk.wait_told(name, "unregistered")
        assert walk.exists(f"configmap/{name}")
    assert walk.service.parts.registry.all() == []
    assert walk.service.parts.store.claims() == []


def test_a_child_cannot_be_changed_beside_git(walk: Walk) -> None:
    start(walk, one=child(walk, "one"))
    with pytest.raises(ConflictError, match='"one" is declared in'):
        walk.service.declarer.create(child(walk, "one"), "mine.yaml", BY_HAND.actor)
    assert walk.world.status("one").origin.where == "apps"


def test_children_are_known_again_after_a_restart(walk: Walk) -> None:
    start(walk, one=child(walk, "one"), two=child(walk, "two"))
    walk.settled("two")
    walk.world.restart()
    for name in ("apps", "one", "two"):
        assert walk.settled(name).revision == 1, name
    walk.change("one", "children/one/words.yaml", "word: one", "word: two")
    assert walk.get("configmap/one", ".data.word") == "two"


def test_a_broken_child_is_an_error_and_its_siblings_keep_running(walk: Walk) -> None:
    start(walk, one=child(walk, "one"))
    walk.world.repo.write("apps/two.yaml", child(walk, "two", syncpolicy={}))
    failed = walk.publish("apps", "Add a child with a misspelt field")
    assert failed.state is RevisionState.FAILED
    assert "spec.syncpolicy is not a known field" in failed.message
    walk.change("one", "children/one/words.yaml", "word: one", "word: two")
    assert walk.get("configmap/one", ".data.word") == "two"


def test_a_child_may_depend_on_another(walk: Walk) -> None:
    start(walk, two=child(walk, "two", dependsOn=[{"name": "one"}]), one=child(walk, "one"))
    one, two = (walk.service.reading.revision(name, 1) for name in ("one", "two"))
    assert one.finished_at is not None
    assert one.finished_at <= two.started_at
    assert two.trigger.evidence == "one"
