from dataclasses import replace
from typing import Any

from gitops.core.manifests.scope import defined_kind
from gitops.core.planning.hooks import wave_of
from gitops.core.planning.order import kind_rank, order, order_actions, steps
from gitops.model.diff import ActionKind
from gitops.model.objects import GroupKind, ObjectId
from gitops.model.plan import Action, Hook, Phase
from tests.helpers.orders import manifest_of


def apply(word: str, **facts: Any) -> Action:
    manifest = manifest_of(word)
    wave = wave_of(manifest)
    return Action(ActionKind.CREATE, manifest.id, "v1", wave, desired=manifest, **facts)


def prune(word: str, **facts: Any) -> Action:
    manifest = manifest_of(word)
    return Action(ActionKind.DELETE, manifest.id, "v1", wave_of(manifest), **facts)


def shown(actions: list[Action]) -> list[str]:
    return [
        f"{'-' if a.kind is ActionKind.DELETE else '+'}{a.id.kind} {a.id.name}/{a.wave}"
        for a in actions
    ]


def test_a_hook_of_two_phases_is_two_steps() -> None:
    found = [(s.manifest.id.name, s.phase) for s in steps([manifest_of("Job j@PostSync+PreSync")])]
    assert found == [("j", Phase.PRE_SYNC), ("j", Phase.POST_SYNC)]


def test_deletion_hooks_are_no_step_of_a_sync() -> None:
    assert steps([manifest_of("Job j@PreDelete"), manifest_of("Job k@Skip")]) == []


def test_a_namespace_takes_the_place_of_its_first_user() -> None:
    given = [manifest_of(w) for w in ("Namespace n/9", "Pod b.n/2", "Job a.n@PreSync/3")]
    found = [(s.manifest.id.name, s.phase, s.wave) for s in steps(given)]
    assert found == [
        ("n", Phase.PRE_SYNC, 3),
        ("a", Phase.PRE_SYNC, 3),
        ("b", Phase.SYNC, 2),
    ]


def test_one_manifest_given_twice_stands_once() -> None:
    pod = manifest_of("Pod a")
    assert order([pod, pod]) == [pod]


def test_the_group_does_not_count_in_the_kind_order() -> None:
    assert kind_rank(GroupKind("serving.example.com", "Service")) == kind_rank(
        GroupKind("", "Service")
    )
    assert kind_rank(GroupKind("", "Ape")) > kind_rank(GroupKind("", "APIService"))


def test_a_definition_that_cannot_be_read_defines_nothing() -> None:
    for spec in (None, {"group": 1}, {"group": "a", "names": []}, {"names": {"kind": "A"}}):
        assert defined_kind({"spec": spec}) is None
    given = [manifest_of("CustomResourceDefinition broken"), manifest_of("Pod a/-1")]
    assert [m.id.name for m in order(given)] == ["a", "broken"]


def test_deletions_come_first_in_their_wave_in_reverse_kind_order() -> None:
    found = order_actions([apply("ConfigMap c"), prune("ConfigMap a"), prune("Deployment b")])
    assert shown(found) == ["-Deployment b/0", "-ConfigMap a/0", "+ConfigMap c/0"]


def test_deletions_go_through_their_waves_in_reverse() -> None:
    found = order_actions([prune("Pod a/-1"), prune("Pod b/0"), prune("Pod c/5"), apply("Pod d/1")])
    assert shown(found) == ["-Pod c/-1", "-Pod b/0", "+Pod d/1", "-Pod a/5"]


def test_prune_last_waits_for_the_last_wave() -> None:
    given = [prune("Pod a/-1"), apply("Pod b/3"), apply("Pod c")]
    assert shown(order_actions(given, prune_last=True)) == ["+Pod c/0", "+Pod b/3", "-Pod a/4"]
    alone = [prune("Pod a", options=frozenset({"PruneLast=true"})), *given]
    assert shown(order_actions(alone)) == ["-Pod a/-1", "+Pod c/0", "+Pod b/3", "-Pod a/4"]


def test_prune_last_comes_after_waves_below_zero_too() -> None:
    found = order_actions([prune("Pod a/-1"), apply("Pod b/-3")], prune_last=True)
    assert shown(found) == ["+Pod b/-3", "-Pod a/1"]


def test_the_clean_up_of_a_hook_is_no_prune() -> None:
    clean = prune("Job j", hook=Hook((Phase.PRE_SYNC,)), phase=Phase.PRE_SYNC)
    found = order_actions([apply("Pod a/-3"), clean])
    assert [a.id.name for a in found] == ["j", "a"]


def test_actions_raise_what_others_need() -> None:
    found = order_actions(
        [
            apply("Tab t/-2"),
            apply("CustomResourceDefinition d>Tab"),
            apply("Pod p.n/-1"),
            apply("Namespace n"),
        ]
    )
    assert shown(found) == [
        "+CustomResourceDefinition d/-2",
        "+Tab t/-2",
        "+Namespace n/-1",
        "+Pod p/-1",
    ]


def test_the_identity_of_an_action_decides_not_what_its_manifest_states() -> None:
    manifest = manifest_of("Pod p")
    placed = Action(
        ActionKind.CREATE,
        replace(manifest.id, namespace="n"),
        "v1",
        -1,
        desired=manifest,
    )
    assert shown(order_actions([placed, apply("Namespace n")])) == ["+Namespace n/-1", "+Pod p/-1"]


def test_an_action_without_a_manifest_keeps_its_place() -> None:
    bare = Action(ActionKind.NONE, ObjectId("", "Pod", "", "a"), "v1")
    assert order_actions([bare]) == [bare]
