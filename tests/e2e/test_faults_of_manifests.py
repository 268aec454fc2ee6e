"""Bad manifests and bad applications beside a good one, in one service.

Each ends in one clear sentence and one failed revision, at every poll and after a restart too, and
none of them stops the good one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from gitops.controlplane.processes import ControlPlane
from gitops.model.revision import Revision, RevisionState
from tests.helpers.controlplane import Kubectl
from tests.helpers.service import World, config_map, deployment, start_world


@dataclass(frozen=True)
class Bad:
    """Files of an application, and what its failed revision says, if it has one."""

    files: dict[str, str]
    said: tuple[str, ...]
    revisions: int = 1
    namespace: str = ""
    spec: dict[str, object] = field(default_factory=dict)


def yaml(text: str) -> dict[str, str]:
    return {"objects.yaml": text}


BOMB = (
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bomb}\n"
    "a: &a [x, x, x, x, x, x, x, x, x]\n"
    + "\n".join(
        f"{new}: &{new} [{', '.join(['*' + old] * 9)}]"
        for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    )
)
INGRESS = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  rules:
  - host: web.example.com
    http: {paths: [{path: /, backend: {serviceName: web, servicePort: 80}}]}
"""
BAD = {
    "misspelt": Bad(
        yaml("apiVsersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"),
        ("objects.yaml:1", "apiVsersion", "apiVersion"),
    ),
    "versionless": Bad(
        yaml("kind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 80}]}\n"),
        ("objects.yaml:1", "apiVersion"),
    ),
    "old-ingress": Bad(yaml(INGRESS), ("Ingress", "serviceName", "servicePort")),
    "selector": Bad(
        yaml(deployment("web").replace("labels: {app: web}", "labels: {app: other}")),
        ("Deployment", "selector"),
    ),
    "base64": Bad(
        yaml("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {word: not base64}\n"),
        ("Secret", "base64"),
    ),
    "misplaced": Bad(
        yaml("apiVersion: v1\nkind: Service\nmetadata:\n  name: a\n  ports:\n  - port: 80\n"),
        ("Service", "ports"),
    ),
    "twice": Bad(
        {"a.yaml": config_map("same"), "b.yaml": config_map("same", "two")},
        ("ConfigMap", "same", "a.yaml:1", "b.yaml:1"),
    ),
    "bomb": Bad(yaml(BOMB), ("objects.yaml", "alias")),
    "tab": Bad(
        yaml("apiVersion: v1\nkind: ConfigMap\nmetadata:\n\tname: a\n"),
        ("objects.yaml:4", "tab"),
    ),
    "broken": Bad(yaml("apiVersion: v1\nkind: [ConfigMap\n"), ("objects.yaml:",)),
    "nowhere": Bad({}, ("there is no 'nowhere' in the repository", "path"), revisions=0),
    "chart": Bad(
        {
            "Chart.yaml": "apiVersion: v2\nname: chart\nversion: 1.0.0\n",
            "templates/all.yaml": '{{ fail "nobody can use this" }}\n',
        },
        ("nobody can use this",),
    ),
    "kustomization": Bad(
        {"kustomization.yaml": "resources: [missing.yaml]\n"}, ("missing.yaml",)
    ),
    "empty": Bad({"values.yaml": "word: one\n"}, ("no manifests", "allowEmpty")),
    "remote": Bad(
        {"kustomization.yaml": "resources: [https://example.com/all.yaml]\n"},
        ("https://example.com/all.yaml",),
    ),
    "unknown-kind": Bad(
        yaml("apiVersion: example.com/v1\nkind: Nothing\nmetadata: {name: a}\n"),
        ("Nothing", "example.com/v1"),
    ),
    "homeless": Bad(
        yaml(config_map()), ("namespace", "no-such-place", "CreateNamespace=true"),
        namespace="no-such-place",
    ),
}  # fmt: skip


@dataclass
class Zoo:
    """One service with a good application and all the bad ones."""

    world: World
    kubectl: Kubectl
    commit: str = ""

    def push(self) -> None:
        repo = self.world.repo
        repo.write("good/words.yaml", config_map("good"))
        for name, bad in BAD.items():
            for path, text in bad.files.items():
                repo.write(f"{name}/{path}", text)
        self.commit = repo.commit("All of them")
        repo.push()

    def declare(self) -> None:
        for name, bad in BAD.items():
            spec = {"syncPolicy": {"retry": {"limit": 0}}, **bad.spec}
            if bad.namespace:
                spec["destination"] = {"name": "in-cluster", "namespace": bad.namespace}
            self.world.declare(name, name, **spec)
        self.world.declare("good", "good")

    def revisions(self, name: str) -> list[Revision]:
        return self.world.service.parts.store.revisions(name)

    def idle(self) -> None:
        assert self.world.service.dispatcher.wait_idle(60), self.world.story()

    def poll(self) -> None:
        self.world.service.poll(self.world.repo.url)
        self.idle()


@pytest.fixture(scope="module")
def zoo(
    control_plane: ControlPlane, kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Zoo]:
    folder = tmp_path_factory.mktemp("zoo")
    with (
        in_namespace(kubectl, "zoo") as namespace,
        start_world(control_plane, folder, namespace) as world,
    ):
        made = Zoo(world, kubectl)
        made.push()
        made.declare()
        made.idle()
        yield made


@contextmanager
def in_namespace(kubectl: Kubectl, name: str) -> Iterator[str]:
    kubectl("create", "namespace", name)
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


@pytest.mark.parametrize("name", BAD)
def test_a_bad_application_says_in_one_sentence_what_is_wrong_and_where(
    zoo: Zoo, name: str
) -> None:
    bad, status = BAD[name], zoo.world.status(name)
    revisions = zoo.revisions(name)
    assert len(revisions) == bad.revisions, revisions
    for revision in revisions:
        assert revision.state is RevisionState.FAILED
        assert revision.commit is not None
        assert revision.commit.sha == zoo.commit
    said = [status.message, *(revision.message for revision in revisions)]
    for message in said:
        assert all(part in message for part in bad.said), message
        assert "\n" not in message
        assert "Traceback" not in message
        assert len(message) < 600
    assert status.sync in ("Unknown", "OutOfSync")


def test_bad_applications_do_not_stop_a_good_one_nor_repeat_themselves(zoo: Zoo) -> None:
    zoo.world.settled("good")
    before = {name: [r.number for r in zoo.revisions(name)] for name in BAD}
    for _ in range(3):
        zoo.poll()
    zoo.world.restart()
    zoo.world.settled("good")
    zoo.poll()
    assert {name: [r.number for r in zoo.revisions(name)] for name in BAD} == before
    for name, bad in BAD.items():
        assert all(part in zoo.world.status(name).message for part in bad.said), name
    healed = len(zoo.revisions("good")) + 1
    zoo.kubectl("-n", "zoo", "delete", "configmap", "good")
    zoo.world.wait_for(lambda: len(zoo.revisions("good")) == healed, "the heal of the good one")
    zoo.world.settled("good")


def test_a_good_application_that_breaks_keeps_running_until_it_is_mended(zoo: Zoo) -> None:
    zoo.world.push("later/objects.yaml", config_map("later"))
    zoo.world.declare("later", "later")
    zoo.world.settled("later")
    zoo.world.push("later/objects.yaml", BAD["tab"].files["objects.yaml"])
    zoo.poll()
    assert [r.state for r in zoo.revisions("later")] == ["failed", "succeeded"]
    zoo.kubectl("-n", "zoo", "delete", "configmap", "later")
    zoo.world.wait_for(lambda: len(zoo.revisions("later")) == 3, "the heal of what runs")
    zoo.idle()
    zoo.kubectl("-n", "zoo", "get", "configmap", "later")
    assert "objects.yaml:4" in zoo.world.status("later").message
    zoo.world.push("later/objects.yaml", config_map("later", "mended"))
    zoo.poll()
    zoo.world.settled("later")
    assert zoo.revisions("later")[0].healthy
