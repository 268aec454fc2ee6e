"""Orphans of a project: objects that belong to no application, found when somebody asks."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from gitops.controlplane.processes import ControlPlane
from gitops.engine.orders.orphans import look_for_orphans
from tests.e2e.test_projects import project
from tests.helpers.commands import Gitops, commands
from tests.helpers.controlplane import AuditLog, Kubectl, eventually
from tests.helpers.http import serve_api
from tests.helpers.service import config_map, deployment, start_world
from tests.helpers.walk import Walk

IGNORED = [{"kind": "ConfigMap", "name": "ignored-*"}]


@pytest.fixture
def gitops(
    walk: Walk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Gitops]:
    """The command line, and a project whose one application is Synced."""
    declare(walk, warn=True)
    walk.world.repo.write("app/web.yaml", deployment())
    walk.world.push("app/words.yaml", config_map())
    walk.world.declare("demo", project="shop")
    walk.settled("demo")
    with serve_api(walk.world) as api:
        yield commands(api.url, monkeypatch, capsys)


def declare(walk: Walk, *, warn: bool) -> None:
    walk.declare(project(walk.world, orphanedResources={"warn": warn, "ignore": IGNORED}))


def leave(walk: Walk) -> None:
    """What people leave behind: three objects, one of which the project ignores."""
    within = ("-n", walk.namespace, "create")
    walk.kubectl(*within, "configmap", "ignored-one")
    walk.kubectl(*within, "secret", "generic", "left", "--from-literal=a=hunter22")
    walk.kubectl(*within, "deployment", "by-hand", "--image=registry.example/x:v1")


def test_what_belongs_to_no_application_is_listed_with_who_made_it(
    walk: Walk, gitops: Gitops
) -> None:
    none = gitops("project", "orphans", "shop")
    assert (none.code, none.out) == (0, f"no orphans in {walk.namespace}\n")
    leave(walk)
    ran = gitops("project", "orphans", "shop", "-o", "json")
    found = ran.json()
    assert ran.code == 3, "the project warns"
    assert (found["project"], found["warn"], found["unseen"]) == ("shop", True, [])
    assert found["namespaces"] == [walk.namespace]
    secret, made = found["orphans"]
    assert (secret["kind"], secret["name"], secret["managers"]) == (
        "Secret",
        "left",
        ["kubectl-create"],
    )
    assert (made["apiVersion"], made["kind"], made["name"]) == ("apps/v1", "Deployment", "by-hand")
    assert "kubectl-create" in made["managers"]
    declare(walk, warn=False)
    ran = gitops("project", "orphans", "shop")
    assert ran.code == 0
    assert [row.split()[:3] for row in ran.out.splitlines()] == [
        ["KIND", "NAMESPACE", "NAME"],
        ["Secret", walk.namespace, "left"],
        ["Deployment", walk.namespace, "by-hand"],
    ]
    assert "No orphans:" in gitops("project", "show", "shop").out


def test_a_project_that_is_not_there_is_said(gitops: Gitops) -> None:
    ran = gitops("project", "orphans", "none")
    assert ran.code == 1
    assert 'the project "none" does not exist' in ran.err


def test_it_costs_one_list_of_metadata_a_kind_and_only_when_asked(
    walk: Walk, gitops: Gitops, audit: AuditLog
) -> None:
    leave(walk)
    before = audit.mark()
    walk.world.refresh()
    walk.settled("demo")
    assert audit.since(before, agent="gitops", verbs=("list",)) == []
    before = audit.mark()
    assert gitops("project", "orphans", "shop").code == 3
    asked = audit.since(before, agent="gitops", verbs=("list", "get", "watch"))
    lists = [event["objectRef"] for event in asked if event["verb"] == "list"]
    kinds = [(one.get("apiGroup"), one["resource"]) for one in lists]
    assert len(kinds) == len(set(kinds)) > 20
    assert {one["namespace"] for one in lists} == {walk.namespace}
    assert [event["verb"] for event in asked if event["verb"] == "watch"] == []


def test_kinds_that_the_project_does_not_allow_are_not_looked_for(
    walk: Walk, gitops: Gitops
) -> None:
    leave(walk)
    walk.declare(
        project(walk.world, namespaceResourceWhitelist=[{"group": "apps", "kind": "Deployment"}])
    )
    found = look_for_orphans(walk.service.parts, "shop")
    assert [one.id.name for one in found.found] == ["by-hand"]


def test_what_may_not_be_listed_is_said(
    control_plane: ControlPlane, kubectl: Kubectl, tmp_path: Path, namespace: str
) -> None:
    within = ("-n", namespace)
    kubectl(*within, "create", "serviceaccount", "service")
    kubectl(*within, "create", "role", "service", "--verb=list", "--resource=configmaps")
    account = f"--serviceaccount={namespace}:service"
    kubectl(*within, "create", "rolebinding", "service", "--role=service", account)
    kubectl(*within, "create", "configmap", "left")
    user = f"--as=system:serviceaccount:{namespace}:service"
    question = (*within, "auth", "can-i", "list", "configmaps", user)
    eventually(lambda: kubectl.try_(*question).returncode == 0, "the right")
    body = yaml.safe_load(control_plane.kubeconfig.read_text())
    token = kubectl(*within, "create", "token", "service").strip()
    body["users"] = [{"name": "service", "user": {"token": token}}]
    body["contexts"][0]["context"]["user"] = "service"
    kubeconfig = tmp_path / "service.yaml"
    kubeconfig.write_text(yaml.safe_dump(body))
    with start_world(control_plane, tmp_path, namespace, cluster={"kubeconfig": kubeconfig}) as it:
        it.service.declarer.create(project(it), "test.yaml", "tester")
        it.push("app/words.yaml", config_map())
        it.declare(project="shop")
        found = look_for_orphans(it.service.parts, "shop")
    assert [one.id.name for one in found.found] == ["left"]
    assert any(
        f"no right to list secrets in namespace {namespace}" in text for text in found.unseen
    )
    assert not any("list configmaps" in text for text in found.unseen)
