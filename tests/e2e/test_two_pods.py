"""The walk through `two-pods`: Pods without a controller."""

from gitops.model.revision import RevisionKind, RevisionState, TriggerKind
from tests.helpers.walk import Walk, changes, outcomes

MYSQL = "two-pods/mysql.yaml"
MYBLOG = "two-pods/myblog.yaml"
NO_ROOM = {"syncOptions": ["CreateNamespace=true"]}


def nohi(walk: Walk) -> str:
    return walk.names["nohi"]


def uid(walk: Walk, pod: str) -> str:
    return walk.get(f"pod/{pod}", ".metadata.uid", nohi(walk))


def test_both_run_and_an_image_changes_in_place(walk: Walk) -> None:
    first = walk.take("two-pods", policy=NO_ROOM)
    assert first.healthy, walk.world.story()
    before = uid(walk, "mysql")
    second = walk.change("two-pods", MYSQL, "mysql:5.7-utf8", "mysql:8.0-utf8", "Update mysql")
    assert changes(second) == ["image mysql 5.7-utf8→8.0-utf8"]
    assert second.healthy
    assert uid(walk, "mysql") == before, "the same pod, with another image"


def test_an_immutable_field_is_a_clear_error_before_anything_is_written(walk: Walk) -> None:
    walk.take("two-pods", policy=NO_ROOM)
    walk.edit(MYBLOG, "/myblog:v1", "/myblog:v2")
    failed = walk.change(
        "two-pods", MYSQL, "component: mysql     # only", "ingress: 'true'  # only"
    )
    assert failed.state is RevisionState.FAILED
    assert f"Pod {nohi(walk)}/mysql" in failed.message or MYSQL in failed.message
    assert "gitops.dev/sync-options: Replace=true" in failed.message
    assert walk.get("pod/myblog", ".spec.containers[0].image", nohi(walk)).endswith("myblog:v1")
    assert walk.at_rest("two-pods").sync == "OutOfSync"


def test_an_immutable_field_is_replaced_where_the_manifest_says_so(walk: Walk) -> None:
    walk.take("two-pods", policy=NO_ROOM)
    before = uid(walk, "myblog")
    second = walk.change("two-pods", MYBLOG, "containerPort: 8002", "containerPort: 8003")
    assert second.healthy, second.message
    assert outcomes(second) == {"Pod/mysql": "unchanged", "Pod/myblog": "replaced"}
    assert uid(walk, "myblog") != before
    assert (
        walk.get("pod/myblog", ".spec.containers[0].ports[0].containerPort", nohi(walk)) == "8003"
    )


def test_a_pod_deleted_by_hand_is_restored(walk: Walk) -> None:
    walk.take("two-pods", policy=NO_ROOM)
    before = uid(walk, "mysql")
    heal = walk.after("two-pods", lambda: walk.kubectl("-n", nohi(walk), "delete", "pod", "mysql"))
    assert (heal.kind, heal.state) == (RevisionKind.HEAL, RevisionState.SUCCEEDED)
    assert heal.trigger.kind is TriggerKind.DRIFT
    assert outcomes(heal) == {"Pod/mysql": "created"}
    assert uid(walk, "mysql") not in ("", before)
    walk.settled("two-pods")
