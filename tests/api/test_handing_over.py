"""Transfers and renames through the API and the command line, on a real cluster."""

import pytest

from tests.helpers.commands import Gitops, commands
from tests.helpers.controlplane import Kubectl
from tests.helpers.http import Api
from tests.helpers.service import World, config_map


@pytest.fixture
def gitops(
    live: Api, world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Gitops:
    """`one` and `two`, each with an object of its own; `one` runs `moved`, which `two` wants."""
    for name in ("one", "two"):
        world.repo.write(f"{name}/own.yaml", config_map(name))
    world.push("one/moved.yaml", config_map("moved"))
    for name in ("one", "two"):
        world.declare(name, name)
        world.settled(name)
    world.push("two/moved.yaml", config_map("moved"))
    world.refresh("two")
    world.closed("two", 2)
    return commands(live.url, monkeypatch, capsys)


def moved(kubectl: Kubectl, world: World) -> tuple[str, str]:
    """The uid of the object, and whose it is by its mark."""
    metadata = kubectl.json("-n", world.namespace, "get", "configmap", "moved")["metadata"]
    return metadata["uid"], metadata["annotations"]["gitops.dev/tracking"].partition(":")[0]


def test_objects_are_handed_over_by_hand(
    gitops: Gitops, live: Api, world: World, kubectl: Kubectl
) -> None:
    uid, _ = moved(kubectl, world)
    order = ("transfer", "--from", "one", "--to", "two")
    [title, row] = gitops(*order, "--dry-run").out.splitlines()
    assert (title.split(), row.split()) == (
        ["GROUP", "KIND", "NAMESPACE", "NAME"], ["-", "ConfigMap", world.namespace, "moved"],
    )  # fmt: skip
    tried = live.post("/applications/one/transfer", {"to": "two", "dryRun": True})
    assert (tried.status_code, tried.json()) == (
        200,
        {"application": "one", "to": "two", "objects": [
            {"group": "", "kind": "ConfigMap", "namespace": world.namespace, "name": "moved"},
        ]},
    )  # fmt: skip
    ran = gitops(*order)
    told = f'ConfigMap {world.namespace}/moved handed over to "two"'
    assert (ran.code, ran.out) == (0, f"one: revision 2 succeeded: {told}\n")
    world.wait_for(lambda: moved(kubectl, world) == (uid, "two"), "the new owner")
    world.settled("two")
    ran = gitops(*order)
    told = '"two" wants nothing that "one" holds; add the objects to its manifests first'
    assert (ran.code, ran.err) == (1, f"error: one: {told}\n")


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("nix/transfer", {"to": "two"}, 404, 'there is no application "nix"'),
        ("one/transfer", {"to": "nix"}, 404, 'there is no application "nix"'),
        ("one/transfer", {"to": "one"}, 400, "an application hands nothing over to itself"),
        ("two/transfer", {"to": "one"}, 409, '"one" wants nothing that "two" holds'),
        ("one/transfer", {}, 400, "to"),
        ("one/transfer", {"to": "two", "resources": [":Secret:a/b"]}, 404,
         'the application holds no object ":Secret:a/b"'),
        ("one/transfer", {"to": "two", "resources": [":ConfigMap:*/one"]}, 409, "is not in Git"),
        ("nix/rename", {"name": "new"}, 404, 'there is no application "nix"'),
        ("one/rename", {"name": "two"}, 409, 'there is an application "two"'),
        ("one/rename", {"name": "one"}, 409, "that is its name already"),
        ("one/rename", {"name": "Not a name"}, 422, "metadata.name"),
        ("one/rename", {"name": ""}, 400, "name"),
        ("filed/rename", {"name": "new"}, 409, '"filed" is declared in apps.yaml:1'),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("gitops")
def test_what_cannot_be_handed_over_is_refused_and_nothing_happens(
    live: Api, world: World, path: str, body: dict[str, object], status: int, message: str
) -> None:
    if path.startswith("filed"):
        world.service.declarer.load_file(world.application("filed"), "apps.yaml")
    store = world.service.parts.store
    before = [(c.id, c.application) for c in store.claims()], store.registered()
    refused = live.post(f"/applications/{path}", body)
    error = refused.json()["error"]
    assert (refused.status_code, message in error["message"]) == (status, True), error
    assert ([(c.id, c.application) for c in store.claims()], store.registered()) == before
    assert "transfer" not in {r.kind for r in store.revisions("one")}


def test_an_application_is_renamed_by_hand(gitops: Gitops, world: World, kubectl: Kubectl) -> None:
    uid, _ = moved(kubectl, world)
    ran = gitops("rename", "one", "new")
    assert (ran.code, ran.out) == (0, "one: revision 2 succeeded: renamed to new\n")
    world.wait_for(lambda: moved(kubectl, world) == (uid, "new"), "the new name")
    world.settled("new")
    rows = gitops("history", "one", "-o", "json").json()
    assert [(r["kind"], r["state"]) for r in rows] == [
        ("transfer", "succeeded"), ("sync", "succeeded"),
    ]  # fmt: skip
    again = gitops("rename", "one", "new", "-o", "json").error()
    assert (again["code"], again["message"]) == ("not-found", 'there is no application "one"')
    same = gitops("rename", "new", "new", "-o", "json").error()
    assert same["message"] == "that is its name already"
