"""An answer given before the request's body was read: lets the client finish and read it.

A socket that is closed with unread bytes is reset, and a reset takes away what the client has not
read yet (RFC 9112, section 9.6: close in stages). So the answer goes out whole, what still comes is
thrown away within limits, and only then the connection ends. Called by the gate.
"""

import asyncio
from typing import Final

from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

LINGER_S: Final = 2.0
LINGER_BYTES: Final = 1024 * 1024


class Lingering:
    """The way to a client whose body nobody wants; the answer's last part waits for its end."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._unasked = "expect" not in Headers(scope=scope)
        """Whether a body comes without our asking: who expects 100 Continue has not sent one."""

    async def __call__(self, message: Message) -> None:
        """Send one part of the answer."""
        last = message["type"] == "http.response.body" and not message.get("more_body", False)
        if not (last and self._unasked):
            await self._send(message)
            return
        await self._send({**message, "more_body": True})
        await self._drain()
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _drain(self) -> None:
        size, more = 0, True
        try:
            async with asyncio.timeout(LINGER_S):
                while more and size < LINGER_BYTES:
                    message = await self._receive()
                    size += len(message.get("body", b""))
                    more = message.get("more_body", False)  # absent when the client went away
        except TimeoutError:
            return
