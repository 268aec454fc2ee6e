"""The walk through `kubernetes-bootcamp`: Kustomize overlays, updates, and going back by itself."""

import pytest

from gitops.model.revision import Revision, RevisionKind, RevisionState, TriggerKind
from tests.helpers.controlplane import scale_as_autoscaler
from tests.helpers.service import BY_HAND
from tests.helpers.walk import Walk, changes

APP = "kubernetes-bootcamp"
OVERLAY = f"{APP}/overlays/production/kustomization.yaml"
BASE = f"{APP}/base/deployment.yaml"
IMAGE = "gcr.io/google-samples/kubernetes-bootcamp"


def image(walk: Walk) -> str:
    return walk.get(f"deployment/{APP}", ".spec.template.spec.containers[0].image")


def bad(walk: Walk) -> None:
    """Let rollouts fail early from now on: only for versions that do."""
    walk.edit(BASE, "progressDeadlineSeconds: 20", "progressDeadlineSeconds: 5")


def good(walk: Walk) -> None:
    """Give rollouts their time again."""
    walk.edit(BASE, "progressDeadlineSeconds: 5", "progressDeadlineSeconds: 20")


def break_it(walk: Walk) -> tuple[Revision, Revision]:
    """From v2 to an image that cannot be pulled: the failed revision, and the way back."""
    walk.take(APP)
    walk.change(APP, OVERLAY, "newTag: v1", "newTag: v2", "Update to v2")
    bad(walk)
    failed = walk.change(APP, OVERLAY, "newTag: v2", "newTag: v3-pull-error", "Update to v3")
    back = walk.world.closed(APP, failed.number + 1)
    walk.at_rest(APP)
    return failed, back


def test_an_overlay_is_created_as_kustomize_renders_it(walk: Walk) -> None:
    first = walk.take(APP)
    assert first.healthy
    deployment = walk.live(f"deployment/{APP}")
    assert deployment["spec"]["replicas"] == 2
    assert deployment["metadata"]["labels"]["environment"] == "production"
    assert image(walk) == f"{IMAGE}:v1"
    assert walk.get(f"service/{APP}", ".spec.type") == "NodePort"


def test_two_overlays_of_one_base_run_beside_each_other(walk: Walk) -> None:
    walk.take(APP)
    other = walk.declaration(APP, source={"path": f"{APP}/overlays/staging"})
    other = other.replace(f"name: {APP}\n", "name: staging\n")
    staging = f"{APP}/overlays/staging/kustomization.yaml"
    walk.edit(staging, "namespace: staging", f"namespace: {walk.namespace}")
    walk.push("Keep staging beside production")
    walk.poll()
    walk.declare(other)
    first = walk.world.closed("staging", 1)
    assert first.healthy, walk.world.story()
    assert walk.get(f"deployment/{APP}-staging", ".spec.replicas") == "1"
    assert walk.get(f"deployment/{APP}", ".spec.replicas") == "2"


def test_a_commit_scales_and_the_next_updates_the_image(walk: Walk) -> None:
    walk.take(APP)
    scaled = walk.change(APP, OVERLAY, "count: 2", "count: 4")
    assert changes(scaled) == [f"scale {APP} 2→4"]
    updated = walk.change(APP, OVERLAY, "newTag: v1", "newTag: v2")
    assert changes(updated) == [f"image {APP} v1→v2"]
    assert updated.healthy
    assert walk.get(f"deployment/{APP}", ".status.updatedReplicas") == "4"
    assert image(walk) == f"{IMAGE}:v2"


def test_an_image_that_cannot_be_pulled_goes_back_by_itself(walk: Walk) -> None:
    failed, back = break_it(walk)
    assert (failed.number, failed.state, failed.healthy) == (3, RevisionState.FAILED, False)
    assert "ImagePullBackOff" in failed.message
    assert f"{IMAGE}:v3-pull-error" in failed.message
    assert (back.kind, back.state, back.healthy) == (RevisionKind.ROLLBACK, "succeeded", True)
    assert (back.source, back.trigger.kind, back.trigger.actor) == (2, TriggerKind.HEALTH, "gitops")
    assert "revision 3 failed" in back.trigger.evidence
    assert image(walk) == f"{IMAGE}:v2"


def test_what_went_back_is_pinned_and_stays(walk: Walk) -> None:
    failed, _ = break_it(walk)
    status = walk.world.status(APP)
    assert status.pin is not None
    assert (status.pin.revision, status.pin.automatic) == (2, True)
    assert (status.sync, status.message) == ("OutOfSync", "pinned to revision 2")
    assert status.held_back == failed.commit
    walk.poll()
    walk.service.refresh(APP, BY_HAND)
    walk.at_rest(APP)
    walk.kubectl("-n", walk.namespace, "scale", f"deployment/{APP}", "--replicas=5")
    heal = walk.world.closed(APP, 5)
    assert (heal.kind, heal.state) == (RevisionKind.HEAL, RevisionState.SUCCEEDED)
    assert image(walk) == f"{IMAGE}:v2", "drift is repaired towards the pinned revision"


def test_the_next_good_commit_ends_the_pin(walk: Walk) -> None:
    break_it(walk)
    good(walk)
    fixed = walk.change(APP, OVERLAY, "newTag: v3-pull-error", "newTag: v4", "Update to v4")
    assert (fixed.number, fixed.kind, fixed.healthy) == (5, RevisionKind.SYNC, True)
    status = walk.settled(APP)
    assert status.pin is None
    assert image(walk) == f"{IMAGE}:v4"


def test_a_restart_keeps_the_pin_and_the_quarantine(walk: Walk) -> None:
    break_it(walk)
    walk.world.restart()
    status = walk.at_rest(APP)
    assert status.pin is not None
    walk.edit(OVERLAY, "count: 2", "count: 3")
    good(walk)
    fixed = walk.change(
        APP, OVERLAY, "newTag: v3-pull-error", "newTag: v2", "Back to v2, three of them"
    )
    assert (fixed.number, fixed.healthy) == (5, True)
    again = walk.change(APP, OVERLAY, "count: 3", "count: 2")
    assert again.healthy
    bad(walk)
    walk.edit(OVERLAY, "newTag: v2", "newTag: v3-pull-error")
    walk.push("The bad one again")
    walk.poll()
    assert walk.at_rest(APP).sync == "OutOfSync"
    assert walk.newest(APP).number == 6, "a quarantined state is not tried again by itself"
    assert image(walk) == f"{IMAGE}:v2"


def test_a_first_version_that_fails_has_nowhere_to_go_and_says_so(walk: Walk) -> None:
    early = (BASE, "progressDeadlineSeconds: 20", "progressDeadlineSeconds: 5")
    first = walk.take(APP, early, (OVERLAY, "newTag: v1", "newTag: v1-pull-error"))
    assert first.state is RevisionState.FAILED
    told = walk.wait_told(APP, "rollback-failed")
    assert "no healthy revision to go back to" in told.message
    assert walk.newest(APP).number == 1


def test_what_any_autoscaler_scales_is_not_healed_back(walk: Walk) -> None:
    """One that is not an object of the cluster's: known by the manager that wrote the scale."""
    walk.take(APP)
    walk.settled(APP)
    scale_as_autoscaler(walk.world.plane, walk.namespace, f"deployments/{APP}", 4)
    walk.kubectl.wait(
        "jsonpath={.status.readyReplicas}=4", "-n", walk.namespace, f"deployment/{APP}"
    )
    second = walk.change(APP, OVERLAY, "newTag: v1", "newTag: v2")
    assert (changes(second), second.healthy) == ([f"image {APP} v1→v2"], True)
    assert walk.get(f"deployment/{APP}", ".spec.replicas") == "4"
    assert walk.kinds(APP) == [RevisionKind.SYNC] * 2


@pytest.mark.parametrize("word", ["crash-loop", "never-ready"])
def test_pods_that_never_become_ready_go_back_too(walk: Walk, word: str) -> None:
    walk.take(APP)
    bad(walk)
    failed = walk.change(APP, OVERLAY, "newTag: v1", f"newTag: v2-{word}")
    assert failed.state is RevisionState.FAILED
    back = walk.world.closed(APP, 3)
    assert (back.kind, back.source, back.healthy) == (RevisionKind.ROLLBACK, 1, True)
    assert image(walk) == f"{IMAGE}:v1"
