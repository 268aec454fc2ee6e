"""What people ask for: syncs, plans, parts of an application, pins."""

import pytest

from gitops.engine.operations import SyncOptions
from gitops.model.revision import RecordKind, RevisionKind, RevisionState, Selection, TriggerKind
from gitops.ports.store import TrailQuery
from tests.helpers.service import BY_HAND, config_map
from tests.helpers.walk import Walk, outcomes

MANUAL = {"automated": {"enabled": False}}


def start(walk: Walk, *names: str, **spec: object) -> None:
    for name in names or ("words",):
        walk.world.repo.write(f"app/{name}.yaml", config_map(name))
    walk.push("Start")
    walk.world.declare(**spec)


def test_without_automatic_sync_a_push_is_shown_and_waits_for_somebody(walk: Walk) -> None:
    start(walk, syncPolicy=MANUAL)
    status = walk.at_rest("demo")
    assert (status.sync, status.message) == ("OutOfSync", "automatic sync is off")
    plan = walk.service.reading.plan("demo").plan
    assert [str(a.kind) for a in plan.pending] == ["create"]
    assert not walk.exists("configmap/words"), "a plan changes nothing"
    done = walk.world.sync()
    assert (done.data["state"], done.revision) == ("succeeded", 1)
    first = walk.newest("demo")
    assert (first.trigger.kind, first.trigger.actor) == (TriggerKind.MANUAL, BY_HAND.actor)
    assert walk.settled("demo").sync == "Synced"


def test_a_sync_with_nothing_to_do_says_so_and_opens_no_revision(walk: Walk) -> None:
    start(walk)
    walk.settled("demo")
    done = walk.world.sync()
    assert (done.data["state"], done.message) == ("unchanged", "already synced at revision 1")
    assert walk.newest("demo").number == 1
    assert walk.service.reading.plan("demo").plan.empty


def test_a_commit_that_changes_nothing_rendered_opens_no_revision(walk: Walk) -> None:
    start(walk)
    walk.settled("demo")
    sha = walk.world.push("app/words.yaml", config_map("words") + "# a comment\n", "A comment")
    walk.poll()
    walk.world.wait_for(lambda: (c := walk.world.status().commit) and c.sha == sha, "commit seen")
    assert walk.settled("demo").sync == "Synced"
    assert walk.newest("demo").number == 1


def test_a_part_of_an_application_can_be_synced_alone(walk: Walk) -> None:
    start(walk, "one", "two", syncPolicy=MANUAL)
    walk.at_rest("demo")
    one = Selection((":ConfigMap:*/one",))
    done = walk.world.sync(options=SyncOptions(selection=one))
    assert done.data["state"] == "succeeded", done
    first = walk.service.reading.revision("demo", 1)
    assert (first.partial, outcomes(first)) == (True, {"ConfigMap/one": "created"})
    assert not walk.exists("configmap/two")
    assert walk.at_rest("demo").sync == "OutOfSync"
    whole = walk.world.sync()
    assert whole.data["state"] == "succeeded"
    assert walk.exists("configmap/two")
    assert walk.settled("demo").sync == "Synced"


def test_another_commit_can_be_planned_and_synced(walk: Walk) -> None:
    start(walk, syncPolicy=MANUAL)
    walk.world.sync()
    walk.world.repo.switch("feature").write("app/words.yaml", config_map("words", "two"))
    sha = walk.push("A feature")
    walk.service.refresh("demo", BY_HAND)
    walk.at_rest("demo")
    plan = walk.service.reading.plan("demo", sha).plan
    assert [str(a.kind) for a in plan.pending] == ["configure"]
    done = walk.world.sync(options=SyncOptions(commit=sha))
    assert done.data["state"] == "succeeded"
    assert walk.get("configmap/words", ".data.word") == "two"
    assert walk.at_rest("demo").sync == "OutOfSync", "Git's branch wants something else"


def test_another_commit_is_refused_where_git_is_followed(walk: Walk) -> None:
    start(walk)
    walk.settled("demo")
    walk.world.repo.switch("feature").write("app/words.yaml", config_map("words", "two"))
    sha = walk.push("A feature")
    refused = walk.world.sync(options=SyncOptions(commit=sha))
    assert refused.data["state"] == "failed"
    assert "follows main by itself" in refused.message
    assert "gitops suspend demo" in refused.message
    walk.service.suspend("demo", BY_HAND, suspended=True)
    assert walk.world.sync(options=SyncOptions(commit=sha)).data["state"] == "succeeded"
    assert walk.get("configmap/words", ".data.word") == "two"


def test_while_suspended_a_push_waits_and_resuming_brings_it(walk: Walk) -> None:
    start(walk)
    walk.settled("demo")
    walk.service.suspend("demo", BY_HAND, suspended=True)
    walk.world.push("app/words.yaml", config_map("words", "two"))
    walk.poll()
    status = walk.world.wait_for(
        lambda: (s := walk.world.status()).sync == "OutOfSync" and s, "the push seen"
    )
    assert status.suspended
    walk.at_rest("demo")
    assert walk.get("configmap/words", ".data.word") == "one"
    walk.world.restart()
    assert walk.at_rest("demo").suspended, "after a restart too"
    second = walk.after("demo", lambda: walk.service.suspend("demo", BY_HAND, suspended=False))
    assert second.healthy
    assert walk.get("configmap/words", ".data.word") == "two"


def test_a_rollback_by_hand_is_a_pin_that_ends_by_unpin(walk: Walk) -> None:
    start(walk)
    walk.settled("demo")
    changed = walk.change("demo", "app/words.yaml", "word: one", "word: two")
    assert walk.rollback("demo", 1).data["state"] == "succeeded"
    status = walk.at_rest("demo")
    assert (status.sync, status.message) == ("OutOfSync", "pinned to revision 1")
    assert walk.get("configmap/words", ".data.word") == "one"
    refused = walk.world.sync()
    assert refused.data["state"] == "failed"
    assert "pinned to revision 1" in refused.message
    back = walk.after("demo", lambda: walk.service.unpin("demo", BY_HAND))
    assert (back.kind, back.healthy) == (RevisionKind.SYNC, True)
    assert back.digest == changed.digest, "what it was before the rollback"
    assert walk.get("configmap/words", ".data.word") == "two"
    assert walk.settled("demo").pin is None


def test_a_rollback_without_a_number_takes_the_newest_healthy_other_one(walk: Walk) -> None:
    start(walk)
    for old, new in (("one", "two"), ("two", "three")):
        walk.settled("demo")
        walk.change("demo", "app/words.yaml", f"word: {old}", f"word: {new}")
    walk.rollback("demo")
    assert (walk.newest("demo").source, walk.newest("demo").healthy) == (2, True)
    assert walk.get("configmap/words", ".data.word") == "two"


def test_a_new_commit_ends_a_pin_made_by_hand(walk: Walk) -> None:
    start(walk)
    walk.settled("demo")
    walk.change("demo", "app/words.yaml", "word: one", "word: two")
    walk.rollback("demo", 1)
    fourth = walk.change("demo", "app/words.yaml", "word: two", "word: three")
    assert (fourth.number, fourth.healthy) == (4, True)
    assert walk.settled("demo").pin is None
    (record,) = walk.service.reading.trail(TrailQuery(kind=RecordKind.UNPIN))
    assert (record.actor, record.payload["reason"]) == ("gitops", "the desired state has changed")


@pytest.mark.parametrize("number", [1, 2])
def test_two_revisions_can_be_compared_either_way(walk: Walk, number: int) -> None:
    start(walk)
    walk.settled("demo")
    walk.change("demo", "app/words.yaml", "word: one", "word: two")
    (found,) = walk.service.reading.diff("demo", number, 3 - number)
    (field,) = found.fields
    assert (field.path, {field.before, field.after}) == ("/data/word", {"one", "two"})


def test_a_broken_manifest_is_one_failed_revision_and_the_rest_keeps_running(walk: Walk) -> None:
    start(walk)
    walk.settled("demo")
    broken = walk.change("demo", "app/words.yaml", "kind: ConfigMap", "kind: ConfigMap\n  bad: [")
    assert broken.state is RevisionState.FAILED
    assert "app/words.yaml:" in broken.message
    walk.poll()
    walk.service.refresh("demo", BY_HAND)
    walk.at_rest("demo")
    assert walk.newest("demo").number == 2
    assert walk.get("configmap/words", ".data.word") == "one"
    walk.edit("app/words.yaml", "\n  bad: [", "")
    walk.push("Mend it")
    walk.poll()
    assert walk.settled("demo").message == ""
    assert walk.newest("demo").number == 2, "what is desired is what stands"
