"""Writes in the name of ServiceAccounts, against the API server's own RBAC."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitops.controlplane.processes import ControlPlane
from gitops.engine.declaring.deleting import DeleteOptions
from gitops.errors import ConflictError
from gitops.model.objects import ObjectId
from gitops.model.revision import RevisionState
from gitops.ports import Apply
from tests.e2e.test_projects import project
from tests.helpers.controlplane import AuditLog, Kubectl, eventually
from tests.helpers.service import config_map, start_world
from tests.helpers.walk import Walk

SERVER = "https://kubernetes.default.svc"
SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\n"


@pytest.fixture
def walk(
    control_plane: ControlPlane, kubectl: Kubectl, tmp_path: Path, namespace: str
) -> Iterator[Walk]:
    """A service of an administrator that writes in the name of `deployer` and `watcher`."""
    cluster = {"kubeconfig": control_plane.kubeconfig, "impersonate": True}
    with start_world(control_plane, tmp_path, namespace, cluster=cluster) as world:
        found = Walk(world, kubectl)
        within = ("-n", namespace)
        for account in ("deployer", "watcher"):
            kubectl(*within, "create", "serviceaccount", account)
        verbs = "--verb=get,create,patch,delete"
        kubectl(*within, "create", "role", "deployer", verbs, "--resource=configmaps")
        account = f"--serviceaccount={namespace}:deployer"
        kubectl(*within, "create", "rolebinding", "deployer", "--role=deployer", account)
        eventually(lambda: may(found, "create", "configmaps"), "the right of deployer")
        yield found


def may(walk: Walk, verb: str, resource: str, account: str = "deployer") -> bool:
    user = f"--as=system:serviceaccount:{walk.namespace}:{account}"
    asked = walk.kubectl.try_("-n", walk.namespace, "auth", "can-i", verb, resource, user)
    return asked.returncode == 0


def accounts(walk: Walk, account: str, **more: Any) -> str:
    entry = {"server": SERVER, "namespace": "test-*", "defaultServiceAccount": account}
    return project(walk.world, destinationServiceAccounts=[entry], **more)


def test_an_application_writes_with_the_rights_of_its_account(walk: Walk) -> None:
    walk.declare(accounts(walk, "deployer"))
    walk.world.push("app/words.yaml", config_map())
    walk.world.declare("demo", project="shop")
    walk.settled("demo")
    assert walk.exists("configmap/words")
    walk.change("demo", "app/words.yaml", "word: one", "word: two")
    walk.kubectl("-n", walk.namespace, "patch", "configmap", "words", "-p", '{"data":{"word":"x"}}')
    walk.world.wait_for(lambda: walk.get("configmap/words", ".data.word") == "two", "healed")
    assert walk.delete("demo", DeleteOptions()).data["state"] == "succeeded"
    assert not walk.exists("configmap/words")


def test_the_api_server_sees_writes_by_the_account_and_reads_by_the_service(
    walk: Walk, audit: AuditLog
) -> None:
    mark = audit.mark()
    walk.declare(accounts(walk, "deployer"))
    walk.world.repo.write("app/more.yaml", config_map("more"))
    walk.world.push("app/words.yaml", config_map())
    walk.world.declare("demo", project="shop")
    walk.settled("demo")
    walk.change("demo", "app/words.yaml", "word: one", "word: two")
    walk.kubectl("-n", walk.namespace, "delete", "configmap", "words")
    walk.world.wait_for(lambda: walk.exists("configmap/words"), "healed")
    walk.settled("demo")
    walk.path("app/more.yaml").unlink()
    assert walk.publish("demo", "Prune").state is RevisionState.SUCCEEDED
    assert walk.delete("demo", DeleteOptions()).data["state"] == "succeeded"
    asked = [e for e in audit.since(mark, agent="gitops") if e.get("objectRef")]
    assert {event["user"]["username"] for event in asked} == {"admin"}, "the service's own name"
    by: dict[str, set[str | None]] = {}
    for event in asked:
        name = event.get("impersonatedUser", {}).get("username")
        by.setdefault(event["verb"], set()).add(name)
    account = f"system:serviceaccount:{walk.namespace}:deployer"
    assert {verb for verb, names in by.items() if names == {account}} == {"patch", "delete"}
    assert {verb for verb, names in by.items() if names == {None}} == {"get", "list", "watch"}


def test_a_right_that_the_account_lacks_is_named_with_the_account(walk: Walk) -> None:
    walk.declare(accounts(walk, "deployer"))
    walk.world.push("app/keys.yaml", SECRET)
    walk.world.declare("demo", project="shop")
    first = walk.world.closed("demo", 1)
    assert first.state is RevisionState.FAILED
    user = f"system:serviceaccount:{walk.namespace}:deployer"
    assert f"secrets in namespace {walk.namespace} (as {user})" in first.message
    assert not walk.exists("secret/keys")


def test_another_account_has_other_rights_and_a_change_of_the_project_counts(walk: Walk) -> None:
    walk.declare(accounts(walk, f"{walk.namespace}:watcher"))
    walk.world.push("app/words.yaml", config_map())
    walk.world.declare("demo", project="shop")
    first = walk.world.closed("demo", 1)
    assert f"(as system:serviceaccount:{walk.namespace}:watcher)" in first.message
    walk.declare(accounts(walk, "deployer"))
    walk.settled("demo")


def test_without_an_account_nothing_is_written(walk: Walk) -> None:
    walk.declare(project(walk.world))
    walk.world.push("app/words.yaml", config_map())
    walk.world.declare("demo", project="shop")
    told = f'the project "shop" gives no ServiceAccount to write the namespace {walk.namespace}'
    walk.world.wait_for(lambda: told in walk.world.status("demo").message, told)
    with pytest.raises(ConflictError, match="gives no ServiceAccount"):
        walk.service.reading.plan("demo")
    assert not walk.exists("configmap/words")


@pytest.mark.parametrize("user", [None, "", "  "])
def test_a_write_in_nobodys_name_is_refused_before_it_is_sent(walk: Walk, user: str | None) -> None:
    body = yaml.safe_load(config_map())
    write = Apply(ObjectId("", "ConfigMap", walk.namespace, "words"), body)
    cluster = walk.service.edges.cluster
    if user is None:
        (answer,) = cluster.send([write])
    else:
        with cluster.acting_as(user):
            (answer,) = cluster.send([write])
    assert answer.error is not None
    assert answer.error.message.startswith("nobody is named in whose name it is written")
    assert not walk.exists("configmap/words")


def test_a_service_that_may_not_impersonate_says_so(
    control_plane: ControlPlane, kubectl: Kubectl, tmp_path: Path, namespace: str
) -> None:
    within = ("-n", namespace)
    kubectl(*within, "create", "serviceaccount", "service")
    token = kubectl(*within, "create", "token", "service")
    body = yaml.safe_load(control_plane.kubeconfig.read_text())
    body["users"] = [{"name": "service", "user": {"token": token.strip()}}]
    body["contexts"][0]["context"]["user"] = "service"
    kubeconfig = tmp_path / "service.yaml"
    kubeconfig.write_text(yaml.safe_dump(body))
    cluster = {"kubeconfig": kubeconfig, "impersonate": True}
    with start_world(control_plane, tmp_path, namespace, cluster=cluster) as world:
        found = Walk(world, kubectl)
        found.declare(accounts(found, "deployer"))
        found.world.push("app/words.yaml", config_map())
        found.world.declare("demo", project="shop")
        first = found.world.closed("demo", 1)
    assert "no right to impersonate" in first.message
    assert f"(as system:serviceaccount:{namespace}:service)" in first.message
