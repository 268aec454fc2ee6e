import base64
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from gitops.api.options import ApiOptions
from gitops.engine.service import Edges
from gitops.ports import TrailQuery
from tests.helpers.controlplane import eventually
from tests.helpers.http import SECRETS, Api, serve_api
from tests.helpers.service import World, config_map, start_world
from tests.helpers.waiting import WAIT_S
from tests.helpers.webhooks import (
    AFTER,
    AZURE_PUSH,
    BITBUCKET_CLOUD_PUSH,
    GITEA_PUSH,
    GITHUB_PUSH,
    GITLAB_PUSH,
    ZEROS,
    generic,
    sign,
)

MAIN = "refs/heads/main"


@dataclass
class Counting:
    """Repositories that count their fetches, and hold them while `open` is clear."""

    real: Any
    fetched: list[str] = field(default_factory=list)
    open: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.open.set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def fetch(self, repo_url: str, *, sha: str | None = None) -> None:
        self.fetched.append(repo_url)
        assert self.open.wait(WAIT_S)
        self.real.fetch(repo_url, sha=sha)


def post(api: Api, body: bytes, headers: dict[str, str]) -> httpx.Response:
    """Post a webhook."""
    return api.http.post("/api/webhook", content=body, headers=headers)


@dataclass
class Scene:
    """A served service that follows one repository, and the fetches it made."""

    world: World
    api: Api
    repositories: list[Counting]

    @property
    def fetched(self) -> list[str]:
        """Fetches since the service's last start."""
        return self.repositories[-1].fetched

    def send(self, body: bytes, headers: dict[str, str]) -> httpx.Response:
        """Post a webhook."""
        return post(self.api, body, headers)

    def push(self, **extra: str) -> httpx.Response:
        """A generic sender's webhook for the repository."""
        body, headers = generic(SECRETS["generic"], self.world.repo.url)
        return self.send(body, headers | extra)

    def rest(self) -> None:
        """Wait until nothing is being worked on."""
        assert self.world.service.dispatcher.wait_idle(WAIT_S)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    counting: list[Counting] = []

    def around(edges: Edges) -> Edges:
        counting.append(Counting(edges.repositories))
        return replace(edges, repositories=counting[-1])

    with start_world(None, tmp_path, "default", around=around) as world:
        world.push("app/words.yaml", config_map())
        world.declare()
        assert world.service.dispatcher.wait_idle(WAIT_S)
        counting[-1].fetched.clear()
        with serve_api(world) as api:
            yield Scene(world, api, counting)


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_a_push_is_answered_while_plans_wait_for_a_git_server_that_hangs(scene: Scene) -> None:
    scene.repositories[-1].open.clear()
    unknown = {"commit": "d" * 40}
    path, most = "/api/v1/applications/demo/plan", 45  # the pool of all other routes has 40 threads
    with ThreadPoolExecutor(most) as pool:
        waiting = [pool.submit(scene.api.http.get, path, params=unknown) for _ in range(most)]
        eventually(lambda: len(scene.fetched) >= 40, "every thread of the pool waits for Git")
        assert scene.push().status_code == 202
        scene.repositories[-1].open.set()
    assert {code(one.result()) for one in waiting} == {(422, "source")}


def test_a_push_is_answered_with_whom_it_concerns_and_fetched_once(scene: Scene) -> None:
    answer = scene.push(**{"X-Delivery": "one"})
    assert answer.status_code == 202
    assert answer.json() == {
        "delivery": "generic:one",
        "duplicate": False,
        "ref": MAIN,
        "repositories": [scene.world.repo.url],
        "applications": ["demo"],
    }
    scene.rest()
    assert scene.fetched == [scene.world.repo.url]


def test_a_repeated_delivery_is_known_again_after_a_restart_too(scene: Scene) -> None:
    scene.push(**{"X-Delivery": "one"})
    scene.rest()
    again = scene.push(**{"X-Delivery": "one"})
    assert (again.status_code, again.json()["duplicate"]) == (200, True)
    scene.rest()
    assert len(scene.fetched) == 1
    scene.world.restart()
    with serve_api(scene.world) as api:
        scene.api = api
        assert scene.push(**{"X-Delivery": "one"}).json()["duplicate"]


def test_a_webhook_costs_one_write(scene: Scene) -> None:
    scene.rest()
    store = scene.world.service.edges.store
    before = store.writes
    assert scene.push(**{"X-Delivery": "one"}).status_code == 202
    scene.rest()
    assert len(scene.fetched) == 1
    assert store.deliveries() == []
    assert store.writes == before + 1


def test_without_an_id_the_same_said_twice_is_a_repeat(scene: Scene) -> None:
    assert scene.push().json()["duplicate"] is False
    assert scene.push().json()["duplicate"] is True
    body, headers = generic(SECRETS["generic"], scene.world.repo.url, after="1" * 40)
    assert scene.send(body, headers).json()["duplicate"] is False
    # a branch that comes back to where it was has moved
    assert scene.push().json()["duplicate"] is False


def test_a_delivery_outlives_a_restart_until_its_repository_was_fetched(scene: Scene) -> None:
    remote = scene.world.repo.remote
    remote.rename(remote.with_suffix(".away"))
    assert scene.push(**{"X-Delivery": "kept"}).status_code == 202
    scene.rest()
    kept = scene.world.service.edges.store.deliveries()
    assert [(d.id, d.provider, d.ref, d.after) for d in kept] == [
        ("generic:kept", "generic", MAIN, AFTER)
    ]
    assert kept[0].evidence == "generic delivery kept from 127.0.0.1"
    remote.with_suffix(".away").rename(remote)
    scene.world.restart()
    scene.rest()
    assert scene.world.service.edges.store.deliveries() == []


def test_the_pusher_is_the_actor_of_the_delivery(scene: Scene) -> None:
    remote = scene.world.repo.remote
    remote.rename(remote.with_suffix(".away"))
    payload = GITHUB_PUSH | {"repository": {"clone_url": scene.world.repo.url}}
    body = json.dumps(payload).encode()
    headers = {
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": "72d3162e",
        "X-Hub-Signature-256": f"sha256={sign(SECRETS['github'], body)}",
        "Content-Type": "application/json",
    }
    assert scene.send(body, headers).status_code == 202
    [kept] = scene.world.service.edges.store.deliveries()
    assert (kept.actor, kept.evidence) == ("octocat", "github delivery 72d3162e from 127.0.0.1")


def variants(url: str) -> dict[str, tuple[bytes, dict[str, str]]]:
    """One rightly signed push of each kind of sender."""
    here = {"clone_url": url, "git_http_url": url, "default_branch": "main"}
    github = json.dumps(GITHUB_PUSH | {"repository": here}).encode()
    form = urlencode({"payload": github.decode()}).encode()
    gitlab = json.dumps(GITLAB_PUSH | {"project": here, "repository": {}}).encode()
    gitea = json.dumps(GITEA_PUSH | {"repository": here, "ref": MAIN}).encode()
    links = {"links": {"html": {"href": url}}}
    cloud = json.dumps(BITBUCKET_CLOUD_PUSH | {"repository": links}).encode()
    kind = {"Content-Type": "application/json"}
    hub = f"sha256={sign(SECRETS['github'], github)}"
    mark = sign(SECRETS["gitea"], gitea)
    return {
        "github": (github, kind | {"X-GitHub-Event": "push", "X-Hub-Signature-256": hub}),
        "github form": (
            form,
            {
                "X-GitHub-Event": "push",
                "X-Hub-Signature-256": f"sha256={sign(SECRETS['github'], form)}",
                "Content-Type": "application/x-www-form-urlencoded",
            },
        ),
        "gitlab": (
            gitlab,
            kind | {"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": SECRETS["gitlab"]},
        ),
        "gitea": (
            gitea,
            kind
            | {
                "X-Gitea-Event": "push",
                "X-GitHub-Event": "push",
                "X-Gitea-Signature": mark,
                "X-Hub-Signature-256": f"sha256={mark}",
            },
        ),
        "forgejo": (
            gitea,
            kind | {"X-Forgejo-Event": "push", "X-Hub-Signature-256": f"sha256={mark}"},
        ),
        "bitbucket": (
            cloud,
            kind
            | {
                "X-Event-Key": "repo:push",
                "X-Hub-Signature": f"sha256={sign(SECRETS['bitbucket'], cloud)}",
            },
        ),
        "gogs": (gitea, kind | {"X-Gogs-Event": "push", "X-Gogs-Signature": mark}),
        "azure": azure(url),
        "generic": generic(SECRETS["generic"], url),
    }


def azure(url: str, secret: str = SECRETS["azure"]) -> tuple[bytes, dict[str, str]]:
    resource = AZURE_PUSH["resource"]
    repository = resource["repository"] | {"remoteUrl": url}
    value = {**AZURE_PUSH, "resource": resource | {"repository": repository}}
    shown = base64.b64encode(secret.encode()).decode()
    headers = {"X-Vss-ActivityId": "a1", "Authorization": f"Basic {shown}"}
    return json.dumps(value).encode(), headers


def test_every_sender_wakes_the_application(scene: Scene) -> None:
    for number, (name, (body, headers)) in enumerate(variants(scene.world.repo.url).items()):
        delivery = {key: str(number) for key in ("X-GitHub-Delivery", "X-Gogs-Delivery")}
        answer = scene.send(body, headers | delivery)
        told = (name, answer.status_code, answer.json().get("applications"))
        assert told == (name, 202, ["demo"])


def test_a_wrong_or_missing_signature_is_refused_and_recorded(scene: Scene) -> None:
    for name, (body, headers) in variants(scene.world.repo.url).items():
        shown = ("Signature", "Token", "Authorization")
        bare = {k: v for k, v in headers.items() if not any(word in k for word in shown)}
        # without a header of its own, a generic webhook is nobody's
        assert code(scene.send(body, bare))[0] == (400 if name == "generic" else 401)
        wrong = {**headers, "X-Gitlab-Token": "wrong"} if name == "gitlab" else headers
        wrong = azure("", "hook:wrong")[1] if name == "azure" else wrong
        answer = scene.send(body + b" ", wrong)
        assert code(answer) == (401, "access")
        assert not any(secret in answer.text for secret in SECRETS.values())
    scene.rest()
    assert scene.fetched == []
    refused = list(scene.world.service.reading.trail(TrailQuery(outcome="refused")))
    assert {record.payload["what"] for record in refused} == {"POST /api/webhook"}


def test_the_secret_of_another_sender_is_a_wrong_one(api: Api) -> None:
    body, headers = generic(SECRETS["gitea"], "https://git.example/a")
    assert code(post(api, body, headers)) == (401, "access")
    body, headers = generic(SECRETS["generic"], "https://git.example/a")
    signature = headers["X-Signature"]
    github = {"X-GitHub-Event": "push", "X-Hub-Signature-256": signature}
    assert code(post(api, body, github)) == (401, "access")
    gitlab = {"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": SECRETS["generic"]}
    assert code(post(api, body, gitlab)) == (401, "access")


@pytest.mark.parametrize("provider", ["github", "gitlab", "gitea", "bitbucket", "azure", "generic"])
def test_a_sender_without_a_secret_is_refused_by_name(offline: World, provider: str) -> None:
    body, headers = variants("https://git.example/a")[provider]
    secrets = {name: "" if name == provider else value for name, value in SECRETS.items()}
    with serve_api(offline, ApiOptions(webhook_secrets=secrets)) as api:
        answer = api.http.post("/api/webhook", content=body, headers=headers)
    assert code(answer) == (403, "access")
    assert f"webhook.{provider}" in answer.json()["error"]["remedy"]


def signed(value: Any) -> tuple[bytes, dict[str, str]]:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return body, {"X-Signature": f"sha256={sign(SECRETS['generic'], body)}"}


@pytest.mark.parametrize(
    "value", [b"{", b"", b"[]", b"\xff", {"ref": "main"}, {"repository": 7}, b"[" * 99_999]
)
def test_what_cannot_be_read_is_refused(api: Api, value: Any) -> None:
    assert code(post(api, *signed(value))) == (400, "invalid")


def test_an_unknown_sender_is_refused(api: Api) -> None:
    assert code(post(api, b"{}", {"X-Hook-UUID": "{e1}"})) == (400, "invalid")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_only_post_is_a_webhook(api: Api, method: str) -> None:
    assert api.http.request(method, "/api/webhook").status_code == 405


def test_a_ping_is_answered_where_it_is_signed(api: Api) -> None:
    body = b'{"zen": "Design for failure.", "hook_id": 1}'
    headers = {"X-GitHub-Event": "ping", "Content-Type": "application/json"}
    assert post(api, body, headers).status_code == 401
    headers["X-Hub-Signature-256"] = f"sha256={sign(SECRETS['github'], body)}"
    answer = post(api, body, headers)
    assert (answer.status_code, answer.json()) == (200, {"ping": True})


def test_nobody_is_woken_for_what_nobody_follows(scene: Scene) -> None:
    url = scene.world.repo.url
    for repository, ref in (
        (url, "refs/heads/feature"),
        (url, "refs/tags/v1"),
        ("https://git.example/other.git", MAIN),
    ):
        body, headers = generic(SECRETS["generic"], repository, ref)
        answer = scene.send(body, headers)
        assert (answer.status_code, answer.json()["applications"]) == (202, [])
    scene.rest()
    assert scene.fetched == []
    assert scene.world.service.edges.store.deliveries() == []


def test_the_deletion_of_a_followed_branch_is_looked_at(scene: Scene) -> None:
    body, headers = generic(SECRETS["generic"], scene.world.repo.url, after=ZEROS)
    assert scene.send(body, headers).json()["applications"] == ["demo"]


def test_pushes_that_come_during_a_fetch_share_the_next_one(scene: Scene) -> None:
    scene.repositories[-1].open.clear()
    for number in range(20):
        scene.push(**{"X-Delivery": f"burst-{number}"})
    scene.repositories[-1].open.set()
    scene.rest()
    assert 1 <= len(scene.fetched) <= 2
