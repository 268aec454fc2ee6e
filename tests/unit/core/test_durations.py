from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops.core.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("5m", 300),
        ("1h30m", 5400),
        ("1.5h", 5400),
        (".5s", 0.5),
        ("100ms", 0.1),
        ("3us", 0.000003),
        ("3µs", 0.000003),
        ("5", 5),
        ("0", 0),
        ("0s", 0),
        ("1000ns", 0.000001),
    ],
)
def test_durations_are_read_as_go_reads_them(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "5 m", "m", "1d", "-5s", "5x", "soon", "1h30", "s5", "٣s", "9" * 400, "1e3s"]
)
def test_what_is_no_duration_is_none(text: str) -> None:
    assert parse_duration(text) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (90, "1m30s"), (300, "5m"), (5400, "1h30m"), (3601, "1h1s"), (0.25, "0.25s")],
)
def test_durations_are_written_short(seconds: float, text: str) -> None:
    assert format_duration(timedelta(seconds=seconds)) == text


@given(st.integers(0, 10**7))
def test_whole_seconds_come_back(seconds: int) -> None:
    duration = timedelta(seconds=seconds)
    assert parse_duration(format_duration(duration)) == duration
