"""Routes of resource actions: what the objects of an application have to offer, and doing it."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from gitops.api.context import Context, accepted, reply
from gitops.api.schemas import ActionOrder
from gitops.model.acting import Wish
from gitops.wire.acting import offered_to_wire
from gitops.wire.plan import plan_to_wire

Chosen = Annotated[str, Query(max_length=1024, description="One object: `deployment/web`.")]
Namespace = Annotated[str, Query(max_length=253, description="Of that object.")]


class Actions:
    """Handlers of `/applications/{name}/actions`."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def add(self, router: APIRouter) -> None:
        """Put the routes on a router."""
        path = "/applications/{name}/actions"
        router.add_api_route(path, self.offered, methods=["GET"], tags=["actions"])
        router.add_api_route(path, self.act, methods=["POST"], tags=["actions"])

    def offered(self, name: str, chosen: Chosen = "", namespace: Namespace = "") -> Response:
        """The resource actions of an application's objects, and why one cannot be run now."""
        found = self._context.ready().acting.offered(name, chosen, namespace)
        return reply([offered_to_wire(one) for one in found])

    def act(self, request: Request, name: str, order: ActionOrder) -> Response:
        """Run a resource action on one object; with `dryRun`, answer with what it would change."""
        service = self._context.ready()
        wish = Wish(order.action, order.object, order.namespace or "", order.params)
        if order.dry_run:
            prepared = service.acting.prepare(name, service.acting.order(name, wish))
            return reply(plan_to_wire(prepared.masked))
        after = service.events.newest
        trigger = self._context.trigger(request)
        return accepted(service.act(name, wish, trigger, wait=order.wait), after)
