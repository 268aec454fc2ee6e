"""Tool detection as Argo CD does it (peers F12)."""

import pytest

from gitops.errors import GitopsError, RenderError, SourceError
from gitops.model.application import DirectorySource, HelmSource, KustomizeSource, Source
from gitops.render.detect import Detected, Tool, detect, is_only_reference
from gitops.render.tree import Spot, Tree
from tests.helpers.trees import Link, MemoryCheckout, at

TREE = {
    "chart/Chart.yaml": "",
    "chart/kustomization.yaml": "",
    "yaml/kustomization.yaml": "",
    "yml/kustomization.yml": "",
    "bare/Kustomization": "",
    "plain/a.yaml": "",
    "plain/below/Chart.yaml": "",
    "link": Link("yaml"),
}


def found(source: Source) -> Detected:
    return detect(source, Tree(MemoryCheckout(TREE)))


@pytest.mark.parametrize(
    ("path", "tool"),
    [
        ("chart", Tool.HELM),
        ("yaml", Tool.KUSTOMIZE),
        ("yml", Tool.KUSTOMIZE),
        ("bare", Tool.KUSTOMIZE),
        ("plain", Tool.PLAIN),
        (".", Tool.PLAIN),
        ("plain/a.yaml", Tool.PLAIN),
    ],
)
def test_the_files_of_the_folder_decide(path: str, tool: Tool) -> None:
    assert found(at(path)).tool is tool


def test_a_link_to_a_folder_is_that_folder() -> None:
    assert found(at("link")) == Detected(Tool.KUSTOMIZE, Spot("folder", "yaml", ("link",)))


@pytest.mark.parametrize(
    ("settings", "tool"),
    [
        ({"directory": DirectorySource()}, Tool.PLAIN),
        ({"kustomize": KustomizeSource()}, Tool.KUSTOMIZE),
        ({"helm": HelmSource()}, Tool.HELM),
    ],
)
def test_what_the_source_says_wins(settings: dict[str, object], tool: Tool) -> None:
    assert found(at("chart", **settings)).tool is tool


def test_a_path_that_is_not_there_is_a_fault_of_the_source() -> None:
    with pytest.raises(SourceError, match="there is no 'nope'") as caught:
        found(at("nope"))
    assert caught.value.reason == "path-missing"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (at("chart", helm=HelmSource(), directory=DirectorySource()), "directory and helm"),
        (at("plain/a.yaml", helm=HelmSource()), "helm renders a folder"),
        (at("../x"), "leaves the repository"),
    ],
)
def test_contradictions_are_refused(source: Source, message: str) -> None:
    with pytest.raises(RenderError, match=message):
        found(source)


def test_a_source_that_only_lends_files_renders_nothing() -> None:
    assert is_only_reference(at("", ref="values"))
    assert is_only_reference(at(".", ref="values"))
    assert not is_only_reference(at("app", ref="values"))
    assert not is_only_reference(at("."))


def test_a_source_of_an_empty_repository_is_its_root() -> None:
    with pytest.raises(GitopsError):
        detect(at("a"), Tree(MemoryCheckout({})))
    assert detect(at("/"), Tree(MemoryCheckout({}))).spot == Spot("folder", ".")
