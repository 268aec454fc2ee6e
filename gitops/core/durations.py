"""Durations as Go writes them (`90s`, `5m`, `1h30m`), read and written.

In: text or a timedelta. Out: the other. Called by `core/application/spec.py`, settings and pages.
"""

import re
from datetime import timedelta
from typing import Final

_PART: Final = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_MICROSECONDS: Final = {
    "ns": 0.001, "us": 1, "µs": 1, "μs": 1, "ms": 1e3, "s": 1e6, "m": 6e7, "h": 3.6e9,
}  # fmt: skip
_LONGEST: Final = timedelta(days=36500)


def parse_duration(text: str) -> timedelta | None:
    """`1h30m` -> 90 minutes; a bare number counts seconds, as Argo CD reads it. None: not one."""
    if text.isascii() and text.isdigit():
        text = f"{text}s"
    parts = list(_PART.finditer(text))
    if not parts or "".join(part[0] for part in parts) != text:
        return None
    microseconds = sum(float(part[1]) * _MICROSECONDS[part[2]] for part in parts)
    if microseconds > _LONGEST / timedelta(microseconds=1):
        return None
    return timedelta(microseconds=round(microseconds))


def format_duration(duration: timedelta) -> str:
    """90 minutes -> `1h30m`; nothing below a millisecond is shown."""
    milliseconds = round(duration / timedelta(milliseconds=1))
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    seconds = f"{rest / 1000:g}s" if rest else ""
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if minutes else "") + seconds or "0s"
