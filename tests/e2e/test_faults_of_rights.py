"""What the service may not do, or not any more: named, harmless to everything else, and passing.

The service has nothing but the token of a ServiceAccount, in a file that can be renewed.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from gitops.controlplane.processes import ControlPlane
from gitops.model.revision import RevisionKind, RevisionState
from tests.helpers.controlplane import Kubectl, eventually
from tests.helpers.service import World, config_map, deployment, start_world

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: words}
spec: {ports: [{port: 80}]}
"""
VERBS = ("get", "list", "watch", "create", "patch", "delete")


@dataclass
class Limited:
    """A service that may handle ConfigMaps, and Services once that is granted."""

    world: World
    kubectl: Kubectl
    namespace: str
    folder: Path

    @property
    def user(self) -> str:
        return f"system:serviceaccount:{self.namespace}:service"

    def grant(self, resource: str) -> None:
        """All rights on a kind, everywhere; returns when they count."""
        name = f"{self.namespace}-{resource}"
        verbs = ",".join(VERBS)
        self.kubectl("create", "clusterrole", name, f"--verb={verbs}", f"--resource={resource}")
        account = f"--serviceaccount={self.namespace}:service"
        self.kubectl("create", "clusterrolebinding", name, f"--clusterrole={name}", account)
        eventually(lambda: self.may(resource), f"the right on {resource}")

    def revoke(self, resource: str) -> None:
        name = f"{self.namespace}-{resource}"
        self.kubectl("delete", "clusterrolebinding,clusterrole", name)
        eventually(lambda: not self.may(resource), f"no right on {resource}")

    def rules(self, resource: str, *verbs: str) -> None:
        """Leave only these rights on a kind that was granted; returns when they count."""
        name = f"{self.namespace}-{resource}"
        patch = [{"op": "replace", "path": "/rules/0/verbs", "value": [*verbs]}]
        self.kubectl("patch", "clusterrole", name, "--type=json", "-p", json.dumps(patch))
        ask = ("auth", "can-i", "delete", resource, f"--as={self.user}", "-A")
        may = "delete" in verbs
        eventually(lambda: (self.kubectl.try_(*ask).returncode == 0) is may, "the rights")

    def may(self, resource: str) -> bool:
        answer = self.kubectl.try_("auth", "can-i", "patch", resource, f"--as={self.user}", "-A")
        return answer.returncode == 0

    def renew(self) -> None:
        """Make the account, and put a token of it into the file."""
        self.kubectl("-n", self.namespace, "create", "serviceaccount", "service")
        token = self.kubectl("-n", self.namespace, "create", "token", "service")
        (self.folder / "token").write_text(token)

    def expire(self) -> None:
        """End the account and with it its token; the API server remembers it for some seconds."""
        self.kubectl("-n", self.namespace, "delete", "serviceaccount", "service")
        token = (self.folder / "token").read_text()
        ask = ("--token", token, "get", "--raw", "/version")
        eventually(lambda: "Unauthorized" in self.kubectl.try_(*ask).stderr, "the end of the token")

    def word(self, name: str = "words") -> str:
        where = ("-n", self.namespace, "get", "configmap", name)
        return self.kubectl(*where, "-o", "jsonpath={.data.word}")

    def states(self, name: str) -> list[RevisionState]:
        return [r.state for r in self.world.service.reading.revisions(name)]


def kubeconfig(plane: ControlPlane, folder: Path) -> Path:
    """The administrator's, with the token file in place of their token."""
    body = yaml.safe_load(plane.kubeconfig.read_text())
    body["users"] = [{"name": "service", "user": {"tokenFile": "token"}}]
    body["contexts"][0]["context"]["user"] = "service"
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(body))
    return path


@pytest.fixture
def limited(
    control_plane: ControlPlane, kubectl: Kubectl, namespace: str, tmp_path: Path
) -> Iterator[Limited]:
    settings = {"cluster": {"kubeconfig": kubeconfig(control_plane, tmp_path)}}
    (tmp_path / "token").write_text("none yet")
    with start_world(control_plane, tmp_path, namespace, **settings) as world:
        made = Limited(world, kubectl, namespace, tmp_path)
        made.renew()
        made.grant("configmaps")
        try:
            yield made
        finally:
            role = "clusterrolebinding,clusterrole"
            for resource in ("configmaps", "services"):
                kubectl.try_("delete", role, f"{namespace}-{resource}")


def test_a_missing_right_is_named_stops_nobody_else_and_heals_when_granted(
    limited: Limited,
) -> None:
    world = limited.world
    world.repo.write("words/words.yaml", config_map()).write("web/web.yaml", SERVICE)
    world.repo.write("web/more.yaml", config_map("more"))
    world.repo.commit("Both")
    world.repo.push()
    world.declare("words", "words")
    world.declare("web", "web")
    refused = world.closed("web")
    world.settled("words")
    place = f"in namespace {limited.namespace}"
    right = f"no right to patch services {place} (as {limited.user})"
    assert refused.state is RevisionState.FAILED
    for message in (refused.message, world.status("web").message):
        assert right in message
        assert f"grant it: verb patch, resource services, {place}" in message
    for _ in range(2):
        world.refresh("web")
        assert world.service.dispatcher.wait_idle(60)
    assert limited.states("web") == [RevisionState.FAILED], "told once"
    world.push("words/words.yaml", config_map(word="two"))
    world.refresh("words")
    world.wait_for(lambda: limited.word() == "two", "the other application's next sync")
    limited.grant("services")
    world.settled("web")
    assert limited.states("web") == [RevisionState.SUCCEEDED, RevisionState.FAILED]
    assert limited.word("more") == "one"


def test_a_missing_right_to_delete_is_one_failed_revision_and_is_looked_at_again(
    limited: Limited,
) -> None:
    world = limited.world
    world.repo.write("app/words.yaml", config_map()).write("app/old.yaml", config_map("old"))
    world.repo.commit("Both")
    world.repo.push()
    world.declare(syncPolicy={"retry": {"limit": 0}, "rollback": {"automatic": True}})
    world.settled()
    limited.rules("configmaps", *(verb for verb in VERBS if verb != "delete"))
    (world.repo.work / "app/old.yaml").unlink()
    world.push("app/words.yaml", config_map(word="two"))
    world.refresh()
    refused = world.closed(number=2)
    assert refused.state is RevisionState.FAILED
    assert f"no right to delete configmaps in namespace {limited.namespace}" in refused.message
    assert limited.word() == "two"
    for looks in (2, 3):
        world.refresh()
        world.wait_for(
            lambda n=looks: world.service.reading.revision("demo", 2).count >= n, "a repeat"
        )
    failed = RevisionState.FAILED
    assert limited.states("demo")[:-1] == [failed], "one cause, one revision, and no way back"
    limited.rules("configmaps", *VERBS)
    world.settled()
    assert limited.states("demo")[:-1] == [RevisionState.SUCCEEDED, failed]
    left = limited.kubectl.try_("-n", limited.namespace, "get", "configmap", "old")
    assert "NotFound" in left.stderr


def test_a_right_that_is_taken_away_holds_up_no_heal_of_other_objects(limited: Limited) -> None:
    world = limited.world
    limited.grant("services")
    world.repo.write("app/words.yaml", config_map()).write("app/web.yaml", SERVICE)
    world.repo.commit("Both")
    world.repo.push()
    world.declare()
    world.settled()
    limited.revoke("services")
    where = ("-n", limited.namespace)
    limited.kubectl(*where, "delete", "service", "words")
    world.wait_for(lambda: "no right to" in world.status().message, "the missing right")
    limited.kubectl(*where, "patch", "configmap", "words", "-p", '{"data": {"word": "drifted"}}')
    world.wait_for(lambda: limited.word() == "one", "the heal of what may be healed")
    status = world.status()
    assert status.sync != "Synced"
    assert f"services in namespace {limited.namespace}" in status.message
    limited.grant("services")
    world.settled()
    assert limited.kubectl(*where, "get", "service", "words")
    kinds = {r.kind for r in world.service.reading.revisions("demo")[:-1]}
    assert kinds == {RevisionKind.HEAL}


def test_what_may_be_written_and_not_watched_is_unknown_and_says_why(limited: Limited) -> None:
    world, place = limited.world, f"in namespace {limited.namespace}"
    limited.kubectl("-n", limited.namespace, "create", "role", "writer", "--verb=get,patch,create",
                    "--resource=deployments.apps")  # fmt: skip
    account = f"--serviceaccount={limited.namespace}:service"
    limited.kubectl(
        "-n", limited.namespace, "create", "rolebinding", "writer", "--role=writer", account
    )
    writes = ("auth", "can-i", "patch", "deployments", "-n", limited.namespace)
    eventually(lambda: limited.kubectl.try_(*writes, f"--as={limited.user}").returncode == 0, place)
    world.push("app/web.yaml", deployment())
    world.declare(syncPolicy={"healthDeadline": "1s"})
    ended = world.closed()
    assert ended.state is RevisionState.FAILED
    assert "was Unknown when its deadline passed" in ended.message
    for message in (ended.message, world.message("no right to list")):
        assert "no right to list deployments.apps cluster-wide" in message
        assert "grant it: verb list, resource deployments.apps, cluster-wide" in message


def test_a_token_that_is_not_accepted_is_said_and_renewing_it_is_enough(limited: Limited) -> None:
    world = limited.world
    world.push("app/words.yaml", config_map())
    world.declare()
    world.settled()
    limited.expire()
    world.push("app/words.yaml", config_map(word="two"))
    world.refresh()
    world.wait_for(lambda: "credentials" in world.status().message, "what is refused")
    status = world.status()
    assert status.sync == "Unknown"
    assert "the API server does not accept our credentials" in status.message
    assert "renew the token or the kubeconfig" in status.message
    assert limited.word() == "one", "what ran keeps running"
    limited.renew()
    world.settled()
    assert limited.word() == "two"
    newest = world.service.reading.revisions("demo")[0]
    assert newest.healthy
    token = (limited.folder / "token").read_text()
    assert token not in world.story()
