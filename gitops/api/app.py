"""The HTTP application: `create_app(service, options)`; every route of `docs/reference/api.md`.

Handlers are synchronous and run in a thread pool, except those that wait for events. What goes out
was made by `gitops.wire`, masked before it got here.
"""

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gitops import __version__
from gitops.api.actions import Actions
from gitops.api.applications import Applications
from gitops.api.audit import Audit
from gitops.api.context import Context
from gitops.api.events import Events
from gitops.api.feed import Feed
from gitops.api.gate import Gate
from gitops.api.meta import Meta, docs_page
from gitops.api.options import ApiOptions
from gitops.api.problems import answer_problem, http_problem, problem, validation_problem
from gitops.api.projects import ProjectRoutes
from gitops.api.refusals import Refusals
from gitops.api.revisions import Revisions
from gitops.api.schemas import PROBLEMS
from gitops.api.syncs import Syncs
from gitops.api.webhooks import Webhooks
from gitops.engine.service import Service
from gitops.errors import GitopsError

PREFIX = "/api/v1"


def create_app(service: Service, options: ApiOptions) -> FastAPI:
    """The application; `app.state.feed` is closed when the server stops."""
    context = Context(service, options, Feed(service), Refusals(service))
    app = FastAPI(
        title="gitops",
        version=__version__,
        summary="Declarative GitOps reconciliation for Kubernetes",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses=PROBLEMS,
    )
    app.state.feed = context.feed
    meta = Meta(context)
    router = APIRouter(prefix=PREFIX)
    for rooms in (
        Applications(context),
        ProjectRoutes(context),
        Syncs(context),
        Actions(context),
        Revisions(context),
        Events(context),
        Audit(context),
        meta,
    ):
        rooms.add(router)
    app.include_router(router)
    outside = APIRouter()
    Webhooks(context).add(outside)
    meta.add_probes(outside)
    app.include_router(outside)
    for path in ("/", "/docs"):
        app.add_route(path, docs_page, include_in_schema=False)
    app.add_exception_handler(GitopsError, _on_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_middleware(Gate, options=options, refusals=context.refusals)
    return app


def _on_error(_request: Request, error: Exception) -> Response:
    """Errors that were foreseen; refusals go on to the gate, which records them."""
    if not isinstance(error, GitopsError) or error.code == "access":
        raise error
    return problem(error)


def _on_invalid(_request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    return validation_problem(error)


def _on_http(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code >= 500:  # noqa: PLR2004 - of the framework, and nobody's business
        return answer_problem(error.status_code, {"code": "defect", "message": "it failed",
                                                  "where": None, "remedy": None})  # fmt: skip
    return http_problem(error)
