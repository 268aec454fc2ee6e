"""Schedules: the next moment is the one that a look at every minute finds."""

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from gitops.core.projects.cron import Schedule, parse_schedule, starts
from gitops.core.projects.windows import phase
from gitops.model.project import SyncWindow

MINUTES = 30 * 60
ZONES = ("UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu")


def field(least: int, most: int) -> st.SearchStrategy[str]:
    numbers = st.integers(least, most)
    spans = st.tuples(numbers, numbers).map(sorted)
    part = st.one_of(
        st.just("*"),
        numbers.map(str),
        spans.map(lambda s: f"{s[0]}-{s[1]}"),
        st.tuples(spans, st.integers(1, 9)).map(lambda v: f"{v[0][0]}-{v[0][1]}/{v[1]}"),
        st.integers(1, 9).map(lambda step: f"*/{step}"),
    )
    return st.lists(part, min_size=1, max_size=3).map(",".join)


texts = st.tuples(field(0, 59), field(0, 23), field(1, 31), st.just("*"), field(0, 6)).map(" ".join)
moments = st.integers(0, 366 * 24 * 3600).map(
    lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)


def is_start(schedule: Schedule, zone: ZoneInfo, moment: datetime) -> bool:
    """Whether a minute is one of the schedule's, by what a clock on the wall shows."""
    local = moment.astimezone(zone)
    repeated = local.fold == 1 and not schedule.any_hour
    shown = local.hour in schedule.hours and local.minute in schedule.minutes
    return schedule.has(local.date()) and shown and not repeated


@settings(max_examples=50)
@given(texts, moments, st.sampled_from(ZONES))
def test_every_minute_agrees(text: str, after: datetime, name: str) -> None:
    schedule, zone = parse_schedule(text), ZoneInfo(name)
    assert isinstance(schedule, Schedule)
    end = after + timedelta(minutes=MINUTES)
    found = [m for m in islice(starts(schedule, zone, after), MINUTES) if m <= end]
    assert found == sorted(set(found))
    assert all(after < moment for moment in found)
    first = after.replace(second=0, microsecond=0) + timedelta(minutes=1)
    minutes = [first + timedelta(minutes=n) for n in range(MINUTES)]
    expected = {m for m in minutes if m <= end and is_start(schedule, zone, m)}
    skipped = set(found) - expected
    assert expected <= set(found)
    assert all(is_after_a_gap(zone, moment) for moment in skipped)


def is_after_a_gap(zone: ZoneInfo, moment: datetime) -> bool:
    """Whether the clock was put forward within the hour before: what it left out comes then."""
    before = (moment - timedelta(hours=1)).astimezone(zone).utcoffset()
    now = moment.astimezone(zone).utcoffset()
    return before is not None and now is not None and before < now


@settings(max_examples=50)
@given(texts, moments, st.integers(1, 600), st.sampled_from(ZONES))
def test_a_window_is_active_from_its_start_to_its_end(
    text: str, now: datetime, minutes: int, name: str
) -> None:
    duration = timedelta(minutes=minutes)
    window = SyncWindow("allow", text, duration, ("*",), time_zone=name)
    schedule = parse_schedule(text)
    assert isinstance(schedule, Schedule)
    before = list(islice(starts(schedule, ZoneInfo(name), now - duration), 1))
    found = phase(window, now)
    assert found.active is bool(before and before[0] <= now)
    if found.until is not None:
        assert found.until > now
        changed = phase(window, found.until)
        assert changed.active is not found.active or found.active
