"""The walk through `workloads`: one of each controller, quotas, rights, and a kind of its own."""

from gitops.model.revision import RevisionKind, RevisionState, TriggerKind
from tests.helpers.walk import Walk, changes, outcomes

APP = "workloads"
DEPLOYMENT = "workloads/deployment.yaml"
REPLICA_SET = "workloads/replicaset.yaml"
KUSTOMIZATION = "workloads/kustomization.yaml"
UIDS = ".items[?(@.metadata.labels.app=='frontend')].metadata.uid"


def room(walk: Walk) -> str:
    return walk.names["namespace: workloads"].removeprefix("namespace: ")


def backup(walk: Walk) -> str:
    return f"{walk.names['backups.example.com']}/nightly"


def test_all_is_created_in_an_order_in_which_each_finds_what_it_needs(walk: Walk) -> None:
    first = walk.take(APP)
    assert first.healthy, walk.world.story()
    told = [message.split()[0] for message in walk.told(APP, "outcome")]
    order = [
        "Namespace",
        "ResourceQuota",
        "ServiceAccount",
        "CustomResourceDefinition",
        "Role",
        "RoleBinding",
        "DaemonSet",
        "Deployment",
        "StatefulSet",
        "Job",
        "CronJob",
        "Backup",
    ]
    assert sorted(order, key=told.index) == order
    assert set(outcomes(first).values()) == {"created"}
    status = walk.settled(APP)
    shown = {o.id.kind: o.health.status for o in status.objects}
    assert shown["StatefulSet"] == shown["DaemonSet"] == shown["Job"] == "Healthy"
    assert shown["Backup"] is None, "no rule speaks about it"


def test_it_is_progressing_on_the_way(walk: Walk) -> None:
    walk.take(APP)
    told = walk.told(APP, "health")
    assert any(message.startswith("Progressing") for message in told), told
    assert walk.settled(APP).health.status == "Healthy"


def test_the_statefulset_scales_pod_by_pod(walk: Walk) -> None:
    walk.take(APP)
    second = walk.change(APP, "workloads/statefulset.yaml", "replicas: 2", "replicas: 3")
    assert (changes(second), second.healthy) == (["scale store 2→3"], True)
    assert walk.get("statefulset/store", ".status.readyReplicas", room(walk)) == "3"
    assert walk.exists("pvc/data-store-2", room(walk))


def test_the_cron_job_is_suspended(walk: Walk) -> None:
    walk.take(APP)
    second = walk.change(APP, "workloads/cronjob.yaml", "suspend: false", "suspend: true")
    assert second.healthy
    assert outcomes(second)["CronJob/report"] == "configured"
    assert walk.get("cronjob/report", ".spec.suspend", room(walk)) == "true"
    (shown,) = [o for o in walk.settled(APP).objects if o.id.kind == "CronJob"]
    assert (shown.health.status, shown.health.message) == ("Healthy", "CronJob is Suspended")


def test_an_immutable_field_of_the_job_replaces_it_where_it_says_so(walk: Walk) -> None:
    walk.take(APP)
    before = walk.get("job/import", ".metadata.uid", room(walk))
    second = walk.change(APP, "workloads/job.yaml", "echo imported", "echo imported again")
    assert second.healthy, second.message
    assert outcomes(second)["Job/import"] == "replaced"
    assert walk.get("job/import", ".metadata.uid", room(walk)) != before


def test_an_immutable_field_of_the_job_is_an_error_where_it_does_not(walk: Walk) -> None:
    allowed = "  annotations:\n    argocd.argoproj.io/sync-options: Replace=true,Force=true\n"
    walk.take(APP, ("workloads/job.yaml", allowed, ""))
    failed = walk.change(APP, "workloads/job.yaml", "echo imported", "echo imported again")
    assert failed.state is RevisionState.FAILED
    assert "field is immutable" in failed.message
    assert "Replace=true" in failed.message


def test_what_the_autoscaler_scales_is_not_healed_back(walk: Walk) -> None:
    """The real autoscaler at work: pods that report more use than they asked for."""
    walk.take(APP)
    busy = 'labels:\n        app: web\n      annotations: {gitops.dev/cpu: "200m"}\n'
    second = walk.change(APP, DEPLOYMENT, "labels:\n        app: web\n", busy, "Much to do")
    assert second.healthy
    walk.kubectl.wait("jsonpath={.status.readyReplicas}=5", "-n", room(walk), "deployment/web")
    third = walk.change(APP, "workloads/cronjob.yaml", "suspend: false", "suspend: true")
    assert outcomes(third)["Deployment/web"] == "unchanged"
    updated = walk.change(APP, DEPLOYMENT, "nginx:1.27", "nginx:1.28")
    assert (changes(updated), updated.healthy) == (["image web 1.27→1.28"], True)
    assert walk.get("deployment/web", ".spec.replicas", room(walk)) == "5"
    assert walk.kinds(APP) == [RevisionKind.SYNC] * 4


def test_replicas_removed_from_git_never_mean_one(walk: Walk) -> None:
    """Git hands replicas over to an autoscaler, for whose load three pods are right."""
    asks = '      labels:\n        app: frontend\n      annotations: {gitops.dev/cpu: "16m"}\n'
    walk.take(
        APP,
        (REPLICA_SET, "  replicas: 2\n", "  replicas: 3\n"),
        (REPLICA_SET, "      labels:\n        app: frontend\n", asks),
    )
    pods = walk.get("pods", UIDS, room(walk))
    scaler = walk.path(DEPLOYMENT).read_text().split("---\n")[1]
    scaler = scaler.replace(
        "kind: Deployment\n    name: web", "kind: ReplicaSet\n    name: frontend"
    )
    scaler = scaler.replace("name: web", "name: frontend").replace(
        "minReplicas: 2", "minReplicas: 1"
    )
    walk.path("workloads/scaler.yaml").write_text(scaler)
    walk.edit(KUSTOMIZATION, "  - replicaset.yaml", "  - replicaset.yaml\n  - scaler.yaml")
    second = walk.change(APP, REPLICA_SET, "  replicas: 3\n", "", "Let an autoscaler decide")
    assert second.healthy
    assert walk.get("replicaset/frontend", ".spec.replicas", room(walk)) == "3"
    third = walk.change(APP, REPLICA_SET, "  selector:", "  minReadySeconds: 1\n  selector:")
    assert third.healthy
    assert walk.get("pods", UIDS, room(walk)) == pods, "no pod was ever deleted"


def test_labels_and_annotations_change_everywhere_by_one_commit(walk: Walk) -> None:
    first = walk.take(APP)
    walk.edit(KUSTOMIZATION, "part-of: workloads", "part-of: the-course")
    second = walk.change(APP, KUSTOMIZATION, "owner: team-a", "owner: team-b")
    assert second.healthy, second.message
    assert len(second.outcomes) == len(first.outcomes)
    marked = [walk.live(what, room(walk))["metadata"] for what in (backup(walk), "ds/node-agent")]
    assert [m["annotations"]["example.com/owner"] for m in marked] == ["team-b"] * 2
    assert [m["labels"]["app.kubernetes.io/part-of"] for m in marked] == ["the-course"] * 2
    walk.settled(APP)
    assert walk.kinds(APP) == [RevisionKind.SYNC] * 2


def test_a_kind_and_its_objects_come_and_change_in_one_application(walk: Walk) -> None:
    walk.take(APP)
    nightly = backup(walk)
    assert walk.get(nightly, ".spec.keep", room(walk)) == "14"
    schedule = "                schedule:\n"
    target = "                target:\n                  type: string\n"
    walk.edit("workloads/crd.yaml", schedule, target + schedule)
    second = walk.change(APP, "workloads/backup.yaml", "  keep: 14\n", "  target: tape\n")
    assert second.healthy, second.message
    assert outcomes(second)["Backup/nightly"] == "configured"
    assert walk.get(nightly, ".spec.target", room(walk)) == "tape"
    assert walk.get(nightly, ".spec.keep", room(walk)) == "7", "the default again"
    other = '{"spec":{"target":"disk"}}'
    by_hand = ("-n", room(walk), "patch", nightly, "--type=merge", "-p", other)
    heal = walk.after(APP, lambda: walk.kubectl(*by_hand))
    assert (heal.kind, heal.trigger.kind) == (RevisionKind.HEAL, TriggerKind.DRIFT)
    assert walk.get(nightly, ".spec.target", room(walk)) == "tape"


def test_whatever_is_deleted_by_hand_comes_back(walk: Walk) -> None:
    walk.take(APP)
    for what in ("networkpolicy/store", "role/pod-reader", "pdb/web", "limitrange/per-container"):
        delete = ("-n", room(walk), "delete", what)
        heal = walk.after(APP, lambda args=delete: walk.kubectl(*args))
        assert (heal.kind, heal.state) == (RevisionKind.HEAL, RevisionState.SUCCEEDED)
        assert walk.exists(what, room(walk))
    walk.settled(APP)
