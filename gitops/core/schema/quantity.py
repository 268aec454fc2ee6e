"""Quantities, durations and times: equal by value, whatever their spelling.

In: JSON scalars as manifests and the API server write them. Out: comparable values, or None where
the text is none. Called by `core.values`. The grammars are k8s.io/apimachinery's `resource`,
Go's `time.ParseDuration` and RFC 3339.
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

_QUANTITY: Final = re.compile(
    r"(?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+))"
    r"(?:(?P<suffix>[KMGTPE]i|[numkMGTPE])|[eE](?P<exponent>[+-]?\d{1,3}))?"
)
_SUFFIXES: Final = {
    "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"), "k": Decimal("1e3"),
    "M": Decimal("1e6"), "G": Decimal("1e9"), "T": Decimal("1e12"), "P": Decimal("1e15"),
    "E": Decimal("1e18"), "Ki": Decimal(2**10), "Mi": Decimal(2**20), "Gi": Decimal(2**30),
    "Ti": Decimal(2**40), "Pi": Decimal(2**50), "Ei": Decimal(2**60),
}  # fmt: skip
_DURATION_PART: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_NANOSECONDS: Final = {
    "ns": Decimal(1), "us": Decimal(1000), "µs": Decimal(1000), "μs": Decimal(1000),
    "ms": Decimal(10**6), "s": Decimal(10**9), "m": Decimal(60 * 10**9), "h": Decimal(3600 * 10**9),
}  # fmt: skip
_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:[.,](\d{1,9})\d*)?(?:([Zz])|([+-])(\d\d):(\d\d))"
)
_MAX_LENGTH: Final = 100


def parse_quantity(value: Any) -> Decimal | None:
    """`1Gi`, `500m`, `0.5`, `1e3`, 2 -> its value; None where it is no quantity.

    As the API server does, fractions beyond nano are rounded up, away from zero.
    """
    text = _number_text(value)
    match = _QUANTITY.fullmatch(text) if text is not None else None
    if match is None:
        return None
    number = Decimal(match["number"])
    if match["suffix"]:
        number *= _SUFFIXES[match["suffix"]]
    elif match["exponent"]:
        number = number.scaleb(int(match["exponent"]))
    return _round_up(number)


def _number_text(value: Any) -> str | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return repr(value) if abs(value) < 10**_MAX_LENGTH else None
    if isinstance(value, str):
        return value if len(value) <= _MAX_LENGTH else None
    return None


def _round_up(number: Decimal) -> Decimal:
    nano = Decimal("1e-9")
    if abs(number) >= Decimal(10) ** 18 or number == number.quantize(nano):
        return number
    return number.quantize(nano, rounding="ROUND_UP")


def parse_duration(value: Any) -> Decimal | None:
    """`1h30m`, `90s`, `0` -> nanoseconds; None where Go would refuse it."""
    if not isinstance(value, str) or len(value) > _MAX_LENGTH:
        return None
    sign = -1 if value.startswith("-") else 1
    text = value[1:] if value[:1] in {"+", "-"} else value
    if text == "0":
        return Decimal(0)
    total, end = Decimal(0), 0
    for part in _DURATION_PART.finditer(text):
        if part.start() != end:
            return None
        total += Decimal(part[1]) * _NANOSECONDS[part[2]]
        end = part.end()
    return total * sign if text and end == len(text) else None


def parse_time(value: Any) -> tuple[datetime, int] | None:
    """RFC 3339 -> (seconds in UTC, nanoseconds); None where it is no time."""
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    try:
        moment = datetime.fromisoformat(f"{match[1]}T{match[2]}").replace(tzinfo=UTC)
        if match[5]:
            offset = timedelta(hours=int(match[6]), minutes=int(match[7]))
            moment = moment - offset if match[5] == "+" else moment + offset
    except (ValueError, OverflowError):
        return None
    return moment, int((match[3] or "0").ljust(9, "0"))
