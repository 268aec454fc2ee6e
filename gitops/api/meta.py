"""Routes about the service itself: probes, versions, and a page that lists the routes."""

import html
import platform
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import HTMLResponse, Response

from gitops import __version__
from gitops.api.context import Context, reply
from gitops.errors import GitopsError

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .6rem;"
    "border-bottom:1px solid #8884;vertical-align:top}code{font-family:ui-monospace,monospace}"
    ":root{color-scheme:light dark}"
)


class Meta:
    """Handlers of probes and of what the service is."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def add_probes(self, router: APIRouter) -> None:
        """Put the probes on a router."""
        router.add_api_route("/healthz", self.healthz, methods=["GET"], tags=["service"])
        router.add_api_route("/readyz", self.readyz, methods=["GET"], tags=["service"])

    def add(self, router: APIRouter) -> None:
        """Put the other routes on a router."""
        router.add_api_route("/version", self.version, methods=["GET"], tags=["service"])

    async def healthz(self) -> Response:
        """The process lives."""
        return reply({"status": "ok"})

    async def readyz(self) -> Response:
        """200 once start-up is over, 503 before, and when the service stops."""
        if self._context.feed.closed:
            return reply({"status": "stopping"}, 503)
        ready = self._context.service.ready
        return reply({"status": "ready" if ready else "starting"}, 200 if ready else 503)

    def version(self) -> Response:
        """Versions of the service, its tools and the cluster (null where it cannot be asked)."""
        try:
            cluster: str | None = self._context.service.edges.cluster.version()
        except GitopsError:
            cluster = None
        return reply(
            {
                "gitops": __version__,
                "python": platform.python_version(),
                "kubernetes": cluster,
                "tools": dict(self._context.options.versions()),
            }
        )


def docs_page(request: Request) -> Response:
    """Every route with what it does: a page of one table, without scripts."""
    app: FastAPI = request.app
    rows = "".join(_rows(app.openapi()))
    return HTMLResponse(
        f"<!doctype html><html lang=en><meta charset=utf-8><title>gitops API</title>"
        f"<style>{STYLE}</style><h1>gitops API</h1>"
        f'<p>The same for programs: <a href="/openapi.json">/openapi.json</a>.</p>'
        f"<table><tr><th>Method<th>Path<th>What it does</tr>{rows}</table></html>"
    )


def _rows(specification: dict[str, Any]) -> Iterator[str]:
    for path, methods in specification["paths"].items():
        for method, operation in methods.items():
            told = html.escape(operation.get("description") or operation.get("summary", ""))
            yield (
                f"<tr><td><code>{method.upper()}</code><td><code>{html.escape(path)}</code>"
                f"<td>{told}</tr>"
            )
