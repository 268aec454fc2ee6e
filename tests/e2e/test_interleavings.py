"""Whatever happens at once, and in whatever order: in the end the cluster is as Git has it.

Commits, drift, deletions by hand, syncs, rollbacks and restarts come without waiting for one
another, in orders drawn by a seed. Then one plan finds nothing to do, and the history is whole.
"""

import random
from collections.abc import Callable
from contextlib import suppress

import pytest

from gitops.engine.operations import RollbackOptions, SyncOptions
from gitops.errors import ConflictError
from gitops.model.revision import RevisionState, Selection
from tests.helpers.service import BY_HAND, config_map, deployment
from tests.helpers.walk import Walk

STEPS = 10
NAMES = ("words", "more", "rest")


def write(walk: Walk, draw: random.Random) -> None:
    """Give one object another value in Git, or drop it; somebody tells the service, or nobody."""
    name = draw.choice(NAMES)
    if draw.random() < 0.2:
        walk.world.repo.remove(f"app/{name}.yaml")
    else:
        walk.world.repo.write(f"app/{name}.yaml", config_map(name, draw.choice(("a", "b", "c"))))
    walk.world.repo.write("app/web.yaml", deployment(replicas=draw.randint(1, 3)))
    walk.push(f"Change {name}")
    if draw.random() < 0.7:
        walk.poll()


def drift(walk: Walk, draw: random.Random) -> None:
    """Somebody edits what is ours."""
    word = draw.choice(("x", "y"))
    patch = f'{{"data": {{"word": "{word}"}}}}'
    name = draw.choice(NAMES)
    walk.kubectl.try_("-n", walk.namespace, "patch", "configmap", name, "-p", patch)


def lose(walk: Walk, draw: random.Random) -> None:
    """Somebody deletes what is ours."""
    what = draw.choice((*(f"configmap/{name}" for name in NAMES), "deployment/web"))
    walk.kubectl.try_("-n", walk.namespace, "delete", what, "--wait=false")


def scale(walk: Walk, draw: random.Random) -> None:
    """Somebody scales it."""
    replicas = f"--replicas={draw.randint(0, 4)}"
    walk.kubectl.try_("-n", walk.namespace, "scale", "deployment/web", replicas)


def sync(walk: Walk, draw: random.Random) -> None:
    """Somebody asks for a sync, of all or of a part."""
    chosen = draw.choice((None, Selection(("apps:Deployment:web",))))
    walk.service.sync("demo", SyncOptions(selection=chosen), BY_HAND)


def go_back(walk: Walk, draw: random.Random) -> None:
    """Somebody rolls back to the first revision, or lets go of it."""
    if draw.random() < 0.6:
        walk.service.rollback("demo", RollbackOptions(1), BY_HAND)
    else:
        let_go(walk)


def let_go(walk: Walk) -> None:
    """End a pin, if there is one."""
    with suppress(ConflictError):
        walk.service.unpin("demo", BY_HAND)


def restart(walk: Walk, _draw: random.Random) -> None:
    """The service ends and starts again."""
    walk.world.restart()


HAPPENINGS: tuple[Callable[[Walk, random.Random], None], ...] = (
    write, write, write, drift, drift, lose, scale, sync, go_back, restart,
)  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_in_the_end_the_cluster_is_as_git_has_it(walk: Walk, seed: int) -> None:
    draw = random.Random(seed)
    for name in NAMES:
        walk.world.repo.write(f"app/{name}.yaml", config_map(name, "first"))
    walk.world.push("app/web.yaml", deployment())
    lifted = {"pruneBudget": {"maxObjects": -1}, "automated": {"prune": True, "selfHeal": True}}
    walk.world.declare("demo", syncPolicy=lifted)
    walk.settled("demo")

    happened = []
    for _ in range(STEPS):
        happening = draw.choice(HAPPENINGS)
        happened.append(happening.__name__)
        happening(walk, draw)
    walk.at_rest("demo")
    let_go(walk)
    for name in NAMES:
        walk.world.repo.write(f"app/{name}.yaml", config_map(name, f"last {seed}"))
    walk.world.push("app/web.yaml", deployment(replicas=2))
    walk.poll()
    walk.world.wait_for(lambda: stands(walk, seed), f"as Git has it, after {happened}")

    plan = walk.service.reading.plan("demo").plan
    assert not [action for action in plan.actions if action.changes_cluster], happened
    history = walk.service.reading.revisions("demo")
    assert [r.number for r in history] == list(range(len(history), 0, -1)), happened
    assert not [r for r in history if r.state is RevisionState.RUNNING], happened
    assert not walk.service.edges.store.verify().faults, happened


def stands(walk: Walk, seed: int) -> bool:
    """Whether the application is at rest and the cluster holds what was pushed last."""
    status = walk.world.status("demo")
    at_rest = (status.sync, status.busy, status.health.status) == ("Synced", False, "Healthy")
    head = walk.world.repo.head()
    if not at_rest or status.commit is None or status.commit.sha != head:
        return False
    words = {walk.get(f"configmap/{name}", ".data.word") for name in NAMES}
    return words == {f"last {seed}"} and walk.get("deployment/web", ".spec.replicas") == "2"
