"""What `syncPolicy.health` asks of a deployment before it counts as a good one."""

from datetime import timedelta

import pytest

from gitops.model.revision import RevisionKind, RevisionState
from tests.helpers.service import config_map, deployment
from tests.helpers.walk import Walk, outcomes

POLICY = {"healthDeadline": "90s", "timeout": "100s", "retry": {"limit": 0}}
BACK = {"rollback": {"automatic": True}}


@pytest.fixture
def walk(walk_as_annotated: Walk) -> Walk:
    return walk_as_annotated


def start(walk: Walk, text: str = "", **policy: object) -> None:
    walk.world.push("app/words.yaml", text or config_map())
    walk.world.declare(syncPolicy={**POLICY, **policy})


def declare(walk: Walk, **policy: object) -> None:
    """Declare it anew, and wait until it is known."""
    walk.world.declare(syncPolicy={**POLICY, **policy})
    walk.settled("demo")


def change(walk: Walk, old: str, new: str, number: int) -> None:
    """Push a change, and wait until it is written in the revision of that number."""
    walk.edit("app/words.yaml", old, new)
    walk.push("Change")
    walk.poll()
    told = walk.world.events
    walk.world.wait_for(
        lambda: [e for e in told if e.kind == "outcome" and e.revision == number], "a write"
    )


def say(walk: Walk, health: str) -> None:
    """Make the ConfigMap that healthy by hand."""
    said = f"example.com/health={health}"
    walk.kubectl("-n", walk.namespace, "annotate", "configmap/words", "--overwrite", said)


def is_now(walk: Walk, health: str) -> None:
    """The same, and wait until that is seen; it stays so where Git says nothing of it."""
    say(walk, health)
    walk.world.wait_for(lambda: walk.world.status().health.status == health, health)


def sick(health: str) -> str:
    """A ConfigMap that comes with that health."""
    return config_map().replace(
        "  name: words\n", f"  name: words\n  annotations: {{example.com/health: {health}}}\n"
    )


def test_a_revision_counts_as_healthy_once_it_was_so_for_long_enough(walk: Walk) -> None:
    start(walk, health={"stableFor": "3s"})
    first = walk.world.closed()
    assert (first.state, first.healthy) == (RevisionState.SUCCEEDED, True)
    assert first.finished_at is not None
    assert (first.finished_at - first.started_at).total_seconds() >= 3


def test_degraded_within_the_stable_time_fails_the_revision_and_rolls_back(walk: Walk) -> None:
    start(walk, **BACK)
    assert walk.world.closed().healthy
    declare(walk, health={"stableFor": "80s"}, **BACK)
    change(walk, "word: one", "word: two", 2)
    is_now(walk, "Progressing")
    is_now(walk, "Healthy")
    assert walk.newest("demo").state is RevisionState.RUNNING, "it only began anew"
    is_now(walk, "Degraded")
    second = walk.world.closed(number=2)
    assert (second.state, second.healthy) == (RevisionState.FAILED, False)
    assert "words was Degraded: so it says" in second.message
    walk.wait_told("demo", "revision-opened", "revision 3 (rollback)")


def test_what_breaks_again_and_again_fails_at_the_deadline(walk: Walk) -> None:
    start(walk, healthDeadline="20s", health={"stableFor": "19s"})
    walk.wait_told("demo", "outcome", "created")
    is_now(walk, "Progressing")
    clock = walk.service.edges.clock
    late = walk.newest("demo").started_at + timedelta(seconds=3)
    walk.world.wait_for(lambda: clock.now() > late, "too late for the rest")
    is_now(walk, "Healthy")
    first = walk.world.closed()
    assert first.state is RevisionState.FAILED
    assert "was not healthy for 19s without a break when its deadline passed" in first.message


def test_what_is_pruned_last_goes_after_what_replaces_it_has_proved(walk: Walk) -> None:
    walk.world.repo.write("app/old.yaml", config_map("old"))
    start(walk, health={"stableFor": "3s"}, **BACK)
    assert walk.world.closed().healthy
    walk.path("app/old.yaml").unlink()
    walk.edit("app/words.yaml", "word: one", "word: two")
    second = walk.publish("demo")
    assert second.healthy
    assert outcomes(second) == {"ConfigMap/words": "configured", "ConfigMap/old": "deleted"}
    told = [e for e in walk.world.events if e.revision == 2 and e.kind == "outcome"]
    assert (told[1].at - told[0].at).total_seconds() >= 3


def test_degraded_is_forgiven_in_the_time_of_grace(walk: Walk) -> None:
    start(walk, sick("Degraded"), health={"grace": "60s"})
    walk.wait_told("demo", "outcome", "created")
    walk.wait_told("demo", "health", "Degraded")
    assert walk.newest("demo").state is RevisionState.RUNNING
    say(walk, "Healthy")
    assert walk.world.closed().healthy


def test_after_the_time_of_grace_degraded_fails_without_another_event(walk: Walk) -> None:
    start(walk, sick("Degraded"), health={"grace": "3s"})
    first = walk.world.closed()
    assert first.state is RevisionState.FAILED
    assert first.finished_at is not None
    assert 3 <= (first.finished_at - first.started_at).total_seconds() < 60


def test_a_newer_commit_or_a_restart_ends_the_wait_and_it_begins_anew(walk: Walk) -> None:
    start(walk, health={"stableFor": "80s"})
    walk.wait_told("demo", "outcome", "created")
    change(walk, "word: one", "word: two", 2)
    assert walk.service.reading.revision("demo", 1).state is RevisionState.SUPERSEDED
    walk.world.restart()
    assert walk.world.closed(number=2).state is RevisionState.INTERRUPTED
    walk.wait_told("demo", "revision-opened", "revision 3")
    change(walk, "word: two", "word: three", 4)
    walk.world.closed(number=3)
    assert walk.kinds("demo") == [RevisionKind.SYNC] * 4


def test_a_kind_may_have_a_deadline_of_its_own(walk: Walk) -> None:
    walk.world.repo.write("app/later.yaml", sick("Progressing").replace("words", "later"))
    walk.world.repo.write("app/web.yaml", deployment(image="registry.example/web:v1-never-ready"))
    short, long = {"kind": "Deployment", "deadline": "3s"}, {"kind": "ConfigMap", "deadline": "95s"}
    start(walk, config_map(), healthDeadline="10s", health={"deadlines": [short, long]})
    first = walk.world.closed()
    assert first.state is RevisionState.FAILED
    assert (
        f"Deployment {walk.namespace}/web was Progressing when its deadline passed" in first.message
    )
    ended = [o for o in first.outcomes if o.id.name == "later"]
    assert [str(o.outcome) for o in ended] == ["created"]
    walk.world.repo.remove("app/web.yaml")
    walk.push("Take the slow one away")
    walk.poll()
    clock = walk.service.edges.clock
    walk.wait_told("demo", "revision-opened", "revision 2")
    late = walk.newest("demo").started_at + timedelta(seconds=11)
    walk.world.wait_for(lambda: clock.now() > late, "longer than others may take")
    walk.kubectl("-n", walk.namespace, "annotate", "configmap/later", "--overwrite",
                 "example.com/health=Healthy")  # fmt: skip
    assert walk.world.closed(number=2).healthy


def test_what_somebody_deletes_during_the_wait_does_not_hold_the_sync_up(walk: Walk) -> None:
    slow = sick("Progressing").replace("name: words", "name: slow")
    walk.world.repo.write("app/slow.yaml", slow)
    start(walk, healthDeadline="10m", timeout="15m")
    walk.wait_told("demo", "outcome", "slow")
    walk.kubectl("-n", walk.namespace, "delete", "configmap/slow")
    first = walk.world.closed()
    assert first.state is RevisionState.SUCCEEDED, first.message
    healed = walk.world.closed(number=2)
    assert (healed.kind, outcomes(healed)) == (RevisionKind.HEAL, {"ConfigMap/slow": "created"})
    assert walk.exists("configmap/slow")
