"""What a push brings: webhooks, newer commits that overtake, and many pushes at once."""

from gitops.engine.operations import SyncOptions
from gitops.engine.reconciler import MOVED
from gitops.model.revision import RevisionState, TriggerKind
from gitops.ports.store import Delivery
from tests.helpers.controlplane import eventually
from tests.helpers.service import BY_HAND, config_map, deployment
from tests.helpers.walk import Walk, outcomes

HOOK = """\
apiVersion: batch/v1
kind: Job
metadata:
  name: migrate
  annotations: {gitops.dev/hook: PreSync}
spec:
  template:
    metadata:
      labels: {gitops.dev/simulate: never-ready}
    spec:
      restartPolicy: Never
      containers: [{name: migrate, image: "registry.example/migrate:v1"}]
"""


def delivery(walk: Walk, sha: str, number: str = "1") -> Delivery:
    now = walk.service.edges.clock.now()
    url = walk.world.repo.url
    return Delivery(number, "generic", url, "refs/heads/main", sha, "ada", "from 127.0.0.1", now)


def let_the_hook_end(walk: Walk) -> None:
    """Take the label off the hook's pod that keeps it from getting ready, once there is one."""
    label = ("label", "pods", "-l", "gitops.dev/simulate", "gitops.dev/simulate-")
    eventually(lambda: walk.kubectl("-n", walk.namespace, *label), "a hook's pod")


def test_a_webhook_syncs_at_once_and_says_who_pushed(walk: Walk) -> None:
    walk.world.push("app/words.yaml", config_map())
    walk.world.declare()
    walk.settled("demo")
    sha = walk.world.push("app/words.yaml", config_map(word="two"))
    second = walk.after("demo", lambda: walk.service.webhook(delivery(walk, sha)))
    assert (second.trigger.kind, second.trigger.actor) == (TriggerKind.WEBHOOK, "ada")
    assert "127.0.0.1" in second.trigger.evidence
    assert second.commit is not None
    assert second.commit.sha == sha
    assert walk.service.webhook(delivery(walk, sha)) is None, "a repeated delivery is recognised"


def test_a_newer_commit_overtakes_one_that_waits_for_health(walk: Walk) -> None:
    walk.world.push("app/web.yaml", deployment(image="registry.example/web:v1-never-ready"))
    walk.world.declare()
    walk.wait_told("demo", "outcome", "Deployment", "created")
    walk.world.push("app/web.yaml", deployment(image="registry.example/web:v2"))
    walk.poll()
    second = walk.world.closed(number=2)
    first = walk.service.reading.revision("demo", 1)
    assert (first.state, first.healthy) == (RevisionState.SUPERSEDED, False)
    assert (second.state, second.healthy) == (RevisionState.SUCCEEDED, True)
    assert walk.settled("demo").revision == 2


def test_where_commits_queue_the_running_one_ends_first(walk: Walk) -> None:
    deadlines = [{"kind": "Deployment", "deadline": "3s"}]
    policy = {"onNewRevision": "queue", "health": {"deadlines": deadlines}}
    walk.world.repo.write("app/words.yaml", config_map())
    walk.world.push("app/web.yaml", deployment(image="registry.example/web:v1-never-ready"))
    walk.world.declare(syncPolicy=policy)
    walk.wait_told("demo", "outcome", "Deployment", "created")
    walk.world.repo.remove("app/web.yaml")
    walk.world.push("app/words.yaml", config_map(word="two"))
    walk.poll()
    second = walk.world.closed(number=2)
    first = walk.service.reading.revision("demo", 1)
    assert first.state is RevisionState.FAILED
    assert "when its deadline passed" in first.message
    assert second.healthy


def test_a_sync_by_hand_is_not_left_for_a_commit_that_nobody_syncs_by_itself(walk: Walk) -> None:
    policy = {"automated": {"enabled": False}, "healthDeadline": "3s"}
    walk.world.push("app/web.yaml", deployment(image="registry.example/web:v1-never-ready"))
    walk.world.declare(syncPolicy=policy)
    walk.service.sync("demo", SyncOptions(), BY_HAND)
    walk.wait_told("demo", "outcome", "Deployment", "created")
    walk.world.push("app/web.yaml", deployment(image="registry.example/web:v2"))
    walk.poll()
    first = walk.world.closed(number=1)
    assert first.state is RevisionState.FAILED
    assert "when its deadline passed" in first.message


def test_a_hook_that_runs_is_never_left_by_a_newer_commit(walk: Walk) -> None:
    walk.world.repo.write("app/job.yaml", HOOK)
    walk.world.push("app/words.yaml", config_map())
    walk.world.declare()
    walk.wait_told("demo", "outcome", "Job", "created")
    walk.world.push("app/words.yaml", config_map(word="two"))
    walk.poll()
    waits = walk.service.dispatcher.superseded
    eventually(lambda: waits("demo", frozenset({MOVED})), "the newer commit to wait")
    assert walk.newest("demo").state is RevisionState.RUNNING
    let_the_hook_end(walk)
    first = walk.world.closed(number=1)
    let_the_hook_end(walk)
    second = walk.world.closed(number=2)
    assert first.state is RevisionState.SUPERSEDED
    assert outcomes(first) == {"Job/migrate": "created", "ConfigMap/words": "skipped"}
    assert outcomes(second) == {"Job/migrate": "created", "ConfigMap/words": "created"}
    assert second.healthy


def test_the_fourth_of_ever_newer_commits_runs_to_its_end(walk: Walk) -> None:
    def image(number: int) -> str:
        return deployment(image=f"registry.example/web:v{number}-never-ready")

    walk.world.push("app/web.yaml", image(1))
    walk.world.declare(syncPolicy={"healthDeadline": "15s"})
    for number in (1, 2, 3, 4):
        walk.world.wait_for(
            lambda n=number: [
                e for e in walk.world.events if e.kind == "outcome" and e.revision == n
            ],
            f"revision {number} writes",
        )
        walk.world.push("app/web.yaml", image(number + 1))
        walk.poll()
    fourth = walk.world.closed(number=4)
    states = [walk.service.reading.revision("demo", n).state for n in (1, 2, 3)]
    assert states == [RevisionState.SUPERSEDED] * 3
    assert fourth.state is RevisionState.FAILED
    assert "when its deadline passed" in fourth.message


def test_pushes_that_come_fast_end_at_the_newest(walk: Walk) -> None:
    walk.world.push("app/words.yaml", config_map(word="word-0"))
    walk.world.declare()
    walk.settled("demo")
    for number in range(1, 6):
        sha = walk.world.push("app/words.yaml", config_map(word=f"word-{number}"))
        walk.service.webhook(delivery(walk, sha, str(number)))
    walk.world.wait_for(
        lambda: (c := walk.world.status().commit) and c.sha == sha, "the newest commit seen"
    )
    walk.settled("demo")
    assert walk.get("configmap/words", ".data.word") == "word-5"


def test_a_rewritten_branch_is_followed(walk: Walk) -> None:
    walk.world.push("app/words.yaml", config_map())
    walk.world.declare()
    walk.settled("demo")
    walk.world.repo.write("app/words.yaml", config_map(word="two")).commit("Rewrite", amend=True)
    walk.world.repo.push("main", force=True)
    second = walk.after("demo", walk.poll)
    assert second.healthy
    assert walk.get("configmap/words", ".data.word") == "two"
