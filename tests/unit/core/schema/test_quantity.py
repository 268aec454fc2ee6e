from decimal import Decimal

import pytest

from gitops.core.schema.quantity import parse_duration, parse_quantity, parse_time


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1000m", "1"),
        ("0.5", "500m"),
        (0.25, "250m"),
        (2, "2"),
        ("1Gi", "1024Mi"),
        ("1Gi", 1073741824),
        ("1e3", "1k"),
        ("1E3", "1k"),
        ("1e-3", "1m"),
        ("1.5Gi", "1536Mi"),
        (".5", "0.5"),
        ("5.", "5"),
        ("+1", "1"),
        ("1000000n", "1m"),
        ("1000u", "1m"),
        ("1Ei", "1024Pi"),
        ("1E", "1000P"),
        ("0.1n", "1n"),
        ("-0.1n", "-1n"),
        (1e3, "1k"),
    ],
)
def test_quantities_are_equal_by_value(one, other):
    assert parse_quantity(one) == parse_quantity(other)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "x",
        "1x",
        "1KI",
        "1mi",
        "e3",
        "1e",
        "--1",
        " 1",
        "1 ",
        True,
        None,
        [],
        "1" * 200,
        10**200,
    ],
)
def test_what_is_no_quantity_has_no_value(value):
    assert parse_quantity(value) is None


def test_large_quantities_keep_their_value():
    assert parse_quantity("9223372036854775807") == Decimal(9223372036854775807)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1h30m", "90m"),
        ("1.5h", "90m"),
        ("0", "0s"),
        ("-1m", "-60s"),
        ("1µs", "1000ns"),
        ("+1s", "1s"),
    ],
)
def test_durations_are_equal_by_value(one, other):
    assert parse_duration(one) == parse_duration(other)


@pytest.mark.parametrize(
    "value", ["", "1", "h", "1h 2m", "1d", 5, None, "-", "s1", "1" * 200 + "s"]
)
def test_what_is_no_duration_has_no_value(value):
    assert parse_duration(value) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2024-01-01T00:00:00Z", "2024-01-01T02:00:00+02:00"),
        ("2024-01-01T00:00:00Z", "2023-12-31T22:00:00-02:00"),
        ("2024-01-01T00:00:00.5Z", "2024-01-01T00:00:00.500000Z"),
        ("2024-01-01t00:00:00z", "2024-01-01T00:00:00.000Z"),
    ],
)
def test_times_are_equal_by_the_moment(one, other):
    assert parse_time(one) == parse_time(other)


@pytest.mark.parametrize(
    "value", ["", "2024-01-01", "2024-13-01T00:00:00Z", "0001-01-01T00:00:00+10:00", 5, None]
)
def test_what_is_no_time_has_no_moment(value):
    assert parse_time(value) is None
