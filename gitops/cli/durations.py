"""Options that are durations (`90s`, `5m`) and moments (RFC 3339, or `2h` ago)."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from gitops.core.durations import parse_duration
from gitops.wire.values import time_from_wire, time_to_wire


class DurationType(click.ParamType[float]):
    """`90s`, `5m`, `1h30m`; seconds as a float."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read one."""
        if isinstance(value, float):
            return value
        found = parse_duration(str(value))
        if found is None:
            self.fail(f"{value!r} is no duration; write 90s, 5m or 1h30m", param, ctx)
        return found.total_seconds()


class MomentType(click.ParamType[str]):
    """`2026-03-01T09:30:00Z`, `2026-03-01`, or how long ago: `2h`, `7d`; RFC 3339 as text."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read one."""
        text = str(value)
        moment = read_moment(text, datetime.fromtimestamp(time.time(), UTC))
        if moment is None:
            self.fail(
                f"{text!r} is no time; write 2026-03-01T09:30:00Z, 2026-03-01, or 2h for two hours "
                "ago",
                param,
                ctx,
            )
        return time_to_wire(moment)


def read_moment(text: str, now: datetime) -> datetime | None:
    """A moment as people write it; a day is its beginning in UTC, a duration lies before `now`."""
    ago = parse_duration(text) if not text.isdigit() else None
    if text.endswith("d") and text[:-1].isdigit() and len(text) < 6:  # noqa: PLR2004 - within years
        ago = timedelta(days=int(text[:-1]))
    if ago is not None:
        return now - ago
    try:
        return time_from_wire(text)
    except ValueError:
        pass
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None
