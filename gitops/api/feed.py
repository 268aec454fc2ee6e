"""Events for clients that wait: streams and long polls, without a thread each.

The engine publishes on its own threads; a listener wakes the event loop. Called by `api/events.py`
and closed by `api/server.py` before the server waits for its connections.
"""

import asyncio
import contextlib
import threading

from gitops.engine.service import Service
from gitops.model.events import Event


class Feed:
    """Waits for the service's next events on an event loop."""

    def __init__(self, service: Service) -> None:
        self._events = service.events
        self._lock = threading.RLock()  # a signal may close it while its thread is here
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self.closed = False
        service.events.listen(lambda _event: self._wake())

    def close(self) -> None:
        """Let every waiter go; those that come later do not wait."""
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        with self._lock:
            waiting = list(self._waiting)
        for loop, changed in waiting:
            with contextlib.suppress(RuntimeError):  # its loop has ended
                loop.call_soon_threadsafe(changed.set)

    def resume(self, after: int) -> int:
        """Where to go on; numbers from before a restart of the service begin anew."""
        return after if 0 <= after <= self._events.newest else 0

    async def wait(
        self, after: int, application: str | None, timeout_s: float
    ) -> tuple[list[Event], int]:
        """Events after a sequence, oldest first, none where none came in time; and where to go on.

        What lies up to that place was looked at: nothing is left out between two calls.
        """
        changed = asyncio.Event()
        entry = (asyncio.get_running_loop(), changed)
        seen = after
        with self._lock:
            self._waiting.add(entry)
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    changed.clear()
                    newest = self._events.newest
                    events = self._events.since(seen, application)
                    if events:
                        return events, events[-1].sequence
                    seen = newest
                    if self.closed:
                        return [], seen
                    await changed.wait()
        except TimeoutError:
            return [], seen
        finally:
            with self._lock:
                self._waiting.discard(entry)
