"""Schedules in cron's five fields, as Argo CD reads them (github.com/robfig/cron).

In: a text, a time zone, a moment. Out: a `Schedule`, and the moments at which it begins. Fields are
minute, hour, day of the month, month, day of the week (0 is Sunday); `*`, `?`, lists, ranges,
steps, and names of months and days. Where neither day is `*`, one of them is enough.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

HORIZON: Final = timedelta(days=366 * 9)
"""How far to look for a day: a 29 February may be eight years away."""

MONTHS: Final = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
DAYS: Final = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_PART: Final = re.compile(r"(?P<low>\*|\?|[a-z]+|\d+)(-(?P<high>[a-z]+|\d+))?(/(?P<step>\d+))?")


@dataclass(frozen=True, slots=True)
class _Bounds:
    """What a field may hold, and the names that stand for numbers, from the least one on."""

    name: str
    least: int
    most: int
    names: tuple[str, ...] = ()

    def number(self, text: str) -> int:
        """A number or a name; raises ValueError."""
        number = int(text) if text.isdigit() else self.names.index(text) + self.least
        if not self.least <= number <= self.most:
            raise ValueError(text)
        return number


FIELDS: Final = (
    _Bounds("minute", 0, 59),
    _Bounds("hour", 0, 23),
    _Bounds("day of the month", 1, 31),
    _Bounds("month", 1, 12, tuple(MONTHS)),
    _Bounds("day of the week", 0, 6, tuple(DAYS)),
)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When something begins, in local time; `any_*` say that a field was `*`."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_hour: bool
    any_day: bool
    any_weekday: bool

    @property
    def happens(self) -> bool:
        """Whether there is such a day in some year."""
        first = date(2000, 1, 1)
        return any(self.has(first + timedelta(days=n)) for n in range(HORIZON.days))

    def has(self, day: date) -> bool:
        """Whether it begins on a day at all."""
        of_month, of_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        both = self.any_day or self.any_weekday
        return day.month in self.months and (
            (of_month and of_week) if both else (of_month or of_week)
        )


def parse_schedule(text: str) -> Schedule | str:
    """The schedule, or the sentence that says what is wrong with it."""
    parts = text.split()
    if len(parts) != len(FIELDS):
        return f"has {len(parts)} fields, not five: minute, hour, day, month, day of the week"
    found: list[frozenset[int]] = []
    for part, bounds in zip(parts, FIELDS, strict=True):
        try:
            values = frozenset(n for one in part.split(",") for n in _numbers(one.lower(), bounds))
        except ValueError:
            span = f"{bounds.least} to {bounds.most}"
            return f"has {part!r} as its {bounds.name}, which goes from {span}"
        found.append(values)
    minutes, hours, days, months, weekdays = found
    stars = [any(one in {"*", "?", "*/1", "?/1"} for one in part.split(",")) for part in parts]
    return Schedule(
        tuple(sorted(minutes)), tuple(sorted(hours)), days, months, weekdays,
        any_hour=stars[1], any_day=stars[2], any_weekday=stars[4],
    )  # fmt: skip


def _numbers(part: str, bounds: _Bounds) -> range:
    """The numbers of one part of a list; raises ValueError."""
    match = _PART.fullmatch(part)
    if match is None:
        raise ValueError(part)
    step = int(match["step"] or 1)
    if match["low"] in {"*", "?"}:
        if match["high"]:
            raise ValueError(part)
        low, high = bounds.least, bounds.most
    else:
        low = bounds.number(match["low"])
        last = bounds.most if match["step"] else low
        high = bounds.number(match["high"]) if match["high"] else last
    if low > high or step == 0:
        raise ValueError(part)
    return range(low, high + 1, step)


def starts(schedule: Schedule, zone: tzinfo, after: datetime) -> Iterator[datetime]:
    """The moments after one (aware, as are the answers, in UTC) at which it begins, in order.

    What falls into an hour that the clock leaves out begins as much later. Of an hour that the
    clock repeats the first counts, and both where the schedule says every hour.
    """
    day = after.astimezone(zone).date() - timedelta(days=1)
    last = day + HORIZON
    while day < last:
        if schedule.has(day):
            yield from (moment for moment in _of(schedule, zone, day) if moment > after)
        day += timedelta(days=1)


def _of(schedule: Schedule, zone: tzinfo, day: date) -> list[datetime]:
    """The moments of one local day, in order."""
    folds = (0, 1) if schedule.any_hour else (0,)
    local = [
        datetime.combine(day, time(hour, minute, tzinfo=zone, fold=fold))
        for hour in schedule.hours
        for minute in schedule.minutes
        for fold in folds
    ]
    return sorted({moment.astimezone(UTC) for moment in local})
