import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from gitops.cli.client import DEFAULT, Client, find_server
from gitops.cli.main import run
from gitops.errors import ConflictError, NotFoundError, ServiceError, UsageError


@contextmanager
def answering(*answers: tuple[int, bytes]) -> Iterator[tuple[str, list[Any]]]:
    """A server that gives these answers in turn, and what it was asked."""
    left, asked = list(answers), []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, dict(self.headers)))
            status, body = left.pop(0)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", asked
        finally:
            server.shutdown()
            thread.join()


def test_the_flag_wins_over_the_environment_and_that_over_the_demo(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert find_server(None, {}, inner) == DEFAULT
    demo = tmp_path / ".gitops-demo"
    demo.mkdir()
    (demo / "demo.json").write_text(json.dumps({"url": "http://127.0.0.1:1234"}))
    assert find_server(None, {}, inner) == "http://127.0.0.1:1234"
    environ = {"GITOPS_SERVER": "http://b.example/"}
    assert find_server(None, environ, inner) == "http://b.example"
    assert find_server("c.example:8080", environ, inner) == "http://c.example:8080"


@pytest.mark.parametrize(
    "url",
    [
        "http://evil.example",
        "https://127.0.0.1:1",
        "http://127.0.0.1.evil.example",
        "http://[",
        "x",
    ],
)
def test_a_repository_sends_nobody_elsewhere(tmp_path: Path, url: str) -> None:
    (tmp_path / ".gitops-demo").mkdir()
    (tmp_path / ".gitops-demo" / "demo.json").write_text(json.dumps({"url": url}))
    assert find_server(None, {}, tmp_path) == DEFAULT


def test_the_token_goes_to_no_service_that_only_a_file_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITOPS_TOKEN", "planted-token")
    monkeypatch.delenv("GITOPS_SERVER", raising=False)
    with answering((200, b"[]"), (200, b"[]")) as (url, asked):
        (tmp_path / ".gitops-demo").mkdir()
        (tmp_path / ".gitops-demo" / "demo.json").write_text(json.dumps({"url": url}))
        assert run(["list"]) == 0
        assert run(["list", "--server", url]) == 0
    capsys.readouterr()
    sent = [headers.get("Authorization") for _, headers in asked]
    assert sent == [None, "Bearer planted-token"]


@pytest.mark.parametrize("text", ["{", "[]", '{"url": 7}'])
def test_a_demo_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / ".gitops-demo").mkdir()
    (tmp_path / ".gitops-demo" / "demo.json").write_text(text)
    assert find_server(None, {}, tmp_path) == DEFAULT


@pytest.mark.parametrize("url", ["ftp://a.example", "http://", "http:///x"])
def test_what_is_no_address_is_wrong_usage(url: str) -> None:
    with pytest.raises(UsageError):
        find_server(url, {}, Path("/"))


def test_errors_are_what_the_service_says() -> None:
    body = {"code": "conflict", "message": "no", "where": "web", "remedy": "wait"}
    with (
        answering((409, json.dumps({"error": body}).encode())) as (url, _),
        pytest.raises(ConflictError) as caught,
    ):
        Client(url).get("/applications")
    assert (caught.value.message, caught.value.where, caught.value.remedy) == ("no", "web", "wait")


@pytest.mark.parametrize("status", [200, 404, 500])
def test_what_is_not_ours_is_said(status: int) -> None:
    with (
        answering((status, b"<html>hello")) as (url, _),
        pytest.raises(ServiceError, match="what answers there is not gitops"),
    ):
        Client(url).get("/applications")


def test_a_busy_service_is_said() -> None:
    with (
        answering((503, b"Service Unavailable")) as (url, _),
        pytest.raises(ServiceError, match="busy"),
    ):
        Client(url).get("/applications")


def test_token_and_actor_are_sent_and_no_proxy_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with answering((200, b"[]")) as (url, asked):
        assert Client(url, "sesame\n").get("/applications", limit=None, where="a b") == []
    path, headers = asked[0]
    assert path == "/api/v1/applications?where=a+b"
    assert headers["Authorization"] == "Bearer sesame"
    assert "@" in headers["X-Gitops-Actor"]


def job_done(ticket: int, **data: Any) -> dict[str, Any]:
    return {"sequence": 9, "kind": "job-done", "data": {"ticket": ticket, **data}}


def page(newest: int, *events: dict[str, Any]) -> tuple[int, bytes]:
    return 200, json.dumps({"newest": newest, "events": events}).encode()


def test_a_job_is_followed_to_its_own_end() -> None:
    told: list[Any] = []
    other = {"sequence": 7, "kind": "outcome", "data": {}}
    answers = [page(7, other), page(8, job_done(1)), page(9, job_done(2, state="succeeded"))]
    with answering(*answers) as (url, asked):
        done = Client(url).job("web", {"ticket": 2, "after": 6}, 10, told.append)
    assert done["data"]["state"] == "succeeded"
    assert [event["kind"] for event in told] == ["outcome", "job-done"]
    assert [path.split("&")[0] for path, _ in asked] == [
        f"/api/v1/applications/web/events?after={after}" for after in (6, 7, 8)
    ]


def test_a_jobs_error_is_raised() -> None:
    error = {"code": "not-found", "message": "no", "where": None, "remedy": None}
    with (
        answering(page(9, job_done(2, error=error))) as (url, _),
        pytest.raises(NotFoundError),
    ):
        Client(url).job("web", {"ticket": 2, "after": 6}, 10, print)


def test_a_restart_of_the_service_is_said() -> None:
    with (
        answering(page(2)) as (url, _),
        pytest.raises(ServiceError, match="restarted"),
    ):
        Client(url).job("web", {"ticket": 2, "after": 6}, 10, print)


def test_waiting_has_an_end() -> None:
    with (
        answering(page(6)) as (url, _),
        pytest.raises(ServiceError, match="not done within"),
    ):
        Client(url).job("web", {"ticket": 2, "after": 6}, 0.000001, print)


def test_a_service_that_is_not_there_is_said() -> None:
    client = Client("http://127.0.0.1:1")
    with pytest.raises(ServiceError, match="cannot be reached"):
        client.get("/applications")
    with pytest.raises(ServiceError, match="cannot be reached"):
        list(client.lines("/audit", "text/plain"))


def test_nobody_answers_https_on_a_plain_port() -> None:
    with (
        answering() as (url, _),
        pytest.raises(ServiceError, match="cannot be reached"),
    ):
        Client(url.replace("http:", "https:")).get("/applications")
