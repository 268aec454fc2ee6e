"""Errors as answers: one table from code and reason to status, one body, never a traceback.

The body is `{"error": {code, message, where, remedy}}`, as on standard error of the commands.
"""

from collections.abc import Mapping
from typing import Any, Final

import orjson
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from gitops.errors import GitopsError

STATUSES: Final[Mapping[str, int]] = {
    "usage": 400,
    "invalid": 400,
    "manifest": 422,
    "application": 422,
    "settings": 500,
    "not-found": 404,
    "conflict": 409,
    "access": 401,
    "access/host": 403,
    "access/origin": 403,
    "access/no-secret": 403,
    "too-large": 413,
    "too-large/headers": 431,
    "timeout": 408,
    "source": 422,
    "source/unreachable": 502,
    "source/half-answer": 502,
    "source/timeout": 504,
    "render": 422,
    "render/tool-missing": 500,
    "cluster": 502,
    "cluster/unreachable": 503,
    "cluster/transient": 503,
    "cluster/conflict": 409,
    "cluster/invalid": 422,
    "cluster/denied": 422,
    "cluster/immutable": 422,
    "cluster/unknown-kind": 422,
    "cluster/namespace-missing": 422,
    "control-plane": 500,
    "store": 500,
    "store/full": 507,
    "store/busy": 503,
    "service": 503,
    "error": 500,
}
"""Status by `code/reason`, else by code."""

DEFECT: Final = {
    "code": "defect",
    "message": "a defect in gitops stopped this request",
    "where": None,
    "remedy": "the service's log says where it happened",
}
_PHRASES: Final = {404: "there is no such path", 405: "the method is not allowed here"}


def status_of(error: GitopsError) -> int:
    """The HTTP status of an error."""
    fine = f"{error.code}/{error.reason}" if error.reason else error.code
    return STATUSES.get(fine, STATUSES.get(error.code, 500))


def body_of(error: GitopsError) -> dict[str, Any]:
    """The documented body of an error."""
    return {
        "code": error.code,
        "message": error.message,
        "where": error.where,
        "remedy": error.remedy,
    }


def problem(error: GitopsError) -> Response:
    """The answer to a request that met an error."""
    status = status_of(error)
    headers = {}
    if status == 401:  # noqa: PLR2004 - the one status that has to name its scheme
        headers["WWW-Authenticate"] = "Bearer"
    if status == 503:  # noqa: PLR2004 - come again
        headers["Retry-After"] = "2"
    return answer_problem(status, body_of(error), headers)


def answer_problem(
    status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Response:
    """An error's body as a response."""
    content = orjson.dumps({"error": body})
    return Response(content, status, dict(headers or {}), "application/json")


def validation_problem(error: RequestValidationError) -> Response:
    """A request whose fields are wrong: each fault in one sentence, without the values."""
    faults = "; ".join(_sentence(fault) for fault in error.errors()[:10])
    return answer_problem(
        400,
        {
            "code": "usage",
            "message": faults,
            "where": None,
            "remedy": "docs/reference/api.md lists the fields",
        },
    )


def _sentence(fault: Mapping[str, Any]) -> str:
    place = ".".join(str(part) for part in fault["loc"] if part not in ("body", "query", "path"))
    if fault["type"] == "extra_forbidden":
        return f"unknown field {place}"
    message = str(fault["msg"]).removeprefix("Value error, ")
    return f"{place or 'body'}: {message}"


def http_problem(error: HTTPException) -> Response:
    """What the router refuses: unknown paths and methods."""
    code = "not-found" if error.status_code == 404 else "usage"  # noqa: PLR2004 - as HTTP has it
    message = _PHRASES.get(error.status_code, "the request cannot be read")
    remedy = "/openapi.json lists every path"
    body = {"code": code, "message": message, "where": None, "remedy": remedy}
    return answer_problem(error.status_code, body, error.headers)
