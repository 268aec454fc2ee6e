"""What every route needs, and the few things that all of them do the same way.

Called by the modules of routes beside this one.
"""

import json
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import Request
from starlette.responses import Response

from gitops.api.feed import Feed
from gitops.api.options import ApiOptions
from gitops.api.refusals import Refusals
from gitops.engine.service import Service
from gitops.errors import ServiceError
from gitops.model.revision import Trigger, TriggerKind

ACTOR = "x-gitops-actor"
_LONGEST = 100


@dataclass(frozen=True, slots=True)
class Context:
    """The service and what stands around it."""

    service: Service
    options: ApiOptions
    feed: Feed
    refusals: Refusals

    def ready(self) -> Service:
        """The service, once start-up is over; raises ServiceError before."""
        if not self.service.ready:
            raise ServiceError("the service is starting", remedy="try again in a moment")
        return self.service

    def trigger(self, request: Request) -> Trigger:
        """Who asks: what the client says of itself, which proves nothing, and its address."""
        return Trigger(TriggerKind.MANUAL, self.actor(request), f"from {address(request)}")

    def actor(self, request: Request) -> str:
        """`user@host` as the client says, else by which way it was let in."""
        said = "".join(c for c in request.headers.get(ACTOR, "") if c.isprintable()).strip()
        return said[:_LONGEST] or ("token" if self.options.token else "local")


def address(request: Request) -> str:
    """The client's address."""
    return request.client.host if request.client else "unknown"


def reply(value: Any, status: int = 200) -> Response:
    """A JSON value as the answer."""
    try:
        content = orjson.dumps(value)
    except TypeError:  # an integer beyond 64 bits, as manifests may hold
        content = json.dumps(value, ensure_ascii=False).encode()
    return Response(content, status, media_type="application/json")


def accepted(ticket: int, after: int) -> Response:
    """A job was asked for: the `job-done` event after `after` that carries its ticket ends it."""
    return reply({"ticket": ticket, "after": after}, 202)


async def raw_body(request: Request) -> bytes:
    """The body as it came; the gate has bounded it."""
    return await request.body()
