"""What must never happen, and what is asked for too early."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from gitops import wiring
from gitops.api.context import reply
from gitops.api.options import ApiOptions
from gitops.settings.load import Settings
from tests.helpers.http import SECRETS, Api, serve_api
from tests.helpers.repo import Repo
from tests.helpers.service import World, unreachable_kubeconfig
from tests.helpers.webhooks import generic


def broken() -> Mapping[str, str]:
    raise RuntimeError("hunter22 at 0x7f")


def test_a_defect_is_a_fixed_sentence_and_a_line_in_the_log(
    offline: World, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve_api(offline, ApiOptions(versions=broken)) as api:
        answer = api.get("/version")
        assert answer.status_code == 500
        assert answer.json()["error"]["code"] == "defect"
        assert "hunter22" not in answer.text
        assert "Traceback" not in answer.text
        assert api.http.get("/healthz").status_code == 200
    printed = capsys.readouterr()
    assert "broken" in printed.out + printed.err


@pytest.fixture
def unstarted(tmp_path: Path):
    kubeconfig = unreachable_kubeconfig(tmp_path)
    settings = Settings(state_dir=tmp_path / "state", cluster={"kubeconfig": kubeconfig})
    running = wiring.build(settings)
    repo = Repo.create(tmp_path / "git")
    with serve_api(World(None, repo, "default", settings, running)) as api:
        yield api
    running.stop()


def test_before_it_is_ready_it_says_so(unstarted: Api) -> None:
    answer = unstarted.http.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"status": "starting"})
    assert unstarted.http.get("/healthz").status_code == 200
    body, headers = generic(SECRETS["generic"], "https://git.example/a")
    asked = [
        unstarted.get("/applications"),
        unstarted.post("/applications/a/sync"),
        unstarted.get("/events"),
        unstarted.http.post("/api/webhook", content=body, headers=headers),
    ]
    for answer in asked:
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "service")
        assert answer.headers["Retry-After"]


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "code"),
    [
        ("POST", "/applications", b"\xff", 400, "invalid"),
        ("POST", "/applications", b"", 422, "application"),
        ("POST", "/applications", b"kind: [", 422, "application"),
        ("POST", "/applications", b"kind: ConfigMap", 422, "application"),
        ("POST", "/plan", b"", 422, "application"),
        ("POST", "/applications/nix/sync", b"{", 400, "usage"),
        ("POST", "/applications/nix/sync", b'{"colour": 1}', 400, "usage"),
        ("POST", "/applications/nix/sync", b'{"prune": "yes"}', 400, "usage"),
        ("POST", "/applications/nix/rollback", b'{"revision": 0}', 400, "usage"),
        ("POST", "/applications/nix/sync", b"", 404, "not-found"),
        ("POST", "/applications/nix/suspend", b"", 404, "not-found"),
        ("DELETE", "/applications/nix", b"", 404, "not-found"),
        ("DELETE", "/applications/nix?mode=burn", b"", 400, "invalid"),
        ("DELETE", "/applications/nix/pin", b"", 404, "not-found"),
        ("PUT", "/applications/nix", b"", 405, "usage"),
        ("GET", "/applications/" + "x" * 5000, b"", 404, "not-found"),
        ("GET", "/applications/%00%ff", b"", 404, "not-found"),
    ],
)
def test_wrong_requests_are_one_sentence(
    api: Api, method: str, path: str, content: bytes, status: int, code: str
) -> None:
    headers = {"Content-Type": "application/json"} if content[:1] == b"{" else {}
    answer = api.http.request(method, f"/api/v1{path}", content=content, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text
    assert answer.json()["error"]["message"]


def test_a_form_of_another_site_cannot_ask_for_work(api: Api) -> None:
    """Browsers send text/plain and forms to other sites without asking first; JSON they do not."""
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        answer = api.http.post(
            "/api/v1/applications/nix/sync",
            content=b'{"prune": true}',
            headers={"Content-Type": kind},
        )
        assert answer.status_code == 400


def test_integers_beyond_64_bits_are_answered() -> None:
    assert json.loads(bytes(reply({"a": 2**70}).body)) == {"a": 2**70}


def test_a_defect_in_a_job_tells_its_place_and_no_value(quiet: World) -> None:
    def broken_handler(_jobs: object) -> None:
        raise KeyError("planted-value-of-a-secret")

    quiet.declare()
    quiet.service.reconciler.handle = broken_handler  # type: ignore[method-assign]  # a defect to come
    quiet.refresh()
    told = quiet.wait_for(lambda: [e for e in quiet.events if e.kind == "defect"], "a defect")
    assert told[0].message == "KeyError"
    assert "broken_handler" in told[0].data["traceback"]
    assert "planted" not in repr(told)
