"""Whether a sync may be made now: the sync windows of a project, as Argo CD has them.

In: windows, an application, a moment. Out: a verdict with its reason and the moment at which
automatic syncs are let through again. Called by the engine before a sync, a heal, and between the
waves of a running sync.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from gitops.core.globs import matches
from gitops.core.projects.cron import Schedule, parse_schedule, starts
from gitops.core.projects.limits import server_of
from gitops.model.application import Application
from gitops.model.project import Project, SyncWindow
from gitops.model.status import WindowsStatus, WindowStatus

OVERLAPS: Final = 1000
"""So many beginnings that follow each other without a pause are looked at in one go."""
CHANGES: Final = 100
"""So many moments are looked at for one at which syncs are let through."""


@dataclass(frozen=True, slots=True)
class Open:
    """Nothing speaks against a sync."""


@dataclass(frozen=True, slots=True)
class Closed:
    """No sync now; `reason` is a part of a sentence, `until` when it is time to look again."""

    reason: str
    until: datetime | None = None


Verdict = Open | Closed
OPEN: Final = Open()


@dataclass(frozen=True, slots=True)
class Phase:
    """Whether a window is active, and until when that is so; None is for ever."""

    active: bool
    until: datetime | None


def judge(
    project: Project,
    application: Application,
    now: datetime,
    *,
    manual: bool = False,
    started: datetime | None = None,
) -> Verdict:
    """Whether a sync may be made, or one that began at `started` may go on; times are aware."""
    windows = [window for window in project.sync_windows if applies(window, application)]
    if _is_open(windows, now, manual=manual, started=started):
        return OPEN
    until = _turns(windows, now, manual=manual)
    told = f" until {until:%Y-%m-%d %H:%M} UTC" if until is not None else ""
    return Closed(f"a sync window of the project {project.name} is closed{told}", until)


def survey(project: Project, application: Application, now: datetime) -> WindowsStatus | None:
    """What the windows that are for an application come to at a moment; None where none is."""
    windows = [window for window in project.sync_windows if applies(window, application)]
    if not windows:
        return None
    phases = [(window, phase(window, now)) for window in windows]
    return WindowsStatus(
        open=_is_open(windows, now, manual=False),
        manual_sync=_is_open(windows, now, manual=True),
        until=_turns(windows, now, manual=False),
        windows=tuple(WindowStatus(window, found.active, found.until) for window, found in phases),
    )


def applies(window: SyncWindow, application: Application) -> bool:
    """Whether a window is for an application: by one of its lists, or by all (`andOperator`)."""
    destination = application.destination
    clusters = (destination.name, server_of(destination))
    answers = [
        any(matches(pattern, text) for pattern in patterns for text in texts if text or of_space)
        for patterns, texts, of_space in (
            (window.applications, (application.name,), False),
            (window.clusters, clusters, False),
            (window.namespaces, (destination.namespace,), True),
        )
        if patterns
    ]
    return bool(answers) and (all(answers) if window.and_operator else any(answers))


def _is_open(
    windows: Sequence[SyncWindow], now: datetime, *, manual: bool, started: datetime | None = None
) -> bool:
    """An active denial counts before everything; outside of all that allow, nothing is allowed."""
    active = [window for window in windows if phase(window, now).active]
    in_the_way = [window for window in active if window.kind == "deny"]
    if not in_the_way:
        if any(window.kind == "allow" for window in active):
            return True
        in_the_way = [window for window in windows if window.kind == "allow"]
    if not in_the_way or (manual and all(window.manual_sync for window in in_the_way)):
        return True
    may_overrun = started is not None and all(window.sync_overrun for window in in_the_way)
    return may_overrun and started is not None and _is_open(windows, started, manual=manual)


def _turns(windows: Sequence[SyncWindow], now: datetime, *, manual: bool) -> datetime | None:
    """When syncs of the same kind are let through again, or no longer; None is never."""
    moment, is_open = now, _is_open(windows, now, manual=manual)
    for _ in range(CHANGES):
        changes = [until for w in windows if (until := phase(w, moment).until) is not None]
        if not changes:
            return None
        moment = min(changes)
        if _is_open(windows, moment, manual=manual) is not is_open:
            break
    return moment


@lru_cache(maxsize=1024)
def phase(window: SyncWindow, now: datetime) -> Phase:
    """Whether a window is active at a moment, and when that changes."""
    schedule, end = schedule_of(window.schedule), None
    beginnings = starts(schedule, zone_of(window.time_zone), now - window.duration)
    for number, start in enumerate(beginnings):
        if end is None and start > now:
            return Phase(active=False, until=start)
        if end is not None and (start > end or number > OVERLAPS):
            break
        end = start + window.duration
    return Phase(active=end is not None, until=end)


def schedule_of(text: str) -> Schedule:
    """A schedule that was checked when it was read."""
    found = parse_schedule(text)
    if isinstance(found, str):
        raise ValueError(f"{text!r} {found}")  # noqa: TRY004 - it is no type that a caller chose
    return found


def zone_of(name: str) -> tzinfo:
    """A time zone by its name in the IANA database; raises ValueError, KeyError."""
    return ZoneInfo(name) if name else UTC
