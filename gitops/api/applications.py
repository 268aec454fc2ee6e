"""Routes of applications: list, register, look, plan, delete, suspend.

Bodies that declare applications are YAML or JSON, as files hold them.
"""

from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from gitops.api.context import Context, accepted, raw_body, reply
from gitops.engine.declaring.declaring import understand
from gitops.engine.declaring.deleting import DeleteOptions
from gitops.engine.planning.compare import Comparison
from gitops.engine.planning.projects import name_in
from gitops.errors import ApplicationError, InputError
from gitops.ports import DeletionMode
from gitops.wire.plan import plan_digest, plan_to_wire
from gitops.wire.status import status_to_wire
from gitops.wire.values import JsonObject

Body = Annotated[bytes, Depends(raw_body)]
Commit = Annotated[str | None, Query(max_length=1024, description="Branch, tag or commit.")]
Where = Annotated[str, Query(max_length=1024, description="Names the text in errors.")]

MODES: Final[Mapping[str, DeletionMode]] = {
    "cascade": "cascade", "orphan": "orphan", "abandon": "abandon",
}  # fmt: skip


class Applications:
    """Handlers of `/applications` and what is below one of them."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def add(self, router: APIRouter) -> None:
        """Put the routes on a router."""
        one = "/applications/{name}"
        table = (
            ("GET", "/applications", self.list_all),
            ("POST", "/applications", self.create),
            ("GET", one, self.show),
            ("DELETE", one, self.delete),
            ("GET", one + "/plan", self.plan),
            ("GET", one + "/deletion", self.deletion),
            ("POST", "/plan", self.plan_of),
            ("GET", one + "/pin", self.pin),
            ("DELETE", one + "/pin", self.unpin),
            ("POST", one + "/suspend", self.suspend),
            ("POST", one + "/resume", self.resume),
            ("POST", one + "/cancel", self.cancel),
        )
        for method, path, handler in table:
            router.add_api_route(path, handler, methods=[method], tags=["applications"])

    def list_all(self) -> Response:
        """Every application, by name."""
        statuses = self._context.ready().reading.statuses()
        return reply([status_to_wire(status) for status in statuses])

    def create(self, request: Request, body: Body, where: Where = "the request") -> Response:
        """Register the Applications and projects of a YAML or JSON text: all of them or none."""
        service = self._context.ready()
        names = service.declarer.create(_text(body), where, self._context.actor(request))
        projects = [project for name in names if (project := name_in(name)) is not None]
        applications = [name for name in names if name_in(name) is None]
        return reply({"applications": applications, "projects": projects}, 201)

    def show(self, name: str) -> Response:
        """One application with its objects."""
        return reply(status_to_wire(self._context.ready().reading.status(name), objects=True))

    def delete(self, request: Request, name: str, mode: str = "cascade") -> Response:
        """Delete an application: `cascade` with what it runs, `orphan` leaves that alone.

        `abandon` leaves it too, with our marks, and asks the cluster nothing.
        """
        service = self._context.ready()
        after = service.events.newest
        options = DeleteOptions(_mode(mode))
        return accepted(service.delete(name, options, self._context.trigger(request)), after)

    def deletion(self, name: str, mode: str = "cascade") -> Response:
        """What a deletion would do now: what goes, in order, and what stays and why."""
        found = self._context.ready().reading.deletion(name, _mode(mode))
        return reply(comparison_to_wire(found))

    def plan(self, name: str, commit: Commit = None) -> Response:
        """What a sync would do now."""
        return reply(comparison_to_wire(self._context.ready().reading.plan(name, commit)))

    def plan_of(self, body: Body, where: Where = "the request", commit: Commit = None) -> Response:
        """What a sync of an Application would do that need not be registered."""
        service = self._context.ready()
        manifests = service.declarer.read(_text(body), where)
        if len(manifests) != 1:
            raise ApplicationError(
                f"there are {len(manifests)} Applications in it", where=where, remedy="give one"
            )
        application, _ = understand(manifests[0])
        return reply(comparison_to_wire(service.reading.plan_of(application, commit)))

    def pin(self, name: str) -> Response:
        """The pin, or null."""
        status = status_to_wire(self._context.ready().reading.status(name))
        return reply(status["pin"])

    def unpin(self, request: Request, name: str) -> Response:
        """Let Git decide again."""
        service = self._context.ready()
        after = service.events.newest
        return accepted(service.unpin(name, self._context.trigger(request)), after)

    def suspend(self, request: Request, name: str) -> Response:
        """Stop automatic syncs and heals."""
        return self._suspend(request, name, suspended=True)

    def resume(self, request: Request, name: str) -> Response:
        """Let automatic syncs and heals go on."""
        return self._suspend(request, name, suspended=False)

    def cancel(self, request: Request, name: str) -> Response:
        """End what runs at its next safe point; what is written stays."""
        service = self._context.ready()
        service.cancel(name, self._context.trigger(request))
        return reply(status_to_wire(service.reading.status(name)), 202)

    def _suspend(self, request: Request, name: str, *, suspended: bool) -> Response:
        service = self._context.ready()
        service.suspend(name, self._context.trigger(request), suspended=suspended)
        return reply(status_to_wire(service.reading.status(name)))


def comparison_to_wire(comparison: Comparison) -> JsonObject:
    """A plan, masked, with `planDigest` (what an approval binds to), `held` and `waits`."""
    return plan_to_wire(comparison.masked) | {
        "planDigest": plan_digest(comparison.plan),
        "held": comparison.held or None,
        "waits": comparison.waits_for_approval or any(a.waits for a in comparison.plan.actions),
    }


def _mode(mode: str) -> DeletionMode:
    if mode not in MODES:
        raise InputError(f'mode is "cascade", "orphan" or "abandon", not "{mode[:40]}"')
    return MODES[mode]


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError("the body is not UTF-8", where=f"byte {error.start}") from error
