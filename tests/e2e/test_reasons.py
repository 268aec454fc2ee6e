"""Why something is unhealthy: found once each time that health turns bad, and shown everywhere."""

from collections import Counter

from gitops.model.health import HealthStatus
from tests.helpers.controlplane import AuditLog
from tests.helpers.service import deployment
from tests.helpers.walk import Walk

BAD = "registry.example/web:pull-error"
RC = "kubia/replicationcontroller.yaml"
OLD = "existing pods keep the old image until replaced"
NO_PATIENCE = {"syncPolicy": {"retry": {"limit": 0}}}


def hasty(image: str) -> str:
    """A Deployment that its controller gives up soon, but not before its pods are there.

    A pod that comes after the deadline is progress again, and one more turn of health.
    """
    return deployment(image=image).replace("spec:", "spec:\n  progressDeadlineSeconds: 6", 1)


def lists(audit: AuditLog, mark: int) -> Counter[str]:
    """What we listed, by resource, apart from the kinds that are watched."""
    listed = audit.since(mark, agent="gitops", verbs=("list",))
    asked = (e["objectRef"]["resource"] for e in listed if "installation" not in e["requestURI"])
    return Counter(asked)


def shows_why(walk: Walk) -> None:
    """The status of the application and of its object, the list and the events tell the reason."""
    walk.world.wait_for(lambda: is_degraded(walk), "bad health")
    status = walk.world.status()
    [listed] = walk.service.reading.statuses()
    [shown] = status.objects
    event = walk.told("demo", "health")[-1]
    for message in (status.health.message, listed.health.message, shown.message, event):
        assert "ImagePull" in message, message
        assert BAD in message


def test_a_failed_sync_asks_once_why_and_the_status_says_so(walk: Walk, audit: AuditLog) -> None:
    walk.world.push("app/web.yaml", hasty(BAD))
    mark = audit.mark()
    walk.world.declare(**NO_PATIENCE)
    failed = walk.world.closed()
    walk.at_rest("demo")
    assert "ImagePull" in failed.message
    shows_why(walk)
    assert lists(audit, mark) == {"pods": 1, "events": 1}


def test_health_that_turns_bad_is_explained_once_a_turn(walk: Walk, audit: AuditLog) -> None:
    walk.world.push("app/web.yaml", hasty("registry.example/web:v1"))
    walk.world.declare(syncPolicy={"automated": {"selfHeal": False}})
    walk.settled("demo")
    walk.service.reconciler.healer.explainer.patience_s = 3600  # however slow the rollout is
    mark = audit.mark()
    for turn in (1, 2):
        image(walk, BAD)
        walk.wait_told("demo", "health", "Degraded", BAD, *["ImagePull"] * turn)
        walk.at_rest("demo")
        shows_why(walk)
        assert lists(audit, mark) == {"pods": turn, "events": turn}
        image(walk, "registry.example/web:v1")
        walk.world.wait_for(lambda: is_healthy(walk), "health")
        assert [o.message for o in walk.world.status().objects] == [""]
        walk.world.events.clear()


def image(walk: Walk, name: str) -> None:
    """Change by hand what the Deployment runs."""
    walk.kubectl("-n", walk.namespace, "set", "image", "deployment/web", f"web={name}")


def is_healthy(walk: Walk) -> bool:
    return walk.world.status().health.status is HealthStatus.HEALTHY


def is_degraded(walk: Walk) -> bool:
    return walk.world.status().health.status is HealthStatus.DEGRADED


def test_a_controllers_old_pods_are_told_until_they_are_replaced(
    walk: Walk, audit: AuditLog
) -> None:
    walk.take("kubia")
    walk.settled("kubia")
    mark = audit.mark()
    assert walk.change("kubia", RC, "conglanjun/kubia", "conglanjun/kubia:v2").healthy
    status = walk.settled("kubia")
    told = {str(o.id.kind): o.message for o in status.objects}
    assert told == {"ReplicationController": OLD, "Service": ""}
    assert lists(audit, mark) == {"pods": 1}

    walk.kubectl("-n", walk.namespace, "delete", "pod", "-l", "app=kubia")
    walk.world.wait_for(
        lambda: not any(o.message == OLD for o in walk.world.status("kubia").objects), "new pods"
    )
