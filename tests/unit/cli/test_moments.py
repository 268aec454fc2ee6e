from datetime import UTC, datetime

import pytest

from gitops.cli.durations import read_moment

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01T09:30:00Z", "2026-03-01T09:30:00+00:00"),
        ("2026-03-01T09:30:00+02:00", "2026-03-01T07:30:00+00:00"),
        ("2026-02-28", "2026-02-28T00:00:00+00:00"),
        ("2h", "2026-03-01T10:00:00+00:00"),
        ("1h30m", "2026-03-01T10:30:00+00:00"),
        ("7d", "2026-02-22T12:00:00+00:00"),
    ],
)
def test_moments_as_people_write_them(text: str, expected: str) -> None:
    moment = read_moment(text, NOW)
    assert moment is not None
    assert moment.isoformat() == expected


@pytest.mark.parametrize(
    "text", ["", "soon", "7", "2026-03-01T09:30:00", "99999999d", "2026-13-01"]
)
def test_what_is_no_moment(text: str) -> None:
    assert read_moment(text, NOW) is None
