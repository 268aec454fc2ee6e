"""Routes of events: Server-Sent Events, or a long poll."""

from collections.abc import AsyncIterator
from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from gitops.api.context import Context, reply
from gitops.api.room import Room
from gitops.model.events import Event
from gitops.wire.status import event_to_wire

STREAM = "text/event-stream"
BEAT_S = 15.0
"""A stream says something in this time, so that nobody between takes it for dead."""

After = Annotated[int | None, Query(ge=0, description="Sequence of the last event known.")]
Timeout = Annotated[float, Query(ge=0, le=60, description="Seconds to wait for the first event.")]


class Events:
    """Handlers of `/events` and `/applications/{name}/events`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        most = context.options.waiting_clients
        self._room = Room(most, f"{most} clients wait for events already")

    def add(self, router: APIRouter) -> None:
        """Put the routes on a router."""
        router.add_api_route("/events", self.every, methods=["GET"], tags=["events"])
        one = "/applications/{name}/events"
        router.add_api_route(one, self.of_one, methods=["GET"], tags=["events"])

    async def every(self, request: Request, after: After = None, timeout: Timeout = 0) -> Response:  # noqa: ASYNC109 - the client's wish, not a way to cancel
        """Events of all applications after a sequence number; see below for one."""
        return await self._answer(request, None, after, timeout)

    async def of_one(
        self,
        request: Request,
        name: str,
        after: After = None,
        timeout: Timeout = 0,  # noqa: ASYNC109 - the client's wish, not a way to cancel
    ) -> Response:
        """Events of an application: `{events, newest}`, or a stream for `text/event-stream`.

        Events of before a restart are gone: a number beyond the newest one begins anew.
        """
        service = self._context.ready()
        known = service.parts.registry.find(name) is not None
        if not known and not service.events.since(0, name):
            service.parts.registry.get(name)
        return await self._answer(request, name, after, timeout)

    async def _answer(
        self, request: Request, name: str | None, after: int | None, timeout_s: float
    ) -> Response:
        self._context.ready()
        feed = self._context.feed
        if STREAM in request.headers.get("accept", ""):
            last = request.headers.get("last-event-id", "")
            start = int(last) if last.isdecimal() and len(last) < 16 else after or 0  # noqa: PLR2004 - more digits than any sequence has
            return Stream(self._room, self._stream(name, feed.resume(start)))
        with self._room.place(1 if timeout_s else 0):
            events, newest = await feed.wait(feed.resume(after or 0), name, timeout_s)
        return reply({"events": [event_to_wire(event) for event in events], "newest": newest})

    async def _stream(self, name: str | None, after: int) -> AsyncIterator[bytes]:
        feed = self._context.feed
        yield b": here come events\n\n"
        while not feed.closed:
            events, after = await feed.wait(after, name, BEAT_S)
            if not events:
                yield b": still here\n\n"
            for event in events:
                yield _frame(event)


class Stream(StreamingResponse):
    """Server-Sent Events; takes a place of the room for as long as it is sent."""

    def __init__(self, room: Room, content: AsyncIterator[bytes]) -> None:
        super().__init__(content, media_type=STREAM, headers={"X-Accel-Buffering": "no"})
        self._room = room

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; raises ServiceError before anything is sent where the room is full."""
        with self._room.place(1):
            await super().__call__(scope, receive, send)


def _frame(event: Event) -> bytes:
    data = orjson.dumps(event_to_wire(event)).decode()
    return f"id: {event.sequence}\nevent: {event.kind}\ndata: {data}\n\n".encode()
