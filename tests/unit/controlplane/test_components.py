"""The processes get arguments that keep them on this machine and out of each other's way."""

import base64
import re
from pathlib import Path

import pytest
import yaml

from gitops.controlplane import bootstrap, components
from gitops.controlplane.build import Binaries
from gitops.controlplane.components import Options
from gitops.controlplane.state import Layout

PORTS = {"apiserver": 1001, "etcd": 1002, "etcd-peer": 1003}
LAYOUT = Layout(Path("/d"))


def made(options: Options = Options()) -> dict[str, list[str]]:  # noqa: B008 - a frozen value
    return components.commands(Binaries.of(Path("/b")), LAYOUT, PORTS, options)


def test_there_is_a_command_for_each_process_in_order() -> None:
    assert tuple(made()) == components.ORDER
    assert made()["etcd"][0] == "/b/server"


def test_nothing_listens_beyond_loopback() -> None:
    for command in made().values():
        for argument in command:
            assert "=0.0.0.0" not in argument
            if "listen" in argument or "bind-address" in argument:
                assert "127.0.0.1" in argument
    assert "--secure-port=0" in made()["kube-controller-manager"]
    assert "--secure-port=0" in made()["kube-scheduler"]


def test_etcd_wants_a_client_certificate_on_both_ports() -> None:
    assert {"--client-cert-auth", "--peer-client-cert-auth"} <= set(made()["etcd"])


def test_no_argument_holds_a_token() -> None:
    assert not [a for c in made().values() for a in c if re.search(r"[0-9a-f]{32}", a)]


def test_fsync_is_left_out_only_when_asked() -> None:
    assert "--unsafe-no-fsync" not in made()["etcd"]
    assert "--unsafe-no-fsync" in made(Options(unsafe_no_fsync=True))["etcd"]


def test_requests_are_written_down_only_when_asked() -> None:
    assert not [a for a in made()["kube-apiserver"] if "audit" in a]
    asked = made(Options(audit=True))["kube-apiserver"]
    assert "--audit-log-path=/d/audit.log" in asked


def test_alpha_and_beta_versions_are_served_only_when_asked() -> None:
    asked = set(made(Options(every_api=True))["kube-apiserver"]) - set(made()["kube-apiserver"])
    assert asked == {"--runtime-config=api/all=true", "--feature-gates=AllAlpha=true,AllBeta=true"}


def test_rbac_decides() -> None:
    assert "--authorization-mode=RBAC" in made()["kube-apiserver"]


def test_a_kubeconfig_can_be_copied() -> None:
    body = components.kubeconfig("https://127.0.0.1:1", b"PEM", "secret", "admin")
    cluster = body["clusters"][0]["cluster"]
    assert cluster["server"] == "https://127.0.0.1:1"
    assert base64.b64decode(cluster["certificate-authority-data"]) == b"PEM"
    assert body["current-context"] == body["contexts"][0]["name"] == "gitops"


def stages() -> list[dict[str, object]]:
    return [
        stage
        for file in sorted(components.STAGES.glob("*.yaml"))
        for stage in yaml.safe_load_all(file.read_text())
    ]


def test_stages_have_names_of_their_own() -> None:
    names = [stage["metadata"]["name"] for stage in stages()]  # type: ignore[index] # YAML
    assert len(names) == len(set(names)) > 8


@pytest.mark.parametrize("word", ["pull-error", "crash-loop", "never-ready", "fail"])
def test_each_documented_failure_is_in_the_stages(word: str) -> None:
    assert word in (components.STAGES / "pod.yaml").read_text()


def test_every_object_made_at_start_has_a_path() -> None:
    kinds = {body["kind"] for body in bootstrap.objects()}
    assert kinds <= set(bootstrap.PATHS)
    assert "Node" in kinds


def test_nodes_fit_the_selectors_of_the_examples() -> None:
    labels = [b["metadata"]["labels"] for b in bootstrap.objects() if b["kind"] == "Node"]
    assert sum(found.get("component") == "mysql" for found in labels) == 2
    assert sum(found.get("ingress") == "true" for found in labels) == 2
