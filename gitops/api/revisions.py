"""Routes of history: revisions, their plans and manifests, differences between two."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from gitops.api.context import Context, reply
from gitops.errors import NotFoundError
from gitops.wire.diff import diff_to_wire
from gitops.wire.revision import history_row, revision_to_wire

Number = Annotated[int, Path(ge=1, le=2**53)]
Other = Annotated[int, Query(ge=1, le=2**53)]


class Revisions:
    """Handlers of `/applications/{name}/revisions`."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def add(self, router: APIRouter) -> None:
        """Put the routes on a router."""
        every = "/applications/{name}/revisions"
        one = every + "/{number}"
        table = (
            (every, self.history),
            (one, self.show),
            (one + "/plan", self.plan),
            (one + "/manifests", self.manifests),
            (one + "/diff", self.diff),
        )
        for path, handler in table:
            router.add_api_route(path, handler, methods=["GET"], tags=["revisions"])

    def history(
        self,
        name: str,
        limit: Annotated[int | None, Query(ge=1, le=100_000)] = None,
        before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    ) -> Response:
        """Revisions, newest first; of a deleted application too."""
        found = self._context.ready().reading.revisions(name, limit, before)
        return reply([history_row(revision) for revision in found])

    def show(self, name: str, number: Number) -> Response:
        """One revision with its outcomes."""
        return reply(revision_to_wire(self._context.ready().reading.revision(name, number)))

    def plan(self, name: str, number: Number) -> Response:
        """The plan that a revision carried out, masked."""
        stored = self._context.ready().reading.stored_plan(name, number)
        if stored is None:
            raise NotFoundError(f"revision {number} keeps no plan", where=name)
        return reply(orjson.loads(stored))

    def manifests(self, name: str, number: Number) -> Response:
        """What a revision desired, masked."""
        found = self._context.ready().reading.manifests(name, number)
        return reply([manifest.body for manifest in found])

    def diff(self, name: str, number: Number, to: Other) -> Response:
        """What differs in the revision `to`, seen from this one; masked."""
        found = self._context.ready().reading.diff(name, number, to)
        return reply([diff_to_wire(one) for one in found])
