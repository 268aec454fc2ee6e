"""HTTP to the API server: one session, limits, patience.

In: a `Call`. Out: its `Reply`, or ClusterError. Called by `client`, `discovery`, `shapes` and
`watch`, all on the edge's event loop. What the server never took up (429, no connection, a token
that was renewed meanwhile) is sent again, the rest only if doing it twice means the same as once.
"""

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import orjson
from yarl import URL

from gitops.cluster.access import Endpoint
from gitops.cluster.errors import Subject, closed, network, refusal, unreadable
from gitops.errors import ClusterError

BUSY: Final = frozenset({429, 502, 503, 504})
TOO_MANY: Final = 429
UNAUTHORIZED: Final = 401
ERRORS_FROM: Final = 400
FIRST_DELAY_S: Final = 0.2
LONGEST_DELAY_S: Final = 10.0
BODY_LIMIT: Final = 1 << 20
"""Bytes of an error's body that are read."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How hard the API server is pressed.

    `in_flight` requests at once; `rate` a second on average and `burst` at once; `timeout_s` for
    one attempt; `attempts` in all where an attempt may be repeated. A watch in which nothing comes
    for `silence_s` is dead: a server that lives sends a bookmark every minute or two.

    The API server's own priority and fairness decides how quick we may be: it answers 429 with the
    pause that it wants, and then all of us pause. The rate only bounds what a defect could do.
    """

    in_flight: int = 16
    rate: float = 2000.0
    burst: int = 2000
    timeout_s: float = 30.0
    attempts: int = 4
    silence_s: float = 300.0


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request; `path` is quoted and carries its query.

    `repeatable` says that sending it twice means the same as once.
    """

    method: str
    path: str
    subject: Subject
    body: bytes | None = None
    content_type: str = "application/json"
    accept: str = "application/json"
    repeatable: bool = True
    user: str = ""
    """In whose name it is sent; "" is our own."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A status below 400 and the body."""

    status: int
    body: bytes

    def json(self) -> Any:
        """The body as a JSON value; raises ClusterError where it is none."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise unreadable() from error


class _Refused(Exception):  # noqa: N818 - a carrier inside this module, never seen outside
    """A status that may be tried again, with the server's wish in seconds."""

    def __init__(self, status: int, error: ClusterError, wait_s: float) -> None:
        super().__init__(status)
        self.status = status
        self.error = error
        self.wait_s = wait_s


class Bucket:
    """A token bucket; those who wait are served in the order in which they came."""

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = burst
        self._level = float(burst)
        self._at: float | None = None

    def reserve(self, now: float) -> float:
        """Take one token; seconds to wait until it is there."""
        since = now - self._at if self._at is not None else 0.0
        self._at = now
        self._level = min(float(self._burst), self._level + since * self._rate) - 1
        return max(0.0, -self._level / self._rate)

    def rest(self, seconds: float) -> None:
        """The server asked for a pause: nobody gets a token before it is over."""
        self._level = min(self._level, -seconds * self._rate)


class Transport:
    """Calls to one server. Made and closed on the event loop."""

    def __init__(self, endpoint: Endpoint, limits: Limits) -> None:
        self._endpoint = endpoint
        self._limits = limits
        self._bucket = Bucket(limits.rate, limits.burst)
        self._slots = asyncio.Semaphore(limits.in_flight)
        self._limit = aiohttp.ClientTimeout(total=limits.timeout_s)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0, ssl=endpoint.tls, socket_factory=_keep_alive, keepalive_timeout=30
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "gitops"},
            auto_decompress=True,
        )

    @property
    def url(self) -> str:
        """The server's address, without credentials."""
        return self._endpoint.url

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    async def call(self, call: Call) -> Reply:
        """Send, with retries where they are safe; raises ClusterError."""
        attempt = 0
        while True:
            attempt += 1
            try:
                async with self._slots:
                    return await self._attempt(call)
            except _Refused as refused:
                safe = call.repeatable or refused.status in (TOO_MANY, UNAUTHORIZED)
                if not safe or attempt >= self._limits.attempts:
                    raise refused.error from None
                wait_s = refused.wait_s
                if refused.status == TOO_MANY:
                    self._bucket.rest(wait_s)
            except (aiohttp.ClientError, TimeoutError) as error:
                never_sent = isinstance(error, aiohttp.ClientConnectorError)
                again = (call.repeatable or never_sent) and not _hopeless(error)
                if not again or attempt >= self._limits.attempts:
                    raise network(error, self.url, call.subject.title or None) from error
                wait_s = 0.0
            await asyncio.sleep(max(wait_s, backoff(attempt)))

    async def _attempt(self, call: Call) -> Reply:
        wait_s = self._bucket.reserve(asyncio.get_running_loop().time())
        if wait_s:
            await asyncio.sleep(wait_s)
        async with self._open(call, self._limit) as response:
            body = await response.read()
        return Reply(response.status, body)

    @asynccontextmanager
    async def stream(self, call: Call) -> AsyncIterator[aiohttp.ClientResponse]:
        """Open a response to read piece by piece; raises ClusterError, also from its body."""
        limit = aiohttp.ClientTimeout(
            total=None, sock_connect=self._limits.timeout_s, sock_read=self._limits.silence_s
        )
        try:
            async with self._open(call, limit) as response:
                yield response
        except _Refused as refused:
            raise refused.error from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise network(error, self.url, call.subject.title or None) from error

    @asynccontextmanager
    async def _open(
        self, call: Call, limit: aiohttp.ClientTimeout
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        if self._session.closed:
            raise closed(self.url)
        headers = await self._headers(call)
        async with self._session.request(
            call.method,
            URL(self._endpoint.url + call.path, encoded=True),
            data=call.body,
            headers=headers,
            timeout=limit,
            allow_redirects=False,
            proxy=self._endpoint.proxy,
            server_hostname=self._endpoint.server_name,
        ) as response:
            if response.status >= ERRORS_FROM:
                body = await _read_error(response.content)
                error = refusal(response.status, body, call.subject)
                if response.status in BUSY or await self._is_outdated(response.status, headers):
                    raise _Refused(response.status, error, _retry_after(response.headers))
                raise error
            yield response

    async def _is_outdated(self, status: int, headers: Mapping[str, str]) -> bool:
        """Whether the token that was sent is refused, and another has taken its place."""
        sent = headers.get("Authorization")
        return status == UNAUTHORIZED and await self._endpoint.renewed(sent)

    async def _headers(self, call: Call) -> dict[str, str]:
        headers = {"Accept": call.accept}
        authorization = await self._endpoint.authorization()
        if authorization:
            headers["Authorization"] = authorization
        if call.user:
            headers["Impersonate-User"] = call.user
        if call.body is not None:
            headers["Content-Type"] = call.content_type
        return headers


def backoff(attempt: int, longest_s: float = LONGEST_DELAY_S) -> float:
    """Seconds before attempt `attempt` + 1: doubling from 0.2 s, with jitter of a quarter."""
    delay = min(longest_s, FIRST_DELAY_S * 2.0 ** min(attempt - 1, 16))
    return delay * random.uniform(0.75, 1.25)  # noqa: S311 - jitter, not a secret


async def _read_error(content: aiohttp.StreamReader) -> bytes:
    body = b""
    while len(body) < BODY_LIMIT and (chunk := await content.read(BODY_LIMIT)):
        body += chunk
    return body


def _hopeless(error: BaseException) -> bool:
    return isinstance(error, aiohttp.ClientSSLError)


def _retry_after(headers: Mapping[str, str]) -> float:
    text = headers.get("Retry-After", "")
    return min(float(text), LONGEST_DELAY_S) if text.isdigit() else 0.0


def _keep_alive(address: Any) -> socket.socket:
    """A socket that notices a peer that vanished: watches may be silent for minutes."""
    family, kind, protocol, *_ = address
    made = socket.socket(family, kind, protocol)
    made.setblocking(False)  # noqa: FBT003 - the library takes it by position
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):
            made.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return made
