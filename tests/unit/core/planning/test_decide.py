"""What an application needs next, and where a rollback goes."""

from dataclasses import replace
from typing import Any

import pytest

from gitops.core.planning.decide import (
    Decision,
    Situation,
    Step,
    decide,
    dependents_first,
    find_cycle,
    first_to_go,
    rollback_target,
    tell,
    unmet,
)
from gitops.model.application import Application, Automated, Source, SyncPolicy
from gitops.model.revision import Pin, RevisionState
from tests.helpers.values import START, opened

SHOP = Application("shop", (Source("https://git.example/shop.git"),))


def policy(automated: Automated | None) -> Application:
    return replace(SHOP, sync_policy=SyncPolicy(automated=automated))


def pin(digest: str | None = "new") -> Pin:
    return Pin(3, "ada", START, digest)


def now(**facts: Any) -> Situation:
    return Situation(**{"wanted": "new", "synced": "old", **facts})


@pytest.mark.parametrize(
    ("situation", "step", "reason"),
    [
        (now(), Step.SYNC, "desired has changed"),
        (now(synced=""), Step.SYNC, "never synced"),
        (now(suspended=True, drifted=True), Step.REST, "suspended"),
        (now(waits_for=("a", "b")), Step.REST, "waits for a, b"),
        (now(quarantine=frozenset({"new"})), Step.REST,
         "this desired state was rolled back; a new one is awaited"),
        (now(tried="new"), Step.REST,
         "the last attempt failed or is held; a new commit is awaited"),
        (now(synced="new"), Step.REST, "as desired"),
        (now(synced="new", drifted=True), Step.HEAL, "drifted"),
        (now(pin=pin()), Step.REST, "pinned to revision 3"),
        (now(pin=pin(), drifted=True), Step.HEAL, "drifted"),
        (now(pin=pin(None)), Step.REST, "pinned to revision 3"),
    ],
)  # fmt: skip
def test_the_first_rule_that_applies_decides(situation: Situation, step: Step, reason: str) -> None:
    assert decide(situation, SHOP) == Decision(step, reason)


def test_a_pin_ends_when_something_else_is_desired() -> None:
    assert decide(now(pin=pin("bad")), SHOP) == Decision(Step.SYNC, "desired has changed", True)  # noqa: FBT003 - a field
    same = decide(now(pin=pin("bad"), synced="new"), SHOP)
    assert (same.step, same.ends_pin) == (Step.REST, True)


@pytest.mark.parametrize("automated", [None, Automated(enabled=False)])
def test_without_automatic_sync_nothing_is_done_by_itself(automated: Automated | None) -> None:
    assert decide(now(), policy(automated)).reason == "automatic sync is off"
    healed = decide(now(synced="new", drifted=True), policy(automated))
    assert healed == Decision(Step.REST, "drifted, and self-heal is off")


def test_without_self_heal_drift_is_left() -> None:
    left = decide(now(synced="new", drifted=True), policy(Automated(self_heal=False)))
    assert left == Decision(Step.REST, "drifted, and self-heal is off")


def test_an_attempt_that_is_not_made_again_is_told() -> None:
    failed = opened(number=4, state=RevisionState.FAILED, message="it broke")
    assert tell(failed) == "revision 4 failed: it broke"
    assert tell(replace(failed, state=RevisionState.HELD, message="look first")) == "look first"


def test_a_rollback_goes_to_the_newest_healthy_other_state() -> None:
    good = {"healthy": True, "manifests": "address"}
    revisions = [
        opened(number=1, digest="a", **good),
        opened(number=2, digest="b", **good),
        opened(number=3, digest="c", healthy=True),
        opened(number=4, digest="d", partial=True, **good),
        opened(number=5, digest="", **good),
        opened(number=6, digest="bad", **good),
        opened(number=7, digest="e", manifests="address"),
    ]
    target = rollback_target(revisions, {"bad"})
    assert target is not None
    assert target.number == 2
    assert rollback_target(revisions[2:], {"bad"}) is None


def test_a_rollback_goes_to_nothing_that_was_rolled_back_before() -> None:
    revisions = [
        opened(number=number, digest=digest, healthy=True, manifests="address")
        for number, digest in enumerate(("good", "bad", "bad2"), 1)
    ]
    target = rollback_target(revisions, {"bad", "bad2"})
    assert target is not None
    assert target.number == 1
    assert rollback_target(revisions[1:], {"bad", "bad2"}) is None


def test_a_circle_of_dependencies_is_found_with_its_path() -> None:
    edges = {"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": ["a"]}
    assert find_cycle("a", edges) == ("a", "b", "d", "a")
    assert find_cycle("a", {"a": ["b"], "b": ["c", "c"]}) == ()
    assert find_cycle("a", {"a": ["a"]}) == ("a", "a")


def test_what_is_not_ready_is_named_in_order() -> None:
    assert unmet(["c", "a", "b", "c"], {"b"}) == ("a", "c")


def test_dependents_go_first_and_circles_last() -> None:
    edges = {"a": ["b"], "b": ["d", "gone"], "c": [], "e": ["d", "d"], "x": ["y"], "y": ["x", "d"]}
    assert dependents_first(edges, edges) == ["a", "c", "e", "b", "x", "y"]
    assert dependents_first("edcba", edges) == ["a", "c", "e", "b", "d"]
    assert dependents_first("xy", {"x": ["x"], "y": ["x"]}) == ["y", "x"]


def test_what_is_deleted_with_it_and_depends_on_it_goes_first() -> None:
    edges = {"web": ["db"], "cron": ["db", "web"], "db": ["disk"], "disk": []}
    assert first_to_go("db", ["cron", "db", "web"], edges) == ("cron", "web")
    assert first_to_go("disk", ["web", "disk"], edges) == (), "what lies between stays"
    assert first_to_go("cron", ["db", "web"], edges) == ()


def test_in_a_circle_of_deletions_nobody_waits() -> None:
    edges = {"a": ["b"], "b": ["c"], "c": ["a"], "d": ["a"]}
    assert first_to_go("a", "abcd", edges) == ("d",)
    assert [first_to_go(name, "abc", edges) for name in "abc"] == [(), (), ()]
    assert first_to_go("b", "ab", edges) == ("a",), "the circle is cut: c stays"
