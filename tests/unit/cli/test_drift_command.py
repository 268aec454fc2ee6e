"""What `gitops drift` lists."""

from typing import Any

from gitops.cli.drift import drift_table, rows_of

WEB = "apps/Deployment:shop/web"


def record(thing: str, revision: int | None, *fields: str) -> dict[str, Any]:
    payload = {"object": thing, "fields": [*fields], "managers": ["ann"], "since": ""}
    return {"at": "2026-03-01T09:30:00.000000Z", "revision": revision, "payload": payload}


def status(kind: str, name: str, sync: str) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1", "kind": kind, "namespace": "shop", "name": name, "sync": sync,
    }  # fmt: skip


def test_the_newest_record_of_what_is_out_of_sync_stands() -> None:
    records = [record(WEB, None, "spec.replicas"), record(WEB, 3, "spec.paused"),
               record("apps/Deployment:shop/api", 2)]  # fmt: skip
    rows = rows_of(records, [status("Deployment", "web", "OutOfSync"),
                             status("Deployment", "api", "Synced")])  # fmt: skip
    assert [row["stands"] for row in rows] == [True, False, False]
    assert [row["revision"] for row in rows] == [None, 3, 2]
    lines = [line.split("   ") for line in drift_table(rows).splitlines()]
    assert [cell.strip() for cell in lines[1] if cell.strip()][1:] == [
        WEB, "spec.replicas", "ann", "-", "stands",
    ]  # fmt: skip
    assert "it is gone" in drift_table(rows)


def test_without_drift_it_says_so() -> None:
    assert drift_table([]) == "nothing has drifted"
