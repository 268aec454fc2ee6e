"""Resource actions through the API and the command line, on a real cluster."""

import pytest

from tests.helpers.commands import Gitops, commands
from tests.helpers.controlplane import Kubectl
from tests.helpers.http import Api
from tests.helpers.service import World, deployment

WITHOUT_REPLICAS = deployment().replace("  replicas: 1\n", "")
SECRET = """\
apiVersion: v1
kind: Secret
metadata: {name: keys}
stringData: {password: "12345678"}
"""


@pytest.fixture
def gitops(
    live: Api, world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Gitops:
    world.push("app/all.yaml", f"{WITHOUT_REPLICAS}---\n{SECRET}")
    world.declare()
    world.settled()
    return commands(live.url, monkeypatch, capsys)


def test_people_list_try_and_run_actions(gitops: Gitops, world: World, kubectl: Kubectl) -> None:
    listed = gitops("actions", "demo").out.splitlines()
    assert listed[0].split() == ["OBJECT", "ACTION", "PARAMETERS", "AVAILABLE"]
    web = f"Deployment {world.namespace}/web"
    assert [line.split("   ")[0] for line in listed[1:]] == [web] * 4
    (one,) = gitops("actions", "demo", "deploy/web", "-n", world.namespace, "-o", "json").json()
    assert (one["name"], one["problem"]) == ("web", "")
    assert one["actions"][2:] == [
        {
            "name": "resume",
            "title": "resume",
            "available": False,
            "reason": "it is not paused",
            "params": [],
        },
        {
            "name": "scale",
            "title": "scale",
            "available": True,
            "reason": "",
            "params": ["replicas"],
        },
    ]
    assert "this kind has no actions" in gitops("actions", "demo", "secret/keys").out

    three = ("scale", "deployment/web", "--param", "replicas=3")
    tried = gitops("action", "demo", *three, "--dry-run")
    assert (tried.code, "~ scale" in tried.out) == (3, True)
    assert (
        kubectl("-n", world.namespace, "get", "deploy/web", "-o", "jsonpath={.spec.replicas}")
        == "1"
    )
    ran = gitops("action", "demo", *three)
    assert (ran.code, ran.out) == (0, f"demo: revision 2 succeeded: scale {web} with replicas=3\n")
    assert (
        kubectl("-n", world.namespace, "get", "deploy/web", "-o", "jsonpath={.spec.replicas}")
        == "3"
    )
    again = gitops("action", "demo", *three, "--dry-run", "-o", "json")
    assert (again.code, again.json()["actions"]) == (0, [])
    ran = gitops("action", "demo", "pause", "deployment/web", "--no-wait", "-o", "json")
    assert ran.json() == {
        "application": "demo",
        "revision": 3,
        "state": "succeeded",
        "message": f"pause {web}",
    }

    rows = gitops("history", "demo", "-o", "json").json()
    assert [(r["number"], r["kind"], r["digest"]) for r in rows[:2]] == [
        (3, "action", None),
        (2, "action", None),
    ]
    shown = gitops("show", "demo", "2").out
    assert "scale web 1→3" in shown
    assert f"scale {web} with replicas=3, from 127.0.0.1" in shown
    assert gitops("audit", "verify").code == 0


def test_what_is_refused_is_one_sentence_and_in_the_trail(gitops: Gitops) -> None:
    ran = gitops("action", "demo", "scale", "deployment/web", "--param", "replicas=x", "-o", "json")
    assert (ran.code, ran.error()["code"]) == (1, "invalid")
    ran = gitops("action", "demo", "reboot", "deployment/web", "-o", "json")
    assert (ran.error()["code"], ran.error()["remedy"]) == (
        "not-found",
        "it has restart, pause, resume or scale",
    )
    ran = gitops("action", "demo", "resume", "deployment/web", "-o", "json")
    assert ran.error()["code"] == "conflict"
    ran = gitops("action", "demo", "restart", "secret/keys", "--param", "to=12345678", "-o", "json")
    assert ran.error()["remedy"] == "this kind has none"
    records = gitops("audit", "list", "-o", "json")
    refused = [r for r in records.json() if r["kind"] == "refused"]
    assert [r["payload"]["code"] for r in refused] == [
        "not-found",
        "conflict",
        "not-found",
        "invalid",
    ]
    assert all("@" in r["actor"] for r in refused)
    assert "12345678" not in records.out
    assert gitops("action", "demo", "scale", "deployment/web", "--param", "replicas").code == 2


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"action": "restart", "object": "deployment/web", "now": True}, 400),
        ({"action": "restart"}, 400),
        ({"action": "restart", "object": "web"}, 400),
        ({"action": "restart", "object": "deployment/other"}, 404),
        ({"action": "resume", "object": "deployment/web"}, 409),
    ],
)
def test_the_api_answers_at_once_what_cannot_be(
    gitops: Gitops, live: Api, body: dict[str, object], status: int
) -> None:
    assert live.post("/applications/demo/actions", body).status_code == status
    assert live.get("/applications/none/actions").status_code == 404
