"""Ending what runs by hand: who did it is recorded, and it is not begun again by itself."""

import pytest

from gitops.engine.operations import RollbackOptions
from gitops.errors import ConflictError
from gitops.model.revision import RecordKind, RevisionKind, RevisionState
from gitops.ports import TrailQuery
from tests.helpers.service import BY_HAND, deployment
from tests.helpers.walk import Walk

GOOD, STUCK = "registry.example/web:v1", "registry.example/web:v2-never-ready"
CANCELLED = (RevisionState.INTERRUPTED, f"cancelled by {BY_HAND.actor}")


def test_what_was_cancelled_is_not_begun_again_by_itself(walk: Walk) -> None:
    walk.world.push("app/web.yaml", deployment(image=GOOD))
    walk.world.declare(syncPolicy={"rollback": {"automatic": True}})
    assert walk.world.closed().healthy
    walk.settled("demo")
    with pytest.raises(ConflictError, match="nothing runs"):
        walk.service.cancel("demo", BY_HAND)
    walk.world.push("app/web.yaml", deployment(image=STUCK))
    walk.poll()
    walk.wait_told("demo", "outcome", "Deployment", "image")
    walk.service.cancel("demo", BY_HAND)
    second = walk.world.closed(number=2)
    assert (second.state, second.message) == CANCELLED
    assert CANCELLED[1] in walk.at_rest("demo").message
    walk.world.restart()
    walk.world.refresh()
    assert CANCELLED[1] in walk.at_rest("demo").message
    assert walk.kinds("demo") == [RevisionKind.SYNC] * 2, "neither synced nor rolled back"
    (record,) = walk.service.edges.store.trail(TrailQuery(kind=RecordKind.CANCEL))
    assert (record.actor, record.application, record.revision) == (BY_HAND.actor, "demo", 2)
    third = walk.change("demo", "app/web.yaml", STUCK, "registry.example/web:v3")
    assert third.healthy, "another desired state is"


def test_a_rollback_that_was_cancelled_is_not_made_again_at_a_restart(walk: Walk) -> None:
    walk.world.push("app/web.yaml", deployment(image=STUCK))
    walk.world.declare()
    walk.wait_told("demo", "outcome", "Deployment", "created")
    walk.service.cancel("demo", BY_HAND)
    walk.world.closed()
    assert walk.change("demo", "app/web.yaml", STUCK, GOOD).healthy
    walk.service.rollback("demo", RollbackOptions(1), BY_HAND)
    walk.wait_told("demo", "revision-opened", "revision 3")
    walk.world.wait_for(lambda: "2-never-ready" in walk.world.story(), "it is written")
    walk.service.cancel("demo", BY_HAND)
    third = walk.world.closed(number=3)
    assert (third.state, third.message) == CANCELLED
    walk.world.restart()
    status = walk.at_rest("demo")
    assert status.pin is not None
    assert walk.newest("demo").number == 3
