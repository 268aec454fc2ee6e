"""Where the API server is, and how to talk to it. Used by the floor and by the harness."""

import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from typing import Any

import aiohttp


@dataclass(frozen=True, slots=True)
class Target:
    """An API server: address, certificate authority's file, bearer token."""

    url: str
    ca: str
    token: str

    def facts(self) -> dict[str, str]:
        """As JSON."""
        return asdict(self)

    @property
    def tls(self) -> ssl.SSLContext:
        """A context that trusts the authority."""
        context = ssl.create_default_context(cafile=self.ca)
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context


@contextlib.asynccontextmanager
async def open_session(target: Target) -> AsyncIterator[Any]:
    """A session with the token and without a limit on connections."""
    connector = aiohttp.TCPConnector(limit=0, ssl=target.tls)
    headers = {"Authorization": f"Bearer {target.token}", "User-Agent": "floor"}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        yield session
