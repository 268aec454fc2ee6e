"""What `deploy/` gives the service is enough, and what it does not give is named.

The manifests go to a real API server. The service runs as a process here, with nothing but the
token of its ServiceAccount.
"""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitops.controlplane.processes import ControlPlane
from gitops.demo import repository
from gitops.demo.layout import Layout
from gitops.demo.run import ROOT_APPLICATION
from gitops.demo.service import ask
from tests.e2e.test_projects import project
from tests.helpers.checkout import ROOT
from tests.helpers.controlplane import AuditLog, Kubectl, eventually, start_control_plane
from tests.helpers.demo import environment
from tests.helpers.service import BY_HAND, config_map, start_world
from tests.helpers.waiting import WAIT_S

pytestmark = pytest.mark.xdist_group("deploy")

USER = "system:serviceaccount:gitops-system:gitops"
APPLICATIONS = sorted(path.stem for path in (ROOT / "examples-repo/applications").glob("*.yaml"))
ALONE = ("ingress-nginx", "kubernetes-bootcamp", "kubia", "mysql", "tomcat", "workloads")
"""Those that wait for no other."""
OVERLAYS = ("base", "overlays/examples", "overlays/impersonation", "overlays/cluster-admin")


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane of its own: the examples have cluster-wide objects."""
    with start_control_plane(tmp_path_factory.mktemp("deploy")) as started:
        yield started


@pytest.fixture(scope="module")
def admin(plane: ControlPlane) -> Kubectl:
    return Kubectl(plane.kubeconfig)


def deploy(admin: Kubectl, what: str) -> str:
    """Apply one of `deploy/`, strictly validated."""
    return admin("apply", "--server-side", "--validate=strict", "-k", str(ROOT / "deploy" / what))


class Deployed:
    """The service as a process that has nothing but its ServiceAccount's token."""

    def __init__(self, plane: ControlPlane, admin: Kubectl, folder: Path) -> None:
        self.folder = folder
        self.layout = Layout(folder)
        token = admin("create", "token", "gitops", "-n", "gitops-system").strip()
        admin_config = yaml.safe_load(plane.kubeconfig.read_text())
        admin_config["users"] = [{"name": "sa", "user": {"token": token}}]
        admin_config["contexts"][0]["context"]["user"] = "sa"
        self.kubeconfig = folder / "kubeconfig"
        self.kubeconfig.write_text(yaml.safe_dump(admin_config))
        repository.prepare(self.layout, webhook=False)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it says that it listens; "" before it does."""
        said = re.search(r"listening on (http://[^\s\"]+)", self.layout.log.read_text())
        return said[1] if said else ""

    def start(self) -> None:
        """Serve the examples, all of them registered by one application in Git."""
        body = {
            "apiVersion": "gitops.dev/v1alpha1",
            "kind": "Application",
            "metadata": {"name": ROOT_APPLICATION},
            "spec": {
                "source": {
                    "repoURL": repository.url(self.layout),
                    "targetRevision": "main",
                    "path": "applications",
                },
                "destination": {"name": "in-cluster", "namespace": "default"},
            },
        }
        declared = self.folder / "application.yaml"
        declared.write_text(yaml.safe_dump(body))
        settings = {
            "stateDir": str(self.layout.state),
            "applications": [str(declared)],
            "server": {"port": 0},
            "cluster": {"kubeconfig": str(self.kubeconfig)},
        }
        self.layout.settings.write_text(yaml.safe_dump(settings))
        with self.layout.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gitops", "serve", "--config", str(self.layout.settings)],
                cwd=self.folder,
                env=environment(self.folder),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def applications(self) -> dict[str, dict[str, Any]]:
        """Each application as the API tells it; {} before the service answers."""
        assert self.process is not None
        assert self.process.poll() is None, self.layout.log.read_text()[-3000:]
        if not self.url:
            return {}
        try:
            return {each["name"]: each for each in ask(self.url, "/api/v1/applications")}
        except OSError:
            return {}

    def told(self) -> str:
        """Everything that it says: applications, revisions with their outcomes, and its log."""
        told = [json.dumps(self.applications()), self.layout.log.read_text()]
        for name in self.applications():
            root = f"/api/v1/applications/{name}/revisions"
            numbers = [revision["number"] for revision in ask(self.url, root)]
            told += [json.dumps(ask(self.url, f"{root}/{number}")) for number in numbers]
        return "\n".join(told)

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            assert self.process.wait(WAIT_S) == 0
            self.process = None


def wait_for_rights(admin: Kubectl, resource: str, *, granted: bool) -> None:
    """Wait until the sum of the ClusterRoles is written: a controller does that."""
    question = ("auth", "can-i", "patch", resource, f"--as={USER}", "--all-namespaces")

    def is_so() -> bool:
        return (admin.try_(*question).returncode == 0) is granted

    eventually(is_so, f"rights on {resource}: {granted}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.mark.parametrize("what", OVERLAYS)
def test_it_applies_cleanly_and_again_without_a_change(admin: Kubectl, what: str) -> None:
    deploy(admin, what)
    again = deploy(admin, what)
    assert len(again.splitlines()) >= 10
    assert "warning" not in again.lower()


def test_the_pod_keeps_the_restricted_standard(admin: Kubectl) -> None:
    deploy(admin, "base")
    admin.wait("condition=Available", "-n", "gitops-system", "deployment/gitops")


def test_the_example_of_a_secret_fits_the_deployment(admin: Kubectl) -> None:
    secret = yaml.safe_load((ROOT / "deploy/base/secret.example.yaml").read_text())
    text = (ROOT / "deploy/base/deployment.yaml").read_text()
    asked = set(re.findall(r"key: (webhook-\w+)", text)) | {"token"}
    assert set(secret["stringData"]) == asked
    deploy(admin, "base")
    admin.apply(secret)


def test_with_the_overlay_the_service_syncs_all_examples(
    plane: ControlPlane, admin: Kubectl, folder: Path
) -> None:
    admin.try_("delete", "clusterrolebinding", "gitops-cluster-admin")
    deploy(admin, "overlays/examples")
    wait_for_rights(admin, "events", granted=True)
    wait_for_rights(admin, "secrets", granted=True)
    audit = AuditLog(plane)
    mark = audit.mark()
    service = Deployed(plane, admin, folder)
    service.start()
    try:

        def settled() -> bool:
            found = service.applications()
            good = [
                each["sync"] == "Synced" and each["health"]["status"] in ("Healthy", None)
                for each in found.values()
            ]
            return len(good) == len(APPLICATIONS) + 1 and all(good)

        eventually(settled, "all examples Synced and Healthy", 2 * WAIT_S)
    finally:
        service.stop()
    asked = audit.since(mark, user=USER)
    assert asked
    assert {missing_right(event) for event in asked if is_refused(event)} == set()


def test_with_the_base_alone_each_refusal_names_the_missing_right(
    plane: ControlPlane, admin: Kubectl, folder: Path
) -> None:
    revoke(admin)
    deploy(admin, "base")
    wait_for_rights(admin, "secrets", granted=False)
    audit = AuditLog(plane)
    mark = audit.mark()
    service = Deployed(plane, admin, folder)
    service.start()
    try:
        eventually(lambda: all(is_told(service, name) for name in ALONE), "the refusals")
        told = service.told()
    finally:
        service.stop()
    refused = [event for event in audit.since(mark, user=USER) if is_refused(event)]
    rights = {missing_right(event) for event in refused}
    assert {right for right in rights if f"no right to {right} " not in told} == set()
    assert "patch services in namespace default" in rights
    assert "patch namespaces cluster-wide" in rights
    assert "patch clusterrolebindings.rbac.authorization.k8s.io cluster-wide" in rights


OTHERS_TO_BE = (
    ("users", "admin"),
    ("groups", "system:masters"),
    ("serviceaccounts", "default"),
    ("serviceaccounts", "gitops"),
    ("uids", "1"),
    ("userextras/scopes", "all"),
)


def revoke(admin: Kubectl) -> None:
    """Take back what other overlays gave."""
    for kind, name in (
        ("clusterrole", "gitops-examples"),
        ("clusterrole", "gitops-examples-granted"),
        ("clusterrole", "gitops-impersonation"),
        ("clusterrole", "gitops-reading"),
        ("clusterrolebinding", "gitops-cluster-admin"),
    ):
        admin.try_("delete", kind, name)


def test_the_overlay_for_impersonation_lets_it_be_the_named_accounts_and_nothing_more(
    admin: Kubectl,
) -> None:
    revoke(admin)
    deploy(admin, "overlays/impersonation")

    def may(verb: str, resource: str) -> bool:
        question = ("auth", "can-i", verb, resource, "-n", "default", f"--as={USER}")
        return admin.try_(*question).returncode == 0

    eventually(lambda: may("impersonate", "serviceaccounts/deployer"), "the right to impersonate")
    eventually(lambda: not may("create", "configmaps"), "that other rights are gone")
    for resource, name in OTHERS_TO_BE:
        assert not may("impersonate", f"{resource}/{name}"), (resource, name)
    given = admin("auth", "can-i", "--list", "-n", "default", f"--as={USER}")
    rows = [line for line in given.splitlines()[1:] if "selfsubject" not in line]
    verbs = {verb for line in rows for verb in line.rpartition("[")[2].strip("] ").split()}
    assert verbs == {"get", "list", "watch", "impersonate"}, given
    assert [line.split()[0] for line in rows if "impersonate" in line] == ["serviceaccounts"]


def test_with_that_overlay_the_service_writes_as_the_account_of_the_project(
    plane: ControlPlane, admin: Kubectl, folder: Path
) -> None:
    revoke(admin)
    deploy(admin, "overlays/impersonation")
    room = "test-impersonated"
    admin("create", "namespace", room)
    within = ("-n", room)
    admin(*within, "create", "serviceaccount", "deployer")
    admin(*within, "create", "rolebinding", "deployer", "--clusterrole=edit",
          f"--serviceaccount={room}:deployer")  # fmt: skip
    account = f"system:serviceaccount:{room}:deployer"
    be = ("impersonate", "serviceaccounts/deployer", *within, f"--as={USER}")
    write = ("patch", "configmaps", *within, f"--as={account}")
    for right in (be, write):
        eventually(lambda r=right: admin.try_("auth", "can-i", *r).returncode == 0, str(right))
    service = Deployed(plane, admin, folder)
    audit = AuditLog(plane)
    mark = audit.mark()
    cluster = {"kubeconfig": service.kubeconfig, "impersonate": True}
    entry = {"server": "https://kubernetes.default.svc", "namespace": room}
    entry["defaultServiceAccount"] = "deployer"
    with start_world(plane, folder, room, cluster=cluster) as world:
        shop = project(world, destinationServiceAccounts=[entry])
        world.service.declarer.create(shop, "test.yaml", BY_HAND.actor)
        world.push("app/words.yaml", config_map())
        world.declare(project="shop")
        world.settled()
    asked = audit.since(mark, user=USER)
    assert [missing_right(event) for event in asked if is_refused(event)] == []
    writes = [event for event in asked if event["verb"] not in {"get", "list", "watch"}]
    assert {event["impersonatedUser"]["username"] for event in writes} == {account}
    assert not [e for e in asked if e["verb"] in {"get", "list"} and "impersonatedUser" in e]
    admin("delete", "namespace", room, "--wait=false")


def is_told(service: Deployed, name: str) -> bool:
    """Whether an application has a revision that failed for want of a right."""
    if name not in service.applications():
        return False
    newest = ask(service.url, f"/api/v1/applications/{name}/revisions")[:1]
    return bool(newest) and "no right to" in newest[0]["message"]


def is_refused(event: dict[str, Any]) -> bool:
    return bool(event["responseStatus"]["code"] == 403)


def missing_right(event: dict[str, Any]) -> str:
    """A refused request as a person would grant it: `patch deployments.apps in namespace x`."""
    of = event["objectRef"]
    resource = ".".join(filter(None, (of["resource"], of.get("apiGroup"))))
    within = of.get("namespace") if of["resource"] != "namespaces" else None
    return f"{event['verb']} {resource} {f'in namespace {within}' if within else 'cluster-wide'}"
