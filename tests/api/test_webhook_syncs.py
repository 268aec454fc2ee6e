"""From a webhook to a revision, on a real cluster."""

import json

import pytest

from tests.helpers.gitshim import GitShim
from tests.helpers.http import SECRETS, Api
from tests.helpers.service import World, config_map
from tests.helpers.webhooks import GITHUB_PUSH, generic, sign


def test_a_push_becomes_a_revision_by_its_pusher_after_one_fetch(
    live: Api, world: World, monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    world.push("app/words.yaml", config_map(word="one"))
    world.declare()
    world.settled()
    sha = world.push("app/words.yaml", config_map(word="two"))
    shim = GitShim(tmp_path / "shim")
    shim.install(monkeypatch)

    payload = GITHUB_PUSH | {"after": sha, "repository": {"clone_url": world.repo.url}}
    body = json.dumps(payload).encode()
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": "72d3162e",
        "X-Hub-Signature-256": f"sha256={sign(SECRETS['github'], body)}",
    }
    answer = live.http.post("/api/webhook", content=body, headers=headers)
    assert answer.json()["applications"] == ["demo"]
    revision = world.closed(number=2)
    trigger = revision.trigger
    assert (trigger.kind, trigger.actor) == ("webhook", "octocat")
    assert trigger.evidence == "github delivery 72d3162e from 127.0.0.1"
    assert revision.commit is not None
    assert revision.commit.sha == sha
    counts = shim.counts()
    assert (counts.get("fetch"), counts.get("ls-remote")) == (1, None)


def test_only_who_follows_the_branch_is_woken(live: Api, world: World) -> None:
    world.repo.write("app/words.yaml", config_map())
    world.push("app/words.yaml", config_map())
    world.repo.git("push", "--quiet", "origin", "main:feature", "main:refs/tags/v1.2.0")
    for name, revision in (("by-branch", "main"), ("by-tag", "1.x"), ("by-head", "HEAD")):
        text = world.application(name, destination={"name": "in-cluster"})
        world.service.declarer.create(
            text.replace("targetRevision: main", f"targetRevision: {revision}"), "t", "tester"
        )
    world.wait_for(
        lambda: all(world.status(n).commit for n in ("by-branch", "by-tag", "by-head")), "commits"
    )

    def woken(ref: str) -> list[str]:
        body, headers = generic(SECRETS["generic"], world.repo.url, ref)
        found: list[str] = live.http.post("/api/webhook", content=body, headers=headers).json()[
            "applications"
        ]
        return found

    assert woken("refs/heads/main") == ["by-branch", "by-head"]
    assert woken("refs/tags/v1.3.0") == ["by-tag"]
    # a generic sender does not say which branch is the default one
    assert woken("refs/heads/feature") == ["by-head"]


def test_a_secret_in_a_repositorys_url_is_told_nowhere(live: Api, world: World) -> None:
    text = world.application().replace("file://", "https://ann:planted-pa55@127.0.0.1:1")
    world.service.declarer.create(text, "test.yaml", "tester")
    world.wait_for(lambda: world.status().message != "not compared yet", "a problem")
    places = ("", "/plan", "/events", "/revisions")
    told = [live.get(f"/applications/demo{place}").text for place in places]
    told += [live.get("/applications").text, live.get("/audit").text, live.get("/events").text]
    told.append(live.post("/applications/demo/sync").text)
    assert [text for text in told if "planted-pa55" in text] == []
