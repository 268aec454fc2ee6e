"""Commands that change something, each against a service and a cluster of its own."""

import pytest

from gitops.engine.declaring.deleting import DeleteOptions
from gitops.engine.operations import RollbackOptions, SyncOptions
from tests.helpers.commands import Gitops, commands
from tests.helpers.controlplane import Kubectl
from tests.helpers.http import Api
from tests.helpers.service import BY_HAND as TRIGGER
from tests.helpers.service import World, config_map, deployment


@pytest.fixture
def gitops(
    live: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Gitops:
    return commands(live.url, monkeypatch, capsys)


def words(kubectl: Kubectl, world: World) -> str:
    """What the ConfigMap holds, "" where there is none."""
    place = ("-n", world.namespace, "get", "configmap", "words", "--ignore-not-found")
    return kubectl(*place, "-o", "jsonpath={.data.word}")


BY_HAND = {"syncPolicy": {"automated": {"enabled": False}}}


def test_an_application_lives_from_create_to_delete(
    gitops: Gitops, world: World, kubectl: Kubectl, tmp_path
) -> None:
    world.push("app/words.yaml", config_map(word="one"))
    file = tmp_path / "demo.yaml"
    file.write_text(world.application("demo", **BY_HAND))
    ran = gitops("create", "-f", str(file))
    assert (ran.code, ran.out) == (0, "application demo registered\n")

    ran = gitops("plan", "demo")
    assert ran.code == 3
    assert f"+ create ConfigMap {world.namespace}/words" in ran.out
    ran = gitops("sync", "demo", "-o", "json")
    assert (ran.code, ran.json()["state"], ran.json()["revision"]) == (0, "succeeded", 1)
    assert words(kubectl, world) == "one"

    world.push("app/words.yaml", config_map(word="two"))
    ran = gitops("sync", "demo")
    assert (ran.code, ran.out) == (0, "demo: revision 2 succeeded\n")
    ran = gitops("rollback", "demo", "1")
    assert (ran.code, words(kubectl, world)) == (0, "one")
    status = gitops("status", "demo")
    assert "Pinned to:" in status.out
    assert gitops("sync", "demo", "-o", "json").error()["code"] == "conflict"
    assert gitops("unpin", "demo").code == 0
    assert gitops("sync", "demo").code == 0
    assert words(kubectl, world) == "two"

    rows = gitops("history", "demo", "-o", "json").json()
    assert [(r["number"], r["kind"], r["source"], r["actor"].count("@")) for r in rows] == [
        (4, "sync", None, 1),
        (3, "rollback", 1, 1),
        (2, "sync", None, 1),
        (1, "sync", None, 1),
    ]

    ran = gitops("delete", "demo", "--yes")
    assert (ran.code, ran.out) == (0, "demo: revision 5 succeeded\n")
    assert words(kubectl, world) == ""
    assert gitops("status", "demo").code == 1
    assert len(gitops("history", "demo", "-o", "json").json()) == 5
    assert gitops("audit", "verify").code == 0


def test_the_first_sync_is_by_whoever_declared_the_application(
    gitops: Gitops, world: World, tmp_path
) -> None:
    world.push("app/words.yaml", config_map())
    file = tmp_path / "demo.yaml"
    file.write_text(world.application("demo"))
    assert gitops("create", "-f", str(file)).code == 0
    trigger = world.closed("demo").trigger
    assert (trigger.kind, trigger.evidence) == ("manual", f"created from {file}")
    assert "@" in trigger.actor

    world.push("filed/words.yaml", config_map("filed"))
    world.service.declarer.load_file(world.application("filed", "filed"), "apps.yaml")
    trigger = world.closed("filed").trigger
    assert (trigger.kind, trigger.evidence) == ("poll", "declared in apps.yaml:1")


def test_what_a_prune_took_is_brought_back(gitops: Gitops, world: World, kubectl: Kubectl) -> None:
    world.repo.write("app/stays.yaml", config_map("stays"))
    world.push("app/words.yaml", config_map(word="one"))
    world.declare(**BY_HAND)
    assert gitops("sync", "demo").code == 0
    world.repo.remove("app/words.yaml").commit("Remove the words")
    world.repo.push()
    assert gitops("sync", "demo", "--prune").code == 0
    assert words(kubectl, world) == ""
    ran = gitops("undelete", "demo", "2", "--resource", ":Secret:words", "-o", "json")
    assert (ran.code, ran.error()["code"]) == (1, "not-found")
    ran = gitops("undelete", "demo", "2", "-o", "json")
    assert (ran.code, ran.json()["revision"], words(kubectl, world)) == (0, 3, "one")
    ran = gitops("undelete", "demo", "2")
    assert ran.code == 1
    assert f"ConfigMap {world.namespace}/words exists meanwhile" in ran.err
    assert "undelete of 2" in gitops("history", "demo").out
    assert "pinned to revision 3" in gitops("sync", "demo").err


LOOK = "look at `gitops plan demo`, then `gitops approve demo`"
WAVES = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: early, annotations: {argocd.argoproj.io/sync-wave: "-1"}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: kept, annotations: {argocd.argoproj.io/sync-options: Delete=false}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: late, annotations: {argocd.argoproj.io/sync-wave: "1"}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: asked, annotations: {argocd.argoproj.io/sync-options: Delete=confirm}}
"""


def test_a_deletion_is_shown_before_it_is_done(
    gitops: Gitops, world: World, kubectl: Kubectl
) -> None:
    world.push("app/waves.yaml", WAVES)
    world.declare()
    world.settled()
    where = f"ConfigMap {world.namespace}"
    ran = gitops("delete", "demo", "--dry-run")
    assert (ran.code, ran.out.splitlines()) == (
        3,
        [
            f"- delete {where}/late   the application is deleted",
            f"- delete {where}/asked   the application is deleted",
            "    held: an annotation asks for approval (Delete=confirm)",
            f"- delete {where}/early   the application is deleted",
            f"= keep {where}/kept   an annotation keeps it (Delete=false)",
            f"held: {where}/asked asks for approval; {LOOK}",
            "",
            "demo: 3 to delete, 1 kept.",
        ],
    )
    found = gitops("delete", "demo", "--dry-run", "--orphan", "-o", "json")
    assert found.code == 0
    assert {(a["action"], a["name"], a["reason"]) for a in found.json()["actions"]} == {
        ("none", name, "it stays, without our marks (--orphan)")
        for name in ("early", "kept", "late", "asked")
    }
    listed = kubectl("-n", world.namespace, "get", "configmaps", "-o", "name")
    assert {f"configmap/{name}" for name in ("early", "kept", "late", "asked")} <= set(
        listed.split()
    )
    assert world.settled().revision == 1


def test_a_deletion_that_would_be_refused_is_not_shown(gitops: Gitops, world: World) -> None:
    world.service.declarer.load_file(world.application("demo"), "apps.yaml")
    for flag in ("--dry-run", "--yes"):
        error = gitops("delete", "demo", flag, "-o", "json").error()
        assert error["message"] == '"demo" is declared in apps.yaml:1'


def test_orphaned_objects_stay(gitops: Gitops, world: World, kubectl: Kubectl) -> None:
    world.push("app/words.yaml", config_map(word="one"))
    world.declare()
    world.settled()
    assert gitops("delete", "demo", "--orphan", "--yes").code == 0
    found = kubectl.json("-n", world.namespace, "get", "configmap", "words")
    assert found["data"] == {"word": "one"}
    assert "gitops.dev" not in str(found["metadata"].get("annotations", {}))


def test_abandoned_objects_are_named_and_taken_up_again_under_the_same_name(
    gitops: Gitops, world: World, kubectl: Kubectl
) -> None:
    world.push("app/words.yaml", config_map(word="one"))
    world.declare()
    world.settled()
    title = f"ConfigMap {world.namespace}/words"
    shown = gitops("delete", "demo", "--dry-run", "--abandon").out.splitlines()
    assert shown == [
        f"= keep {title}   it is left behind with our marks (--abandon)", "",
        "demo: 0 to delete, 1 kept.",
    ]  # fmt: skip
    ran = gitops("delete", "demo", "--abandon", "--yes")
    assert (ran.code, ran.out) == (0, f"demo: revision 2 succeeded: left behind: {title}\n")
    before = kubectl.json("-n", world.namespace, "get", "configmap", "words")
    assert "gitops.dev" in str(before["metadata"]["annotations"])
    world.declare()
    world.settled()
    after = kubectl.json("-n", world.namespace, "get", "configmap", "words")
    assert after["metadata"]["uid"] == before["metadata"]["uid"]


def test_a_failed_sync_exits_1_and_says_why(gitops: Gitops, world: World) -> None:
    world.push("app/bad.yaml", config_map(name="UPPER"))
    world.declare(**BY_HAND)
    ran = gitops("sync", "demo")
    assert ran.code == 1
    assert "UPPER" in ran.out + ran.err
    assert gitops("wait", "demo", "--timeout", "100ms", "-o", "json").error()["code"] == "service"


def test_an_adoption_waits_for_approval_of_the_plan_that_was_seen(
    gitops: Gitops, world: World, kubectl: Kubectl
) -> None:
    kubectl.apply(config_map(word="theirs"), namespace=world.namespace)
    world.push("app/words.yaml", config_map(word="ours"))
    world.declare()
    world.closed()
    ran = gitops("plan", "demo", "-o", "json")
    plan = ran.json()
    assert (ran.code, plan["waits"]) == (3, True)
    assert gitops("approve", "demo", "--plan", "0" * 64, "-o", "json").error()["code"] == "conflict"
    ran = gitops("approve", "demo", "--plan", plan["planDigest"])
    assert (ran.code, words(kubectl, world)) == (0, "ours")


def test_a_held_selection_is_approved_by_the_command_that_the_sync_names(
    gitops: Gitops, world: World, kubectl: Kubectl
) -> None:
    kubectl.apply(config_map(word="theirs"), namespace=world.namespace)
    world.push("app/words.yaml", config_map(word="ours"))
    world.push("app/more.yaml", config_map("more"))
    world.declare(**BY_HAND)
    part = ("--resource", ":ConfigMap:w*")
    held = gitops("sync", "demo", *part)
    assert held.code == 1
    assert "then `gitops approve demo --resource ':ConfigMap:w*'`" in held.out + held.err
    refused = gitops("approve", "demo", "-o", "json").error()
    assert refused["code"] == "conflict"
    assert refused["message"].startswith("revision 1 holds a part that was chosen (ConfigMap ")
    plan = gitops("sync", "demo", *part, "--dry-run", "-o", "json").json()
    ran = gitops("approve", "demo", *part, "--plan", plan["planDigest"])
    assert (ran.code, words(kubectl, world)) == (0, "ours")
    more = kubectl.try_("-n", world.namespace, "get", "configmap", "more")
    assert more.returncode == 1, "it was not chosen"


def test_suspended_applications_are_left_alone(gitops: Gitops, world: World) -> None:
    world.push("app/words.yaml", config_map(word="one"))
    world.declare()
    world.settled()
    assert gitops("suspend", "demo").out == "demo: Suspended\n"
    world.push("app/words.yaml", config_map(word="two"))
    status = gitops("refresh", "demo", "-o", "json").json()
    assert (status["suspended"], status["sync"], status["message"]) == (
        True, "OutOfSync", "suspended",
    )  # fmt: skip
    assert [r["number"] for r in gitops("history", "demo", "-o", "json").json()] == [1]
    assert gitops("resume", "demo").code == 0
    assert gitops("wait", "demo", "--timeout", "60s").code == 0
    assert [r["number"] for r in gitops("history", "demo", "-o", "json").json()] == [2, 1]


def test_a_sync_that_never_ends_is_cancelled(gitops: Gitops, world: World) -> None:
    world.push("app/web.yaml", deployment(image="registry.example/web:v1-never-ready"))
    world.declare()
    world.wait_for(lambda: "created" in world.story(), "it is written")
    assert gitops("cancel", "demo").code == 0
    (row,) = gitops("history", "demo", "-o", "json").json()
    assert (row["state"], row["message"].partition(" by ")[0]) == ("interrupted", "cancelled")
    assert gitops("cancel", "demo", "-o", "json").error()["code"] == "conflict"


def test_a_refresh_ends_when_the_application_was_compared(gitops: Gitops, world: World) -> None:
    world.push("app/words.yaml", config_map(word="one"))
    world.declare()
    world.settled()
    world.push("app/words.yaml", config_map(word="two"))
    after = world.service.events.newest
    ticket = world.service.refresh("demo", TRIGGER)
    done = world.service.outcome_of("demo", ticket, after, 60)
    assert done is not None
    assert (done.data["state"], done.message) == ("unchanged", "Synced")
    assert world.service.reading.revision("demo", 2).trigger == TRIGGER

    back = world.service.rollback("demo", RollbackOptions(1), TRIGGER)
    assert world.service.outcome_of("demo", back, after, 60) is not None
    ticket = world.service.unpin("demo", TRIGGER)
    done = world.service.outcome_of("demo", ticket, after, 60)
    assert done is not None
    assert (done.data["state"], done.message) == ("unchanged", "Synced")

    world.repo.remote.rename(world.repo.remote.with_name("away"))
    ran = gitops("refresh", "demo", "-o", "json")
    assert (ran.code, ran.error()["code"]) == (1, "source")


def test_chosen_objects_are_a_partial_revision(gitops: Gitops, world: World) -> None:
    world.repo.write("app/a.yaml", config_map("a"))
    world.push("app/b.yaml", config_map("b"))
    world.declare(**BY_HAND)
    assert gitops("sync", "demo", "--resource", ":ConfigMap:a").code == 0
    [row] = gitops("history", "demo", "-o", "json").json()
    assert row["partial"]
    assert row["selection"] == {"resources": [":ConfigMap:a"], "labels": []}
    status = gitops("status", "demo", "-o", "json").json()
    assert [o["name"] for o in status["objects"]] == ["a"]

    assert gitops("sync", "demo", "--label", "!tier", "--resource", "!:ConfigMap:a").code == 0
    assert "sync (only !:ConfigMap:a, !tier)" in gitops("history", "demo").out
    assert "Chosen:        !:ConfigMap:a, !tier\n" in gitops("show", "demo", "2").out
    assert "manual, only !:ConfigMap:a, !tier" in gitops("audit", "list").out
    assert gitops("audit", "verify").code == 0


def test_a_selection_of_nothing_is_refused_at_once(gitops: Gitops, world: World) -> None:
    world.push("app/a.yaml", config_map("a"))
    world.declare(**BY_HAND)
    for flags in (("--label", "tier=web"), ("--resource", ":ConfigMap:b")):
        for dry in ((), ("--dry-run",)):
            ran = gitops("sync", "demo", *flags, *dry, "-o", "json")
            assert (ran.code, ran.error()["code"]) == (1, "not-found")
    ran = gitops("sync", "demo", "--label", "tier in web", "-o", "json")
    assert (ran.code, ran.error()["code"], ran.error()["where"]) == (1, "invalid", "demo")
    assert gitops("history", "demo", "-o", "json").json() == []


def test_nobody_waits_where_nobody_wants_to(gitops: Gitops, world: World) -> None:
    world.push("app/words.yaml", config_map())
    world.declare(**BY_HAND)
    ran = gitops("sync", "demo", "--no-wait")
    assert (ran.code, ran.out) == (0, "demo: asked for a sync\n")
    assert gitops("wait", "demo", "--timeout", "60s").code == 0


def test_what_a_file_declares_cannot_be_deleted_here(
    gitops: Gitops, world: World, tmp_path
) -> None:
    world.push("app/words.yaml", config_map())
    world.service.declarer.load_file(world.application(), "apps.yaml")
    error = gitops("delete", "demo", "--yes", "-o", "json").error()
    assert (error["code"], "apps.yaml" in error["message"]) == ("conflict", True)
    file = tmp_path / "same.yaml"
    file.write_text(world.application())
    assert gitops("create", "-f", str(file), "-o", "json").error()["code"] == "conflict"


def test_who_waits_for_a_deleted_application_hears_of_it(world: World) -> None:
    world.push("app/words.yaml", config_map())
    world.declare()
    world.settled()
    after = world.service.events.newest
    delete = world.service.delete("demo", DeleteOptions(), TRIGGER)
    sync = world.service.sync("demo", SyncOptions(), TRIGGER)
    gone = world.service.outcome_of("demo", delete, after, 60)
    lost = world.service.outcome_of("demo", sync, after, 60)
    assert gone is not None
    assert gone.data["state"] == "succeeded"
    assert lost is not None
    assert lost.data["error"]["message"] == "the application was deleted meanwhile"
