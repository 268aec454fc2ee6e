"""The HTTP API of a service in the test's process, served by the real server on a free port."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from gitops.api.app import create_app
from gitops.api.options import ApiOptions
from gitops.api.server import Server, address_of, bind
from tests.helpers.service import World
from tests.helpers.waiting import WAIT_S

SECRETS: Mapping[str, str] = {
    "github": "github-secret",
    "gitlab": "gitlab-secret",
    "gitea": "gitea-secret",
    "bitbucket": "bitbucket-secret",
    "azure": "hook:azure-secret",
    "generic": "generic-secret",
}


@dataclass
class Api:
    """A served API: `http` is a client of it, `port` and `url` are where it listens."""

    url: str
    http: httpx.Client
    server: Server

    @property
    def port(self) -> int:
        """The port."""
        return int(self.url.rpartition(":")[2])

    def get(self, path: str, **query: Any) -> httpx.Response:
        """GET below /api/v1."""
        return self.http.get(f"/api/v1{path}", params=query or None)

    def post(self, path: str, body: Any = None, **query: Any) -> httpx.Response:
        """POST JSON below /api/v1."""
        return self.http.post(f"/api/v1{path}", json=body, params=query or None)


@contextmanager
def serve_api(
    world: World, options: ApiOptions | None = None, *, head_timeout_s: float = 20.0
) -> Iterator[Api]:
    """Serve a world's API until the block ends."""
    listener = bind("127.0.0.1", 0)
    url = address_of(listener)
    app = create_app(world.service, options or ApiOptions(webhook_secrets=SECRETS))
    server = Server(app, listener, head_timeout_s)
    thread = threading.Thread(target=server.run_until_stopped, name="api")
    thread.start()
    try:
        with httpx.Client(base_url=url, timeout=WAIT_S, trust_env=False) as client:
            yield Api(url, client, server)
    finally:
        server.stop()
        thread.join(WAIT_S)
    assert not thread.is_alive()
