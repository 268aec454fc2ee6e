"""`POST /api/webhook`: Git servers say that something was pushed.

Verified, kept, and answered at once; the fetch and the syncs come after. What is kept survives a
restart (`Delivery`); `core/git/webhooks.py` knows the senders.
"""

import asyncio
import hashlib
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from gitops.api.context import Context, address, raw_body, reply
from gitops.core.git.webhooks import (
    Ignored,
    Ping,
    Push,
    Sender,
    is_genuine,
    read_payload,
    recognise,
)
from gitops.errors import AccessError, InputError
from gitops.ports import Clock, Delivery
from gitops.wire.status import shown_url

REPEAT_S = 600.0
"""A sender without ids that says the same of a ref within this time repeats itself."""
REMEMBERED = 1000
THREADS = 8
"""Threads of their own: a sender waits for seconds, and plans for a Git server that hangs."""


class Webhooks:
    """The handler of webhooks."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._repeats = Repeats(context.service.edges.clock)
        self._threads = ThreadPoolExecutor(THREADS, "webhook")

    def add(self, router: APIRouter) -> None:
        """Put the route on a router."""
        router.add_api_route("/api/webhook", self.receive, methods=["POST"], tags=["webhooks"])

    async def receive(
        self, request: Request, body: Annotated[bytes, Depends(raw_body)]
    ) -> Response:
        """Take one delivery of a Git server that is known, or of a generic sender.

        202 with the repositories and applications that it concerns; 200 for pings, repeats and
        events that move nothing.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._receive, request, body)

    def _receive(self, request: Request, body: bytes) -> Response:
        self._context.ready()
        sender = recognise(request.headers)
        if sender is None:
            raise InputError(
                "nobody that is known sends such a webhook",
                remedy="docs/reference/webhooks.md lists the senders and their headers",
                reason="sender",
            )
        self._verify(sender, body)
        payload = read_payload(sender, request.headers.get("content-type", ""), body)
        match payload:
            case Ping():
                return reply({"ping": True})
            case Ignored(event):
                return reply({"ignored": event})
            case Push():
                return self._take(sender, payload, address(request))

    def _take(self, sender: Sender, push: Push, client: str) -> Response:
        """Keep a push and say whom it concerns."""
        delivery = self._delivery(sender, push, client)
        found = self._context.service.webhook(delivery, push.default_branch)
        if found is None:
            return reply({"delivery": delivery.id, "duplicate": True})
        told = {
            "delivery": delivery.id,
            "duplicate": False,
            "ref": delivery.ref,
            "repositories": [shown_url(url) for url in found.repositories],
            "applications": list(found.applications),
        }
        return reply(told, 202)

    def _verify(self, sender: Sender, body: bytes) -> None:
        """Raise AccessError where the sender does not show that it knows the secret."""
        provider = sender.provider.value
        secret = self._context.options.webhook_secrets.get(provider, "")
        if not secret:
            raise AccessError(
                f"webhooks of {provider} are refused: no secret is set",
                remedy=f"set webhook.{provider} in the settings",
                reason="no-secret",
            )
        if not is_genuine(sender, body, secret):
            raise AccessError(
                f"the signature of the {provider} webhook is "
                + ("wrong" if sender.signature else "missing"),
                remedy=f"use the secret of webhook.{provider} at the sender",
                reason="signature",
            )

    def _delivery(self, sender: Sender, push: Push, client: str) -> Delivery:
        name = sender.delivery or self._repeats.name(sender.provider.value, push)
        delivery = f"{sender.provider.value}:{name}"
        return Delivery(
            id=delivery,
            provider=sender.provider.value,
            repository=" ".join(push.repositories),
            ref=push.ref,
            after=push.after,
            actor=push.actor or sender.provider.value,
            evidence=f"{sender.provider.value} delivery {name} from {client}",
            received_at=self._context.service.edges.clock.now(),
        )


class Repeats:
    """Names deliveries of senders that give no id, so that a repeat has the same name.

    What was said of a ref before something else was said is no repeat: a branch may come back.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._last: OrderedDict[tuple[str, ...], tuple[str, float, str]] = OrderedDict()

    def name(self, provider: str, push: Push) -> str:
        """The name of this delivery."""
        key = (provider, push.repositories[0], push.ref)
        said = f"{push.after} {push.deleted}"
        with self._lock:
            now = self._clock.monotonic()
            last = self._last.get(key)
            if last is not None and last[0] == said and now - last[1] < REPEAT_S:
                return last[2]
            seed = f"{key} {said} {self._clock.now().isoformat()}"
            name = hashlib.sha256(seed.encode()).hexdigest()[:32]
            self._last[key] = (said, now, name)
            self._last.move_to_end(key)
            while len(self._last) > REMEMBERED:
                self._last.popitem(last=False)
            return name
