"""Deletions without what they need: the cluster away or gone for good, the repository gone."""

import shutil
from pathlib import Path

from gitops.engine.declaring.deleting import DeleteOptions
from gitops.model.revision import RevisionKind, RevisionState
from tests.helpers.service import BY_HAND, World, config_map, unreachable_kubeconfig
from tests.helpers.walk import Walk, outcomes

KEPT = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: kept
  finalizers: [example.com/kept]
"""
HOOK = """\
apiVersion: batch/v1
kind: Job
metadata:
  name: farewell
  annotations: {gitops.dev/hook: PreDelete}
spec:
  template:
    spec:
      restartPolicy: Never
      containers:
      - name: farewell
        image: registry.example/farewell:v1
"""
IMPATIENT = {"syncPolicy": {"healthDeadline": "1s", "retry": {"limit": 0}}}


def lose_cluster(world: World, folder: Path) -> None:
    """Start again with a cluster that does not answer."""
    file = unreachable_kubeconfig(folder)
    cluster = world.settings.cluster.model_copy(update={"kubeconfig": file})
    world.settings = world.settings.model_copy(update={"cluster": cluster})
    world.restart()


def is_forgotten(world: World) -> bool:
    store = world.service.parts.store
    nothing = ([], {}, {})
    return (store.claims(), store.registered(), store.states()) == nothing


def test_an_orphaned_application_loses_its_marks_and_tells_what_it_left(walk: Walk) -> None:
    walk.world.push("app/words.yaml", config_map())
    walk.world.declare()
    walk.settled("demo")
    assert walk.delete("demo", DeleteOptions("orphan")).data["state"] == "succeeded"
    metadata = walk.live("configmap/words")["metadata"]
    assert not any("gitops.dev" in key for part in ("labels", "annotations")
                   for key in metadata.get(part, {}))  # fmt: skip
    left = walk.service.reading.revision("demo", 2)
    assert (left.kind, left.message) == (RevisionKind.DELETE, "")
    assert [o.message for o in left.outcomes] == ["it stays, without our marks"]
    assert is_forgotten(walk.world)


def test_an_application_is_orphaned_while_its_cluster_is_away(walk: Walk, tmp_path: Path) -> None:
    walk.world.push("app/words.yaml", config_map())
    walk.world.declare()
    walk.settled("demo")
    lose_cluster(walk.world, tmp_path)
    refused = walk.delete("demo")
    assert refused.data["error"]["code"] == "cluster"
    assert walk.delete("demo", DeleteOptions("orphan")).data["state"] == "succeeded"
    left = walk.service.reading.revision("demo", 2)
    assert left.message == f"left behind: ConfigMap {walk.namespace}/words"
    assert outcomes(left) == {"ConfigMap/words": "skipped"}
    assert left.outcomes[0].message.startswith("it is left behind with our marks: ")
    assert is_forgotten(walk.world)
    assert walk.exists("configmap/words")


def test_a_deletion_whose_cluster_is_gone_for_good_is_abandoned(walk: Walk, tmp_path: Path) -> None:
    walk.world.repo.write("app/words.yaml", config_map())
    walk.world.push("app/kept.yaml", KEPT)
    walk.world.declare(**IMPATIENT)
    walk.settled("demo")
    assert walk.delete("demo").data["state"] == "failed"
    lose_cluster(walk.world, tmp_path)
    walk.world.message("is being deleted")
    shown = walk.service.reading.deletion("demo", "abandon").masked
    told = "it is left behind with our marks (--abandon)"
    assert {a.id.name: a.reason for a in shown.actions} == {"kept": told}
    done = walk.delete("demo", DeleteOptions("abandon"))
    assert (done.data["state"], done.message) == (
        "succeeded", f"left behind: ConfigMap {walk.namespace}/kept",
    )  # fmt: skip
    assert outcomes(walk.service.reading.revision("demo", 3)) == {"ConfigMap/kept": "skipped"}
    assert walk.newest("demo").trigger.actor == BY_HAND.actor
    assert is_forgotten(walk.world)
    assert walk.service.parts.store.verify().faults == ()


def test_a_deletion_that_waits_ends_when_it_is_abandoned(walk: Walk) -> None:
    walk.world.push("app/kept.yaml", KEPT)
    walk.world.declare()
    walk.settled("demo")
    after = walk.service.events.newest
    ticket = walk.service.delete("demo", DeleteOptions(), BY_HAND)
    walk.wait_told("demo", "blocked")
    assert walk.delete("demo", DeleteOptions("abandon")).data["state"] == "succeeded"
    first = walk.service.outcome_of("demo", ticket, after, 60)
    assert first is not None
    assert first.data["state"] == "interrupted"
    states = [r.state for r in walk.service.reading.revisions("demo")]
    assert states == [RevisionState.SUCCEEDED, RevisionState.INTERRUPTED, RevisionState.SUCCEEDED]
    assert is_forgotten(walk.world)


def test_an_application_whose_repository_is_gone_is_deleted_with_its_hooks(walk: Walk) -> None:
    walk.world.repo.write("app/hook.yaml", HOOK)
    walk.world.push("app/words.yaml", config_map())
    walk.world.declare()
    walk.settled("demo")
    shutil.rmtree(walk.world.repo.remote)
    walk.world.refresh()
    walk.wait_told("demo", "problem")
    walk.world.restart()
    assert walk.delete("demo").data["state"] == "succeeded", walk.world.story()
    assert not walk.exists("configmap/words")
    ends = outcomes(walk.service.reading.revision("demo", 2))
    assert ends["ConfigMap/words"] == "deleted"
    assert [end for name, end in ends.items() if name.startswith("Job/farewell")] == ["created"]
    assert is_forgotten(walk.world)
