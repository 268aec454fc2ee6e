"""Who owns an object: claims between applications, adoption of what exists, and what is pruned."""

import json

import pytest

from gitops.engine.declaring.deleting import DeleteOptions
from gitops.engine.operations import ApproveOptions, SyncOptions
from gitops.errors import ConflictError
from gitops.model.revision import RevisionKind, RevisionState, Selection
from gitops.model.status import ApplicationStatus
from tests.helpers.service import BY_HAND, config_map
from tests.helpers.walk import Walk, outcomes

CLAIM = """\
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: data
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 1Gi}}
"""


def start(walk: Walk, *texts: str, **spec: object) -> None:
    """Push texts as files of the application `demo`, and declare it."""
    for number, text in enumerate(texts):
        walk.world.repo.write(f"app/{number}.yaml", text)
    walk.push("Start")
    walk.world.declare(**spec)


def words(*names: str) -> list[str]:
    return [config_map(name) for name in names]


# --- two applications ---------------------------------------------------------------------------


def test_an_object_that_two_applications_claim_is_an_error_that_names_both(walk: Walk) -> None:
    start(walk, config_map())
    walk.settled("demo")
    walk.world.push("other/words.yaml", config_map(word="two"))
    walk.world.declare("other", "other")
    refused = walk.world.closed("other", 1)
    assert refused.state is RevisionState.FAILED
    assert 'already belongs to the application "demo"' in refused.message
    assert f"ConfigMap {walk.namespace}/words" in refused.message
    assert walk.get("configmap/words", ".data.word") == "one"
    assert walk.settled("demo").sync == "Synced"
    walk.world.push("app/0.yaml", config_map("elsewhere"), "demo gives it up")
    walk.poll()
    walk.world.closed("demo", 2)
    walk.world.wait_for(lambda: walk.get("configmap/words", ".data.word") == "two", "its turn")
    walk.settled("other")


def test_another_installations_object_is_refused_by_its_marks(walk: Walk) -> None:
    start(walk, config_map())
    marks = {
        "labels": {"gitops.dev/installation": "0badcafe"},
        "annotations": {"gitops.dev/tracking": f"theirs:/ConfigMap:{walk.namespace}/taken"},
    }
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "taken", **marks}}
    walk.kubectl.apply(body, namespace=walk.namespace)
    walk.settled("demo")
    refused = walk.change("demo", "app/0.yaml", "name: words", "name: taken")
    assert refused.state is RevisionState.FAILED
    assert 'the application "theirs" of the installation 0badcafe' in refused.message
    assert walk.exists("configmap/words"), "nothing was written"


# --- adoption -----------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["apply", "create"])
def test_what_exists_is_adopted_after_approval_and_then_followed(walk: Walk, how: str) -> None:
    theirs = config_map(word="theirs") + "  old: value\n"
    walk.kubectl("-n", walk.namespace, how, "-f", "-", input=theirs)
    start(walk, config_map() + "  old: value\n")
    held = walk.world.closed(number=1)
    assert held.state is RevisionState.HELD
    assert "exists already; look at `gitops plan demo`" in held.message
    (action,) = walk.service.reading.plan("demo").masked.pending
    assert (str(action.kind), action.waits) == ("adopt", True)
    assert action.diff is not None
    assert "/data/word" in {field.path for field in action.diff.fields}
    assert walk.get("configmap/words", ".data.word") == "theirs"
    done = walk.approve("demo")
    assert done.data["state"] == "succeeded", done
    second = walk.newest("demo")
    assert outcomes(walk.service.reading.revision("demo", 2)) == {"ConfigMap/words": "adopted"}
    assert (second.trigger.actor, second.healthy) == (BY_HAND.actor, True)
    assert walk.get("configmap/words", ".data.word") == "one"
    third = walk.change("demo", "app/0.yaml", "  old: value\n", "", "Drop a field")
    assert third.healthy
    assert walk.live("configmap/words")["data"] == {"word": "one"}
    assert "kubectl" not in walk.get("configmap/words", ".metadata.annotations")


def test_adopt_auto_takes_what_exists_at_once(walk: Walk) -> None:
    walk.kubectl.apply(config_map(word="theirs") + "  gone: value\n", namespace=walk.namespace)
    start(walk, config_map(), syncPolicy={"adopt": "auto"})
    first = walk.world.closed(number=1)
    assert (first.healthy, outcomes(first)) == (True, {"ConfigMap/words": "adopted"})
    assert walk.live("configmap/words")["data"] == {"word": "one"}


def test_adopt_never_refuses_what_exists(walk: Walk) -> None:
    walk.kubectl.apply(config_map(word="theirs"), namespace=walk.namespace)
    start(walk, config_map(), syncPolicy={"adopt": "never"})
    first = walk.world.closed(number=1)
    assert first.state is RevisionState.FAILED
    assert "spec.syncPolicy.adopt is never" in first.message
    assert walk.get("configmap/words", ".data.word") == "theirs"


# --- pruning ------------------------------------------------------------------------------------


def test_an_object_removed_from_git_is_deleted(walk: Walk) -> None:
    start(walk, *words("one", "two"))
    walk.settled("demo")
    walk.world.repo.remove("app/1.yaml")
    second = walk.publish("demo", "Remove two")
    assert second.healthy
    assert outcomes(second) == {"ConfigMap/one": "unchanged", "ConfigMap/two": "deleted"}
    assert not walk.exists("configmap/two")
    assert walk.settled("demo").sync == "Synced"


def test_with_pruning_off_it_stays_until_somebody_asks(walk: Walk) -> None:
    start(walk, *words("one", "two"), syncPolicy={"automated": {"prune": False}})
    walk.settled("demo")
    walk.world.repo.remove("app/1.yaml")
    second = walk.publish("demo", "Remove two")
    assert outcomes(second)["ConfigMap/two"] == "skipped"
    assert walk.exists("configmap/two")
    requires_pruning(walk)
    walk.world.restart()
    requires_pruning(walk)
    plan = walk.service.reading.plan("demo").plan
    assert [a.held for a in plan.pending] == ["pruning is off (spec.syncPolicy.automated.prune)"]
    assert walk.newest("demo").number == 2, "it is not synced again for that"
    done = walk.world.sync(options=SyncOptions(prune=True))
    assert done.data["state"] == "succeeded", done
    assert not walk.exists("configmap/two")
    assert walk.settled("demo").sync == "Synced"


def test_what_a_partial_sync_brought_and_git_took_back_is_found_after_a_restart(walk: Walk) -> None:
    start(walk, *words("one"), syncPolicy={"automated": {"enabled": False}})
    walk.world.sync()
    walk.settled("demo")
    walk.world.push("app/1.yaml", config_map("two"))
    walk.world.sync(options=SyncOptions(selection=Selection((":ConfigMap:two",))))
    assert walk.exists("configmap/two")
    walk.world.repo.remove("app/1.yaml")
    walk.world.repo.commit("Take two back")
    walk.world.repo.push()
    walk.world.restart()
    message = f"ConfigMap {walk.namespace}/two requires pruning"
    status = walk.world.wait_for(lambda: out_of_sync(walk), "OutOfSync")
    assert status.message.startswith(message)


def requires_pruning(walk: Walk) -> None:
    """The status names what Git no longer has, and why it is still there."""
    why = "pruning is off (spec.syncPolicy.automated.prune)"
    message = f"ConfigMap {walk.namespace}/two requires pruning: {why}"
    status = walk.world.wait_for(lambda: out_of_sync(walk), "OutOfSync")
    assert status.message == message
    shown = {o.id.name: (o.sync, o.message) for o in status.objects}
    assert shown == {"one": ("Synced", ""), "two": ("OutOfSync", f"requires pruning: {why}")}


def out_of_sync(walk: Walk) -> ApplicationStatus | None:
    status = walk.world.status()
    return status if status.sync == "OutOfSync" and not status.busy else None


def test_what_asks_not_to_count_is_shown_and_leaves_its_application_synced(walk: Walk) -> None:
    start(walk, *words("one", "two"), syncPolicy={"automated": {"prune": False}})
    walk.settled("demo")
    walk.world.repo.remove("app/1.yaml")
    walk.publish("demo", "Remove two")
    requires_pruning(walk)
    option = "argocd.argoproj.io/compare-options=IgnoreExtraneous"
    walk.kubectl("-n", walk.namespace, "annotate", "configmap", "two", option)
    status = walk.settled("demo")
    assert (status.sync, status.message) == ("Synced", "")
    (left,) = [one for one in status.objects if one.id.name == "two"]
    assert left.sync == "OutOfSync"
    assert left.message.startswith("requires pruning")


def test_what_requires_pruning_is_neither_healed_nor_missed(walk: Walk) -> None:
    start(walk, *words("one", "two"), syncPolicy={"automated": {"prune": False}})
    walk.settled("demo")
    walk.world.repo.remove("app/1.yaml")
    walk.publish("demo", "Remove two")
    requires_pruning(walk)
    walk.kubectl("-n", walk.namespace, "delete", "configmap", "two")
    assert walk.settled("demo").sync == "Synced"
    assert walk.newest("demo").number == 2
    assert [c.id.name for c in walk.service.parts.store.claims("demo")] == ["one"]
    assert not walk.exists("configmap/two")


def test_more_deletions_than_the_budget_allows_wait_for_approval(walk: Walk) -> None:
    names = [f"words-{n:02}" for n in range(12)]
    start(walk, *words(*names), syncPolicy={"pruneBudget": {"maxObjects": 2, "maxPercent": 100}})
    walk.settled("demo")
    for number in range(3, 12):
        walk.world.repo.remove(f"app/{number}.yaml")
    walk.edit("app/0.yaml", "word: one", "word: two")
    held = walk.publish("demo", "Remove nine")
    assert held.state is RevisionState.HELD
    ends = list(outcomes(held).values())
    assert (ends.count("held"), ends.count("configured")) == (9, 1), "what may be done is done"
    assert walk.exists("configmap/words-11")
    (first, *rest) = [a for a in walk.service.reading.plan("demo").plan.pending if a.waits]
    assert len(rest) == 8
    assert first.held is not None
    assert first.held.startswith("9 objects would be deleted, more than 2 (spec.syncPolicy")
    assert walk.approve("demo").data["state"] == "succeeded"
    assert not walk.exists("configmap/words-11")
    assert walk.settled("demo").sync == "Synced"


def test_a_protected_kind_always_waits_for_approval(walk: Walk) -> None:
    start(walk, config_map(), CLAIM)
    walk.settled("demo")
    walk.world.repo.remove("app/1.yaml")
    held = walk.publish("demo", "Remove the claim")
    assert held.state is RevisionState.HELD
    assert outcomes(held)["PersistentVolumeClaim/data"] == "held"
    assert walk.exists("pvc/data")
    walk.approve("demo")
    walk.kubectl.wait("delete", "-n", walk.namespace, "pvc/data")


def test_an_approval_counts_for_the_plan_that_was_shown_only(walk: Walk) -> None:
    start(walk, config_map(), CLAIM)
    walk.settled("demo")
    walk.world.repo.remove("app/1.yaml")
    walk.publish("demo", "Remove the claim")
    with pytest.raises(ConflictError, match="the plan has changed since it was shown"):
        walk.service.approve("demo", BY_HAND, ApproveOptions("sha256:something-else"))
    assert walk.exists("pvc/data")


def test_an_empty_folder_deletes_nothing(walk: Walk) -> None:
    start(walk, *words("one", "two"))
    walk.settled("demo")
    walk.world.repo.remove("app/0.yaml").remove("app/1.yaml").write("app/README.md", "empty")
    held = walk.publish("demo", "Remove everything")
    assert held.state in (RevisionState.HELD, RevisionState.FAILED)
    assert walk.exists("configmap/one")
    assert walk.exists("configmap/two")


# --- deletion of applications -------------------------------------------------------------------


def test_deleting_an_application_deletes_what_it_runs_and_keeps_its_history(walk: Walk) -> None:
    start(walk, *words("one", "two"), CLAIM)
    walk.settled("demo")
    done = walk.delete("demo")
    assert done.data["state"] == "succeeded", done
    assert not walk.exists("configmap/one")
    assert walk.service.parts.registry.find("demo") is None
    (last, first) = walk.service.reading.revisions("demo")
    assert (last.kind, last.state, first.kind) == (RevisionKind.DELETE, "succeeded", "sync")
    assert last.trigger.actor == BY_HAND.actor


def test_orphaning_leaves_what_it_runs_without_our_marks(walk: Walk) -> None:
    start(walk, config_map())
    walk.settled("demo")
    done = walk.delete("demo", DeleteOptions("orphan"))
    assert done.data["state"] in ("succeeded", "unchanged"), done
    metadata = walk.live("configmap/words")["metadata"]
    assert "gitops.dev" not in json.dumps([metadata.get("labels"), metadata.get("annotations")])
    assert walk.service.parts.registry.find("demo") is None
    walk.world.declare()
    again = walk.world.closed(number=3)
    assert again.state is RevisionState.HELD, "it exists, and is nobody's"
