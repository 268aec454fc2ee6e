"""`ports.Renderer` with the real tools, over checkouts in memory, in a folder and in Git."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gitops.core.manifests.parse import parse_all
from gitops.errors import RenderError
from gitops.model.application import HelmSource, KustomizeSource, Source
from gitops.model.objects import Body
from gitops.ports import Checkout, Rendered, RenderRequest
from gitops.render.folder import FolderCheckout
from gitops.render.renderer import ToolRenderer, check_links
from gitops.render.sandbox import Limits
from gitops.source.repositories import GitRepositories
from tests.helpers.repo import Repo
from tests.helpers.tools import real_tools, run_tool
from tests.helpers.trees import Content, Link, MemoryCheckout, at, request

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: "nginx:1.0"}]
"""
SHOP: dict[str, Content] = {
    "README.md": "unrelated",
    "plain/a.yaml": DEPLOYMENT,
    "base/kustomization.yaml": (
        "resources: [web.yaml]\nconfigMapGenerator: [{name: c, envs: [c.env]}]\n"
    ),
    "base/web.yaml": DEPLOYMENT,
    "base/c.env": "A=1\nHOME\nPATH\n",
    "overlay/kustomization.yaml": "resources: [../base, ../linked]\nnamePrefix: x-\n",
    "linked": Link("other"),
    "other/kustomization.yaml": "resources: [l.yaml]\n",
    "other/l.yaml": Link("real/o.yaml"),
    "other/real/o.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: o}\n",
    "component/kustomization.yaml": (
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnameSuffix: -c\n"
    ),
    "chart/Chart.yaml": (
        "apiVersion: v2\nname: shop\nversion: 0.1.0\n"
        "dependencies: [{name: lib, version: 0.1.0, repository: 'file://../lib'}]\n"
    ),
    "chart/values.yaml": "who: chart\nlist: []\n",
    "chart/crds/crd.yaml": (
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
        "metadata: {name: x.y}\n"
    ),
    "chart/files": Link("../files"),
    "files/f.txt": "from a link",
    "chart/templates/c.yaml": """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}
  namespace: {{ .Release.Namespace }}
data:
  who: {{ .Values.who | quote }}
  list: {{ .Values.list | toJson | quote }}
  text: {{ .Values.text | default "" | quote }}
  number: {{ kindOf .Values.number | quote }}
  kube: {{ .Capabilities.KubeVersion.Version | quote }}
  api: {{ .Capabilities.APIVersions.Has "shop.example.com/v1" | quote }}
  found: {{ lookup "v1" "Secret" "default" "x" | toJson | quote }}
  file: {{ .Files.Get "files/f.txt" | quote }}
""",
    "chart/templates/tests/t.yaml": (
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: t\n  annotations: {helm.sh/hook: test}\n"
    ),
    "chart/env/prod.yaml": "who: file\n",
    "lib/Chart.yaml": "apiVersion: v2\nname: lib\nversion: 0.1.0\n",
    "lib/templates/l.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: from-lib}\n",
    "text.txt": "a,b\nc",
}

Open = Callable[[Mapping[str, Content]], Checkout]


@pytest.fixture(params=["memory", "folder", "git"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Makes a checkout of some files."""
    repo = Repo.create(tmp_path / "made")
    repositories = GitRepositories(tmp_path / "mirrors")

    def make(files: Mapping[str, Content]) -> Checkout:
        if request.param == "memory":
            return MemoryCheckout(files)
        for path, content in files.items():
            if isinstance(content, Link):
                repo.link(path, content.target)
            else:
                assert isinstance(content, str | bytes)
                repo.write(path, content)
        if request.param == "folder":
            return FolderCheckout(repo.work)
        sha = repo.commit()
        repo.push()
        repositories.fetch(repo.url)
        return repositories.checkout(repo.url, sha)

    yield make
    repositories.close()


@pytest.fixture
def renderer(tmp_path: Path) -> Iterator[ToolRenderer]:
    """One that must leave nothing behind."""
    work = tmp_path / "private"
    work.mkdir()
    yield ToolRenderer(real_tools(), work_dir=work)
    assert list(work.iterdir()) == []


def bodies(rendered: Rendered) -> list[Body]:
    parsed = parse_all((text.path, text.text) for text in rendered.texts)
    assert not parsed.faults
    return [manifest.body for manifest in parsed.manifests]


def only(rendered: Rendered, kind: str) -> Body:
    found = [body for body in bodies(rendered) if body["kind"] == kind]
    assert len(found) == 1
    return found[0]


def shop(source: Source, **options: object) -> RenderRequest:
    return request(SHOP, source, **options)  # type: ignore[arg-type]


# --- The same on every checkout ----------------------------------------------------------------


def test_plain_files_come_as_they_are(opened: Open, renderer: ToolRenderer) -> None:
    rendered = renderer.render(request(opened(SHOP), at("plain")))
    assert rendered.tool == "plain"
    assert [(text.path, text.text) for text in rendered.texts] == [("plain/a.yaml", DEPLOYMENT)]


def test_kustomize_prints_what_it_prints_by_itself(
    opened: Open, renderer: ToolRenderer, tmp_path: Path
) -> None:
    whole = tmp_path / "whole"
    MemoryCheckout(SHOP).export(whole)
    rendered = renderer.render(request(opened(SHOP), at("overlay")))
    assert rendered.tool == f"kustomize {real_tools().version('kustomize')}"
    alone = run_tool("kustomize", "build", "overlay", cwd=whole)
    assert [text.text for text in rendered.texts] == [alone]
    assert 'HOME: ""' in alone


def test_helm_prints_what_it_prints_by_itself(
    opened: Open, renderer: ToolRenderer, tmp_path: Path
) -> None:
    whole = tmp_path / "whole"
    MemoryCheckout(SHOP).export(whole)
    run_tool("helm", "dependency", "build", "chart", cwd=whole)
    words = ("template", "shop", "chart", "--include-crds", "--namespace", "ns")
    alone = run_tool("helm", *words, "--kube-version", "1.36.3", cwd=whole)
    rendered = renderer.render(request(opened(SHOP), at("chart"), namespace="ns"))
    assert rendered.tool == f"helm {real_tools().version('helm')}"
    parsed = parse_all([("alone", alone)])
    assert bodies(rendered) == [manifest.body for manifest in parsed.manifests]
    assert {text.path for text in rendered.texts} == {
        "chart/crds/crd.yaml",
        "chart/templates/c.yaml",
        "chart/templates/tests/t.yaml",
        "chart/charts/lib/templates/l.yaml",
    }
    assert only(rendered, "CustomResourceDefinition")


def test_keys_are_the_same_for_the_same_content(opened: Open, renderer: ToolRenderer) -> None:
    first = opened(SHOP)
    keys = {path: renderer.key(request(first, at(path))) for path in ("overlay", "chart", "plain")}
    again = opened({**SHOP, "README.md": "changed"})
    assert keys == {
        path: renderer.key(request(again, at(path))) for path in ("overlay", "chart", "plain")
    }
    changed = opened({**SHOP, "files/f.txt": "changed", "other/real/o.yaml": "changed"})
    assert renderer.key(request(changed, at("chart"))).key != keys["chart"].key
    assert renderer.key(request(changed, at("overlay"))).key != keys["overlay"].key


@pytest.mark.parametrize(
    ("files", "path"),
    [
        ({"app/kustomization.yaml": "resources: [l.yaml]", "app/l.yaml": Link("../../x")}, "app"),
        (
            {"app/kustomization.yaml": "resources: [l.yaml]", "app/l.yaml": Link("/etc/hosts")},
            "app",
        ),
        ({"app/Chart.yaml": "name: x", "app/files/l": Link("/etc")}, "app"),
        ({"app/l.yaml": Link("/etc/hosts")}, "app"),
        ({"app": Link("/etc"), "a": ""}, "app"),
    ],
)
def test_links_out_of_the_repository_are_refused_before_anything_runs(
    opened: Open, renderer: ToolRenderer, files: dict[str, Content], path: str
) -> None:
    asked = request(opened(files), at(path))
    for step in (renderer.key, renderer.render):
        with pytest.raises(RenderError) as caught:
            step(asked)
        assert caught.value.reason == "refused"


# --- Kustomize: an application's overrides -----------------------------------------------------


def overridden(renderer: ToolRenderer, **settings: object) -> Rendered:
    return renderer.render(shop(at("base", kustomize=KustomizeSource(**settings))))  # type: ignore[arg-type]


def test_names_namespace_images_and_replicas(renderer: ToolRenderer) -> None:
    body = only(
        overridden(
            renderer,
            name_prefix="a-",
            name_suffix="-z",
            namespace="ns",
            images=("nginx=mirror/nginx:$ARGOCD_APP_NAME",),
            replicas=({"name": "web", "count": "3"},),
        ),
        "Deployment",
    )
    assert body["metadata"] == {"name": "a-web-z", "namespace": "ns"}
    assert body["spec"]["replicas"] == 3
    assert body["spec"]["template"]["spec"]["containers"][0]["image"] == "mirror/nginx:shop"


def test_labels_and_annotations(renderer: ToolRenderer) -> None:
    labels = {"team": "$ARGOCD_APP_NAME", "a": "1"}
    body = only(overridden(renderer, common_labels=labels), "Deployment")
    assert body["spec"]["selector"]["matchLabels"] == {"app": "web", "team": "shop", "a": "1"}
    body = only(
        overridden(
            renderer,
            common_labels=labels,
            label_without_selector=True,
            label_include_templates=True,
            force_common_labels=True,
            common_annotations={"note": "x: $y"},
            force_common_annotations=True,
        ),
        "Deployment",
    )
    assert body["metadata"]["labels"] == {"team": "shop", "a": "1"}
    assert body["spec"]["selector"]["matchLabels"] == {"app": "web"}
    assert body["spec"]["template"]["metadata"]["labels"]["team"] == "shop"
    assert body["metadata"]["annotations"] == {"note": "x: $y"}


def test_annotations_take_variables_where_the_application_asks_for_it(
    renderer: ToolRenderer,
) -> None:
    settings = {"common_annotations": {"note": "$ARGOCD_APP_NAME at ${ARGOCD_APP_REVISION_SHORT}"}}
    body = only(overridden(renderer, **settings, common_annotations_envsubst=True), "Deployment")
    assert body["metadata"]["annotations"] == {"note": "shop at 0123456"}


def test_a_folder_s_own_settings_are_laid_over_the_application_s(renderer: ToolRenderer) -> None:
    files: dict[str, Content] = {
        **SHOP,
        "base/.argocd-source.yaml": "kustomize: {images: ['nginx:2']}\n",
        "base/.argocd-source-shop.yaml": "kustomize: {namespace: ns}\n",
        "plain/.argocd-source.yaml": "directory: {exclude: '{a.yaml}'}\n",
    }
    settings = KustomizeSource(images=("nginx:1.5",), name_prefix="a-")
    asked = request(files, at("base", kustomize=settings))
    body = only(renderer.render(asked), "Deployment")
    assert body["metadata"] == {"name": "a-web", "namespace": "ns"}
    assert body["spec"]["template"]["spec"]["containers"][0]["image"] == "nginx:2"
    changed = {**files, "base/.argocd-source.yaml": "kustomize: {images: ['nginx:3']}\n"}
    again = request(changed, at("base", kustomize=settings))
    assert renderer.key(again).key != renderer.key(asked).key
    assert renderer.render(request(files, at("plain"))).texts == ()


def test_patches_and_components_are_added_to_those_that_there_are(renderer: ToolRenderer) -> None:
    files: dict[str, Content] = {
        **SHOP,
        "base/kustomization.yaml": (
            "resources: [web.yaml]\n"
            "patches:\n- patch: |-\n    - {op: add, path: /metadata/labels, value: {env: 'yes'}}\n"
            "  target: {kind: Deployment}\n"
            "replicas: [{name: web, count: 2}]\n"
        ),
        "base/p.yaml": (
            "- {op: replace, path: /spec/template/spec/containers/0/name, value: front}\n"
        ),
    }
    patches = (
        {"path": "p.yaml", "target": {"kind": "Deployment", "name": "web"}},
        {
            "patch": "- {op: add, path: /metadata/annotations, value: {a: b}}",
            "target": {"name": "web"},
        },
    )
    settings = KustomizeSource(
        patches=patches, components=("../component", "../gone"), ignore_missing_components=True
    )
    body = only(renderer.render(request(files, at("base", kustomize=settings))), "Deployment")
    assert body["metadata"] == {
        "name": "web-c",
        "labels": {"env": "yes"},
        "annotations": {"a": "b"},
    }
    assert body["spec"]["replicas"] == 2
    assert body["spec"]["template"]["spec"]["containers"][0]["name"] == "front"


def test_a_component_that_the_kustomization_names_already_is_not_added_again(
    renderer: ToolRenderer,
) -> None:
    files: dict[str, Content] = {
        "base/kustomization.yaml": "components: [./part]\n",
        "base/part/kustomization.yaml": (
            "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [cm.yaml]\n"
        ),
        "base/part/cm.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: once}\n",
    }
    settings = KustomizeSource(components=("./part",))
    body = only(renderer.render(request(files, at("base", kustomize=settings))), "ConfigMap")
    assert body["metadata"]["name"] == "once"


def test_patches_that_are_no_list_are_told(renderer: ToolRenderer) -> None:
    files: dict[str, Content] = {"base/kustomization.yaml": "patches: text\n"}
    settings = KustomizeSource(patches=({"patch": "x"},))
    with pytest.raises(RenderError, match="not a list"):
        renderer.render(request(files, at("base", kustomize=settings)))


def test_a_tool_s_fault_is_told_without_its_warnings(renderer: ToolRenderer) -> None:
    files = {**SHOP, "base/kustomization.yaml": "resources: [web.yaml]\ncommonLabels: {a: b}\n"}
    settings = KustomizeSource(replicas=({"name": "nobody", "count": 1},))
    with pytest.raises(RenderError) as caught:
        renderer.render(request(files, at("base", kustomize=settings)))
    assert caught.value.message.startswith("resource with name nobody does not match")


def test_the_tool_s_own_words_are_told_with_paths_of_the_repository(
    renderer: ToolRenderer, tmp_path: Path
) -> None:
    files: dict[str, Content] = {
        "app/kustomization.yaml": "resources: [a.yaml]\nunknownField: 1\n",
        "app/a.yaml": DEPLOYMENT,
    }
    with pytest.raises(RenderError, match="unknownField") as caught:
        renderer.render(request(files, at("app")))
    assert caught.value.where == "app"
    assert caught.value.reason == "failed"
    twice = {"app/kustomization.yaml": "resources: [a.yaml, a.yaml]", "app/a.yaml": DEPLOYMENT}
    with pytest.raises(RenderError) as caught:
        renderer.render(request(twice, at("app")))
    assert str(tmp_path) not in str(caught.value)


def test_plugins_that_run_programs_stay_off(renderer: ToolRenderer) -> None:
    function = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n  annotations:\n"
        "    config.kubernetes.io/function: |\n      exec: {path: ./run.sh}\n"
    )
    files: dict[str, Content] = {
        "app/kustomization.yaml": "generators: [g.yaml]",
        "app/g.yaml": function,
        "app/run.sh": "#!/bin/sh\ntouch ran\n",
    }
    with pytest.raises(RenderError, match="plugins"):
        renderer.render(request(files, at("app")))


# --- Helm: settings ----------------------------------------------------------------------------


def data(renderer: ToolRenderer, helm: HelmSource, **options: object) -> Mapping[str, str]:
    rendered = renderer.render(shop(at("chart", helm=helm), **options))
    found = [body for body in bodies(rendered) if body.get("data")]
    values: Mapping[str, str] = found[0]["data"]
    return values


def test_values_take_argo_cd_s_precedence(renderer: ToolRenderer) -> None:
    assert data(renderer, HelmSource())["who"] == "chart"
    helm = HelmSource(value_files=("env/prod.yaml",))
    assert data(renderer, helm)["who"] == "file"
    helm = replace(helm, values="who: values")
    assert data(renderer, helm)["who"] == "values"
    helm = replace(helm, values_object={"who": "object"})
    assert data(renderer, helm)["who"] == "object"
    helm = replace(helm, parameters=({"name": "who", "value": "parameter"},))
    assert data(renderer, helm)["who"] == "parameter"


def test_parameters_are_read_as_helm_reads_them(renderer: ToolRenderer) -> None:
    helm = HelmSource(
        parameters=(
            {"name": "list", "value": "{a,b}"},
            {"name": "who", "value": "a,b"},
            {"name": "number", "value": "7"},
        ),
        file_parameters=({"name": "text", "path": "../text.txt"},),
    )
    found = data(renderer, helm)
    assert found["list"] == '["a","b"]'
    assert found["who"] == "a,b"
    assert found["text"] == "a,b\nc"
    assert found["number"] == "int64"
    helm = HelmSource(parameters=({"name": "number", "value": "7", "forceString": True},))
    assert data(renderer, helm)["number"] == "string"


def test_capabilities_files_and_lookup(renderer: ToolRenderer) -> None:
    found = data(
        renderer, HelmSource(api_versions=("shop.example.com/v1",)), kube_version="v1.34.2"
    )
    assert found["kube"] == "v1.34.2"
    assert found["api"] == "true"
    assert found["found"] == "{}"
    assert found["file"] == "from a link"


def test_crds_and_tests_can_be_left_out(renderer: ToolRenderer) -> None:
    helm = HelmSource(skip_crds=True, skip_tests=True, release_name="r", namespace="ns")
    found = bodies(renderer.render(shop(at("chart", helm=helm))))
    assert {body["kind"] for body in found} == {"ConfigMap"}
    assert {"name": "r", "namespace": "ns"} in [body["metadata"] for body in found]


def test_value_files_of_another_source_and_odd_names(renderer: ToolRenderer) -> None:
    lent = MemoryCheckout({'v,"1".yaml': "who: lent"})
    source = at("chart", helm=HelmSource(value_files=('$values/v,"1".yaml',)))
    asked = request(SHOP, source, lent=[(at("", ref="values"), lent)])
    found = [body for body in bodies(renderer.render(asked)) if body.get("data")]
    assert found[0]["data"]["who"] == "lent"


def test_several_sources_come_in_their_order(renderer: ToolRenderer) -> None:
    asked = request(SHOP, at("plain"), lent=[(at("other"), MemoryCheckout(SHOP))])
    rendered = renderer.render(asked)
    assert [body["kind"] for body in bodies(rendered)] == ["Deployment", "ConfigMap"]
    assert rendered.tool.startswith("plain, kustomize v")


def test_a_template_s_fault_is_told_with_its_place(renderer: ToolRenderer, tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "app/Chart.yaml": "apiVersion: v2\nname: shop\nversion: 0.1.0\n",
        "app/templates/a.yaml": "a: 1\nb: {{ .Values.none.at.all }}\n",
    }
    with pytest.raises(RenderError, match=r"templates/a\.yaml:2") as caught:
        renderer.render(request(files, at("app")))
    assert str(tmp_path) not in str(caught.value)
    assert caught.value.where == "app"


def template(text: str) -> dict[str, Content]:
    return {
        "app/Chart.yaml": "apiVersion: v2\nname: shop\nversion: 0.1.0\n",
        "app/templates/a.yaml": (
            f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {{x: '{text}'}}\n"
        ),
    }


@pytest.mark.parametrize("function", ['env "HOME"', 'expandenv "$HOME"'])
def test_templates_have_no_environment(renderer: ToolRenderer, function: str) -> None:
    with pytest.raises(RenderError, match="not defined"):
        renderer.render(request(template(f"{{{{ {function} }}}}"), at("app")))


def test_templates_have_no_network(renderer: ToolRenderer) -> None:
    asked = request(template('{{ getHostByName "localhost" }}'), at("app"))
    assert only(renderer.render(asked), "ConfigMap")["data"]["x"] == ""


def test_a_chart_with_nothing_to_say_gives_no_texts(renderer: ToolRenderer) -> None:
    files: dict[str, Content] = {"app/Chart.yaml": "apiVersion: v2\nname: shop\nversion: 0.1.0\n"}
    assert renderer.render(request(files, at("app"))).texts == ()
    nothing = {"app/kustomization.yaml": "configMapGenerator: []\nresources: []\nnamePrefix: a\n"}
    assert renderer.render(request(nothing, at("app"))).texts == ()


# --- Limits ------------------------------------------------------------------------------------

BOMB: dict[str, Content] = {
    "app/Chart.yaml": "apiVersion: v2\nname: bomb\nversion: 0.1.0\n",
    "app/templates/a.yaml": "{{ tpl .Values.bomb . }}",
}


def bomb(template: str) -> RenderRequest:
    return request(BOMB, at("app", helm=HelmSource(values_object={"bomb": template})))


def test_a_render_that_needs_too_much_memory_is_ended(tmp_path: Path) -> None:
    renderer = ToolRenderer(real_tools(), Limits(memory_bytes=256 << 20), tmp_path)
    with pytest.raises(RenderError, match="more than 256 MiB of memory") as caught:
        renderer.render(bomb("{{ until 2000000000 | len }}"))
    assert caught.value.reason == "limit"
    assert list(tmp_path.iterdir()) == []


def test_a_render_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    renderer = ToolRenderer(real_tools(), Limits(wall_s=1.0), tmp_path)
    loop = "{{ range $i := until 100000 }}{{ range $j := until 100000 }}{{ end }}{{ end }}"
    with pytest.raises(RenderError, match="ran longer than 1 s") as caught:
        renderer.render(bomb(loop))
    assert caught.value.reason == "limit"
    assert list(tmp_path.iterdir()) == []


def test_a_render_that_prints_too_much_is_ended(tmp_path: Path) -> None:
    renderer = ToolRenderer(real_tools(), Limits(output_bytes=1 << 20), tmp_path)
    text = '{{ range until 40000 }}# {{ repeat 40 "a" }}\n{{ end }}a: 1\n'
    with pytest.raises(RenderError, match="printed more than 1 MiB") as caught:
        renderer.render(bomb(text))
    assert caught.value.reason == "limit"


def test_renders_at_the_same_time_do_not_meet(renderer: ToolRenderer) -> None:
    found: dict[int, str] = {}

    def one(number: int) -> None:
        settings = KustomizeSource(name_prefix=f"n{number}-")
        body = only(renderer.render(shop(at("base", kustomize=settings))), "Deployment")
        found[number] = body["metadata"]["name"]

    threads = [threading.Thread(target=one, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: f"n{number}-web" for number in range(6)}


def test_what_lies_on_the_disk_is_checked_again(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    check_links(tmp_path)
    (tmp_path / "out").symlink_to("/etc/passwd")
    with pytest.raises(RenderError, match="leaves the repository"):
        check_links(tmp_path)


def test_a_kustomize_that_is_ended_while_it_fetches_leaves_nothing(tmp_path: Path) -> None:
    elsewhere = Path("/tmp")
    before = set(elsewhere.glob("kustomize-*"))
    wall_s = 2.5
    with hanging_git() as (url, asked):
        files = {"app/kustomization.yaml": f"resources: ['{url}/base.git//app?ref=main']\n"}
        while not asked.is_set():  # it did not get that far on a busy machine
            limits = Limits(wall_s=wall_s)
            renderer = ToolRenderer(real_tools(), limits, tmp_path, allow_remote=True)
            with pytest.raises(RenderError, match="ran longer"):
                renderer.render(request(files, at("app")))
            wall_s *= 2
    assert list(tmp_path.iterdir()) == []
    assert set(elsewhere.glob("kustomize-*")) == before


@contextmanager
def hanging_git() -> Iterator[tuple[str, threading.Event]]:
    """The URL of a server that answers no git, and whether git has asked it."""
    asked, done = threading.Event(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if "info/refs" not in self.path:
                self.send_error(404)
                return
            asked.set()
            done.wait()

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            done.set()
            server.shutdown()


def test_what_a_killed_render_left_behind_is_removed(tmp_path: Path) -> None:
    (tmp_path / "gitops-render-x" / "home").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    ToolRenderer(real_tools(), work_dir=tmp_path).clean()
    assert [path.name for path in tmp_path.iterdir()] == ["other"]
