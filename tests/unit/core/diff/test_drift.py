"""What is done about drift, and how it is told."""

from dataclasses import replace
from typing import Any

import pytest

from gitops.core.diff.drift import drift_policy, note_of, note_of_repair
from gitops.core.planning.decide import Situation, Step, decide
from gitops.model.application import Application, Automated, Drift, Source, SyncPolicy
from gitops.model.diff import FieldChange


def application(drift: Drift | None = None, automated: Automated | None = None) -> Application:
    return Application("shop", (Source("r"),), sync_policy=SyncPolicy(automated, drift=drift))


@pytest.mark.parametrize(
    ("drift", "automated", "expected"),
    [
        (None, Automated(), Drift.HEAL),
        (None, Automated(self_heal=False), Drift.REPORT),
        (None, Automated(enabled=False), Drift.REPORT),
        (None, None, Drift.REPORT),
        (Drift.REPORT, Automated(), Drift.REPORT),
        (Drift.APPROVE, Automated(), Drift.APPROVE),
        (Drift.HEAL, None, Drift.HEAL),
        (Drift.HEAL, Automated(self_heal=False), Drift.HEAL),
    ],
)
def test_our_own_field_decides_before_self_heal(
    drift: Drift | None, automated: Automated | None, expected: Drift
) -> None:
    assert drift_policy(application(drift, automated)) is expected


@pytest.mark.parametrize(
    ("drift", "step", "reason"),
    [
        (Drift.HEAL, Step.HEAL, "drifted"),
        (Drift.REPORT, Step.REST, "drifted, and self-heal is off"),
        (Drift.APPROVE, Step.REST, "drifted, and its repair waits for approval"),
    ],
)
def test_drift_is_repaired_only_where_that_is_wanted(drift: Drift, step: Step, reason: str) -> None:
    decision = decide(Situation("d", "d", drifted=True), application(drift, Automated()))
    assert (decision.step, decision.reason) == (step, reason)


def test_drift_of_what_was_applied_is_repaired_without_syncing_anything_new() -> None:
    waiting = Situation("new", "old", drifted=True)
    assert decide(waiting, application(Drift.HEAL)).step is Step.HEAL
    assert decide(waiting, application(Drift.REPORT)).step is Step.REST
    assert decide(waiting, application()).step is Step.REST
    assert decide(replace(waiting, drifted=False), application(Drift.HEAL)).step is Step.REST
    assert decide(replace(waiting, synced=""), application(Drift.HEAL)).step is Step.REST


def change(path: str, owner: str) -> FieldChange:
    return FieldChange(path, "replace", 1, 2, owner)


def live(**times: str) -> dict[str, Any]:
    entries = [{"manager": name.replace("_", "-"), "time": at} for name, at in times.items()]
    return {"metadata": {"name": "x", "managedFields": entries}}


def test_a_note_names_the_fields_their_managers_and_since_when() -> None:
    body = live(gitops="2026-11-20T20:00:00Z", kubectl_edit="2026-11-20T18:00:00Z")
    note = note_of([change("/data/word", "kubectl-edit"), change("/data/a~1b", "ours")], body)
    assert (note.fields, note.managers) == (("data.word", "data.a/b"), ("kubectl-edit",))
    assert note.sentence == "data.word, data.a/b by kubectl-edit since 2026-11-20T18:00:00Z"


def test_a_long_note_is_cut_and_an_empty_one_is_of_our_marks() -> None:
    many = note_of([change(f"/data/{n}", "defaulted") for n in range(5)], live())
    assert many.sentence == "data.0, data.1, data.2 and 2 more"
    assert note_of([], live(kubectl="t")).sentence == "our label or annotation since t"
    assert note_of([], None).sentence == "it is gone"


def test_a_repair_tells_its_fields_and_who_touched_the_object_last() -> None:
    touched = ("ann", "2026-03-01T09:30:00Z")
    note = note_of_repair([change("/data/a~1b", "ours")], touched, gone=False)
    assert note.sentence == "data.a/b by ann since 2026-03-01T09:30:00Z"
    assert note_of_repair([], None, gone=False).sentence == "our label or annotation"
    assert note_of_repair([], touched, gone=True).sentence == "it is gone"
