from typing import Any

import click
import pytest

from gitops.cli.tables import (
    application_table,
    clip,
    event_line,
    history_table,
    plan_page,
    record_table,
    revision_page,
    status_page,
)

COMMIT = {"sha": "9fceb02d0ae5", "author": "Ann", "message": "scale\n\nmore", "signature": "N"}
STATUS: dict[str, Any] = {
    "name": "shop",
    "sources": [{"repoURL": "https://git.example/shop", "path": "app", "targetRevision": "main"}],
    "destination": {"name": "in-cluster", "namespace": None},
    "origin": {"kind": "api", "where": "the API"},
    "sync": "OutOfSync",
    "health": {"status": None, "message": ""},
    "message": "pinned to revision 3",
    "commit": None,
    "revision": None,
    "pin": {"revision": 3, "actor": "ann", "reason": "broken image"},
    "suspended": True,
    "heldBack": COMMIT,
    "waitingFor": ["mysql", "redis"],
    "warnings": ["one", "two"],
    "busy": True,
    "objects": [],
}
ROW: dict[str, Any] = {
    "number": 4,
    "kind": "rollback",
    "trigger": "manual",
    "actor": "ann@laptop",
    "commit": None,
    "state": "failed",
    "health": None,
    "startedAt": "2026-03-01T09:30:00.000000Z",
    "finishedAt": None,
    "source": 2,
    "partial": True,
    "subject": None,
    "message": "image web:v9 cannot be pulled",
    "count": 3,
}
REVISION = ROW | {
    "application": "shop",
    "evidence": "from 127.0.0.1",
    "commitDetails": None,
    "digest": None,
    "attempts": 2,
    "outcomes": [],
}


def action(kind: str = "scale", **changes: Any) -> dict[str, Any]:
    value = {
        "action": kind,
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "namespace": "shop",
        "name": "web",
        "wave": 0,
        "phase": "Sync",
        "reason": "",
        "held": None,
        "changes": ["scale web 1→3"],
        "fields": [{"path": "/spec/replicas", "op": "replace", "from": 1, "to": 3, "owner": "hpa"}],
        "patch": [],
        "uid": None,
        "resourceVersion": None,
        "found": "dry-run",
    }
    return value | changes


def plan(*actions: dict[str, Any], **changes: Any) -> str:
    value = {"application": "shop", "commit": "9fceb02d0ae5", "actions": list(actions),
             "faults": [], "warnings": [], "held": None}  # fmt: skip
    return click.unstyle(plan_page(value | changes))


def test_a_list_without_applications_says_what_to_do() -> None:
    assert "gitops create" in application_table([])


def test_a_list_names_what_stands_in_the_way() -> None:
    lines = [line.split("   ") for line in click.unstyle(application_table([STATUS])).splitlines()]
    assert [cell.strip() for cell in lines[1] if cell.strip()] == [
        "shop", "OutOfSync", "-", "-", "-", "suspended, pinned to revision 3",
    ]  # fmt: skip


def test_a_status_tells_pin_and_what_is_held_back() -> None:
    assert click.unstyle(status_page(STATUS)).splitlines() == [
        "Application:   shop",
        "Source:        https://git.example/shop app (main)",
        "Destination:   in-cluster",
        "Declared in:   the API",
        "Sync:          OutOfSync (pinned to revision 3)",
        "Health:        -",
        "Revision:      -",
        "Commit:        -",
        "Pinned to:     revision 3 by ann: broken image",
        "Held back:     9fceb02d scale (Ann)",
        "Suspended:     yes: no automatic syncs",
        "Waits for:     mysql, redis",
        "Warnings:      one; two",
        "Working:       yes",
    ]


def test_a_plan_says_what_why_and_whose() -> None:
    assert plan(action(reason="drift")).splitlines() == [
        "~ scale Deployment shop/web   scale web 1→3, drift",
        "    ~ spec.replicas: 1 → 3   (hpa)",
        "",
        "shop at 9fceb02d: 1 to scale, 0 unchanged.",
    ]


def test_a_plan_tells_waves_where_there_are_several() -> None:
    text = plan(action(), action("none"), action("create", wave=5, phase="PostSync", fields=[]))
    assert [line for line in text.splitlines() if line and not line.startswith(" ")] == [
        "Sync, wave 0",
        "~ scale Deployment shop/web   scale web 1→3",
        "PostSync, wave 5",
        "+ create Deployment shop/web",
        "shop at 9fceb02d: 1 to scale, 1 to create, 1 unchanged.",
    ]


def test_a_namespace_that_the_sync_makes_comes_before_all_waves() -> None:
    made = action("create", name="shop", wave=-(2**31), phase="PreSync")
    assert plan(made, action()).splitlines()[0] == "PreSync, before all waves"


def test_a_plan_tells_faults_warnings_and_what_is_held() -> None:
    fault = {"path": "web.yaml", "line": 3, "message": "no such field", "object": None}
    named = {"path": None, "line": None, "message": 'it belongs to the application "blog"',
             "object": {"kind": "Namespace", "namespace": None, "name": "shop"}}  # fmt: skip
    text = plan(
        action("delete", held="12 deletions wait for approval", fields=[]),
        faults=[fault, named],
        warnings=["existing pods keep the old image"],
        held="waits for approval",
        commit=None,
    )
    assert text.splitlines() == [
        "fault: web.yaml:3: no such field",
        'fault: Namespace shop: it belongs to the application "blog"',
        "",
        "warning: existing pods keep the old image",
        "",
        "- delete Deployment shop/web",
        "    held: 12 deletions wait for approval",
        "",
        "held: waits for approval",
        "",
        "shop: 1 to delete, 0 unchanged.",
    ]


def test_history_names_what_was_restored_and_how_often() -> None:
    assert history_table([]) == "no revisions yet"
    row = click.unstyle(history_table([ROW])).splitlines()[1]
    assert "rollback to 2 (partial), 3 times" in row
    assert row.endswith("2026-03-01 09:30:00   image web:v9 cannot be pulled")


def test_history_and_revision_tell_what_somebody_chose() -> None:
    chosen = {"resources": ["!apps:Deployment:web"], "labels": ["tier=web"]}
    row = ROW | {"kind": "sync", "source": None, "count": 1, "selection": chosen}
    assert "sync (only !apps:Deployment:web, tier=web)" in click.unstyle(history_table([row]))
    page = click.unstyle(revision_page(REVISION | {"selection": chosen}, None))
    assert "Chosen:        !apps:Deployment:web, tier=web" in page
    opened = {"sequence": 1, "at": "2026-03-01T09:30:00.000000Z", "kind": "revision-opened",
              "application": "shop", "revision": 4, "actor": "ann",
              "payload": {"revision": row, "outcomes": []}}  # fmt: skip
    assert "manual, only !apps:Deployment:web, tier=web" in click.unstyle(record_table([opened]))


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (
            "Deployment shop/web was Degraded: it is late (ImagePullBackOff: image web:v9 (a tag))",
            "ImagePullBackOff: image web:v9 (a tag)",
        ),
        (
            "Job shop/migrate was Degraded when its deadline passed: BackoffLimitExceeded: no more",
            "BackoffLimitExceeded: no more",
        ),
        ("Job shop/migrate was Degraded: odd)", "odd)"),
        ("Job shop/migrate was Degraded", "Job shop/migrate was Degraded"),
        (
            "shop was refused: it is held (see `gitops`)",
            "shop was refused: it is held (see `gitops`)",
        ),
        ("Fix the shop (#12)", "Fix the shop (#12)"),
    ],
)
def test_history_shows_the_reason_that_explains(message: str, shown: str) -> None:
    row = click.unstyle(history_table([ROW | {"message": message}])).splitlines()[1]
    assert row.split("   ")[-1] == shown


def test_a_revision_tells_outcomes_and_attempts() -> None:
    outcome = {"kind": "Deployment", "namespace": "shop", "name": "web", "action": "image",
               "outcome": "failed", "changes": ["image web v1→v9"],
               "message": "ImagePullBackOff"}  # fmt: skip
    page = click.unstyle(revision_page(REVISION | {"outcomes": [outcome]}, None))
    assert "State:         failed (image web:v9 cannot be pulled)" in page
    assert "Attempts:      2" in page
    assert page.splitlines()[-1].split("   ")[-1].strip() == "image web v1→v9, ImagePullBackOff"


RECORD: dict[str, Any] = {
    "sequence": 7, "at": "2026-03-01T09:30:00.000000Z", "kind": "pin", "application": None,
    "revision": None, "actor": "ann", "payload": {"reason": "broken", "empty": ""},
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, "reason: broken"),
        (
            {"kind": "refused", "payload": {"what": "GET /x", "message": "a token is needed"}},
            "GET /x: a token is needed",
        ),
        (
            {"kind": "revision-opened", "payload": {"revision": ROW | {"state": "running"}}},
            "manual",
        ),
        (
            {"kind": "revision-closed", "payload": {"revision": ROW | {"message": "no"}}},
            "failed: no",
        ),
        (
            {"kind": "revision-closed", "payload": {"revision": ROW | {"message": ""}}},
            "failed",
        ),
        (
            {
                "kind": "outcomes",
                "payload": {
                    "revision": {},
                    "outcomes": [
                        {"kind": "Service", "namespace": "a", "name": "b", "outcome": "created"}
                    ],
                },
            },
            "Service a/b created",
        ),
    ],
)
def test_records_tell_what_happened(change: dict[str, Any], told: str) -> None:
    text = record_table([RECORD | change])
    assert text.splitlines()[1].split("   ")[-1].strip() == told
    assert record_table([]) == "no records match"


def test_events_are_lines() -> None:
    event = {"at": "2026-03-01T09:30:00.000000Z", "application": "shop", "kind": "health",
             "message": "Degraded:\npods crash", "data": {}}  # fmt: skip
    assert click.unstyle(event_line(event)) == "09:30:00  health  Degraded: pods crash"
    assert "shop  health" in click.unstyle(event_line(event, named=True))


def test_long_texts_are_cut() -> None:
    assert clip("a" * 100, 10) == "a" * 9 + "…"
    assert clip(" a\n b ", 10) == "a b"


@pytest.mark.parametrize(
    ("windows", "told"),
    [
        (
            {"open": False, "manualSync": True, "until": "2026-03-02T05:00:00.000000Z"},
            "closed until 2026-03-02 05:00:00, but for syncs by hand",
        ),
        ({"open": False, "manualSync": False, "until": None}, "closed"),
        (
            {"open": True, "manualSync": True, "until": "2026-03-02T05:00:00.000000Z"},
            "open until 2026-03-02 05:00:00",
        ),
    ],
)
def test_a_page_tells_how_sync_windows_stand(windows: dict[str, Any], told: str) -> None:
    page = click.unstyle(status_page(STATUS | {"syncWindows": {**windows, "windows": []}}))
    (line,) = [line for line in page.splitlines() if line.startswith("Sync windows:")]
    assert line.partition(":")[2].strip() == told
    assert "Sync windows" not in status_page(STATUS | {"syncWindows": None})
