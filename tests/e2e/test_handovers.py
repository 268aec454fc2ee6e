"""Objects that go from one application to another are not deleted, whoever looks first."""

from pathlib import Path

import pytest
import yaml

from gitops.controlplane.processes import ControlPlane
from gitops.engine.declaring.deleting import DeleteOptions
from gitops.engine.declaring.transferring import TransferOptions
from gitops.errors import ConflictError
from gitops.model.events import Event
from gitops.model.revision import RecordKind, RevisionState
from gitops.ports import TrailQuery
from tests.helpers.controlplane import Kubectl
from tests.helpers.service import BY_HAND, World, config_map, deployment, start_world
from tests.helpers.walk import Walk, outcomes

FINALIZER = "resources-finalizer.argocd.argoproj.io"
ORDERS = ["giver first", "taker first", "together"]


def write(walk: Walk, files: dict[str, str]) -> None:
    for path, text in files.items():
        walk.world.repo.write(path, text)


def start(walk: Walk, *, takes: bool = True) -> None:
    """`one` with the objects `kept` and `moved`; `two` with an object of its own."""
    files = {"one/kept.yaml": config_map("kept"), "one/moved.yaml": config_map("moved")}
    write(walk, {**files, "two/own.yaml": config_map("own")})
    walk.push("Start")
    walk.world.declare("one", "one")
    walk.world.declare("two", "two", **({"takesOver": [{"name": "one"}]} if takes else {}))
    walk.settled("one")
    walk.settled("two")


def move(walk: Walk, word: str = "one") -> str:
    """One commit that moves `moved` from `one` to `two`."""
    walk.world.repo.remove("one/moved.yaml")
    walk.world.repo.write("two/moved.yaml", config_map("moved", word))
    return walk.push("Move an object")


def uid(walk: Walk, what: str = "configmap/moved") -> str:
    return walk.get(what, ".metadata.uid")


def owner(walk: Walk, what: str = "configmap/moved") -> str:
    return str(walk.live(what)["metadata"]["annotations"]["gitops.dev/tracking"].partition(":")[0])


def held(walk: Walk, name: str) -> set[str]:
    return {claim.id.name for claim in walk.service.parts.store.claims(name)}


def look(walk: Walk, order: str, *names: str) -> None:
    """Let applications look at a push one after the other, or all at once."""
    first, second = names if order != "taker first" else reversed(names)
    if order == "together":
        walk.world.refresh(first)
        return
    walk.service.suspend(second, BY_HAND, suspended=True)
    walk.world.refresh(first)
    walk.world.wait_for(lambda: walk.service.dispatcher.wait_idle(0), "rest")
    walk.service.suspend(second, BY_HAND, suspended=False)


@pytest.mark.parametrize("order", ORDERS)
def test_an_object_that_moves_in_one_commit_is_handed_over(walk: Walk, order: str) -> None:
    start(walk)
    before = uid(walk)
    move(walk, "two")
    look(walk, order, "one", "two")
    walk.world.wait_for(lambda: owner(walk) == "two", "the new owner")
    walk.settled("one")
    walk.settled("two")
    assert (uid(walk), owner(walk)) == (before, "two")
    assert walk.get("configmap/moved", ".data.word") == "two"
    assert (held(walk, "one"), held(walk, "two")) == ({"kept"}, {"own", "moved"})
    states = {r.state for name in ("one", "two") for r in walk.service.reading.revisions(name)}
    assert states == {RevisionState.SUCCEEDED}
    query = TrailQuery(kind=RecordKind.TRANSFER, newest=False)
    told = [(r.application, dict(r.payload)) for r in walk.service.reading.trail(query)]
    objects = [f"/ConfigMap:{walk.namespace}/moved"]
    assert told == [
        ("one", {"to": "two", "objects": objects}),
        ("two", {"from": "one", "objects": objects}),
    ]


def test_a_workload_that_moves_is_not_restarted(walk: Walk) -> None:
    start(walk)
    walk.world.push("one/web.yaml", deployment())
    walk.world.refresh("one")
    walk.world.closed("one", 2)
    walk.settled("one")
    before = [uid(walk, "deployment/web"), pods(walk)]
    walk.world.repo.remove("one/web.yaml")
    walk.world.repo.write("two/web.yaml", deployment())
    walk.push("Move the workload")
    walk.world.refresh("one")
    walk.world.wait_for(lambda: owner(walk, "deployment/web") == "two", "the new owner")
    walk.settled("two")
    assert [uid(walk, "deployment/web"), pods(walk)] == before


def pods(walk: Walk) -> str:
    where = "jsonpath={.items[*].metadata.uid}"
    return walk.kubectl("-n", walk.namespace, "get", "pods", "-o", where)


@pytest.mark.parametrize("takes", [True, False])
@pytest.mark.parametrize("order", ORDERS)
def test_two_applications_swap_objects(walk: Walk, order: str, *, takes: bool) -> None:
    write(walk, {"one/x.yaml": config_map("left"), "two/y.yaml": config_map("right")})
    write(walk, {"one/a.yaml": config_map("a"), "two/b.yaml": config_map("b")})
    walk.push("Start")
    for name, other in (("one", "two"), ("two", "one")):
        walk.world.declare(name, name, **({"takesOver": [{"name": other}]} if takes else {}))
        walk.settled(name)
    before = [uid(walk, "configmap/left"), uid(walk, "configmap/right")]
    walk.world.repo.remove("one/x.yaml").remove("two/y.yaml")
    write(walk, {"one/y.yaml": config_map("right"), "two/x.yaml": config_map("left")})
    walk.push("Swap")
    look(walk, order, "one", "two")
    done = {"configmap/left": "two", "configmap/right": "one"}
    walk.world.wait_for(lambda: {w: owner(walk, w) for w in done} == done, "the swap")
    walk.settled("one")
    walk.settled("two")
    assert [uid(walk, "configmap/left"), uid(walk, "configmap/right")] == before
    assert (held(walk, "one"), held(walk, "two")) == ({"a", "right"}, {"b", "left"})


# --- what stands in the way ---------------------------------------------------------------------


def test_two_applications_that_want_one_object_are_both_told_until_one_lets_go(
    walk: Walk,
) -> None:
    start(walk, takes=False)
    before = uid(walk)
    walk.world.push("two/moved.yaml", config_map("moved", "two"))
    walk.world.refresh("two")
    refused = walk.world.closed("two", 2)
    title = f"ConfigMap {walk.namespace}/moved"
    told = f'{title} already belongs to the application "one", and "two" declares it too'
    assert refused.state is RevisionState.FAILED
    assert told in refused.message
    assert told in walk.at_rest("two").message
    status = walk.at_rest("one")
    assert (status.sync, status.message[: len(told)]) == ("Synced", told)
    assert {o.id.name: o.message[:7] for o in status.objects} == {"kept": "", "moved": title[:7]}
    for name in ("one", "two"):
        plan = walk.service.reading.plan(name).masked
        assert told in " ".join((*plan.warnings, *(fault.message for fault in plan.faults)))
    assert walk.get("configmap/moved", ".data.word") == "one"

    walk.world.repo.remove("one/moved.yaml")
    walk.push("one lets go")
    walk.world.refresh("one")
    walk.world.wait_for(lambda: owner(walk) == "two", "the new owner")
    assert walk.settled("two").warnings == ()
    assert walk.settled("one").message == ""
    assert uid(walk) == before
    assert walk.get("configmap/moved", ".data.word") == "two"
    ends = outcomes(walk.service.reading.revision("one", 2))
    assert ends == {"ConfigMap/kept": "unchanged", "ConfigMap/moved": "unchanged"}


def test_who_gives_up_its_wish_is_no_longer_told(walk: Walk) -> None:
    start(walk, takes=False)
    walk.world.push("two/moved.yaml", config_map("moved", "two"))
    walk.world.refresh("two")
    walk.world.closed("two", 2)
    walk.world.repo.remove("two/moved.yaml")
    walk.push("two gives it up")
    walk.world.refresh("two")
    walk.settled("two")
    assert walk.settled("one").message == ""
    assert owner(walk) == "one"


def test_nothing_is_deleted_while_nobody_knows_what_is_taken_over(walk: Walk) -> None:
    start(walk)
    before = uid(walk)
    move(walk)
    walk.world.push("two/broken.yaml", "kind: [")
    walk.world.refresh("one")
    refused = walk.world.closed("one", 2)
    assert refused.state is RevisionState.FAILED
    assert 'not known what the application "two" takes over' in refused.message
    assert uid(walk) == before
    walk.world.repo.remove("two/broken.yaml")
    walk.push("Mend it")
    walk.world.refresh("two")
    walk.world.wait_for(lambda: owner(walk) == "two", "the new owner")
    walk.settled("one")
    walk.settled("two")
    assert uid(walk) == before


def test_a_project_gets_nothing_that_it_does_not_allow_and_holds_up_no_other(walk: Walk) -> None:
    start(walk)
    for name, namespace in (("elsewhere", "nowhere"), ("broken", walk.namespace)):
        body = {
            "apiVersion": "gitops.dev/v1alpha1",
            "kind": "AppProject",
            "metadata": {"name": name},
            "spec": {
                "sourceRepos": ["*"],
                "destinations": [{"name": "*", "namespace": namespace}],
            },
        }
        walk.declare(yaml.safe_dump(body))
        takes = {"project": name, "takesOver": [{"name": "one"}]}
        walk.world.declare(name, name, **takes)
    write(walk, {"elsewhere/moved.yaml": config_map("moved"), "broken/a.yaml": "kind: ["})
    walk.world.repo.remove("one/moved.yaml")
    walk.push("Move an object where it may not go")
    walk.world.refresh("one")
    assert outcomes(walk.world.closed("one", 2))["ConfigMap/moved"] == "deleted"


def test_what_nobody_takes_over_is_deleted(walk: Walk) -> None:
    start(walk)
    walk.world.repo.remove("one/moved.yaml")
    walk.push("Remove an object")
    walk.world.refresh("one")
    assert outcomes(walk.world.closed("one", 2))["ConfigMap/moved"] == "deleted"
    assert not walk.exists("configmap/moved")


def test_another_application_s_name_on_an_object_neither_keeps_nor_frees_it(walk: Walk) -> None:
    start(walk)
    walk.world.service.suspend("one", BY_HAND, suspended=True)
    for name, says in (("moved", "two"), ("kept", "nobody")):
        tracking = f"gitops.dev/tracking={says}:/ConfigMap:{walk.namespace}/{name}"
        walk.kubectl("-n", walk.namespace, "annotate", "--overwrite", "configmap", name, tracking)
    walk.world.repo.remove("one/moved.yaml")
    walk.push("Remove an object")
    walk.world.service.suspend("one", BY_HAND, suspended=False)
    walk.world.refresh("one")
    walk.world.wait_for(lambda: not walk.exists("configmap/moved"), "the deletion")
    walk.settled("one")
    assert owner(walk, "configmap/kept") == "one"
    assert held(walk, "two") == {"own"}


# --- renaming -----------------------------------------------------------------------------------


def declared(world: World, name: str, *, finalize: bool, takes: str = "") -> str:
    """An Application over the folder `app`, whatever its name."""
    spec = {"takesOver": [{"name": takes}]} if takes else {}
    body = yaml.safe_load(world.application(name, "app", **spec))
    if finalize:
        body["metadata"]["finalizers"] = [FINALIZER]
    return yaml.safe_dump(body)


@pytest.mark.parametrize("finalize", [True, False])
@pytest.mark.parametrize(
    ("old", "new"),
    [("a-old.yaml", "b-new.yaml"), ("b-old.yaml", "a-new.yaml"), ("app.yaml", "app.yaml")],
)
def test_an_application_in_a_file_is_renamed_whichever_file_is_read_first(
    control_plane: ControlPlane, kubectl: Kubectl, tmp_path: Path, namespace: str, old: str,
    new: str, *, finalize: bool,
) -> None:  # fmt: skip
    folder = tmp_path / "declared"
    folder.mkdir()
    with start_world(control_plane, tmp_path, namespace, applications=(folder,)) as world:
        walk = Walk(world, kubectl)
        world.push("app/moved.yaml", config_map("moved"))
        (folder / old).write_text(declared(world, "old", finalize=finalize))
        world.running.files.review()
        walk.settled("old")
        before = uid(walk)
        (folder / old).unlink()
        (folder / new).write_text(declared(world, "new", finalize=finalize, takes="old"))
        world.running.files.review()
        walk.settled("new")
        assert (uid(walk), owner(walk)) == (before, "new")
        world.wait_for(lambda: not world.service.parts.registry.find("old"), "the old one's end")
        assert walk.newest("old").number >= 1, "its history stays"
        assert (held(walk, "old"), held(walk, "new")) == (set(), {"moved"})


@pytest.mark.parametrize("finalize", [True, False])
def test_a_child_is_renamed_in_one_commit(walk: Walk, *, finalize: bool) -> None:
    walk.world.repo.write("app/moved.yaml", config_map("moved"))
    walk.world.repo.write("apps/app.yaml", declared(walk.world, "old", finalize=finalize))
    walk.push("Start")
    walk.world.declare("apps", "apps")
    walk.world.wait_for(lambda: walk.exists("configmap/moved"), "what it runs")
    walk.settled("old")
    before = uid(walk)
    text = declared(walk.world, "new", finalize=finalize, takes="old")
    walk.world.repo.write("apps/app.yaml", text)
    walk.publish("apps", "Rename the application")
    walk.world.wait_for(lambda: owner(walk) == "new", "the new owner")
    walk.settled("new")
    assert uid(walk) == before
    walk.world.wait_for(lambda: not walk.service.parts.registry.find("old"), "the old one's end")
    assert walk.service.reading.revisions("old")


def test_a_child_is_split_in_one_commit_before_its_parent_is_looked_at(walk: Walk) -> None:
    files = {"one/kept.yaml": config_map("kept"), "one/moved.yaml": config_map("moved")}
    write(walk, {**files, "apps/one.yaml": walk.world.application("one", "one")})
    walk.push("Start")
    walk.world.declare("apps", "apps")
    walk.world.wait_for(lambda: walk.exists("configmap/moved"), "what it runs")
    walk.settled("one")
    walk.settled("apps")
    before = uid(walk)
    walk.service.suspend("apps", BY_HAND, suspended=True)
    two = walk.world.application("two", "two", takesOver=[{"name": "one"}])
    walk.world.repo.write("apps/two.yaml", two)
    move(walk)
    walk.world.refresh("one")
    walk.world.closed("one", 2)
    walk.settled("one")
    assert (uid(walk), held(walk, "two")) == (before, {"moved"})
    walk.service.suspend("apps", BY_HAND, suspended=False)
    walk.world.wait_for(lambda: owner(walk) == "two", "the new owner")
    walk.settled("two")
    assert uid(walk) == before


def test_a_child_goes_to_another_parent_with_what_it_runs(walk: Walk) -> None:
    child = declared(walk.world, "app", finalize=True)
    write(walk, {"app/moved.yaml": config_map("moved"), "one/app.yaml": child})
    write(walk, {"one/own.yaml": config_map("first"), "two/own.yaml": config_map("second")})
    walk.push("Start")
    walk.world.declare("one", "one")
    walk.world.declare("two", "two", takesOver=[{"name": "one"}])
    walk.world.wait_for(lambda: walk.exists("configmap/moved"), "what it runs")
    walk.settled("app")
    walk.settled("two")
    before = uid(walk)
    walk.world.repo.remove("one/app.yaml").write("two/app.yaml", child)
    walk.push("Move the application")
    walk.world.refresh("one")
    walk.world.wait_for(lambda: "app" in held(walk, "two"), "the new parent")
    for name in ("one", "two", "app"):
        walk.settled(name)
    assert walk.world.status("app").origin.where == "two"
    assert (uid(walk), owner(walk)) == (before, "app")
    walk.world.restart()
    assert walk.settled("app").origin.where == "two"


def test_a_deleted_application_hands_over_what_is_taken_from_it(walk: Walk) -> None:
    start(walk)
    before = uid(walk)
    walk.world.push("two/moved.yaml", config_map("moved"))
    walk.world.refresh("two")
    walk.world.closed("two", 2)
    shown = walk.service.reading.deletion("one", "cascade").masked
    assert {a.id.name: str(a.kind) for a in shown.actions} == {"kept": "delete", "moved": "none"}
    assert walk.delete("one").data["state"] == "succeeded"
    walk.settled("two")
    assert (uid(walk), owner(walk), walk.exists("configmap/kept")) == (before, "two", False)


def test_an_orphaned_application_leaves_what_is_taken_over_to_its_heir(walk: Walk) -> None:
    start(walk)
    before = uid(walk)
    walk.world.push("two/moved.yaml", config_map("moved"))
    walk.world.refresh("two")
    walk.world.closed("two", 2)
    assert walk.delete("one", DeleteOptions("orphan")).data["state"] in ("succeeded", "unchanged")
    walk.settled("two")
    assert (uid(walk), owner(walk), walk.exists("configmap/kept")) == (before, "two", True)


# --- by hand ------------------------------------------------------------------------------------


def ask(walk: Walk, name: str, ticket: int, after: int) -> Event:
    done = walk.service.outcome_of(name, ticket, after, 60)
    assert done is not None, walk.world.story()
    return done


def transfer(walk: Walk, *resources: str) -> Event:
    after = walk.service.events.newest
    options = TransferOptions("two", resources)
    return ask(walk, "one", walk.service.transferer.ask("one", options, BY_HAND), after)


def test_a_person_hands_objects_over_and_both_histories_tell_it(walk: Walk) -> None:
    start(walk, takes=False)
    before = uid(walk)
    with pytest.raises(ConflictError, match='"two" wants nothing that "one" holds'):
        walk.service.transferer.choose("one", TransferOptions("two"))
    walk.world.push("two/moved.yaml", config_map("moved"))
    walk.world.refresh("two")
    walk.world.closed("two", 2)
    kept = f":ConfigMap:{walk.namespace}/kept"
    with pytest.raises(ConflictError, match="kept is not in Git for"):
        walk.service.transferer.choose("one", TransferOptions("two", (kept,)))
    done = transfer(walk)
    assert done.data["state"] == "succeeded", done
    assert done.message == f'ConfigMap {walk.namespace}/moved handed over to "two"'
    walk.world.wait_for(lambda: owner(walk) == "two", "the new owner")
    walk.settled("two")
    refused = walk.at_rest("one")
    assert 'already belongs to the application "two", and "one" declares it' in refused.message
    walk.world.repo.remove("one/moved.yaml")
    walk.push("one lets go")
    walk.world.refresh("one")
    walk.settled("one")
    assert (uid(walk), owner(walk)) == (before, "two")
    for name, side in (("one", "handed over to"), ("two", "taken over from")):
        found = [r for r in walk.service.reading.revisions(name) if r.kind == "transfer"]
        assert [(r.trigger.actor, side in r.message) for r in found] == [(BY_HAND.actor, True)]
        given = walk.service.reading.revision(name, found[0].number)
        assert [o.id.name for o in given.outcomes] == ["moved"]
    assert walk.service.parts.store.verify().faults == ()


def test_an_application_of_the_api_is_renamed_with_all_that_it_runs(walk: Walk) -> None:
    start(walk, takes=False)
    before = [uid(walk), uid(walk, "configmap/kept")]
    with pytest.raises(ConflictError, match='there is an application "two"'):
        walk.service.transferer.renamed("one", "two")
    after = walk.service.events.newest
    done = ask(walk, "one", walk.service.transferer.ask_name("one", "new", BY_HAND), after)
    assert (done.data["state"], done.message) == ("succeeded", "renamed to new")
    walk.settled("new")
    assert [uid(walk), uid(walk, "configmap/kept")] == before
    assert (owner(walk), held(walk, "new"), held(walk, "one")) == ("new", {"moved", "kept"}, set())
    assert walk.service.parts.registry.find("one") is None
    assert [str(r.kind) for r in walk.service.reading.revisions("one")] == ["transfer", "sync"]
    walk.world.restart()
    assert walk.settled("new").origin.kind == "api"
    assert set(walk.service.parts.store.registered()) == {"new", "two"}
