"""Routes of the trail: list, export, verify."""

import itertools
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from gitops.api.context import Context, reply
from gitops.api.schemas import TrailFilters
from gitops.errors import InputError
from gitops.model.revision import TrailRecord
from gitops.ports import TrailQuery
from gitops.wire.trail import record_to_wire
from gitops.wire.values import time_from_wire

LINES = "application/x-ndjson"


class Audit:
    """Handlers of `/audit`."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def add(self, router: APIRouter) -> None:
        """Put the routes on a router."""
        router.add_api_route("/audit", self.trail, methods=["GET"], tags=["audit"])
        router.add_api_route("/audit/verify", self.verify, methods=["GET"], tags=["audit"])

    def trail(self, request: Request, filters: Annotated[TrailFilters, Query()]) -> Response:
        """Records that match, streamed: an array, or a line each for `application/x-ndjson`."""
        query = TrailQuery(
            filters.application,
            filters.object,
            filters.actor,
            _time(filters.since, "since"),
            _time(filters.until, "until"),
            filters.outcome,
            filters.limit,
            newest=filters.order == "newest",
            kind=filters.kind,
        )
        records = _begun(self._context.service.reading.trail(query))
        if LINES in request.headers.get("accept", ""):
            return StreamingResponse(_lines(records), media_type=LINES)
        return StreamingResponse(_array(records), media_type="application/json")

    def verify(self, head: Annotated[str | None, Query(max_length=200)] = None) -> Response:
        """Whether the trail was touched; `head` was written down before."""
        verdict = self._context.service.reading.verify(head)
        return reply(
            {"records": verdict.records, "head": verdict.head, "faults": list(verdict.faults)}
        )


def _time(text: str | None, name: str) -> datetime | None:
    if text is None:
        return None
    try:
        return time_from_wire(text)
    except (ValueError, OverflowError) as error:
        raise InputError(
            f"{name} is no time with a zone", remedy="write it as 2026-03-01T09:30:00Z"
        ) from error


def _begun(records: Iterator[TrailRecord]) -> Iterator[TrailRecord]:
    """The same records, the first already read: what is wrong shows before the answer begins."""
    first = next(records, None)
    return iter(()) if first is None else itertools.chain([first], records)


def _lines(records: Iterator[TrailRecord]) -> Iterator[bytes]:
    for record in records:
        yield orjson.dumps(record_to_wire(record)) + b"\n"


def _array(records: Iterator[TrailRecord]) -> Iterator[bytes]:
    before = b"["
    for record in records:
        yield before + orjson.dumps(record_to_wire(record))
        before = b","
    yield b"[]" if before == b"[" else b"]"
