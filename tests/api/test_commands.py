"""Commands that read, against an application with two revisions."""

import json
import os
import signal
import subprocess
import sys

import pytest
import yaml

from gitops.api.options import ApiOptions
from tests.api.conftest import PLANTED, Shop
from tests.helpers.commands import Gitops, commands
from tests.helpers.http import serve_api
from tests.helpers.service import World
from tests.helpers.waiting import WAIT_S

UNCLOSED = 'cannot read YAML: a "," or "]" was expected here'


@pytest.fixture
def gitops(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Gitops:
    return commands(shop.api.url, monkeypatch, capsys)


def lines(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_list_is_a_table(gitops: Gitops, shop: Shop) -> None:
    ran = gitops("list")
    assert ran.code == 0
    assert lines(ran.out) == [
        ["NAME", "SYNC", "HEALTH", "REVISION", "COMMIT", "MESSAGE"],
        ["shop", "Synced", "Healthy", "2", shop.second[:8]],
    ]
    assert gitops("status").out == ran.out


def test_list_is_json_and_yaml(gitops: Gitops) -> None:
    found = gitops("list", "-o", "json").json()
    assert [one["name"] for one in found] == ["shop"]
    assert yaml.safe_load(gitops("list", "-o", "yaml").out) == found


def test_status_shows_facts_and_objects(gitops: Gitops, shop: Shop) -> None:
    out = gitops("status", "shop").out
    assert "Application:   shop" in out
    assert f"Source:        {shop.world.repo.url} app (main)" in out
    assert f"{shop.second[:8]} Scale the shop (Ada Lovelace <ada@example.com>)" in out
    assert ["Deployment", "shop", "web", "Synced", "Healthy"] in lines(out)
    assert ["Secret", "shop", "keys", "Synced", "-"] in lines(out)


def test_plan_exits_0_where_there_is_nothing_to_do(gitops: Gitops, shop: Shop) -> None:
    ran = gitops("plan", "shop")
    assert (ran.code, ran.out) == (0, f"shop at {shop.second[:8]}: nothing to do, 3 unchanged.\n")


def test_plan_shows_each_change_and_exits_3(gitops: Gitops, shop: Shop) -> None:
    ran = gitops("plan", "shop", "--commit", shop.first)
    assert ran.code == 3
    assert "~ scale Deployment shop/web" in ran.out
    assert "~ spec.replicas: 3 → 1" in ran.out
    assert ran.out.endswith(f"shop at {shop.first[:8]}: 1 to scale, 2 unchanged.\n")


def test_a_dry_run_of_chosen_objects(gitops: Gitops, shop: Shop) -> None:
    chosen = ("--resource", "apps:Deployment:shop/web", "--resource", ":ConfigMap:words")
    ran = gitops("sync", "shop", "--dry-run", "--commit", shop.first, *chosen, "-o", "json")
    assert ran.code == 3
    assert [a["name"] for a in ran.json()["actions"]] == ["words", "web"]
    ran = gitops("sync", "shop", "--dry-run", "--resource", ":Service:web", "-o", "json")
    assert (ran.code, ran.error()["code"]) == (1, "not-found")
    ran = gitops("sync", "shop", "--dry-run", "--resource", "web")
    assert (ran.code, "group:Kind:namespace/name" in ran.err) == (1, True)


def test_plan_of_a_file(gitops: Gitops, shop: Shop, tmp_path) -> None:
    file = tmp_path / "other.yaml"
    file.write_text(shop.world.application("other", path="nowhere"))
    ran = gitops("plan", "-f", str(file), "-o", "json")
    assert (ran.code, ran.error()["code"]) == (1, "source")
    file.write_text("kind: Application")
    ran = gitops("plan", "-f", str(file), "-o", "json")
    assert (ran.code, ran.error()["where"]) == (1, f"{file}:1")
    file.write_text("a: [1\n---\nb: [2\n")
    ran = gitops("plan", "-f", str(file))
    assert (ran.code, ran.err) == (1, f"error: {file}:1: {UNCLOSED}; {file}:3: {UNCLOSED}\n")
    assert gitops("plan", "-f", str(tmp_path / "none"), "-o", "json").error()["code"] == "invalid"


def test_history_is_a_table_newest_first(gitops: Gitops, shop: Shop) -> None:
    out = lines(gitops("history", "shop").out)
    assert [row[:4] for row in out] == [
        ["REVISION", "KIND", "STATE", "HEALTH"],
        ["2", "sync", "succeeded", "Healthy"],
        ["1", "sync", "succeeded", "Healthy"],
    ]
    rows = gitops("history", "shop", "-o", "json", "--limit", "1").json()
    assert [(r["number"], r["commit"]) for r in rows] == [(2, shop.second)]


def test_show_tells_who_why_what_and_how(gitops: Gitops, shop: Shop) -> None:
    ran = gitops("show", "shop", "2")
    assert "Revision:      2 of shop" in ran.out
    assert "Trigger:       manual by tester@example.com" in ran.out
    assert ["Deployment", "shop/web", "scale", "configured", "scale", "web", "1→3"] in lines(
        ran.out
    )
    assert "~ spec.replicas: 1 → 3" in ran.out
    assert gitops("show", "shop", "2", "-o", "json").json()["number"] == 2


def test_diff_compares_revisions_and_the_cluster(gitops: Gitops) -> None:
    ran = gitops("diff", "shop", "1", "2")
    assert (ran.code, "~ spec.replicas: 1 → 3" in ran.out) == (3, True)
    ran = gitops("diff", "shop", "1", "-o", "json")
    assert (ran.code, [one["action"] for one in ran.json()]) == (3, ["scale"])
    ran = gitops("diff", "shop", "2")
    assert (ran.code, ran.out) == (0, "shop: revisions 2 and 2 want the same.\n")
    ran = gitops("diff", "shop", "-o", "json")
    assert (ran.code, ran.json()) == (0, [])
    assert gitops("diff", "shop", "1", "2", "3").code == 2
    assert gitops("diff", "shop", "9", "-o", "json").error()["code"] == "not-found"
    assert gitops("diff", "shop", "0", "-o", "json").error()["code"] == "usage"


def test_diff_asks_the_service_that_is_named(
    gitops: Gitops, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITOPS_SERVER", "http://127.0.0.1:1")
    assert gitops("diff", "shop").code == 1
    assert gitops("diff", "shop", "--server", shop.api.url).code == 0


def test_diff_of_an_application_without_revisions_is_an_error(
    quiet: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    quiet.declare("empty")
    with serve_api(quiet) as api:
        ran = commands(api.url, monkeypatch, capsys)("diff", "empty", "1", "-o", "json")
    assert (ran.code, ran.error()["code"]) == (1, "not-found")


def test_audit_lists_filters_exports_and_verifies(gitops: Gitops) -> None:
    rows = lines(gitops("audit", "list", "--object", "Deployment shop/web").out)
    assert rows[0][0] == "SEQUENCE"
    assert {row[4] for row in rows[1:]} == {"shop"}
    assert gitops("audit", "list", "--until", "2001-01-01").out == "no records match\n"
    rows = lines(gitops("audit", "list", "--kind", "revision-closed").out)
    assert {row[3] for row in rows[1:]} == {"revision-closed"}
    assert gitops("drift", "shop").out == "nothing has drifted\n"
    ran = gitops("audit", "list", "--since", "2h", "--limit", "2", "-o", "json")
    assert len(ran.json()) == 2
    exported = [json.loads(line) for line in gitops("audit", "export").out.splitlines()]
    assert exported[0]["sequence"] == 1
    verdict = gitops("audit", "verify", "-o", "json")
    assert (verdict.code, verdict.json()["faults"]) == (0, [])
    head = verdict.json()["head"]
    assert "untouched" in gitops("audit", "verify", "--head", head).out
    ran = gitops("audit", "verify", "--head", f"1:{'0' * 64}")
    assert (ran.code, "fault:" in ran.out) == (1, True)


def test_events_are_lines_or_an_array(gitops: Gitops) -> None:
    assert any("revision 2 succeeded" in line for line in gitops("events", "shop").out.splitlines())
    events = gitops("events", "shop", "-o", "json").json()
    assert events[0]["kind"] == "registered"


def test_wait_returns_where_there_is_nothing_to_wait_for(gitops: Gitops) -> None:
    ran = gitops("wait", "shop", "--timeout", "20s", "-o", "json")
    assert (ran.code, ran.json()["sync"]) == (0, "Synced")


def test_sync_does_nothing_where_it_is_done(gitops: Gitops) -> None:
    ran = gitops("sync", "shop")
    assert (ran.code, ran.out) == (0, "shop: already synced at revision 2\n")
    ran = gitops("sync", "shop", "-o", "json")
    assert ran.json() == {
        "application": "shop",
        "revision": None,
        "state": "unchanged",
        "message": "already synced at revision 2",
    }


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (("status", "nix"), 1, "not-found"),
        (("show", "shop", "99"), 1, "not-found"),
        (("sync", "nix"), 1, "not-found"),
        (("rollback", "shop", "99"), 1, "not-found"),
        (("unpin", "shop"), 1, "conflict"),
        (("approve", "shop"), 1, "conflict"),
        (("plan",), 2, "usage"),
        (("plan", "shop", "-f", "x"), 2, "usage"),
        (("delete", "shop"), 2, "usage"),
    ],
)
def test_errors_are_documented_json(
    gitops: Gitops, arguments: tuple[str, ...], code: int, word: str
) -> None:
    ran = gitops(*arguments, "-o", "json")
    assert (ran.code, ran.out) == (code, "")
    error = ran.error()
    assert error["code"] == word
    assert set(error) == {"code", "message", "where", "remedy"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("sync",),
        ("show", "shop", "x"),
        ("wait", "shop", "--timeout", "soon"),
        ("nix",),
        ("audit", "list", "--since", "soon"),
    ],
)
def test_wrong_usage_exits_2(gitops: Gitops, arguments: tuple[str, ...]) -> None:
    ran = gitops(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert "Traceback" not in ran.err


def test_no_command_prints_a_planted_secret(gitops: Gitops, shop: Shop) -> None:
    for arguments in (
        ("plan", "shop", "--commit", shop.first),
        ("show", "shop", "1"),
        ("diff", "shop", "1", "2"),
        ("audit", "export"),
        ("events", "shop"),
        ("status", "shop"),
    ):
        ran = gitops(*arguments)
        assert PLANTED not in ran.out + ran.err


def test_the_token_is_sent(
    offline: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve_api(offline, ApiOptions(token="sesame-open")) as api:
        ran = commands(api.url, monkeypatch, capsys)("list", "-o", "json")
        assert (ran.code, ran.error()["code"]) == (1, "access")
        ran = commands(api.url, monkeypatch, capsys, "sesame-open")("list")
        assert (ran.code, ran.out.startswith("no applications")) == (0, True)


def test_a_service_that_is_not_there_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = commands("http://127.0.0.1:1", monkeypatch, capsys)("list")
    assert ran.code == 1
    assert ran.err.startswith("error: http://127.0.0.1:1: the service cannot be reached")
    assert "gitops serve" in ran.err


def test_events_are_followed_until_somebody_stops(shop: Shop) -> None:
    environ = {**os.environ, "GITOPS_SERVER": shop.api.url}
    command = [sys.executable, "-m", "gitops", "events", "shop", "--follow", "-o", "json"]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as follower:
        assert follower.stdout is not None
        assert json.loads(follower.stdout.readline())["kind"] == "registered"
        shop.world.service.events.publish("shop", "health", "seen by whoever follows")
        for line in follower.stdout:
            if json.loads(line)["message"] == "seen by whoever follows":
                break
        follower.send_signal(signal.SIGINT)
        assert follower.wait(WAIT_S) == 130


def test_a_fault_in_git_is_told_once_and_in_the_same_words_wherever_it_is_asked_for(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world.push("app/words.yaml", "apiVersion: v1\nkind: ConfigMap\ndata: {a: 1}\n")
    world.declare("demo")
    told = "app/words.yaml:1: ConfigMap: metadata.name is missing"
    world.wait_for(lambda: told in world.status("demo").message, told)
    with serve_api(world) as api:
        gitops = commands(api.url, monkeypatch, capsys)
        assert f"Unknown ({told}" in gitops("status", "demo").out
        for command in ("plan", "diff", "sync"):
            ran = gitops(command, "demo")
            assert (ran.code, ran.err.startswith(f"error: demo: {told}")) == (1, True), ran.err
