"""What becomes of a hook's object: kept by our finalizer until its end was seen."""

from typing import Any

import jsonpatch
import pytest

from gitops.core.ownership.marks import HOOK_FINALIZER, stamp
from gitops.core.planning.hooks import (
    finalizers_of,
    health_of_deleted_hook,
    release_hook,
    undeleted,
)
from gitops.model.health import Health, HealthStatus
from gitops.model.objects import Manifest

BODY = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "x", "namespace": "n"}}


def stamped(*finalizers: str, **metadata: Any) -> dict[str, Any]:
    body = {**BODY, "metadata": {**BODY["metadata"], **metadata}}
    if finalizers:
        body["metadata"]["finalizers"] = list(finalizers)
    return stamp(body, "shop", "aaaaaaaa", Manifest.of(body).id, "v1:digest")


def test_a_hook_is_kept_by_our_finalizer_beside_those_of_others() -> None:
    assert finalizers_of(stamped("example.com/theirs")) == ["example.com/theirs", HOOK_FINALIZER]
    assert finalizers_of(stamp(BODY, "shop", "aaaaaaaa", Manifest.of(BODY).id)) == []
    assert finalizers_of({"metadata": {"finalizers": "no list"}}) == []
    assert finalizers_of({"metadata": None}) == []


def test_only_our_finalizer_is_taken_off() -> None:
    hook = stamped("example.com/theirs")
    after = jsonpatch.apply_patch(hook, list(release_hook(hook)))
    assert finalizers_of(after) == ["example.com/theirs"]
    assert release_hook(after) == ()
    moved = {**hook, "metadata": {**hook["metadata"], "finalizers": ["a", "b"]}}
    with pytest.raises(jsonpatch.JsonPatchTestFailed):
        jsonpatch.apply_patch(moved, list(release_hook(hook)))


def test_a_hook_that_only_we_keep_is_judged_as_before_its_deletion() -> None:
    going = stamped(deletionTimestamp="2026-11-20T12:00:00Z")
    assert "deletionTimestamp" not in undeleted(going)["metadata"]
    there = stamped()
    assert undeleted(there) is there
    theirs = {"metadata": {"deletionTimestamp": "2026-11-20T12:00:00Z"}}
    assert undeleted(theirs) is theirs


@pytest.mark.parametrize(
    ("before", "status"),
    [
        (None, None),
        (HealthStatus.HEALTHY, HealthStatus.HEALTHY),
        (HealthStatus.DEGRADED, HealthStatus.DEGRADED),
        (HealthStatus.PROGRESSING, HealthStatus.DEGRADED),
        (HealthStatus.SUSPENDED, HealthStatus.DEGRADED),
    ],
)
def test_a_hook_counts_as_it_ended_and_fails_where_it_did_not(
    before: HealthStatus | None, status: HealthStatus | None
) -> None:
    verdict = health_of_deleted_hook(Health(before, "said"))
    assert verdict.status == status
    assert (verdict.message == "it was deleted before it ended") == (before != status)
