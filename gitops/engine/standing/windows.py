"""Sync windows at work: what is due waits for one, what people ask for is refused.

`core/projects/windows.py` decides. What waits is looked at again at the moment at which a window
opens; nobody asks in between.
"""

from typing import Final

from gitops.core.projects.windows import Closed, judge, survey
from gitops.engine.facts.registry import Runtime
from gitops.engine.lanes.dispatcher import Job
from gitops.engine.lanes.parts import Parts
from gitops.errors import ConflictError
from gitops.model.revision import RecordKind, Trigger, TriggerKind
from gitops.model.status import WindowsStatus

OPENING: Final = "window"
"""The job for the moment at which a window opens: a look like any other."""


def hold(parts: Parts, runtime: Runtime) -> str:
    """Why nothing is done by itself now, or ""; what waits is looked at again in time."""
    closed = _closed(parts, runtime, manual=False)
    runtime.closed = closed.reason if closed else ""
    if closed is not None and closed.until is not None:
        evidence = f"a sync window of the project {runtime.application.project} has opened"
        delay = (closed.until - parts.clock.now()).total_seconds()
        parts.dispatcher.request(
            runtime.name,
            OPENING,
            Trigger(TriggerKind.SCHEDULE, evidence=evidence),
            delay_s=max(delay, MOMENT_S),
        )
    return runtime.closed


MOMENT_S: Final = 0.001
"""The least delay: a look that is due now must not run in a circle with this one."""


def refuse(parts: Parts, runtime: Runtime, job: Job) -> None:
    """Refuse what somebody asks for while no window lets it through; recorded in the trail."""
    closed = _closed(parts, runtime, manual=True)
    if closed is None:
        return
    error = ConflictError(
        closed.reason,
        where=runtime.name,
        remedy="wait for it to open, or let the project's window have manualSync",
    )
    payload = {"what": job.kind, "code": error.code, "message": error.message}
    parts.store.append(
        RecordKind.REFUSED, actor=job.trigger.actor, application=runtime.name, payload=payload
    )
    raise error


def windows_of(parts: Parts, runtime: Runtime) -> WindowsStatus | None:
    """How an application's windows stand now; None where none is for it."""
    declared = parts.projects.find(runtime.application.project)
    if declared is None:
        return None
    return survey(declared.project, runtime.application, parts.clock.now())


def _closed(parts: Parts, runtime: Runtime, *, manual: bool) -> Closed | None:
    declared = parts.projects.find(runtime.application.project)
    if declared is None or not declared.project.sync_windows:
        return None
    now = parts.clock.now()
    verdict = judge(declared.project, runtime.application, now, manual=manual)
    return verdict if isinstance(verdict, Closed) else None
