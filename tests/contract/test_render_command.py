"""`gitops render` on folders and Applications, without a cluster."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gitops.cli.main import run
from gitops.core.manifests.parse import parse
from tests.helpers.gitserver import serve_http
from tests.helpers.repo import Repo
from tests.helpers.tools import real_tools

SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n"
EVERYTHING = (
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n---\n"
    + SERVICE
    + "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"
    "---\napiVersion: shop.example.com/v1\nkind: Thing\nmetadata: {name: t}\n"
)
CHART = "apiVersion: v2\nname: shop\nversion: 0.1.0\n"
TEMPLATE = (
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}'}\n"
    "data: {a: '{{ .Values.a }}', b: '{{ .Values.b }}'}\n"
)
APPLICATION = """\
apiVersion: gitops.dev/v1alpha1
kind: Application
metadata: {{name: shop}}
spec:
  source: {{repoURL: {url}, targetRevision: {revision}, path: plain}}
  destination: {{name: in-cluster, namespace: prod}}
"""
SET = "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: s}\nspec: {}\n"


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    repo = Repo.create(tmp_path)
    repo.write("plain/all.yaml", EVERYTHING)
    repo.write("plain/below/more.yaml", SERVICE.replace("web", "more"))
    repo.write("base/kustomization.yaml", "resources: [s.yaml]").write("base/s.yaml", SERVICE)
    repo.write("overlay/kustomization.yaml", "resources: [../base]\nnamePrefix: x-\n")
    repo.write("chart/Chart.yaml", CHART).write("chart/values.yaml", "a: 1\nb: 1\n")
    repo.write("chart/templates/c.yaml", TEMPLATE)
    repo.write("empty/README.md", "nothing")
    repo.commit()
    repo.push()
    return repo


@pytest.fixture(autouse=True)
def private_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mirrors go into the test's own folder; the tools stay where they were built."""
    folder = real_tools().path("helm").parent
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("GITOPS_EMBEDDED_TOOLS", raising=False)


class Ran:
    """What a command printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *arguments: object) -> None:
        self.code = run(["render", *(str(argument) for argument in arguments)])
        self.out, self.err = capsys.readouterr()

    @property
    def json(self) -> Any:
        assert self.code == 0, self.err
        return json.loads(self.out)

    @property
    def names(self) -> list[str]:
        return [f"{body['kind']}/{body['metadata']['name']}" for body in self.json]


def test_objects_come_in_apply_order(repo: Repo, capsys: pytest.CaptureFixture[str]) -> None:
    ran = Ran(capsys, repo.work / "plain", "-o", "json")
    assert ran.names == ["Namespace/shop", "Service/web", "Deployment/web", "Thing/t"]
    assert all("namespace" not in body["metadata"] for body in ran.json)


def test_yaml_is_the_default(repo: Repo, capsys: pytest.CaptureFixture[str]) -> None:
    ran = Ran(capsys, repo.work / "overlay")
    assert ran.out == (
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: x-web\nspec:\n  ports:\n  - port: 80\n"
    )
    many = Ran(capsys, repo.work / "plain").out
    assert len(parse(many, "x").manifests) == 4


def test_a_table_names_the_objects(repo: Repo, capsys: pytest.CaptureFixture[str]) -> None:
    assert Ran(capsys, repo.work / "base", "-o", "table").out.split() == [
        *("APIVERSION", "KIND", "NAMESPACE", "NAME"),
        *("v1", "Service", "web"),
    ]


def test_one_file_can_be_rendered(repo: Repo, capsys: pytest.CaptureFixture[str]) -> None:
    ran = Ran(capsys, repo.work / "plain" / "below" / "more.yaml", "-o", "json")
    assert ran.names == ["Service/more"]


def test_flags_of_plain_manifests(repo: Repo, capsys: pytest.CaptureFixture[str]) -> None:
    plain = repo.work / "plain"
    assert "Service/more" in Ran(capsys, plain, "--recurse", "-o", "json").names
    only = Ran(capsys, plain, "--recurse", "--include", "below/*", "-o", "json")
    assert only.names == ["Service/more"]
    less = Ran(capsys, plain, "--recurse", "--exclude", "all*", "-o", "json")
    assert less.names == ["Service/more"]


def test_a_namespace_goes_to_namespaced_kinds(
    repo: Repo, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = Ran(capsys, repo.work / "plain", "-n", "prod", "-o", "json")
    found = {body["kind"]: body["metadata"].get("namespace") for body in ran.json}
    assert found["Service"] == found["Deployment"] == "prod"
    assert found["Namespace"] is None


def test_a_namespace_that_is_written_stays(repo: Repo, capsys: pytest.CaptureFixture[str]) -> None:
    text = "apiVersion: {}\nkind: {}\nmetadata: {{name: a, namespace: here}}\n"
    repo.write("base/s.yaml", text.format("v1", "Service"))
    repo.write("base/n.yaml", text.format("scheduling.k8s.io/v1", "PriorityClass"))
    repo.write("base/kustomization.yaml", "resources: [s.yaml, n.yaml]")
    ran = Ran(capsys, repo.work / "base", "-n", "prod", "-o", "json")
    assert [body["metadata"]["namespace"] for body in ran.json] == ["here", "here"]


def test_flags_of_charts(repo: Repo, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chart = repo.work / "chart"
    assert Ran(capsys, chart, "-o", "json").names == ["ConfigMap/release-name"]
    values = tmp_path / "elsewhere" / "v.yaml"
    values.parent.mkdir()
    values.write_text("a: file\nb: file\n")
    flags = ("--release-name", "r", "--values", values, "--set", "b=$x,y")
    ran = Ran(capsys, chart, *flags, "-o", "json")
    assert ran.names == ["ConfigMap/r"]
    assert ran.json[0]["data"] == {"a": "file", "b": "$x,y"}
    text = Ran(capsys, chart, "--set-string", "a=07", "-o", "json")
    assert text.json[0]["data"]["a"] == "07"


def test_flags_of_kustomizations(repo: Repo, capsys: pytest.CaptureFixture[str]) -> None:
    assert Ran(capsys, repo.work / "base", "--image", "a=b:c", "-o", "json").names == [
        "Service/web"
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name a PATH"),
        (("{}/plain", "--set", "a=b"), "--set means nothing here"),
        (("{}/chart", "--recurse"), "--recurse means nothing here"),
        (("{}/base", "--values", "{}/x"), "--values means nothing here"),
        (("{}/chart", "--set", "a"), "not NAME=VALUE"),
        (("{}/none",), "there is no"),
        (("{}/plain", "--local", "{}"), "--local cannot be used here"),
        (("{}/plain", "--application", "a"), "--application cannot be used here"),
        (("-f", "{}/a.yaml", "--recurse"), "--recurse cannot be used here"),
        (("-f", "{}/a.yaml", "{}/plain"), "name a PATH"),
    ],
)
def test_wrong_usage_is_told(
    repo: Repo, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    ran = Ran(capsys, *(text.format(repo.work) for text in arguments))
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err


def test_a_folder_without_manifests_gives_none_and_a_warning(
    repo: Repo, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = Ran(capsys, repo.work / "empty", "-o", "json")
    assert (ran.code, json.loads(ran.out)) == (0, [])
    assert ran.err == "warning: there are no manifests in 'empty'; is this the right path?\n"
    assert Ran(capsys, repo.work / "empty").out == ""


def test_objects_without_a_name_are_printed_with_a_warning(
    repo: Repo, capsys: pytest.CaptureFixture[str]
) -> None:
    nameless = "kind: Service\nmetadata:\n  labels: {a: 1}\n---\napiVersion: v1\nkind: Pod\n"
    repo.write("odd/a.yaml", f"apiVersion: v1\n{nameless}")
    ran = Ran(capsys, repo.work / "odd", "-o", "json", "-n", "prod")
    assert (ran.code, json.loads(ran.out)) == (
        0,
        [
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"namespace": "prod", "labels": {"a": 1}},
            },
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "prod"}},
        ],
    )
    assert ran.err.splitlines() == [
        "warning: odd/a.yaml:3: metadata.name is missing",
        (
            "warning: odd/a.yaml:4: metadata.labels.a is an integer, but must be a string;"
            " put it in quotes"
        ),
        "warning: odd/a.yaml:6: metadata.name is missing",
    ]


def test_every_fault_is_told_with_its_line(repo: Repo, capsys: pytest.CaptureFixture[str]) -> None:
    repo.write("plain/bad.yaml", "apiVersion: v1\nkind: Service\nmetadata: {}\n---\nkind: [\n")
    repo.write("plain/worse.yaml", "kind: Pod\nmetadata: {name: a}\n")
    ran = Ran(capsys, repo.work / "plain")
    assert ran.code == 1
    assert "plain/bad.yaml:" in ran.err
    assert "plain/worse.yaml:" in ran.err
    repo.remove("plain/bad.yaml")
    failed = Ran(capsys, repo.work / "plain", "-o", "json")
    assert json.loads(failed.err)["error"]["where"].startswith("plain/worse.yaml:1")


# --- Applications ------------------------------------------------------------------------------


def application(folder: Path, url: object, revision: str = "HEAD") -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / "app.yaml"
    file.write_text(APPLICATION.format(url=url, revision=revision))
    return file


def test_an_application_takes_a_folder_in_place_of_its_repository(
    repo: Repo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = application(tmp_path / "apps", "https://git.example.com/shop.git", "main")
    ran = Ran(capsys, "-f", file, "--local", repo.work, "-o", "json")
    assert ran.names == ["Namespace/shop", "Service/web", "Deployment/web", "Thing/t"]
    assert ran.json[1]["metadata"] == {"name": "web", "namespace": "prod"}
    assert Ran(capsys, "-f", file, "--local", tmp_path / "none").code == 2


def test_of_equal_objects_argo_cd_takes_the_last_and_says_so(
    repo: Repo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repo.write("plain/more.yaml", SERVICE.replace("port: 80", "port: 81"))
    repo.write("base/s.yaml", SERVICE.replace("port: 80", "port: 82"))
    source = f"{{repoURL: {repo.work}, path: %s}}"
    file = application(tmp_path / "apps", repo.work)
    text = file.read_text().replace("gitops.dev/", "argoproj.io/")
    one = next(line for line in text.splitlines(keepends=True) if "source:" in line)
    file.write_text(text.replace(one, f"  sources: [{source % 'plain'}, {source % 'base'}]\n"))
    ran = Ran(capsys, "-f", file, "-o", "json")
    assert ran.names == ["Namespace/shop", "Service/web", "Deployment/web", "Thing/t"]
    assert ran.json[1]["spec"] == {"ports": [{"port": 82}]}
    assert "warning: base:1: Service prod/web is declared more than once" in ran.err
    file.write_text(file.read_text().replace("argoproj.io/", "gitops.dev/"))
    assert "Service web is declared twice, first at base:1" in Ran(capsys, "-f", file).err


@pytest.mark.parametrize("url", [".", "{work}", "../repo-work"])
def test_a_path_is_read_as_it_lies_there(
    repo: Repo, capsys: pytest.CaptureFixture[str], url: str
) -> None:
    repo.write("plain/new.yaml", SERVICE.replace("web", "uncommitted"))
    file = application(repo.work / "apps", url.format(work=repo.work))
    if url.startswith(".."):
        file = application(repo.work, url.format(work=repo.work))
    assert "Service/uncommitted" in Ran(capsys, "-f", file, "-o", "json").names


@pytest.mark.parametrize("revision", ["main", "HEAD"])
def test_a_url_is_fetched_at_its_revision(
    repo: Repo, tmp_path: Path, capsys: pytest.CaptureFixture[str], revision: str
) -> None:
    repo.write("plain/new.yaml", SERVICE.replace("web", "uncommitted"))
    for url in (repo.url, repo.remote):
        file = application(tmp_path / "apps", url, revision)
        assert len(Ran(capsys, "-f", file, "-o", "json").names) == 4


def test_a_file_with_several_applications_needs_a_name(
    repo: Repo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = application(tmp_path / "apps", repo.work)
    text = file.read_text()
    file.write_text(text + "---\n" + text.replace("name: shop", "name: other"))
    assert "shop, other" in Ran(capsys, "-f", file).err
    assert Ran(capsys, "-f", file, "--application", "other", "-o", "json").names
    assert "no 'third'" in Ran(capsys, "-f", file, "--application", "third").err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind: [", "app.yaml"),
        (SERVICE, "no Application is declared"),
        (SET, "an ApplicationSet is not supported yet"),
        ("apiVersion: gitops.dev/v1alpha1\nkind: Application\nmetadata: {name: a}\n", "spec"),
    ],
)
def test_a_file_without_an_application_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    file = tmp_path / "app.yaml"
    file.write_text(text)
    ran = Ran(capsys, "-f", file)
    assert ran.code in (1, 2)
    assert message in ran.err
    assert "cannot be read" in Ran(capsys, "-f", tmp_path / "none.yaml").err


def test_outside_of_git_the_folders_around_it_may_be_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base, overlay = tmp_path / "x" / "base", tmp_path / "x" / "y" / "overlay"
    base.mkdir(parents=True)
    overlay.mkdir(parents=True)
    (base / "kustomization.yaml").write_text("resources: [s.yaml]")
    (base / "s.yaml").write_text(SERVICE)
    (overlay / "kustomization.yaml").write_text("resources: [../../base]")
    assert Ran(capsys, overlay, "-o", "json").names == ["Service/web"]
    (overlay / "kustomization.yaml").write_text("resources: [../../base/none.yaml]")
    ran = Ran(capsys, overlay)
    assert ran.code == 1
    assert "y/overlay/kustomization.yaml:1" in ran.err
    (overlay / "kustomization.yaml").write_text("resources: [" + "../" * 40 + "etc]")
    assert "leaves the repository" in Ran(capsys, overlay).err


def test_in_git_nothing_outside_of_the_working_tree_is_read(
    repo: Repo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "kustomization.yaml").write_text("namePrefix: a")
    repo.write("overlay/kustomization.yaml", "resources: [../../outside]")
    assert "leaves the repository" in Ran(capsys, repo.work / "overlay").err


def test_what_an_api_server_would_refuse_is_shown_with_a_warning(
    repo: Repo, capsys: pytest.CaptureFixture[str]
) -> None:
    repo.write("base/s.yaml", SERVICE.replace("name: web", "name: web, labels: {a: 1}"))
    ran = Ran(capsys, repo.work / "base" / "s.yaml", "-o", "json")
    assert ran.json[0]["metadata"]["labels"] == {"a": 1}
    assert ran.err.startswith("warning: base/s.yaml:3: metadata.labels.a is a")
    repo.write("base/s.yaml", SERVICE.replace("name: web", "name: 7"))
    assert Ran(capsys, repo.work / "base" / "s.yaml", "-o", "json").code == 1


TOKEN = "planted-render-t0ken"


@pytest.fixture
def private(repo: Repo, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The repository behind a password, as a URL prefix, and an Application that follows it."""
    with serve_http(repo.remote.parent) as server:
        server.password = TOKEN
        (tmp_path / "password").write_text(TOKEN + "\n")
        file = tmp_path / "private.yaml"
        file.write_text(APPLICATION.format(url=server.url(repo.remote.name), revision="main"))
        yield server.origin, file


@pytest.mark.parametrize("way", ["--config", "GITOPS_CONFIG", "GITOPS_GIT__CREDENTIALS"])
def test_a_private_repository_is_opened_by_the_settings(
    private: tuple[str, Path],
    way: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    origin, file = private
    credentials = [{"urlPrefix": origin, "passwordFile": str(tmp_path / "password")}]
    settings = tmp_path / "settings.yaml"
    settings.write_text(json.dumps({"git": {"credentials": credentials}}))
    more: list[str] = []
    if way == "--config":
        more = [way, str(settings)]
    elif way == "GITOPS_CONFIG":
        monkeypatch.setenv(way, str(settings))
    else:
        monkeypatch.setenv(way, json.dumps(credentials))
    assert run(["render", "-f", str(file), "-o", "json", *more]) == 0
    told = capsys.readouterr()
    assert len(json.loads(told.out)) > 1
    assert TOKEN not in told.out + told.err


def test_settings_that_lie_in_the_folder_are_not_taken_for_the_user_s(
    private: tuple[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    origin, file = private
    credentials = [{"urlPrefix": origin, "passwordFile": str(tmp_path / "password")}]
    (tmp_path / "gitops.yaml").write_text(json.dumps({"git": {"credentials": credentials}}))
    monkeypatch.chdir(tmp_path)
    assert run(["render", "-f", str(file)]) == 1
    assert "the server asks for credentials" in capsys.readouterr().err
