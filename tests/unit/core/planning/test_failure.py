"""What of a plan with faults is made, under each failure policy."""

import pytest

from gitops.core.planning.failure import carry_on
from gitops.model.application import FailurePolicy
from gitops.model.diff import ActionKind
from gitops.model.objects import Manifest
from gitops.model.plan import Action, Fault, Hold, Hook, Phase


def manifest(name: str, wave: int = 0, hook: str = "") -> Manifest:
    annotations = {"gitops.dev/sync-wave": str(wave)} | ({"gitops.dev/hook": hook} if hook else {})
    metadata = {"name": name, "namespace": "n", "annotations": annotations}
    return Manifest.of({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})


EARLY, BAD, LATE = manifest("early", -1), manifest("bad", 1), manifest("late", 2)
SAME, STALE = manifest("same", 1), manifest("stale")
AFTER, SORRY = manifest("after", -5, "PostSync"), manifest("sorry", 0, "SyncFail")
MANIFESTS = [EARLY, BAD, LATE, SAME, AFTER, SORRY]
FAULT = Fault("invalid", "bad", BAD.id)


def create(given: Manifest, wave: int, phase: Phase = Phase.SYNC) -> Action:
    hook = None if phase is Phase.SYNC else Hook((phase,))
    return Action(ActionKind.CREATE, given.id, "v1", wave, phase, desired=given, hook=hook)


ACTIONS = [
    create(EARLY, -1),
    Action(ActionKind.DELETE, STALE.id, "v1", -1),
    create(SAME, 1),
    create(LATE, 2),
    create(AFTER, -5, Phase.POST_SYNC),
    create(SORRY, 0, Phase.SYNC_FAIL),
]


@pytest.mark.parametrize(
    ("policy", "made"),
    [
        (FailurePolicy.PER_WAVE, ["early", "sorry"]),
        (FailurePolicy.BEST_EFFORT, ["early", "same", "late", "sorry"]),
    ],
)
def test_what_has_no_fault_is_made_as_the_policy_says(
    policy: FailurePolicy, made: list[str]
) -> None:
    found = carry_on(ACTIONS, [FAULT], MANIFESTS, policy)
    assert found is not None
    assert [a.id for a in found] == [a.id for a in ACTIONS]
    assert [a.id.name for a in found if a.changes_cluster] == made
    assert {a.hold for a in found if not a.changes_cluster} == {Hold.SKIPPED}


def test_one_fault_refuses_all_that_is_atomic() -> None:
    assert carry_on(ACTIONS, [FAULT], MANIFESTS, FailurePolicy.ATOMIC) is None


@pytest.mark.parametrize("policy", [FailurePolicy.PER_WAVE, FailurePolicy.BEST_EFFORT])
def test_a_fault_of_no_object_refuses_all(policy: FailurePolicy) -> None:
    assert carry_on(ACTIONS, [FAULT, Fault("empty", "no manifests")], MANIFESTS, policy) is None


def test_where_nothing_is_left_to_make_the_plan_is_refused() -> None:
    stale = [Action(ActionKind.DELETE, STALE.id, "v1")]
    assert carry_on(stale, [FAULT], MANIFESTS, FailurePolicy.BEST_EFFORT) is None
    later = [create(LATE, 2), Action(ActionKind.NONE, EARLY.id, "v1")]
    assert carry_on(later, [FAULT], MANIFESTS, FailurePolicy.PER_WAVE) is None


def test_a_fault_whose_wave_is_unknown_comes_before_all() -> None:
    elsewhere = Fault("invalid", "bad", manifest("elsewhere").id)
    assert carry_on(ACTIONS[:4], [elsewhere], MANIFESTS, FailurePolicy.PER_WAVE) is None
