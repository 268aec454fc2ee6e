"""Every secret that the service holds, planted: found nowhere that anybody looks.

The real process, a cluster, Git over HTTP (password in a file, bearer, password in the URL) and by
SSH. It syncs, heals, fails, is refused, rolls back and restarts; then every place is searched:
arguments and variables of what it started, both logs, the state directory, every route and command.
"""

import base64
import itertools
import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import yaml

from gitops.controlplane.processes import ControlPlane
from tests.helpers.commands import Gitops, commands
from tests.helpers.controlplane import Kubectl, eventually
from tests.helpers.gitserver import HttpGit, has_sshd, serve_http, serve_ssh
from tests.helpers.repo import GIT, Repo, git
from tests.helpers.serving import Process, serving
from tests.helpers.tools import real_tools
from tests.helpers.webhooks import generic

PASSWORD = "planted-git-pa55word"
BEARER = "planted-git-bear3r"
IN_URL = "planted-url-pa55word"
WEBHOOK = "planted-webhook-s3cret"
TOKEN = "planted-api-t0ken"
FIRST, SECOND, DRIFTED = "planted-value-one", "planted-value-two", "planted-value-drifted"
WRONG = "planted!value-no-base64"
RULED, RULED_LATER, RULED_LIVE = "planted-ruled-one", "planted-ruled-two", "planted-ruled-live"
"""What rules hide: of the installation, the application, the object itself and its kind."""
ENUM = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/mode/enum"
GIT_ONLY = ("GITOPS_GIT_PASSWORD=", "GIT_CONFIG_VALUE_")
"""How git gets what it needs: in its own environment, which only its user may read."""

KUSTOMIZATION = "resources: [secret.yaml, words.yaml, ruled.yaml]\n"
SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData: {password: %s}\n"
WORDS = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: words}\ndata: {word: %s}\n"
RULED_OBJECTS = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: by-rule, annotations: {note: "%(value)s-note"}}
data: {token: "%(value)s", copy: "%(value)s", short: "%(short)s"}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: by-itself
  annotations: {gitops.dev/mask-paths: "{jsonPointers: [/data/own]}"}
data: {own: "%(value)s-own"}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.%(group)s}
spec:
  group: %(group)s
  scope: Namespaced
  names: {kind: Widget, plural: widgets, singular: widget}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        x-kubernetes-preserve-unknown-fields: true
        properties:
          spec:
            type: object
            x-kubernetes-preserve-unknown-fields: true
            properties: {mode: {type: string, enum: ["%(value)s-mode", "%(value)s-other"]}}
---
apiVersion: %(group)s/v1
kind: Widget
metadata: {name: ours}
spec: {keys: [{name: open, value: shown}, {name: key, value: "%(value)s-key"}], mode: "%(mode)s"}
"""
MASKING = {
    "rules": [
        {"kind": "ConfigMap", "name": "by-rule", "jsonPointers": ["/data/token", "/data/short"]},
    ],
    "customizations": {"resource.sensitive.mask.annotations": "note"},
}
PLAIN = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {word: one}\n"

# One write a line: several run at once. GitPython asks for git's version when it is imported,
# before anything of ours runs.
SHIM = """#!/bin/sh
printf '%%s\\n' "%(name)s $*" >> '%(log)s/arguments'
[ "$*" = version ] || env | sed 's/^/%(name)s /' >> '%(log)s/variables'
exec '%(real)s' "$@"
"""


def forms(secret: str) -> list[str]:
    """How a secret may be written: as it is, in base64, in a URL."""
    encoded = [base64.b64encode(pair.encode()).decode() for pair in (secret, f"git:{secret}")]
    return [secret, quote(secret, safe=""), *(text.rstrip("=")[:-1] for text in encoded)]


@dataclass
class Scene:
    """The servers, the repository, and everything that somebody could have read."""

    folder: Path
    repo: Repo
    servers: dict[str, HttpGit]
    applications: list[dict[str, Any]]
    credentials: list[dict[str, str]]
    group: str
    keys: list[str] = field(default_factory=list)
    seen: list[tuple[str, str]] = field(default_factory=list)

    def ruled(self, value: str, mode: str = "") -> str:
        """What rules hide, with a value in it."""
        shown = {"value": value, "short": value[-3:], "group": self.group}
        return RULED_OBJECTS % {**shown, "mode": mode or f"{value}-mode"}

    @property
    def secrets(self) -> list[str]:
        """Every form of every secret."""
        plain = [PASSWORD, BEARER, IN_URL, WEBHOOK, TOKEN, FIRST, SECOND, DRIFTED, WRONG]
        plain += [RULED, RULED_LATER, RULED_LIVE]
        return [form for secret in plain for form in forms(secret)] + self.keys

    def found_in(self, text: str) -> list[str]:
        """The secrets that a text holds."""
        return [secret for secret in self.secrets if secret in text]

    def see(self, where: str, text: str) -> None:
        """Remember what somebody could read."""
        self.seen.append((where, text))

    def push(self, secret: str, value: str) -> None:
        """Commit and push another Secret, and its value where everybody would read it."""
        self.repo.write("private/secret.yaml", secret % value)
        self.repo.write("private/ruled.yaml", self.ruled(RULED_LATER))
        self.repo.write("private/words.yaml", WORDS % value).commit("Change it")
        self.repo.push()


@contextmanager
def make_scene(folder: Path, namespace: str) -> Iterator[Scene]:
    """A repository with one application a way to reach it."""
    root = folder / "git"
    repo = Repo.create(root)
    repo.write("private/kustomization.yaml", KUSTOMIZATION)
    repo.write("private/secret.yaml", SECRET % FIRST).write("private/words.yaml", WORDS % FIRST)
    for name in ("forge", "inline", "keyed"):
        repo.write(f"{name}/map.yaml", PLAIN % name)
    group = f"{namespace}.example.com"
    scene_of = Scene(folder, repo, {}, [], [], group)
    repo.write("private/ruled.yaml", scene_of.ruled(RULED)).commit("First")
    repo.push()
    (folder / "password").write_text(PASSWORD + "\n")
    with ExitStack() as stack:
        ways = {"private": (PASSWORD, ""), "forge": ("", BEARER), "inline": (IN_URL, "")}
        servers = {name: stack.enter_context(serve_http(root)) for name in ways}
        for name, (password, bearer) in ways.items():
            servers[name].password, servers[name].bearer = password, bearer
        urls = {name: server.url(repo.remote.name) for name, server in servers.items()}
        urls["inline"] = urls["inline"].replace("://", f"://git:{IN_URL}@")
        credentials = [
            {"urlPrefix": servers["private"].origin, "passwordFile": str(folder / "password")},
            {"urlPrefix": servers["forge"].origin, "bearer": BEARER},
        ]
        keys: list[str] = []
        if has_sshd():
            ssh = stack.enter_context(serve_ssh(root, folder / "ssh"))
            urls["keyed"] = ssh.url(repo.remote.name)
            (folder / "known_hosts").write_text(ssh.known_hosts)
            files = {"sshKeyFile": folder / "ssh/user", "knownHostsFile": folder / "known_hosts"}
            credentials.append(
                {"urlPrefix": ssh.origin} | {key: str(file) for key, file in files.items()}
            )
            keys = [line for line in ssh.key.splitlines() if "-----" not in line]
        applications = [declared(name, url, namespace) for name, url in urls.items()]
        keys_of = {"group": group, "kind": "*"}
        keys_of |= {"jqPathExpressions": ['.spec.keys[] | select(.name == "key") | .value']}
        modes = {"group": "*", "kind": "Widget", "jsonPointers": ["/spec/mode"]}
        enums = {"group": "*", "kind": "CustomResourceDefinition", "jsonPointers": [ENUM]}
        applications[0]["spec"]["maskRules"] = [keys_of, modes, enums]
        yield replace(
            scene_of, servers=servers, applications=applications, credentials=credentials, keys=keys
        )


def declared(name: str, url: str, namespace: str) -> dict[str, Any]:
    """An Application that follows the folder of its name."""
    return {
        "apiVersion": "gitops.dev/v1alpha1",
        "kind": "Application",
        "metadata": {"name": name},
        "spec": {
            "source": {"repoURL": url, "targetRevision": "main", "path": name},
            "destination": {"namespace": namespace},
        },
    }


def install_shims(folder: Path) -> Path:
    """Programs first on PATH that note how they were started; returns the folder of the notes."""
    tools = real_tools()
    real = {"git": GIT, "kustomize": str(tools.kustomize), "helm": str(tools.helm),
            "ssh": "/usr/bin/ssh"}  # fmt: skip
    for kind in ("bin", "notes", "tmp"):
        (folder / kind).mkdir()
    for name, program in real.items():
        shim = folder / "bin" / name
        shim.write_text(SHIM % {"name": name, "log": folder / "notes", "real": program})
        shim.chmod(0o755)
    return folder / "notes"


@contextmanager
def served(scene: Scene, plane: ControlPlane, form: str) -> Iterator[Process]:
    """The service with every secret, logging as JSON or as text."""
    (scene.folder / "token").write_text(TOKEN + "\n")
    environ = {
        "PATH": f"{scene.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "TMPDIR": str(scene.folder / "tmp"),
        "GITOPS_WEBHOOK__GENERIC": WEBHOOK,
        "GITOPS_TOKEN": TOKEN,
    }
    with serving(
        scene.folder,
        environ=environ,
        cluster={"kubeconfig": str(plane.kubeconfig)},
        server={"port": 0, "tokenFile": str(scene.folder / "token")},
        git={"pollInterval": "0s", "credentials": scene.credentials},
        log={"format": form, "level": "debug"},
        masking=MASKING,
    ) as process:
        process.ready()
        yield process
        process.stop()
        scene.see(f"the log as {form}", "\n".join(process.lines))


@dataclass
class Person:
    """Somebody with the token, and what they do."""

    scene: Scene
    url: str
    gitops: Gitops

    def ask(self, method: str, path: str, **given: Any) -> httpx.Response:
        """One request whose answer is remembered."""
        headers = {"Authorization": f"Bearer {TOKEN}", **given.pop("headers", {})}
        answer = httpx.request(
            method, self.url + path, headers=headers, timeout=60, trust_env=False, **given
        )
        self.scene.see(f"{method} {path} {given}", answer.text + str(answer.headers))
        return answer

    def run(self, *arguments: str) -> int:
        """One command whose output is remembered."""
        ran = self.gitops(*arguments)
        self.scene.see(" ".join(arguments), ran.out + ran.err)
        return ran.code

    def status(self, name: str) -> dict[str, Any]:
        """An application's status."""
        found: dict[str, Any] = self.ask("GET", f"/api/v1/applications/{name}").json()
        return found

    def settled(self, name: str, revision: int) -> None:
        """Wait until an application runs a revision."""

        def settled() -> bool:
            status = self.status(name)
            return (status["sync"], status["revision"], status["busy"]) == (
                "Synced", revision, False,
            )  # fmt: skip

        eventually(settled, f"revision {revision} of {name}")

    def healed(self, name: str) -> None:
        """Wait until drift was repaired."""

        def healed() -> bool:
            rows = self.ask("GET", f"/api/v1/applications/{name}/revisions").json()
            return ("heal", "succeeded") in [(row["kind"], row["state"]) for row in rows]

        eventually(healed, f"that {name} is healed")

    def troubled(self, name: str, word: str) -> None:
        """Wait until an application's events tell of something."""
        path = f"/api/v1/applications/{name}/events"
        eventually(lambda: word in self.ask("GET", path).text, f"{word} in {name}")


@pytest.fixture
def person(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[Scene, str], Person]:
    """Makes somebody who talks to a service."""
    return lambda scene, url: Person(scene, url, commands(url, monkeypatch, capsys, TOKEN))


def live_through(somebody: Person, kubectl: Kubectl, namespace: str) -> None:
    """Syncs, a webhook, drift, a bad manifest, and a rollback."""
    scene = somebody.scene
    names = [application["metadata"]["name"] for application in scene.applications]
    file = scene.folder / "applications.yaml"
    file.write_text(yaml.safe_dump_all(scene.applications))
    assert somebody.run("create", "-f", str(file)) == 0
    for name in names:
        somebody.settled(name, 1)
    scene.push(SECRET, SECOND)
    url = scene.servers["private"].url(scene.repo.remote.name)
    body, headers = generic(WEBHOOK, url, after=scene.repo.head())
    assert somebody.ask("POST", "/api/webhook", content=body, headers=headers).status_code == 202
    assert somebody.ask("POST", "/api/webhook", content=body + b" ", headers=headers).is_error
    somebody.settled("private", 2)
    encoded = base64.b64encode(DRIFTED.encode()).decode()
    patch = f'{{"data": {{"password": "{encoded}"}}}}'
    kubectl("-n", namespace, "patch", "secret", "keys", "-p", patch)
    somebody.healed("private")
    patch = f'{{"data": {{"token": "{RULED_LIVE}"}}}}'
    kubectl("-n", namespace, "patch", "configmap", "by-rule", "-p", patch)
    judge(scene, kubectl, namespace, "False")
    somebody.troubled("private", "refused")
    assert "refused" in somebody.ask("GET", "/api/v1/applications/private").text
    assert somebody.run("status", "private") in (0, 1)
    judge(scene, kubectl, namespace, "True")
    scene.repo.write("private/ruled.yaml", scene.ruled(RULED_LATER, "no such mode"))
    scene.repo.commit("A mode that the API server refuses")
    scene.repo.push()
    assert somebody.run("refresh", "private") in (0, 1)
    somebody.troubled("private", "Unsupported value")
    scene.push(SECRET.replace("stringData", "data"), WRONG)
    assert somebody.run("refresh", "private") in (0, 1)
    somebody.troubled("private", "base64")
    assert somebody.run("rollback", "private", "1") == 0


def judge(scene: Scene, kubectl: Kubectl, namespace: str, ready: str) -> None:
    """Let the custom resource's controller say how it stands, and quote what a rule hides."""
    message = f"refused {RULED_LATER}-key"
    condition = {"type": "Ready", "status": ready, "reason": "Any", "message": message}
    status = json.dumps({"status": {"conditions": [condition]}})
    widgets = f"widgets.{scene.group}"
    kubectl("-n", namespace, "patch", widgets, "ours", "--type=merge", "-p", status)


def be_refused(somebody: Person) -> None:
    """Git and the API refuse, and say why."""
    for server in somebody.scene.servers.values():
        server.password = server.bearer = "another"
    for name in ("private", "forge", "inline"):
        somebody.run("refresh", name)
        somebody.troubled(name, "credentials")
    somebody.ask("GET", "/api/v1/applications", headers={"Authorization": "Bearer wrong"})


def read_everything(somebody: Person) -> None:
    """Every route, with what there is, and every command, in every shape."""
    document = yaml.safe_dump(somebody.scene.applications[0])
    for path, methods in somebody.ask("GET", "/openapi.json").json()["paths"].items():
        numbered = "{number}" in path
        for method, number in itertools.product(methods, (1, 2, 3, 4) if numbered else (1,)):
            if method == "delete":
                continue
            for query in ({"to": "2"}, {"to": "1"}) if path.endswith("/diff") else ({},):
                given: dict[str, Any] = {"params": query}
                if path in ("/api/v1/plan", "/api/v1/applications") and method == "post":
                    given["content"] = document
                elif path.endswith("/sync"):
                    given["json"] = {"dryRun": True}
                somebody.ask(method.upper(), path.format(name="private", number=number), **given)
    somebody.ask("GET", "/api/v1/audit", headers={"Accept": "application/x-ndjson"})
    read_commands(
        somebody,
        ["show", "private", "1"], ["show", "private", "2"], ["show", "private", "4"],
        ["diff", "private", "1", "2"], ["diff", "private"], ["plan", "private"],
        ["plan", "private", "--commit", "main~1"], ["events", "private"], ["version"],
        ["approve", "private"], ["sync", "nobody"],
    )  # fmt: skip


def read_commands(somebody: Person, *more: list[str]) -> None:
    """What tells of everything, and more, in every shape."""
    every = (
        ["list"], ["status", "private"], ["status", "inline"], ["history", "private"],
        ["events", "inline"], ["audit", "list"], ["audit", "verify"], *more,
    )  # fmt: skip
    for arguments, form in itertools.product(every, ("table", "json", "yaml")):
        somebody.run(*arguments, "-o", form)
    somebody.run("audit", "export")


def test_planted_secrets_are_found_nowhere(
    control_plane: ControlPlane,
    kubectl: Kubectl,
    namespace: str,
    tmp_path: Path,
    person: Callable[[Scene, str], Person],
) -> None:
    with make_scene(tmp_path, namespace) as scene:
        notes = install_shims(tmp_path)
        with served(scene, control_plane, "json") as process:
            somebody = person(scene, process.url)
            live_through(somebody, kubectl, namespace)
            read_everything(somebody)
            scene.see("its own arguments", proc(process.popen.pid, "cmdline"))
            check_files(scene)
        with served(scene, control_plane, "text") as process:
            somebody = person(scene, process.url)
            be_refused(somebody)
            read_commands(somebody)
        check_files(scene)
        check_children(scene, notes)
    assert len(scene.seen) > 100
    found = {where: scene.found_in(text) for where, text in scene.seen if scene.found_in(text)}
    assert not found
    told = "\n".join(text for _, text in scene.seen)
    assert "credentials" in told  # what is searched is not empty
    assert "private" in told


def proc(pid: int, name: str) -> str:
    """What the system tells of a process."""
    return Path(f"/proc/{pid}/{name}").read_bytes().decode(errors="replace")


def check_files(scene: Scene) -> None:
    """No file of the service, its mirrors' settings included, holds a secret in clear."""
    searched = 0
    for folder in ("state", "tmp"):
        for path in sorted((scene.folder / folder).rglob("*")):
            if path.is_file():
                content = path.read_bytes()
                found = [secret for secret in scene.secrets if secret.encode() in content]
                assert not found, (path, found)
                searched += 1
    assert searched > 10
    mirrors = list((scene.folder / "state" / "mirrors").glob("*.git"))
    assert len(mirrors) == len(scene.applications)
    for mirror in mirrors:
        assert not scene.found_in(git("config", "--list", cwd=mirror))


def check_children(scene: Scene, notes: Path) -> None:
    """Arguments hold no secret; variables none but what git is handed for one server."""
    arguments = (notes / "arguments").read_text()
    variables = (notes / "variables").read_text()
    assert {"git", "kustomize"} <= {line.split()[0] for line in arguments.splitlines()}
    assert not scene.found_in(arguments)
    for line in variables.splitlines():
        if scene.found_in(line):
            program, _, variable = line.partition(" ")
            assert program in ("git", "ssh"), line
            assert variable.startswith(GIT_ONLY), line
            assert not [s for s in (WEBHOOK, TOKEN, FIRST, SECOND) if s in variable]
