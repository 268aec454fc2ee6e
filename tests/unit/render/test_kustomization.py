"""Everything that Kustomize would read is found first; what lies outside is refused."""

from collections.abc import Mapping
from typing import Any

import pytest

from gitops.errors import RenderError
from gitops.model.application import KustomizeSource
from gitops.render.closure import Closure
from gitops.render.kustomization import is_remote, read_kustomization, without_credentials
from gitops.render.tree import Tree
from tests.helpers.trees import Content, Link, MemoryCheckout


def read(
    files: Mapping[str, Content], source: KustomizeSource | None = None, **options: Any
) -> set[str]:
    closure = Closure(Tree(MemoryCheckout(files)))
    spot = closure.tree.look("app")
    options.setdefault("allow_remote", False)
    read_kustomization(closure, spot, source, **options)
    return closure.content


def kustomization(text: str, **files: Content) -> dict[str, Content]:
    named = {name.replace("__", "/").replace("_DOT_", "."): body for name, body in files.items()}
    return {"app/kustomization.yaml": text, **named}


ALL = """
resources: [a.yaml, base]
bases: [../common]
components: [../component]
patches:
  - path: patch.yaml
  - patch: "- op: remove"
patchesJson6902:
  - {path: json.json, target: {kind: Deployment, name: a}}
patchesStrategicMerge:
  - merge.yaml
  - |
    apiVersion: v1
    kind: ConfigMap
replacements:
  - path: replacement.yaml
  - source: {kind: A}
configMapGenerator:
  - name: c
    files: [file.txt, key=other.txt]
    env: one.env
    envs: [two.env]
    literals: [a=b]
secretGenerator:
  - files: [secret.txt]
configurations: [config.yaml]
crds: [crd.yaml]
openapi: {path: schema.json}
transformers: [transformer.yaml]
generators:
  - |
    apiVersion: builtin
    kind: ConfigMapGenerator
    metadata: {name: x}
    files: [inline.txt]
"""


def test_every_field_that_names_a_file_is_followed() -> None:
    names = """
        a.yaml patch.yaml json.json merge.yaml replacement.yaml file.txt other.txt one.env two.env
        secret.txt config.yaml crd.yaml schema.json transformer.yaml inline.txt unused.yaml
        values/p.yaml
    """
    files: dict[str, Content] = {f"app/{name}": "" for name in names.split()}
    files |= {
        "app/kustomization.yaml": ALL,
        "app/base/kustomization.yml": "resources: [b.yaml]",
        "app/base/b.yaml": "",
        "common/Kustomization": "resources: [s.yaml]",
        "common/s.yaml": "",
        "component/kustomization.yaml": "kind: Component\npatches: [{path: p.yaml}]",
        "component/p.yaml": "",
        "app/transformer.yaml": "kind: PatchTransformer\nspec: {path: values/p.yaml}\npath: /etc/x",
    }
    assert read(files) == set(files) - {"app/unused.yaml"}


def test_names_that_may_appear_are_watched() -> None:
    closure = Closure(Tree(MemoryCheckout(kustomization("namePrefix: a-"))))
    read_kustomization(closure, closure.tree.look("app"), None, allow_remote=False)
    assert closure.paths() == (
        "app/Chart.yaml",
        "app/Kustomization",
        "app/kustomization.yaml",
        "app/kustomization.yml",
    )


def test_links_on_the_way_are_part_of_it() -> None:
    files: dict[str, Content] = {
        "app": Link("real"),
        "real/kustomization.yaml": "resources: [l.yaml]",
        "real/l.yaml": Link("below/t.yaml"),
        "real/below/t.yaml": "",
    }
    assert read(files) == {"app", "real/kustomization.yaml", "real/l.yaml", "real/below/t.yaml"}


def test_a_folder_is_read_once_however_often_it_is_named() -> None:
    files: dict[str, Content] = {"app/kustomization.yaml": "resources: [l0, m0]"}
    for level in range(20):
        below = f"resources: [../l{level + 1}, ../m{level + 1}]" if level < 19 else "namePrefix: x"
        files |= {f"app/{name}{level}/kustomization.yaml": below for name in "lm"}
    assert len(read(files)) == 41


REMOTE = (
    "https://example.com/a.yaml",
    "http://example.com/a.yaml",
    "HTTPS://example.com/a.yaml",
    "github.com/acme/shop?ref=main",
    "github.com:acme/shop",
    "git::https://example.com/shop",
    "git@example.com:acme/shop.git",
    "ssh://git@example.com/shop",
    "file:///etc",
    "oci://example.com/shop",
)


@pytest.mark.parametrize("reference", REMOTE)
@pytest.mark.parametrize("field", ["resources", "components", "bases", "crds", "configurations"])
def test_remote_references_are_refused_with_their_line(field: str, reference: str) -> None:
    with pytest.raises(RenderError, match="remote reference") as caught:
        read(kustomization(f"{field}:\n  - {reference}"))
    assert caught.value.reason == "refused"
    assert caught.value.where == "app/kustomization.yaml:2"


def test_a_remote_reference_is_told_without_its_credentials() -> None:
    with pytest.raises(RenderError) as caught:
        read(kustomization("resources: ['https://bob:s3cret@example.com/a']"))
    assert "s3cret" not in str(caught.value)
    assert without_credentials("https://bob:s3cret@x/y") == "https://x/y"


def test_allowed_remote_references_leave_the_content_undecided() -> None:
    closure = Closure(Tree(MemoryCheckout(kustomization("resources: ['https://example.com/a']"))))
    root = closure.tree.look("app")
    assert read_kustomization(closure, root, None, allow_remote=True) is False
    local = Closure(Tree(MemoryCheckout(kustomization("namePrefix: a"))))
    assert read_kustomization(local, local.tree.look("app"), None, allow_remote=True) is True


@pytest.mark.parametrize("path", ["base", "../base", "a@b.yaml/../x", "git.yaml", "v1:2.yaml"])
def test_local_paths_are_not_taken_for_remote(path: str) -> None:
    assert not is_remote(path) or "@" in path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("resources: [/etc/passwd]", "absolute"),
        ("resources: [../../outside]", "leaves the repository"),
        ("resources: [missing.yaml]", "does not exist"),
        ("resources: [../other/o.yaml]", "not in or below"),
        ("configMapGenerator: [{files: [../other/o.yaml]}]", "not in or below"),
        ("configMapGenerator: [{files: [x=/etc/passwd]}]", "absolute"),
        ("patches: [{path: out}]", "leaves the repository"),
        ("patches: [{path: .}]", "is a folder"),
        ("components: [a.yaml]", "is not a folder"),
        ("resources: [nothing]", "no kustomization file"),
        ("resources: [two]", "several kustomization files"),
        ("helmCharts: [{name: x}]", "not supported yet"),
        ("helmChartInflationGenerator: [{chartName: x}]", "not supported yet"),
        ("generators: ['{kind: HelmChartInflationGenerator}']", "not supported yet"),
        ("resources: [..]", "leads back"),
        ("resources: [.]", "leads back"),
        ("resources: [../round]", "leads back"),
        ("openapi: {path: /etc/x}", "absolute"),
    ],
)
def test_what_cannot_be_rendered_is_told(text: str, message: str) -> None:
    files: dict[str, Content] = {
        "app/kustomization.yaml": text,
        "app/a.yaml": "",
        "app/out": Link("../../etc/passwd"),
        "app/nothing/x.yaml": "",
        "app/two/kustomization.yaml": "",
        "app/two/Kustomization": "",
        "other/o.yaml": "",
        "round/kustomization.yaml": "resources: [../app]",
    }
    with pytest.raises(RenderError, match=message):
        read(files)


def test_very_deep_kustomizations_are_refused() -> None:
    files: dict[str, Content] = {"app/kustomization.yaml": "resources: [../d0]"}
    files |= {f"d{i}/kustomization.yaml": f"resources: [../d{i + 1}]" for i in range(60)}
    with pytest.raises(RenderError, match="levels deep"):
        read(files)


def test_empty_and_odd_fields_read_nothing() -> None:
    odd = (
        "resources:\npatches: text\nhelmCharts: []\nopenapi: {version: v1}\nunknown: [x]\ncrds: {}"
    )
    assert read(kustomization(odd)) == {"app/kustomization.yaml"}


def test_overrides_name_components_and_patches_too() -> None:
    files: dict[str, Content] = {
        "app/kustomization.yaml": "",
        "app/p.yaml": "",
        "component/kustomization.yaml": "",
    }
    source = KustomizeSource(
        components=("../component", "../gone"),
        ignore_missing_components=True,
        patches=({"path": "p.yaml"}, {"patch": "- op: remove"}),
    )
    assert read(files, source) == {
        "app/kustomization.yaml",
        "app/p.yaml",
        "component/kustomization.yaml",
    }
    with pytest.raises(RenderError, match="does not exist") as caught:
        read(files, KustomizeSource(components=("../gone",)))
    assert caught.value.where == "spec.source.kustomize"


def test_a_transformer_folder_is_read_with_what_its_plugins_name() -> None:
    files: dict[str, Content] = {
        "app/kustomization.yaml": "transformers: [t]\nvalidators: ['https://x/y']",
        "app/t/kustomization.yaml": "resources: [p.yaml]",
        "app/t/p.yaml": "kind: PatchTransformer\npath: patch.yaml\npaths: [gone.yaml, 'a\n b']",
        "app/patch.yaml": "",
    }
    with pytest.raises(RenderError, match="remote"):
        read(files)
    files["app/kustomization.yaml"] = "transformers: [t]"
    assert read(files) == set(files)


def test_too_many_paths_are_refused() -> None:
    names = [f"f{i}.yaml" for i in range(20_001)]
    files: dict[str, Content] = {f"app/{name}": "" for name in names}
    files["app/kustomization.yaml"] = f"resources: [{', '.join(names)}]"
    with pytest.raises(RenderError, match="may read"):
        read(files)
