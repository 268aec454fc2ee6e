"""The HTTP server: uvicorn with bounds, ended by a flag instead of by signals of its own.

Called by `cli/serve.py`, which owns the signals and the order in which things stop.
"""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any, Final

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from gitops.api.gate import HEAD_BYTES
from gitops.errors import SettingsError

HEADERS_S: Final = 20.0
"""How long a request's head may take."""
CONNECTIONS: Final = 512
LINGER_S: Final = 5
"""How long a stop waits for answers that are being given."""
TICK_S: Final = 1.0
"""How often the header with the date is renewed."""


class BoundedProtocol(H11Protocol):
    """HTTP/1.1 that hangs up on clients whose request's head does not come."""

    head_timeout_s = HEADERS_S
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the base narrows it
        """A client connected: its first request is due."""
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        """Something came; once the head is whole, the application has its own limits."""
        super().data_received(data)
        if not self._is_idle():
            self._relax()

    def on_response_complete(self) -> None:
        """An answer was given: the next request may come, and not drop by drop."""
        super().on_response_complete()
        if not self.transport.is_closing():
            self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._relax()
        super().connection_lost(exc)

    def _expect(self) -> None:
        self._relax()
        self._late = self.loop.call_later(self.head_timeout_s, self._hang_up)

    def _relax(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _is_idle(self) -> bool:
        """Whether no request is being answered."""
        cycle: Any = self.cycle  # None before the first request, whatever its type says
        return cycle is None or bool(cycle.response_complete)

    def _hang_up(self) -> None:
        if self._is_idle() and not self.transport.is_closing():
            self.transport.close()


class Server(uvicorn.Server):
    """Runs until `stop()`; leaves signals alone."""

    def __init__(
        self, app: FastAPI, listener: socket.socket, head_timeout_s: float = HEADERS_S
    ) -> None:
        bounds = {"head_timeout_s": head_timeout_s}
        config: dict[str, Any] = {
            "http": type("Protocol", (BoundedProtocol,), bounds),
            "ws": "none",
            "lifespan": "off",
            "log_config": None,
            "access_log": False,
            "server_header": False,
            "proxy_headers": False,
            "limit_concurrency": CONNECTIONS,
            "h11_max_incomplete_event_size": HEAD_BYTES,
            "timeout_keep_alive": 30,
            "timeout_graceful_shutdown": LINGER_S,
        }
        super().__init__(uvicorn.Config(app, **config))
        self._app = app
        self._listener = listener
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended = asyncio.Event()

    def run_until_stopped(self) -> None:
        """Serve on this thread until `stop()` is called, then let answers end, within a bound."""
        try:
            asyncio.run(self.serve([self._listener]))
        finally:
            self._listener.close()

    def stop(self) -> None:
        """Take no more requests and let streams end; safe from any thread and from signals."""
        self.should_exit = True
        self._app.state.feed.close()
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it has ended already
                self._loop.call_soon_threadsafe(self._ended.set)

    async def main_loop(self) -> None:
        """Wait for `stop()`; uvicorn's own loop looks for it ten times a second."""
        self._loop = asyncio.get_running_loop()
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK_S):
                    await self._ended.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to whoever runs the process."""
        yield


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; raises SettingsError where the address cannot be used."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host.strip("[]"), port), family=family, backlog=256)
    except OSError as error:
        why = str(error.strerror or error).partition(" (while attempting")[0]
        raise SettingsError(
            f"cannot listen on {host}:{port} ({why})",
            where="server",
            remedy="choose another server.port or server.host, or stop what uses it",
        ) from error


def address_of(listener: socket.socket) -> str:
    """`http://127.0.0.1:8080`: where it listens, the port that was picked included."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
