import contextlib
import socket
import threading
from collections.abc import Iterator

import httpx
import pytest

from gitops.api.options import ApiOptions
from gitops.model.revision import RecordKind
from gitops.ports import TrailQuery
from tests.helpers.controlplane import eventually
from tests.helpers.http import SECRETS, Api, serve_api
from tests.helpers.service import World
from tests.helpers.waiting import WAIT_S

TOKEN = "a-token-of-the-team"


@pytest.fixture(scope="module")
def guarded(offline: World) -> Iterator[Api]:
    with serve_api(offline, ApiOptions(token=TOKEN)) as served:
        yield served


def raw(api: Api, text: str | bytes) -> bytes:
    """Send bytes, return what came until the server hung up."""
    answer = b""
    client = socket.create_connection(("127.0.0.1", api.port), timeout=WAIT_S)
    with client, contextlib.suppress(ConnectionError):
        client.sendall(text.encode() if isinstance(text, str) else text)
        while chunk := client.recv(65536):
            answer += chunk
    return answer


def code(answer: httpx.Response) -> str:
    return str(answer.json()["error"]["code"])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]", "127.1.2.3"])
def test_loopback_names_are_served(api: Api, host: str) -> None:
    answer = api.http.get("/api/v1/version", headers={"Host": f"{host}:{api.port}"})
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/api/v1/applications", "/docs", "/openapi.json", "/"])
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.7", "a b"])
def test_foreign_hosts_are_refused_also_for_reading(api: Api, host: str, path: str) -> None:
    answer = api.http.get(path, headers={"Host": host})
    assert answer.status_code == 403
    assert code(answer) == "access"
    assert "allowedHosts" in answer.json()["error"]["remedy"]


def test_a_request_without_a_host_is_refused(api: Api) -> None:
    answer = raw(api, "GET /api/v1/version HTTP/1.0\r\n\r\n")
    assert b" 403 " in answer.splitlines()[0]


def test_probes_answer_by_any_name(api: Api) -> None:
    for path in ("/healthz", "/readyz"):
        answer = api.http.get(path, headers={"Host": "10.1.2.3:8080"})
        assert answer.status_code == 200


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://evil.example", 403),
        ("null", 403),
        ("http://127.0.0.1:1", 403),
        ("https://127.0.0.1", 403),
        ("http://[nonsense", 403),
        ("file://", 403),
        ("http://127.0.0.1:{port}", 200),
        ("http://localhost:{port}", 200),
    ],
)
def test_pages_of_other_sites_are_refused(api: Api, origin: str, status: int) -> None:
    headers = {"Origin": origin.format(port=api.port)}
    assert api.http.get("/api/v1/version", headers=headers).status_code == status
    answer = api.http.post("/api/v1/applications/x/sync", headers=headers)
    assert answer.status_code == (404 if status == 200 else status)


def test_named_hosts_are_served(offline: World) -> None:
    options = ApiOptions(hosts=frozenset({"gitops.example.com"}))
    with serve_api(offline, options) as api:
        headers = {"Host": "gitops.example.com", "Origin": "https://gitops.example.com"}
        assert api.http.get("/api/v1/version", headers=headers).status_code == 200


def test_any_address_is_served_where_the_service_listens_on_all(offline: World) -> None:
    with serve_api(offline, ApiOptions(any_address=True, token=TOKEN)) as api:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        for host, status in (("10.0.0.7:8080", 200), ("[fd00::1]", 200), ("evil.example", 403)):
            answer = api.http.get("/api/v1/version", headers={**headers, "Host": host})
            assert answer.status_code == status


@pytest.mark.parametrize(
    "shown",
    [None, "", "Bearer", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN, "Bearer ä"],
)
@pytest.mark.parametrize("path", ["/api/v1/applications", "/openapi.json", "/docs", "/nowhere"])
def test_without_the_token_nothing_is_told(guarded: Api, shown: str | None, path: str) -> None:
    headers = {} if shown is None else {"Authorization": shown.encode("latin-1")}
    answer = guarded.http.get(path, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert TOKEN not in answer.text


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_with_the_token_everything_is_served(guarded: Api, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {TOKEN}"}
    assert guarded.http.get("/api/v1/applications", headers=headers).json() == []


def test_probes_need_no_token(guarded: Api) -> None:
    assert guarded.http.get("/healthz").status_code == 200


def test_refused_attempts_are_in_the_trail(quiet: World) -> None:
    with serve_api(quiet, ApiOptions(token=TOKEN)) as api:
        api.http.post("/api/v1/applications/shop/sync")
    record = next(quiet.service.reading.trail(TrailQuery(outcome="refused")))
    assert record.kind is RecordKind.REFUSED
    assert record.actor == "127.0.0.1"
    assert record.payload["what"] == "POST /api/v1/applications/shop/sync"
    assert record.payload["message"] == "a token is needed"


def test_nobody_fills_the_trail_with_refused_attempts(quiet: World) -> None:
    with serve_api(quiet, ApiOptions(token=TOKEN)) as api:
        for _ in range(60):
            assert api.http.get("/api/v1/applications").status_code == 401
    records = list(quiet.service.reading.trail(TrailQuery(outcome="refused")))
    assert 10 <= len(records) <= 25


def test_a_large_body_is_refused_before_it_is_read(api: Api) -> None:
    head = (
        f"POST /api/webhook HTTP/1.1\r\nHost: localhost:{api.port}\r\n"
        "Content-Length: 99999999999\r\n\r\n"
    )
    answer = raw(api, head)
    assert b" 413 " in answer.splitlines()[0]
    assert b'"too-large"' in answer


def test_a_large_body_is_refused_while_it_comes(offline: World) -> None:
    with serve_api(offline, ApiOptions(max_body_bytes=1000)) as api:
        head = f"POST /api/webhook HTTP/1.1\r\nHost: localhost:{api.port}\r\n"
        chunks = b"".join(b"1f4\r\n" + b"x" * 500 + b"\r\n" for _ in range(3))
        answer = raw(api, head.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + chunks)
        assert b" 413 " in answer.splitlines()[0]


def test_a_body_at_the_limit_is_read(offline: World) -> None:
    with serve_api(offline, ApiOptions(max_body_bytes=1000)) as api:
        assert api.http.post("/api/webhook", content=b"x" * 1000).status_code == 400
        assert api.http.post("/api/webhook", content=b"x" * 1001).status_code == 413


def test_who_is_refused_before_the_body_came_reads_why(offline: World) -> None:
    with serve_api(offline, ApiOptions(max_body_bytes=1000)) as api:
        head = f"POST /api/webhook HTTP/1.1\r\nHost: localhost:{api.port}\r\n"
        with socket.create_connection(("127.0.0.1", api.port), timeout=WAIT_S) as client:
            client.sendall(f"{head}Content-Length: 1001\r\n\r\n".encode())
            answer = client.recv(65536)  # a body sent after this meets no closed socket
            client.sendall(b"x" * 1001)
            while chunk := client.recv(65536):  # raises ConnectionResetError at a reset
                answer += chunk
    assert b" 413 " in answer.splitlines()[0]
    assert b'"too-large"' in answer


def test_who_asks_before_sending_a_large_body_is_told_at_once(offline: World) -> None:
    with serve_api(offline, ApiOptions(max_body_bytes=1000)) as api:
        head = f"POST /api/webhook HTTP/1.1\r\nHost: localhost:{api.port}\r\n"
        answer = raw(api, head + "Content-Length: 1001\r\nExpect: 100-continue\r\n\r\n")
    assert b" 413 " in answer.splitlines()[0]
    assert b" 100 " not in answer


def test_a_body_that_does_not_come_is_given_up(offline: World) -> None:
    with serve_api(offline, ApiOptions(body_timeout_s=0.2)) as api:
        head = f"POST /api/webhook HTTP/1.1\r\nHost: localhost:{api.port}\r\n"
        answer = raw(api, head + "Content-Length: 10\r\n\r\nabc")
        assert b" 408 " in answer.splitlines()[0]


def test_a_client_that_goes_away_leaves_nothing(api: Api) -> None:
    with socket.create_connection(("127.0.0.1", api.port)) as client:
        head = f"POST /api/webhook HTTP/1.1\r\nHost: localhost:{api.port}\r\n"
        client.sendall((head + "Content-Length: 10\r\n\r\nabc").encode())
    assert api.http.get("/healthz").status_code == 200


@pytest.mark.parametrize("sent", [b"", b"GET /healthz HTTP/1.1\r\nHost: loc"])
def test_a_head_that_does_not_come_is_hung_up_on(offline: World, sent: bytes) -> None:
    with serve_api(offline, head_timeout_s=0.2) as api:
        assert raw(api, sent) == b""


def test_the_next_head_of_a_connection_is_bounded_too(offline: World) -> None:
    with serve_api(offline, head_timeout_s=0.3) as api:
        request = f"GET /healthz HTTP/1.1\r\nHost: localhost:{api.port}\r\n\r\n"
        answer = raw(api, request + "GET /healthz HT")
        assert answer.count(b"HTTP/1.1 200") == 1


@pytest.mark.parametrize("size", [33_000, 600_000])
def test_a_large_head_is_refused(api: Api, size: int) -> None:
    head = f"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX: {'x' * size}"
    answer = raw(api, head + "\r\n\r\n").split()
    assert not answer or answer[1] in (b"400", b"431")
    assert api.http.get("/healthz").status_code == 200


def test_a_long_query_is_refused(api: Api) -> None:
    answer = api.http.get("/api/v1/audit", params={"object": "x" * 40_000})
    assert answer.status_code == 431
    assert code(answer) == "too-large"


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/applications", "/nowhere", "/docs"])
def test_answers_carry_protective_headers_and_name_no_program(api: Api, path: str) -> None:
    headers = api.http.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "Server" not in headers


def test_many_clients_are_served_at_once(api: Api) -> None:
    answers: list[int] = []

    def ask() -> None:
        answers.append(httpx.get(f"{api.url}/api/v1/version", timeout=WAIT_S).status_code)

    threads = [threading.Thread(target=ask) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 30


def test_bodies_are_bounded_together_and_webhooks_take_no_room_from_others(offline: World) -> None:
    options = ApiOptions(max_body_bytes=2000, held_body_bytes=3000, webhook_secrets=SECRETS)
    with serve_api(offline, options) as api:

        def hook() -> httpx.Response:
            return api.http.post("/api/webhook", content=b"x" * 1500)

        with socket.create_connection(("127.0.0.1", api.port)) as client:
            head = f"POST /api/webhook HTTP/1.1\r\nHost: localhost:{api.port}\r\n"
            client.sendall(f"{head}Content-Length: 2000\r\n\r\n".encode() + b"x" * 1900)
            eventually(lambda: hook().status_code == 503, "that there is no room")
            answer = hook()
            assert code(answer) == "service"
            assert answer.headers["Retry-After"]
            other = api.http.post("/api/v1/plan", content=b"x" * 1500)
            assert other.status_code == 422
        eventually(lambda: hook().status_code == 400, "that there is room again")


@pytest.mark.parametrize("accept", ["text/event-stream", "application/json"])
def test_clients_that_wait_for_events_are_bounded(offline: World, accept: str) -> None:
    with serve_api(offline, ApiOptions(waiting_clients=1)) as api:
        after = {"after": "0", "timeout": "60"}
        with api.http.stream("GET", "/api/v1/events", headers={"Accept": "text/event-stream"}):
            answer = api.http.get("/api/v1/events", params=after, headers={"Accept": accept})
            assert (answer.status_code, code(answer)) == (503, "service")
            assert "1 clients wait for events already" in answer.text
            assert answer.headers["Retry-After"]
            assert api.get("/events").status_code == 200

        def streams() -> bool:
            headers = {"Accept": "text/event-stream"}
            with api.http.stream("GET", "/api/v1/events", headers=headers) as stream:
                return stream.status_code == 200

        eventually(streams, "that there is a place again")
