"""Routes that ask for work: sync, refresh, rollback, approve. Each is answered at once.

The answer `{ticket, after}` names the `job-done` event that will tell the end:
`GET …/events?after=<after>`.
"""

from fastapi import APIRouter, Request
from starlette.responses import Response

from gitops.api.applications import comparison_to_wire
from gitops.api.context import Context, accepted, reply
from gitops.api.schemas import (
    ApproveOrder,
    RenameOrder,
    RollbackOrder,
    SyncOrder,
    TransferOrder,
    UndeleteOrder,
)
from gitops.engine.declaring.transferring import TransferOptions
from gitops.engine.operations import ApproveOptions, RollbackOptions, SyncOptions
from gitops.engine.orders.undelete import UndeleteOptions
from gitops.wire.values import identity_to_wire


class Syncs:
    """Handlers of what changes the cluster."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def add(self, router: APIRouter) -> None:
        """Put the routes on a router."""
        one = "/applications/{name}/"
        for word in ("sync", "refresh", "rollback", "undelete", "approve", "transfer", "rename"):
            handler = getattr(self, word)
            router.add_api_route(one + word, handler, methods=["POST"], tags=["work"])

    def sync(self, request: Request, name: str, order: SyncOrder | None = None) -> Response:
        """Sync now; with `dryRun`, answer with the plan instead."""
        service = self._context.ready()
        chosen = order or SyncOrder()
        selection = chosen.selection()
        if chosen.dry_run:
            found = service.reading.plan(
                name, chosen.commit, selection=selection, prune=chosen.prune
            )
            return reply(comparison_to_wire(found))
        if selection is not None:
            service.reading.select(name, selection, chosen.commit)
        after = service.events.newest
        options = SyncOptions(chosen.commit, chosen.prune, selection)
        return accepted(service.sync(name, options, self._context.trigger(request)), after)

    def refresh(self, request: Request, name: str) -> Response:
        """Look at Git and the cluster now."""
        service = self._context.ready()
        after = service.events.newest
        return accepted(service.refresh(name, self._context.trigger(request)), after)

    def rollback(self, request: Request, name: str, order: RollbackOrder | None = None) -> Response:
        """Go back to a revision, from its stored manifests, and stay there."""
        service = self._context.ready()
        after = service.events.newest
        options = RollbackOptions(order.revision if order else None)
        return accepted(service.rollback(name, options, self._context.trigger(request)), after)

    def undelete(self, request: Request, name: str, order: UndeleteOrder) -> Response:
        """Bring back what a revision deleted, from the live copies that it kept, and stay there."""
        service = self._context.ready()
        after = service.events.newest
        options = UndeleteOptions(order.revision, tuple(order.resources))
        return accepted(service.undelete(name, options, self._context.trigger(request)), after)

    def transfer(self, request: Request, name: str, order: TransferOrder) -> Response:
        """Hand objects over to another application; with `dryRun`, answer with them instead."""
        service = self._context.ready()
        options = TransferOptions(order.to, tuple(order.resources))
        if order.dry_run:
            chosen = service.transferer.choose(name, options)
            objects = [identity_to_wire(identity) for identity in chosen]
            return reply({"application": name, "to": order.to, "objects": objects})
        after = service.events.newest
        trigger = self._context.trigger(request)
        return accepted(service.transferer.ask(name, options, trigger), after)

    def rename(self, request: Request, name: str, order: RenameOrder) -> Response:
        """Give an application that was made through the API another name."""
        service = self._context.ready()
        after = service.events.newest
        trigger = self._context.trigger(request)
        return accepted(service.transferer.ask_name(name, order.name, trigger), after)

    def approve(self, request: Request, name: str, order: ApproveOrder | None = None) -> Response:
        """Approve what the plan holds back, and sync."""
        service = self._context.ready()
        after = service.events.newest
        asked = order or ApproveOrder()
        options = ApproveOptions(asked.plan, asked.selection(), asked.prune)
        return accepted(service.approve(name, self._context.trigger(request), options), after)
