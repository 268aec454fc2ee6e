"""One event loop in one daemon thread, behind blocking calls.

Coroutines go in from any thread, results or their exceptions come out. Called by `client` only.
"""

import asyncio
import threading
import weakref
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, Final, TypeVar

T = TypeVar("T")

STOP_S: Final = 5.0
"""Seconds that `close` waits for the thread."""
TURNS: Final = 5
"""Turns of the loop that an aborted connection needs to close its socket, and some more."""


class _Loop(asyncio.SelectorEventLoop):
    """Remembers its connections: one whose peer hangs would outlive the loop in its goodbye."""

    def __init__(self) -> None:
        super().__init__()
        self.connections: weakref.WeakSet[asyncio.BaseTransport] = weakref.WeakSet()

    async def create_connection(self, *args: Any, **options: Any) -> Any:
        """As the base does it."""
        made = await super().create_connection(*args, **options)
        self.connections.add(made[0])
        return made

    def abort(self) -> None:
        """Drop every connection that is left, at once; run the loop a little afterwards."""
        for connection in list(self.connections):
            if isinstance(connection, asyncio.WriteTransport):
                connection.abort()


class LoopThread:
    """Owns the loop; `close` ends every task that still runs."""

    def __init__(self, name: str) -> None:
        self._loop = _Loop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop, for thread-safe calls into it."""
        return self._loop

    @property
    def closed(self) -> bool:
        """Whether nothing can be run any more."""
        return self._loop.is_closed() or not self._thread.is_alive()

    def run(self, work: Coroutine[Any, Any, T], timeout_s: float | None = None) -> T:
        """Run to the end and give the result; raises TimeoutError, and CancelledError on close."""
        future: Future[T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(timeout_s)
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        """Cancel what runs, stop the loop, and wait for the thread; bounded."""
        if self.closed:
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        if threading.current_thread() is not self._thread:
            self._thread.join(STOP_S)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            tasks = asyncio.all_tasks(self._loop)
            for task in tasks:
                task.cancel()
            if tasks:
                self._loop.run_until_complete(asyncio.wait(tasks, timeout=STOP_S))
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.abort()
            for _ in range(TURNS):
                self._loop.run_until_complete(asyncio.sleep(0))
            self._loop.close()
