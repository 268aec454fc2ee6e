"""The walk through `kubia`: a ReplicationController and a LoadBalancer."""

from gitops.model.revision import RevisionKind, RevisionState, TriggerKind
from tests.helpers.controlplane import eventually
from tests.helpers.walk import Walk, changes, outcomes

RC = "kubia/replicationcontroller.yaml"


def test_a_first_push_creates_everything_and_is_revision_1(walk: Walk) -> None:
    first = walk.take("kubia")
    assert (first.kind, first.state, first.healthy) == (RevisionKind.SYNC, "succeeded", True)
    assert first.summary == {"create": 2}
    assert first.commit is not None
    assert first.commit.subject == "Add kubia"
    assert outcomes(first) == {
        "Service/kubia-http": "created",
        "ReplicationController/kubia": "created",
    }
    assert walk.settled("kubia").revision == 1
    assert walk.get("rc/kubia", ".status.readyReplicas") == "1"


def test_a_load_balancer_waits_for_its_address_and_then_gets_one(walk: Walk) -> None:
    waits = (
        "  name: kubia-http",
        '  name: kubia-http\n  annotations: {gitops.dev/ready-after: "1s"}',
    )
    first = walk.take("kubia", ("kubia/service.yaml", *waits))
    assert first.healthy
    told = walk.told("kubia", "health")
    assert any(message.startswith("Progressing") for message in told), told
    assert walk.get("service/kubia-http", ".status.loadBalancer.ingress[0].ip").startswith("198.")


def test_a_commit_scales_and_the_change_says_so(walk: Walk) -> None:
    walk.take("kubia")
    second = walk.change("kubia", RC, "replicas: 1", "replicas: 3", "Scale kubia")
    assert (second.number, second.trigger.kind, second.healthy) == (2, TriggerKind.POLL, True)
    assert changes(second) == ["scale kubia 1→3"]
    assert second.summary == {"scale": 1, "none": 1}
    assert (
        len(walk.kubectl.json("-n", walk.namespace, "get", "pods", "-l", "app=kubia")["items"]) == 3
    )


def test_a_scale_by_hand_is_healed_at_once_as_drift(walk: Walk) -> None:
    walk.take("kubia")
    heal = walk.after(
        "kubia", lambda: walk.kubectl("-n", walk.namespace, "scale", "rc/kubia", "--replicas=5")
    )
    assert (heal.kind, heal.state) == (RevisionKind.HEAL, RevisionState.SUCCEEDED)
    assert (heal.trigger.kind, heal.trigger.actor) == (TriggerKind.DRIFT, "gitops")
    assert "ReplicationController" in heal.trigger.evidence
    assert changes(heal) == ["scale kubia 5→1"]
    assert walk.get("rc/kubia", ".spec.replicas") == "1"
    assert walk.settled("kubia").sync == "Synced"


def test_its_status_names_its_objects_with_their_health(walk: Walk) -> None:
    walk.take("kubia")
    status = walk.settled("kubia")
    shown = {str(o.id.kind): (o.sync, o.health.status) for o in status.objects}
    assert shown == {
        "ReplicationController": ("Synced", "Healthy"),
        "Service": ("Synced", "Healthy"),
    }


def test_a_new_image_warns_that_pods_keep_the_old_one(walk: Walk) -> None:
    walk.take("kubia")
    walk.edit(RC, "image: conglanjun/kubia", "image: conglanjun/kubia:v2")
    walk.push("Update kubia")
    walk.poll()
    second = walk.world.closed("kubia", 2)
    assert changes(second) == ["image kubia latest→v2"]
    (outcome,) = [o for o in second.outcomes if o.id.kind == "ReplicationController"]
    assert outcome.message == "existing pods keep the old image until replaced"
    pods = walk.get("pods", ".items[*].spec.containers[*].image")
    assert pods == "conglanjun/kubia"
    walk.kubectl("-n", walk.namespace, "delete", "pods", "-l", "app=kubia")
    eventually(lambda: walk.get("pods", ".items[*].spec.containers[*].image").endswith(":v2"))


def test_a_replication_controller_is_judged_by_its_pods(walk: Walk) -> None:
    walk.take("kubia", policy={"healthDeadline": "10s"})
    walk.settled("kubia")
    second = walk.change(
        "kubia", RC, "image: conglanjun/kubia", "image: conglanjun/kubia:pull-error"
    )
    assert second.healthy, "pods that run keep their image"
    third = walk.change("kubia", RC, "replicas: 1", "replicas: 2")
    assert (third.state, third.healthy) == (RevisionState.FAILED, False)
    assert "ImagePullBackOff" in third.message
    assert "conglanjun/kubia:pull-error" in third.message
