"""The shapes that people script against, key by key (`docs/reference/json.md`)."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from gitops.model.diff import ABSENT, ActionKind, Diff, FieldChange
from gitops.model.health import Health, HealthStatus
from gitops.model.objects import Manifest, ObjectId, Place
from gitops.model.plan import Action, Fault, Phase, Plan
from gitops.model.revision import RecordKind, RevisionState, TrailRecord
from gitops.wire.diff import diff_to_wire
from gitops.wire.health import health_row
from gitops.wire.plan import plan_digest, plan_to_wire
from gitops.wire.revision import history_row, revision_to_wire, trigger_to_wire
from gitops.wire.trail import record_to_wire, sealed_text
from gitops.wire.values import canonical, time_from_wire, time_to_wire
from tests.helpers.values import START, deployment, opened, outcome

SCALE = Diff(
    id=deployment(),
    api_version="apps/v1",
    action=ActionKind.SCALE,
    fields=(
        FieldChange("/spec/replicas", "replace", 1, 3, "ours"),
        FieldChange("/spec/paused", "add", ABSENT, None, "ours"),
        FieldChange("/metadata/labels/x", "remove", None, ABSENT, "kubectl"),
    ),
    patch=({"op": "replace", "path": "/spec/replicas", "value": 3},),
    changes=("scale 1→3",),
    predicted={"spec": {"replicas": 3}},
)


def plan_of(*actions: Action, **more: Any) -> Plan:
    return Plan("myblog", "d1", actions, **more)


def test_a_diff_has_the_documented_keys() -> None:
    assert diff_to_wire(SCALE) == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "namespace": "nohi",
        "name": "myblog",
        "action": "scale",
        "modified": True,
        "changes": ["scale 1→3"],
        "fields": [
            {"path": "/spec/replicas", "op": "replace", "from": 1, "to": 3, "owner": "ours"},
            {"path": "/spec/paused", "op": "add", "to": None, "owner": "ours"},
            {"path": "/metadata/labels/x", "op": "remove", "from": None, "owner": "kubectl"},
        ],
        "patch": [{"op": "replace", "path": "/spec/replicas", "value": 3}],
    }


def test_an_object_without_a_namespace_has_null() -> None:
    namespace = ObjectId("", "Namespace", "", "nohi")
    assert health_row(namespace, "v1", Health(None)) == {
        "apiVersion": "v1",
        "kind": "Namespace",
        "namespace": None,
        "name": "nohi",
        "status": None,
        "message": "",
    }


def test_a_health_row_has_the_status_as_people_know_it() -> None:
    row = health_row(deployment(), "apps/v1", Health(HealthStatus.DEGRADED, "ImagePullBackOff"))
    assert (row["status"], row["message"]) == ("Degraded", "ImagePullBackOff")


def test_a_plan_has_the_documented_keys_and_holds_no_bodies() -> None:
    action = Action(
        kind=ActionKind.SCALE,
        id=deployment(),
        api_version="apps/v1",
        wave=2,
        phase=Phase.PRE_SYNC,
        reason="spec.replicas differs",
        diff=SCALE,
        desired=Manifest(deployment(), {"spec": {"replicas": 3}}),
        uid="u1",
        resource_version="7",
    )
    fault = Fault("duplicate", "two documents for one object", deployment(), Place("a.yaml", 3, 5))
    shown = plan_to_wire(plan_of(action, commit="a" * 40, faults=(fault,), warnings=("old pods",)))
    assert shown == {
        "application": "myblog",
        "commit": "a" * 40,
        "digest": "d1",
        "actions": [
            {
                "action": "scale",
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "namespace": "nohi",
                "name": "myblog",
                "wave": 2,
                "phase": "PreSync",
                "reason": "spec.replicas differs",
                "held": None,
                "changes": ["scale 1→3"],
                "fields": diff_to_wire(SCALE)["fields"],
                "patch": [{"op": "replace", "path": "/spec/replicas", "value": 3}],
                "uid": "u1",
                "resourceVersion": "7",
                "found": "local",
            }
        ],
        "faults": [
            {
                "path": "a.yaml",
                "line": 3,
                "column": 5,
                "code": "duplicate",
                "message": "two documents for one object",
                "object": {
                    "group": "apps",
                    "kind": "Deployment",
                    "namespace": "nohi",
                    "name": "myblog",
                },
            }
        ],
        "warnings": ["old pods"],
    }


@pytest.mark.parametrize(
    "change",
    [
        {"uid": "u2"},
        {"resource_version": "8"},
        {"kind": ActionKind.REPLACE},
        {"id": deployment("other")},
        {"wave": 3},
        {"phase": Phase.POST_SYNC},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_action_or_another_live_object_gives_another_plan_digest(
    change: dict[str, Any],
) -> None:
    action = Action(ActionKind.DELETE, deployment(), "apps/v1", uid="u1", resource_version="7")
    assert plan_digest(plan_of(action)) != plan_digest(plan_of(replace(action, **change)))


def test_approving_a_plan_keeps_its_digest() -> None:
    held = Action(ActionKind.DELETE, deployment(), "apps/v1", held="beyond the prune budget")
    free = replace(held, held=None, reason="approved")
    assert plan_digest(plan_of(held)) == plan_digest(plan_of(free))


def test_what_stays_as_it_is_does_not_count_in_a_plan_digest() -> None:
    deletion = Action(ActionKind.DELETE, deployment(), "apps/v1", uid="u1")
    same = Action(ActionKind.NONE, deployment("web"), "apps/v1", resource_version="1")
    later = replace(same, resource_version="2")
    assert plan_digest(plan_of(deletion, same)) == plan_digest(plan_of(deletion, later))


def test_a_history_row_starts_with_the_documented_keys() -> None:
    row = history_row(opened(number=4, state=RevisionState.FAILED, health=HealthStatus.DEGRADED))
    assert list(row)[:12] == [
        "number", "kind", "trigger", "actor", "commit", "digest", "state", "health",
        "startedAt", "finishedAt", "source", "partial",
    ]  # fmt: skip
    assert row["trigger"] == "poll"
    assert row["commit"] == "a" * 40
    assert row["subject"] == "scale the blog"
    assert row["startedAt"] == "2026-03-01T09:30:00.000000Z"
    assert row["finishedAt"] is None
    assert row["health"] == "Degraded"


def test_a_revision_without_commit_digest_or_health_has_nulls() -> None:
    row = history_row(opened(commit=None, digest=""))
    assert (row["commit"], row["digest"], row["health"], row["subject"]) == (None,) * 4


def test_a_shown_revision_adds_summary_outcomes_and_evidence() -> None:
    shown = revision_to_wire(replace(opened(), outcomes=(outcome(changes=("image a→b",)),)))
    assert set(history_row(opened())) < set(shown)
    assert shown["summary"] == {"create": 4}
    assert shown["outcomes"] == [
        {
            "group": "apps",
            "kind": "Deployment",
            "namespace": "nohi",
            "name": "myblog",
            "action": "create",
            "outcome": "created",
            "message": "",
            "phase": "Sync",
            "wave": 0,
            "changes": ["image a→b"],
        }
    ]
    assert {"evidence", "attempts", "count", "healthy", "message"} < set(shown)


def test_a_trigger_is_a_word_with_its_actor_and_evidence() -> None:
    assert trigger_to_wire(opened().trigger) == {
        "trigger": "poll",
        "actor": "gitops",
        "evidence": "",
    }


def test_a_record_is_sealed_over_everything_but_its_mac() -> None:
    record = TrailRecord(7, START, RecordKind.PIN, "myblog", 3, "ann", {"b": 1, "a": "é"}, "p", "m")
    assert sealed_text(record) == (
        b'{"actor":"ann","application":"myblog","at":"2026-03-01T09:30:00.000000Z",'
        b'"kind":"pin","payload":{"a":"\\u00e9","b":1},"previous":"p","revision":3,"sequence":7}'
    )
    assert sealed_text(record) == sealed_text(replace(record, mac="other"))
    assert record_to_wire(record)["mac"] == "m"


def test_a_time_of_another_zone_is_written_in_utc() -> None:
    moment = START.astimezone(timezone(timedelta(hours=2)))
    assert time_to_wire(moment) == "2026-03-01T09:30:00.000000Z"


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        time_to_wire(START.replace(tzinfo=None))
    with pytest.raises(ValueError, match="zone"):
        time_from_wire("2026-03-01T09:30:00")


def test_a_time_with_an_offset_is_read_as_utc() -> None:
    assert time_from_wire("2026-03-01T11:30:00+02:00") == START
    assert isinstance(time_from_wire("2026-03-01T09:30:00Z"), datetime)


def test_a_number_that_json_has_not_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical({"x": float("nan")})
