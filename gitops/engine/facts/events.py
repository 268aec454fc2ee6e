"""What happened, as values: log, command line and streams only listen.

The engine publishes; `EventLog` keeps the newest per application for `gitops events`, wakes whoever
follows, and hands each event to listeners (the log). Nothing here is durable: the trail is.
"""

import threading
import traceback
from collections import deque
from collections.abc import Callable, Mapping
from itertools import takewhile
from typing import Any

from gitops.model.events import Event
from gitops.ports import Clock

KEPT = 2000
"""Events kept in memory over all applications; older ones are in the trail."""


Veil = Callable[[str, str, str, Mapping[str, Any]], tuple[str, dict[str, Any]]]
"""From an event's application, kind, message and data to message and data as people see them."""


class EventLog:
    """Newest events, with a wait for the next; safe from any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._events: deque[Event] = deque(maxlen=KEPT)
        self._listeners: list[Callable[[Event], None]] = []
        self._next = 1
        self.veil: Veil | None = None
        """What takes out of an event what must not show; set by `engine/service.py`."""
        self._changed = threading.Condition()

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Call `listener` for each event, on the publishing thread; it must not block."""
        self._listeners.append(listener)

    def publish(
        self, application: str, kind: str, message: str, *, revision: int | None = None, **data: Any
    ) -> None:
        """Make and hand out one event."""
        if self.veil is not None:
            message, data = self.veil(application, kind, message, data)
        with self._changed:
            event = Event(self._next, self._clock.now(), application, kind, message, revision, data)
            self._next += 1
            self._events.append(event)
            self._changed.notify_all()
        for listener in self._listeners:
            listener(event)

    def since(
        self, sequence: int, application: str | None = None, timeout_s: float = 0
    ) -> list[Event]:
        """Events after `sequence`, oldest first; waits up to `timeout_s` for the first."""

        def found() -> list[Event]:
            new = takewhile(lambda event: event.sequence > sequence, reversed(self._events))
            return [e for e in new if application in (None, e.application)][::-1]

        with self._changed:
            if timeout_s > 0:
                self._changed.wait_for(found, timeout_s)
            return found()

    @property
    def newest(self) -> int:
        """Sequence of the newest event; 0 before the first."""
        with self._changed:
            return self._next - 1


def traceback_of(error: Exception) -> str:
    """Where a defect happened: file, line and function of each frame; no values."""
    frames = traceback.extract_tb(error.__traceback__)
    return "\n".join(f"{f.filename}:{f.lineno} {f.name}" for f in frames)
