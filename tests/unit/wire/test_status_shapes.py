from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gitops.model.application import Application, Origin, Source
from gitops.model.events import Event
from gitops.model.health import Health, HealthStatus
from gitops.model.objects import ObjectId
from gitops.model.project import SyncWindow
from gitops.model.revision import Commit, Pin
from gitops.model.status import ApplicationStatus, ObjectStatus, WindowsStatus, WindowStatus
from gitops.wire.status import event_to_wire, shown_url, status_to_wire
from tests.unit.wire.test_documentation import PAGE, keys

AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
WEB = ObjectId("apps", "Deployment", "shop", "web")
COMMIT = Commit("9fceb02d0ae598e95dc970b74767f19372d61af8", "Ann", "scale", AT)
STATUS = ApplicationStatus(
    application=Application("shop", (Source("https://ann:hunter22@git.example/shop.git"),)),
    origin=Origin("file", "apps.yaml:1"),
    sync="OutOfSync",
    health=Health(HealthStatus.DEGRADED, "pods crash"),
    message="pinned to revision 3",
    commit=COMMIT,
    revision=4,
    pin=Pin(3, "ann", AT, None),
    suspended=True,
    held_back=COMMIT,
    waiting_for=("mysql",),
    warnings=("a warning",),
    busy=True,
    objects=(ObjectStatus(WEB, "apps/v1", "Synced", Health(None), "contested by hpa"),),
)


def test_a_status_is_written_whole() -> None:
    value = status_to_wire(STATUS, objects=True)
    assert value["health"] == {"status": "Degraded", "message": "pods crash"}
    assert value["heldBack"]["sha"] == COMMIT.sha
    assert value["pin"]["revision"] == 3
    assert (value["suspended"], value["busy"], value["waitingFor"]) == (True, True, ["mysql"])
    assert value["objects"] == [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "namespace": "shop",
            "name": "web",
            "sync": "Synced",
            "health": {"status": None, "message": ""},
            "message": "contested by hpa",
        }
    ]
    assert "objects" not in status_to_wire(STATUS)


def test_sync_windows_are_beside_the_objects() -> None:
    night = SyncWindow("deny", "0 22 * * *", timedelta(hours=8), ("*",), time_zone="Europe/Berlin")
    each = WindowStatus(night, active=True, until=None)
    windows = WindowsStatus(open=False, manual_sync=True, until=AT, windows=(each,))
    value = status_to_wire(replace(STATUS, windows=windows), objects=True)["syncWindows"]
    (shown,) = value.pop("windows")
    assert value == {"open": False, "manualSync": True, "until": "2026-03-01T09:30:00.000000Z"}
    assert (shown["schedule"], shown["duration"]) == ("0 22 * * *", "8h")
    assert (shown["active"], shown["until"]) == (True, None)
    assert status_to_wire(STATUS, objects=True)["syncWindows"] is None
    assert "syncWindows" not in status_to_wire(STATUS)


def test_every_key_is_documented() -> None:
    event = Event(1, AT, "shop", "revision-closed", "done", 1)
    shapes = [status_to_wire(STATUS, objects=True), event_to_wire(event)]
    assert [key for key in keys(shapes) if f'"{key}":' not in PAGE] == []


def test_credentials_of_a_repository_are_not_shown() -> None:
    assert "hunter22" not in str(status_to_wire(STATUS))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("file:///srv/shop.git", "file:///srv/shop.git"),
        ("https://git.example/shop.git", "https://git.example/shop.git"),
        ("https://token@git.example/shop.git", "https://git.example/shop.git"),
        ("git@git.example:shop.git", "git@git.example:shop.git"),
    ],
)
def test_urls_are_shown_as_declared(url: str, shown: str) -> None:
    assert shown_url(url) == shown


def test_what_a_defect_says_stays_in_the_log() -> None:
    event = Event(1, AT, "shop", "defect", "KeyError('hunter22')", data={"traceback": "x"})
    value = event_to_wire(event)
    assert value["data"] == {}
    assert "hunter22" not in str(value)
    told = event_to_wire(Event(2, AT, "shop", "job-done", "", 3, {"ticket": 7, "state": "failed"}))
    assert told["data"] == {"ticket": 7, "state": "failed"}
