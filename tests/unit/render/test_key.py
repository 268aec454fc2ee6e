"""The key of a render: equal content gives equal keys, and what can matter changes it."""

from pathlib import Path
from typing import Any

import pytest

from gitops.errors import RenderError, SourceError
from gitops.model.application import DirectorySource, HelmSource, KustomizeSource
from gitops.ports import RenderKey, RenderRequest
from gitops.render.renderer import ToolRenderer
from gitops.render.tools import Tools
from tests.helpers.trees import Content, MemoryCheckout, Module, at, request

POD = "apiVersion: v1\nkind: Pod\n"
FILES: dict[str, Content] = {
    "plain/a.yaml": POD,
    "plain/b.yaml": POD,
    "plain/note.md": "",
    "plain/below/c.yaml": POD,
    "overlay/kustomization.yaml": "resources: [../base]",
    "base/kustomization.yaml": "resources: [a.yaml]",
    "base/a.yaml": POD,
    "base/unused.yaml": POD,
    "chart/Chart.yaml": "name: c",
    "chart/templates/a.yaml": POD,
    "other/x.yaml": POD,
}


def renderer(kustomize: str = "v5.8.1", helm: str = "v4.2.2", **options: Any) -> ToolRenderer:
    tools = Tools(Path("/k"), Path("/h"), {"kustomize": kustomize, "helm": helm})
    return ToolRenderer(tools, **options)


def key(asked: RenderRequest, **options: Any) -> RenderKey:
    return renderer(**options).key(asked)


def of(path: str, files: dict[str, Content] | None = None, **options: Any) -> str:
    settings = {
        name: options.pop(name) for name in ("helm", "kustomize", "directory") if name in options
    }
    return key(request(FILES | (files or {}), at(path, **settings), **options)).key


@pytest.mark.parametrize("path", ["plain", "overlay", "chart"])
@pytest.mark.parametrize("change", ["other/x.yaml", "README.md", "base/unused.yaml"])
def test_a_change_elsewhere_keeps_the_key(path: str, change: str) -> None:
    assert of(path) == of(path, {change: "changed"})


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("plain", "plain/a.yaml"),
        ("plain", "plain/new.yaml"),
        ("overlay", "overlay/kustomization.yaml"),
        ("overlay", "base/a.yaml"),
        ("chart", "chart/templates/a.yaml"),
        ("chart", "chart/anything"),
    ],
)
def test_a_change_that_can_be_read_changes_the_key(path: str, change: str) -> None:
    content = "resources: [../base]\nnamePrefix: x" if "kustomization" in change else "changed"
    assert of(path) != of(path, {change: content})


@pytest.mark.parametrize("change", ["plain/note.md", "plain/below/c.yaml", "plain/x.bak"])
def test_files_of_the_folder_that_are_not_taken_keep_the_key(change: str) -> None:
    assert of("plain") == of("plain", {change: "changed"})


def test_the_commit_keeps_the_key() -> None:
    keys = {
        key(request(MemoryCheckout(FILES, sha), at("overlay"))).key for sha in ("a" * 40, "b" * 40)
    }
    assert len(keys) == 1


def test_a_setting_that_names_the_commit_changes_with_it() -> None:
    source = at("overlay", kustomize=KustomizeSource(images=("app:$ARGOCD_APP_REVISION",)))
    keys = {key(request(MemoryCheckout(FILES, sha), source)).key for sha in ("a" * 40, "b" * 40)}
    assert len(keys) == 2


def test_settings_change_the_key() -> None:
    assert of("plain") != of("plain", directory=DirectorySource(include="a*"))
    assert of("overlay") != of("overlay", kustomize=KustomizeSource(name_prefix="a-"))
    assert of("chart") != of("chart", helm=HelmSource(values="a: 1"))
    assert of("overlay") == of("overlay", kustomize=KustomizeSource())
    assert of("plain") == of("plain", directory=DirectorySource())


def test_name_namespace_and_version_matter_to_helm_alone() -> None:
    for change in ({"name": "x"}, {"namespace": "x"}, {"kube_version": "v1.30.0"}):
        assert of("chart") != of("chart", **change)
        assert of("overlay") == of("overlay", **change)
        assert of("plain") == of("plain", **change)


def test_another_version_of_the_tool_changes_the_key_of_its_own_renders() -> None:
    def with_tools(path: str, **versions: str) -> str:
        return key(request(FILES, at(path)), **versions).key

    assert with_tools("chart", helm="v4.3.0") != with_tools("chart")
    assert with_tools("chart", kustomize="v5.9.0") == with_tools("chart")
    assert with_tools("overlay", kustomize="v5.9.0") != with_tools("overlay")
    assert with_tools("plain", kustomize="v5.9.0", helm="v4.3.0") == with_tools("plain")


def test_paths_say_where_a_change_can_matter() -> None:
    assert key(request(FILES, at("plain"))).paths == (("plain",),)
    assert key(request(FILES, at("chart"))).paths == (("chart",),)
    assert key(request({"a.yaml": POD}, at("."))).paths == ((".",),)
    overlay = key(request(FILES, at("overlay"))).paths[0]
    assert {"overlay/kustomization.yaml", "base/a.yaml", "base/Kustomization"} <= set(overlay)
    assert "base/unused.yaml" not in overlay


def test_a_submodule_on_the_way_is_a_path_of_its_own() -> None:
    files: dict[str, Content] = {
        "overlay/kustomization.yaml": "resources: [../vendor/base]",
        "vendor": Module({"base/kustomization.yaml": "namePrefix: a-"}),
        ".gitmodules": "",
    }
    assert "vendor" in key(request(files, at("overlay"))).paths[0]


def test_a_source_that_lends_files_counts_with_those_files() -> None:
    lent = MemoryCheckout({"v.yaml": "a: 1", "w.yaml": "b: 1"})
    source = at("chart", helm=HelmSource(value_files=("$values/v.yaml",)))
    asked = request(FILES, source, lent=[(at("", ref="values"), lent)])
    assert key(asked).paths == (("chart",), ("v.yaml",))
    changed = MemoryCheckout({"v.yaml": "a: 2", "w.yaml": "b: 1"})
    assert key(asked).key != key(request(FILES, source, lent=[(at("", ref="values"), changed)])).key
    unread = MemoryCheckout({"v.yaml": "a: 1", "w.yaml": "b: 2"})
    assert key(asked).key == key(request(FILES, source, lent=[(at("", ref="values"), unread)])).key


def test_with_several_sources_an_error_says_which() -> None:
    asked = request(FILES, at("plain"), lent=[(at("none", name="second"), MemoryCheckout({}))])
    with pytest.raises(SourceError, match=r"\(source 'second'\)"):
        key(asked)


def test_what_cannot_be_decided_is_keyed_by_the_whole_repository() -> None:
    files: dict[str, Content] = {
        "overlay/kustomization.yaml": "resources: ['https://example.com/a']"
    }
    asked = request(FILES | files, at("overlay"))
    with pytest.raises(RenderError, match="remote"):
        key(asked)
    allowed = key(asked, allow_remote=True)
    assert allowed.paths == ((".",),)
    other = request(FILES | files | {"README.md": "changed"}, at("overlay"))
    assert allowed.key != key(other, allow_remote=True).key


def test_a_key_needs_the_version_of_a_tool_that_is_there() -> None:
    missing = ToolRenderer(Tools())
    with pytest.raises(RenderError, match="helm is not installed") as caught:
        missing.key(request(FILES, at("chart")))
    assert caught.value.reason == "tool-missing"
    assert "gitops cluster build" in str(caught.value)
    assert missing.key(request(FILES, at("plain"))).key
    assert missing.versions()["helm"].startswith("missing")
