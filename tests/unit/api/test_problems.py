import json

import pytest
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

import gitops.errors
from gitops.api.problems import STATUSES, http_problem, problem, status_of, validation_problem
from gitops.errors import AccessError, ClusterError, GitopsError, ServiceError, StoreError


def every(kind: type[GitopsError]) -> list[type[GitopsError]]:
    return [kind, *(deeper for one in kind.__subclasses__() for deeper in every(one))]


@pytest.mark.parametrize("kind", every(GitopsError), ids=lambda kind: kind.__name__)
def test_every_error_has_a_status(kind: type[GitopsError]) -> None:
    if kind.__module__ == gitops.errors.__name__:
        assert kind.code in STATUSES
        assert 400 <= status_of(kind("it went wrong")) < 600


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (AccessError("no", reason="token"), 401),
        (AccessError("no", reason="host"), 403),
        (ClusterError("no", reason="unreachable"), 503),
        (ClusterError("no", reason="forbidden"), 502),
        (StoreError("no", reason="full"), 507),
        (StoreError("no", reason="new"), 500),
    ],
)
def test_a_reason_may_decide(error: GitopsError, status: int) -> None:
    assert status_of(error) == status


def test_the_body_is_the_documented_one() -> None:
    answer = problem(ServiceError("it stops", where="here", remedy="wait"))
    assert json.loads(answer.body) == {
        "error": {"code": "service", "message": "it stops", "where": "here", "remedy": "wait"}
    }
    assert answer.headers["Retry-After"]
    assert answer.status_code == 503


def test_wrong_fields_are_told_without_their_values() -> None:
    error = RequestValidationError(
        [
            {"loc": ("body", "colour"), "type": "extra_forbidden", "msg": "x", "input": "hunter22"},
            {"loc": ("body",), "type": "json_invalid", "msg": "JSON decode error", "input": "y"},
            {"loc": ("query", "limit"), "type": "int", "msg": "Input should be a number"},
        ]
    )
    body = json.loads(validation_problem(error).body)["error"]
    assert body["message"] == (
        "unknown field colour; body: JSON decode error; limit: Input should be a number"
    )


@pytest.mark.parametrize(("status", "code"), [(404, "not-found"), (405, "usage"), (400, "usage")])
def test_what_the_router_refuses(status: int, code: str) -> None:
    answer = http_problem(HTTPException(status))
    assert (answer.status_code, json.loads(answer.body)["error"]["code"]) == (status, code)
