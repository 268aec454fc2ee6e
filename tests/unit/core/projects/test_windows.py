from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitops.core.projects.spec import parse_project
from gitops.core.projects.windows import (
    OPEN,
    OVERLAPS,
    Closed,
    Phase,
    applies,
    judge,
    phase,
    schedule_of,
    survey,
)
from gitops.errors import ApplicationError
from gitops.model.application import Application, Destination
from gitops.model.objects import Manifest
from gitops.model.project import Project, SyncWindow

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
BEGAN = NOW - timedelta(minutes=30)
HOUR = timedelta(hours=1)
WEB = Application("web", (), Destination(namespace="shop"), project="shop")
SCHEDULES = {
    "on": ("50 11 * * *", HOUR),
    "off": ("0 20 * * *", HOUR),
    "long": ("0 8 * * *", 10 * HOUR),
    "ended": ("0 11 * * *", timedelta(minutes=50)),
}
FILE = Path(__file__).parents[3] / "cases" / "projects" / "windows.yaml"


def window(words: str) -> SyncWindow:
    kind, when, *flags = words.split()
    schedule, duration = SCHEDULES[when]
    return SyncWindow(
        "allow" if kind == "allow" else "deny",
        schedule,
        duration,
        ("*",),
        manual_sync="m" in flags,
        sync_overrun="o" in flags,
    )


def project(*windows: SyncWindow) -> Project:
    return Project("shop", sync_windows=windows)


@pytest.mark.parametrize(
    "case", [pytest.param(c, id=c["name"]) for c in yaml.safe_load(FILE.read_text())]
)
def test_windows_let_through_what_argo_cd_does(case: dict[str, Any]) -> None:
    shop = project(*map(window, case["windows"]))
    assert (judge(shop, WEB, NOW) is OPEN) is case["automatic"]
    assert (judge(shop, WEB, NOW, manual=True) is OPEN) is case["manual"]
    if "running" in case:
        assert (judge(shop, WEB, NOW, started=BEGAN) is OPEN) is case["running"]


@pytest.mark.parametrize(
    ("words", "until"),
    [
        (["allow off"], "2026-03-01 20:00"),
        (["deny on"], "2026-03-01 12:50"),
        (["deny on", "allow off"], "2026-03-01 20:00"),
        (["deny long", "deny on"], "2026-03-01 18:00"),
    ],
)
def test_the_reason_names_the_moment_at_which_it_opens(words: list[str], until: str) -> None:
    verdict = judge(project(*map(window, words)), WEB, NOW)
    moment = datetime.fromisoformat(until).replace(tzinfo=UTC)
    told = f"a sync window of the project shop is closed until {until} UTC"
    assert verdict == Closed(told, moment)
    assert judge(project(*map(window, words)), WEB, moment) is OPEN


def test_what_never_opens_has_no_moment() -> None:
    always = SyncWindow("deny", "0 0 30 2 *", HOUR, ("*",))
    never = SyncWindow("allow", "0 0 30 2 *", HOUR, ("*",))
    assert judge(project(always), WEB, NOW) is OPEN
    assert judge(project(never), WEB, NOW) == Closed(
        "a sync window of the project shop is closed", None
    )


def test_an_endless_denial_is_looked_at_again_later() -> None:
    endless = SyncWindow("deny", "* * * * *", HOUR, ("*",))
    found = phase(endless, NOW)
    assert found.active
    assert found.until is not None
    assert found.until > NOW + timedelta(minutes=OVERLAPS - 120)
    verdict = judge(project(endless), WEB, NOW)
    assert isinstance(verdict, Closed)
    assert verdict.until is not None


def test_windows_that_follow_each_other_are_one() -> None:
    joined = SyncWindow("deny", "0 11,12 * * *", HOUR, ("*",))
    assert phase(joined, NOW - timedelta(minutes=5)) == Phase(active=True, until=NOW + HOUR)


@pytest.mark.parametrize(
    ("lists", "either", "every"),
    [
        ({"applications": ("w*",)}, True, True),
        ({"applications": ("api",)}, False, False),
        ({"namespaces": ("shop",)}, True, True),
        ({"clusters": ("in-*",)}, True, True),
        ({"clusters": ("https://kubernetes.default.svc",)}, True, True),
        ({"applications": ("web",), "namespaces": ("other",)}, True, False),
        ({"applications": ("api",), "clusters": ("in-cluster",)}, True, False),
        ({"applications": ("web",), "namespaces": ("shop",), "clusters": ("*",)}, True, True),
        ({"applications": ("api",), "namespaces": ("other",)}, False, False),
        ({}, False, False),
    ],
)
def test_a_window_is_for_what_its_lists_name(
    lists: dict[str, tuple[str, ...]], *, either: bool, every: bool
) -> None:
    assert applies(SyncWindow("deny", "* * * * *", HOUR, **lists), WEB) is either
    both = SyncWindow("deny", "* * * * *", HOUR, **lists, and_operator=True)
    assert applies(both, WEB) is every


def test_a_destination_without_a_namespace_is_matched_by_a_star() -> None:
    bare = Application("web", ())
    assert applies(SyncWindow("deny", "* * * * *", HOUR, namespaces=("*",)), bare)
    named = Application("web", (), Destination("edge"))
    assert not applies(SyncWindow("deny", "* * * * *", HOUR, clusters=("https://*",)), named)


def test_windows_of_other_applications_do_not_count() -> None:
    other = SyncWindow("deny", "* * * * *", HOUR, ("api",))
    assert judge(project(other), WEB, NOW) is OPEN


def test_a_schedule_that_was_not_checked_is_an_error() -> None:
    with pytest.raises(ValueError, match="'x' has 1 fields"):
        schedule_of("x")


def declared(**window: Any) -> Manifest:
    given = {"kind": "deny", "schedule": "0 22 * * *", "duration": "1h", "applications": ["*"]}
    return Manifest.of({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": "shop"},
        "spec": {"syncWindows": [given | window]},
    })  # fmt: skip


def test_a_window_is_read_with_every_field() -> None:
    manifest = declared(
        timeZone="Europe/Berlin",
        namespaces=["shop"],
        clusters=["in-cluster"],
        andOperator=True,
        manualSync=True,
        syncOverrun=True,
        description="at night",
    )
    found, _ = parse_project(manifest)
    assert found.sync_windows == (
        SyncWindow(
            "deny",
            "0 22 * * *",
            HOUR,
            ("*",),
            ("shop",),
            ("in-cluster",),
            "Europe/Berlin",
            and_operator=True,
            manual_sync=True,
            sync_overrun=True,
            description="at night",
        ),
    )


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"kind": "open"}, "spec.syncWindows[0].kind is 'open'; it must be allow or deny"),
        ({"schedule": "0 25 * * *"}, "spec.syncWindows[0].schedule has '25' as its hour"),
        ({"schedule": "0 0 31 4 *"}, "spec.syncWindows[0].schedule '0 0 31 4 *' is a day that no"),
        ({"duration": "soon"}, "spec.syncWindows[0].duration must be a duration"),
        ({"duration": "0s"}, "spec.syncWindows[0].duration is 0s; it must be at least 1s"),
        ({"timeZone": "Mars/Base"}, "spec.syncWindows[0].timeZone 'Mars/Base' is not known"),
        ({"timeZone": "../etc/passwd"}, "is not known; write it as Europe/Berlin"),
        ({"applications": []}, "spec.syncWindows[0] is for nothing; give applications"),
        ({"namespaces": ["{a"]}, "spec.syncWindows[0].namespaces[0] '{a' is not a glob"),
        ({"schedle": "x"}, "spec.syncWindows[0].schedle is not a known field; the nearest is"),
    ],
)
def test_what_is_wrong_with_a_window_is_one_sentence(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ApplicationError) as caught:
        parse_project(declared(**wrong))
    assert told in caught.value.message


def test_a_survey_tells_of_each_window_whether_it_is_active_and_until_when() -> None:
    denied, allowed = window("deny on m"), window("allow off")
    found = survey(project(denied, allowed), WEB, NOW)

    assert found is not None
    assert (found.open, found.manual_sync) == (False, True)
    assert [(one.window, one.active) for one in found.windows] == [(denied, True), (allowed, False)]
    assert [one.until for one in found.windows] == [
        datetime(2026, 3, 1, 12, 50, tzinfo=UTC),
        datetime(2026, 3, 1, 20, 0, tzinfo=UTC),
    ]
    assert found.until == datetime(2026, 3, 1, 20, 0, tzinfo=UTC), "denied, then not allowed yet"


def test_a_survey_tells_when_syncs_are_let_through_no_longer() -> None:
    found = survey(project(window("deny off")), WEB, NOW)

    assert found is not None
    assert (found.open, found.manual_sync) == (True, True)
    assert found.until == datetime(2026, 3, 1, 20, 0, tzinfo=UTC)


def test_there_is_no_survey_where_no_window_is_for_the_application() -> None:
    other = SyncWindow("deny", "0 20 * * *", HOUR, ("shop-*",))

    assert survey(project(other), WEB, NOW) is None
    assert survey(project(), WEB, NOW) is None
