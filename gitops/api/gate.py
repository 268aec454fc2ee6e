"""The gate before every route: hosts, pages of other sites, tokens, and limits of bodies.

An ASGI middleware, outermost: what passes has a bounded body that is wholly there. Nothing escapes
from here but answers: a defect is a fixed sentence, and its place a line in the log.
"""

import asyncio
import hmac
import traceback
from typing import Final

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gitops.api.hosts import check_host, check_origin
from gitops.api.linger import Lingering
from gitops.api.options import ApiOptions
from gitops.api.problems import DEFECT, answer_problem, problem, status_of
from gitops.api.refusals import Refusals
from gitops.api.room import Place, Room
from gitops.errors import AccessError, GitopsError, TooLargeError

PROBES: Final = frozenset({"/healthz", "/readyz"})
"""Answer whoever asks, by whatever name: kubelet asks by the pod's address. They tell nothing."""
SIGNED: Final = frozenset({"/api/webhook"})
"""Need no token: what they carry is signed."""
SECURITY: Final = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Referrer-Policy": "no-referrer",
}
REFUSED: Final = (401, 403)
HEAD_BYTES: Final = 32 * 1024
"""How large a request's line and headers may be together."""

log = structlog.get_logger("gitops.api")


class GoneError(Exception):
    """The client went away before its body was there: nobody waits for an answer."""


class SlowBodyError(GitopsError):
    """A body did not come in time."""

    code = "timeout"


class Gate:
    """Wraps the application; `refusals` records who was turned away."""

    def __init__(self, app: ASGIApp, options: ApiOptions, refusals: Refusals) -> None:
        self._app = app
        self._options = options
        self._refusals = refusals
        most = max(options.held_body_bytes, options.max_body_bytes)
        full = f"more than {most} bytes of requests are being read at once"
        self._bodies = Room(most, full)
        self._unproven = Room(most, full)
        """Of those who show only in the body that they may: they take no room from the others."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        answering = Answering(send)
        try:
            await self._serve(scope, receive, answering)
        except GoneError:
            return
        except GitopsError as error:
            await self._refuse(error, scope, receive, answering)
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets a sentence
            await self._fail(error, scope, receive, answering)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        error = check_size(scope) or self._check(scope["path"], headers)
        if error is not None:
            raise error
        room = self._unproven if scope["path"] in SIGNED else self._bodies
        with room.place() as place:
            body = await self._read(headers, receive, place)
            await self._app(scope, Replay(body, receive), send)

    def _check(self, path: str, headers: Headers) -> AccessError | None:
        """Why a request is refused before its body is read, or None."""
        if path in PROBES:
            return None
        hosts = headers.getlist("host")
        error = check_host(hosts[0] if len(hosts) == 1 else "", self._options)
        for origin in headers.getlist("origin"):
            error = error or check_origin(origin, hosts[0] if hosts else "", self._options)
        if error is None and path not in SIGNED:
            error = check_token(headers.get("authorization", ""), self._options.token)
        return error

    async def _read(self, headers: Headers, receive: Receive, place: Place) -> bytes:
        """The whole body; raises TooLargeError, ServiceError before more than a limit is kept."""
        limit = self._options.max_body_bytes
        stated = headers.get("content-length", "")
        if stated.isdecimal() and int(stated) > limit:
            raise _too_large(limit)
        chunks, size = [], 0
        try:
            async with asyncio.timeout(self._options.body_timeout_s):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise GoneError
                    chunk = message.get("body", b"")
                    size += len(chunk)
                    if size > limit:
                        raise _too_large(limit)
                    place.grow(len(chunk))
                    chunks.append(chunk)
                    if not message.get("more_body", False):
                        return b"".join(chunks)
        except TimeoutError as error:
            seconds = self._options.body_timeout_s
            raise SlowBodyError(f"the body did not come within {seconds:g} s") from error

    async def _refuse(
        self, error: GitopsError, scope: Scope, receive: Receive, send: "Answering"
    ) -> None:
        if status_of(error) in REFUSED:
            await run_in_threadpool(self._refusals.record, client_of(scope), what(scope), error)
        response = problem(error)
        response.headers["Connection"] = "close"  # the rest of the body is of no use
        if not send.begun:
            await response(scope, receive, Lingering(scope, receive, send))

    async def _fail(
        self, error: Exception, scope: Scope, receive: Receive, send: "Answering"
    ) -> None:
        frames = traceback.extract_tb(error.__traceback__)
        log.error(
            "defect",
            what=what(scope),
            error=type(error).__name__,
            traceback=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
        )
        if not send.begun:
            await answer_problem(500, DEFECT)(scope, receive, send)


def check_size(scope: Scope) -> TooLargeError | None:
    """Why a request's head is refused, or None."""
    size = len(scope.get("raw_path") or b"") + len(scope["query_string"])
    size += sum(len(name) + len(value) + 4 for name, value in scope["headers"])
    if size <= HEAD_BYTES:
        return None
    return TooLargeError(
        f"the request's head is larger than {HEAD_BYTES} bytes",
        remedy="send fewer or shorter headers",
        reason="headers",
    )


def check_token(authorization: str, token: str) -> AccessError | None:
    """Why a request's token is refused, or None; takes the same time for every wrong one."""
    if not token:
        return None
    scheme, _, shown = authorization.partition(" ")
    if scheme.lower() == "bearer" and hmac.compare_digest(shown.strip().encode(), token.encode()):
        return None
    return AccessError(
        "the token is wrong" if authorization else "a token is needed",
        remedy="send `Authorization: Bearer TOKEN`; the commands read GITOPS_TOKEN",
        reason="token",
    )


def _too_large(limit: int) -> TooLargeError:
    return TooLargeError(
        f"the body is larger than {limit} bytes",
        remedy="send less, or raise server.maxBodyBytes in the settings",
    )


def client_of(scope: Scope) -> str:
    """The client's address, or "unknown"."""
    client = scope.get("client")
    return str(client[0]) if client else "unknown"


def what(scope: Scope) -> str:
    """`GET /api/v1/applications`, bounded and printable."""
    path = "".join(c for c in str(scope["path"])[:200] if c.isprintable())
    return f"{scope['method']} {path}"


class Answering:
    """The way to the client: adds headers that every answer has, and knows whether it began."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.begun = False

    async def __call__(self, message: Message) -> None:
        """Send one part of the answer."""
        if message["type"] == "http.response.start":
            self.begun = True
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY.items():
                headers.setdefault(name, value)
        await self._send(message)


class Replay:
    """Gives the body that was read as one message, then whatever comes after it."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        """The next message."""
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}
