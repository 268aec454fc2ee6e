"""The walk through `myblog`: a whole application in waves, with a migration before each sync."""

import shutil
from typing import Any

from gitops.model.revision import Revision, RevisionKind, RevisionState, TriggerKind
from tests.helpers.controlplane import eventually
from tests.helpers.service import BY_HAND
from tests.helpers.walk import Walk, changes, outcomes

BLOG = "myblog/30-myblog.yaml"
DATABASE = "myblog/20-mysql.yaml"
MIGRATE = "myblog/15-migrate.yaml"
CONFIG = "myblog/10-config.yaml"
IMAGE = "10.0.0.181:5000/myblog"


def nohi(walk: Walk) -> str:
    return walk.names["nohi"]


def image(walk: Walk) -> str:
    return walk.get("deployment/myblog", ".spec.template.spec.containers[0].image", nohi(walk))


def written(walk: Walk, number: int) -> list[str]:
    """Kinds and names in the order in which a revision's writes were told."""
    told = [e for e in walk.world.events if e.kind == "outcome" and e.revision == number]
    return [
        e.message.split(" ")[0] + "/" + e.message.split(" ")[1].rpartition("/")[2] for e in told
    ]


def is_ready(pod: dict[str, Any]) -> bool:
    conditions = pod["status"].get("conditions", ())
    return any((c["type"], c["status"]) == ("Ready", "True") for c in conditions)


def update(walk: Walk, old: str, new: str) -> Revision:
    """Change the blog's image, here and in the migration."""
    walk.edit(MIGRATE, f"{IMAGE}:{old}", f"{IMAGE}:{new}")
    return walk.change("myblog", BLOG, f"{IMAGE}:{old}", f"{IMAGE}:{new}", f"Update to {new}")


def break_it(walk: Walk) -> tuple[Revision, Revision]:
    """An image that cannot be pulled: the failed revision, and the way back."""
    walk.edit(BLOG, "progressDeadlineSeconds: 20", "progressDeadlineSeconds: 5")
    failed = walk.change("myblog", BLOG, f"{IMAGE}:v1", f"{IMAGE}:v2-pull-error", "Break it")
    return failed, walk.world.closed("myblog", failed.number + 1)


def test_everything_comes_in_waves_with_the_migration_first(walk: Walk) -> None:
    first = walk.take("myblog")
    assert first.healthy, walk.world.story()
    order = written(walk, 1)
    assert order[:2] == [f"Namespace/{nohi(walk)}", "Job/myblog-migrate"]
    waves = [
        "Job/myblog-migrate",
        "Secret/myblog",
        "Deployment/mysql",
        "Deployment/myblog",
        "Ingress/myblog",
    ]
    assert sorted(waves, key=order.index) == waves
    closed = [e for e in walk.world.events if e.kind == "outcome" and "Deployment" in e.message]
    assert [e.message.split()[1].rpartition("/")[2] for e in closed] == ["mysql", "myblog"]
    ready = walk.live("deployment/mysql", nohi(walk))["status"]["conditions"]
    (available,) = [c for c in ready if c["type"] == "Available"]
    created = walk.get("deployment/myblog", ".metadata.creationTimestamp", nohi(walk))
    assert available["lastTransitionTime"] <= created, "the blog waits for the database's health"
    assert set(outcomes(first).values()) == {"created"}


def test_the_migration_runs_at_every_sync_of_something_new(walk: Walk) -> None:
    walk.take("myblog")
    job = walk.get("job/myblog-migrate", ".metadata.uid", nohi(walk))
    second = walk.change("myblog", BLOG, "replicas: 1", "replicas: 2", "Two blogs")
    assert changes(second) == ["create", "scale myblog 1→2"]
    assert second.healthy
    assert walk.get("job/myblog-migrate", ".metadata.uid", nohi(walk)) != job
    walk.service.poll(walk.world.repo.url)
    walk.kubectl("-n", nohi(walk), "scale", "deployment/myblog", "--replicas=3")
    heal = walk.world.closed("myblog", 3)
    assert heal.kind is RevisionKind.HEAL
    assert [o.id.kind for o in heal.outcomes] == ["Deployment"], "a heal runs no hooks"


def test_a_migration_that_fails_stops_the_sync_before_any_change(walk: Walk) -> None:
    walk.take("myblog", policy={"rollback": {"automatic": False}})
    labels = "        app: myblog-migrate\n"
    walk.edit(MIGRATE, labels, labels + "        gitops.dev/simulate: fail\n")
    walk.edit(MIGRATE, "backoffLimit: 2", "backoffLimit: 0")
    failed = walk.change("myblog", BLOG, f"{IMAGE}:v1", f"{IMAGE}:v2", "A migration that fails")
    assert failed.state is RevisionState.FAILED
    assert "Job" in failed.message
    assert "myblog-migrate" in failed.message
    assert image(walk) == f"{IMAGE}:v1", "nothing was changed"
    assert outcomes(failed)["Deployment/myblog"] == "skipped"


def test_a_new_image_rolls_out(walk: Walk) -> None:
    walk.take("myblog")
    second = update(walk, "v1", "v2")
    assert "image myblog v1→v2" in changes(second)
    assert (second.healthy, image(walk)) == (True, f"{IMAGE}:v2")


def test_a_broken_image_goes_back_by_itself_without_the_migration(walk: Walk) -> None:
    walk.take("myblog")
    failed, back = break_it(walk)
    assert failed.state is RevisionState.FAILED
    assert f"ImagePullBackOff: image {IMAGE}:v2-pull-error" in failed.message
    assert (back.kind, back.source, back.healthy) == (RevisionKind.ROLLBACK, 1, True)
    assert back.trigger.kind is TriggerKind.HEALTH
    assert not [o for o in back.outcomes if o.id.kind == "Job"]
    assert image(walk) == f"{IMAGE}:v1"


def test_revision_1_comes_back_without_the_remote_and_the_render_cache(walk: Walk) -> None:
    walk.take("myblog")
    update(walk, "v1", "v2")
    third = walk.change("myblog", CONFIG, "MYSQL_HOST: 10.0.0.182", "MYSQL_HOST: mysql")
    assert third.healthy
    shutil.rmtree(walk.world.repo.remote)
    shutil.rmtree(walk.world.settings.state_dir / "mirrors")
    done = walk.rollback("myblog", 1)
    assert done.data["state"] == "succeeded", done
    back = walk.newest("myblog")
    assert (back.number, back.kind, back.source, back.healthy) == (
        4,
        RevisionKind.ROLLBACK,
        1,
        True,
    )
    assert back.trigger.actor == BY_HAND.actor
    assert image(walk) == f"{IMAGE}:v1"
    assert walk.get("configmap/myblog", ".data.MYSQL_HOST", nohi(walk)) == "10.0.0.182"
    status = walk.at_rest("myblog")
    assert status.pin is not None
    assert (status.pin.revision, status.pin.automatic) == (1, False)
    assert status.sync == "OutOfSync"


def test_a_removed_field_goes_and_a_changed_one_changes(walk: Walk) -> None:
    walk.take("myblog")
    assert walk.get("deployment/mysql", ".spec.template.spec.hostNetwork", nohi(walk)) == "true"
    walk.edit(DATABASE, "      hostNetwork: true  #", "      #")
    second = walk.change("myblog", CONFIG, "MYSQL_HOST: 10.0.0.182", "MYSQL_HOST: mysql")
    assert second.healthy
    assert outcomes(second)["Deployment/mysql"] == "configured"
    assert outcomes(second)["ConfigMap/myblog"] == "configured"
    assert outcomes(second)["Deployment/myblog"] == "unchanged"
    assert walk.get("deployment/mysql", ".spec.template.spec.hostNetwork", nohi(walk)) == ""
    assert walk.get("configmap/myblog", ".data.MYSQL_HOST", nohi(walk)) == "mysql"


def test_a_deleted_pod_comes_back_and_is_no_drift(walk: Walk) -> None:
    walk.take("myblog")
    walk.settled("myblog")
    name = walk.get("pods", ".items[?(@.metadata.labels.app=='myblog')].metadata.name", nohi(walk))
    walk.kubectl("-n", nohi(walk), "delete", "pod", name)

    def another() -> bool:
        pods = walk.kubectl.json("-n", nohi(walk), "get", "pods", "-l", "app=myblog")["items"]
        return [p["metadata"]["name"] for p in pods if is_ready(p)] not in ([], [name])

    eventually(another)
    walk.settled("myblog")
    assert walk.kinds("myblog") == [RevisionKind.SYNC]


def test_it_waits_for_the_application_that_it_depends_on(walk: Walk) -> None:
    walk.copy("myblog", "mysql")
    walk.push("Add both")
    walk.declare(walk.declaration("myblog", dependsOn=[{"name": "mysql"}]))
    status = walk.at_rest("myblog")
    assert (status.waiting_for, status.message) == (("mysql",), "waits for mysql")
    assert walk.service.reading.revisions("myblog") == []
    walk.declare(walk.declaration("mysql"))
    first = walk.world.closed("myblog", 1)
    assert first.healthy
    assert (first.trigger.kind, first.trigger.evidence) == (TriggerKind.DEPENDENCY, "mysql")
    mysql = walk.service.reading.revision("mysql", 1)
    assert mysql.finished_at is not None
    assert mysql.finished_at <= first.started_at


def test_applications_that_wait_for_one_another_are_a_named_error(walk: Walk) -> None:
    walk.copy("myblog", "mysql")
    walk.push("Add both")
    walk.declare(walk.declaration("myblog", dependsOn=[{"name": "mysql"}]))
    walk.declare(walk.declaration("mysql", dependsOn=[{"name": "myblog"}]))
    walk.wait_told("mysql", "problem", "applications wait for one another: mysql → myblog → mysql")
