from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from gitops.core.projects.cron import Schedule, parse_schedule, starts

BERLIN = ZoneInfo("Europe/Berlin")


def schedule(text: str) -> Schedule:
    found = parse_schedule(text)
    assert isinstance(found, Schedule), found
    return found


def begins(text: str, after: str, count: int = 3, zone: ZoneInfo | None = None) -> list[str]:
    """The next moments, in UTC."""
    found = starts(schedule(text), zone or UTC, datetime.fromisoformat(after))
    return [f"{moment:%Y-%m-%dT%H:%M}" for moment in islice(found, count)]


@pytest.mark.parametrize(
    ("text", "after", "expected"),
    [
        ("* * * * *", "2026-03-01T09:30:00Z", ["2026-03-01T09:31", "2026-03-01T09:32"]),
        ("*/20 9-10 * * *", "2026-03-01T09:30:00Z", ["2026-03-01T09:40", "2026-03-01T10:00"]),
        ("5/30 * * * *", "2026-03-01T09:00:00Z", ["2026-03-01T09:05", "2026-03-01T09:35"]),
        ("10-40/15 0 * * *", "2026-03-01T09:00:00Z", ["2026-03-02T00:10", "2026-03-02T00:25"]),
        ("0 22 * * 5", "2026-03-01T00:00:00Z", ["2026-03-06T22:00", "2026-03-13T22:00"]),
        ("0 22 * * FRI,sun", "2026-03-02T00:00:00Z", ["2026-03-06T22:00", "2026-03-08T22:00"]),
        ("0 0 1 jan-mar/2 ?", "2026-02-01T00:00:00Z", ["2026-03-01T00:00", "2027-01-01T00:00"]),
        ("0 0 13 * 5", "2026-03-01T00:00:00Z", ["2026-03-06T00:00", "2026-03-13T00:00"]),
        ("0 0 */2 * 5", "2026-03-01T00:00:00Z", ["2026-03-03T00:00", "2026-03-05T00:00"]),
        ("0 0 29 2 *", "2096-03-01T00:00:00Z", ["2104-02-29T00:00"]),
    ],
)
def test_a_schedule_begins_when_cron_says(text: str, after: str, expected: list[str]) -> None:
    assert begins(text, after, len(expected)) == expected


def test_neither_day_as_a_star_means_one_of_them_is_enough() -> None:
    assert begins("0 0 13 * 5", "2026-03-06T00:00:00Z", 3) == [
        "2026-03-13T00:00",
        "2026-03-20T00:00",
        "2026-03-27T00:00",
    ]
    assert begins("0 0 */1 * 1", "2026-03-03T00:00:00Z", 1) == ["2026-03-09T00:00"]


def test_local_time_counts() -> None:
    assert begins("0 22 * * *", "2026-01-10T00:00:00Z", 1, BERLIN) == ["2026-01-10T21:00"]
    assert begins("0 22 * * *", "2026-07-10T00:00:00Z", 1, BERLIN) == ["2026-07-10T20:00"]


def test_what_falls_into_the_hour_left_out_begins_as_much_later() -> None:
    assert begins("30 2 * * *", "2026-03-28T12:00:00Z", 2, BERLIN) == [
        "2026-03-29T01:30",
        "2026-03-30T00:30",
    ]


def test_of_a_repeated_hour_the_first_counts_and_both_where_every_hour_is_meant() -> None:
    assert begins("30 2 * * *", "2026-10-24T12:00:00Z", 2, BERLIN) == [
        "2026-10-25T00:30",
        "2026-10-26T01:30",
    ]
    assert begins("30 * * * *", "2026-10-25T00:00:00Z", 3, BERLIN) == [
        "2026-10-25T00:30",
        "2026-10-25T01:30",
        "2026-10-25T02:30",
    ]


def test_a_day_that_no_year_has_never_begins() -> None:
    assert not schedule("0 0 30 2 *").happens
    assert schedule("0 0 29 2 *").happens
    assert begins("0 0 30 2 *", "2026-01-01T00:00:00Z") == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("* * * *", "has 4 fields, not five: minute, hour, day, month, day of the week"),
        ("", "has 0 fields, not five"),
        ("@daily", "has 1 fields"),
        ("60 * * * *", "has '60' as its minute, which goes from 0 to 59"),
        ("* 24 * * *", "has '24' as its hour, which goes from 0 to 23"),
        ("* * 0 * *", "has '0' as its day of the month, which goes from 1 to 31"),
        ("* * * foo *", "has 'foo' as its month, which goes from 1 to 12"),
        ("* * * * 7", "has '7' as its day of the week, which goes from 0 to 6"),
        ("5-1 * * * *", "has '5-1' as its minute"),
        ("*/0 * * * *", "has '*/0' as its minute"),
        ("*-5 * * * *", "has '*-5' as its minute"),
        ("1, * * * *", "has '1,' as its minute"),
        ("-1 * * * *", "has '-1' as its minute"),
        ("1-2-3 * * * *", "has '1-2-3' as its minute"),
    ],
)
def test_what_is_no_schedule_is_said(text: str, told: str) -> None:
    found = parse_schedule(text)
    assert isinstance(found, str)
    assert found.startswith(told)


def test_moments_are_after_the_one_given() -> None:
    moment = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    (first,) = islice(starts(schedule("30 9 * * *"), UTC, moment), 1)
    assert first == moment + timedelta(days=1)
