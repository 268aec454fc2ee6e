"""`.argocd-source.yaml` and `.argocd-source-<app>.yaml`, as Argo CD merges them."""

import pytest

from gitops.errors import RenderError
from gitops.model.application import HelmSource, KustomizeSource, Source
from gitops.render.closure import Closure
from gitops.render.detect import locate
from gitops.render.overrides import override
from gitops.render.tree import Tree
from tests.helpers.trees import Content, MemoryCheckout, at

REPO = "app/.argocd-source.yaml"
OWN = "app/.argocd-source-shop.yaml"


def merged(files: dict[str, Content], source: Source | None = None) -> Source:
    source = source or at("app")
    closure = Closure(Tree(MemoryCheckout({"app/a.txt": "", **files})))
    made = override(source, locate(source, closure.tree), "shop", closure)
    assert {REPO, OWN} <= closure.watched
    return made


def test_a_folder_without_them_changes_nothing() -> None:
    source = at("app", kustomize=KustomizeSource(name_prefix="a-"))
    assert merged({"app/.argocd-source-other.yaml": "helm: {values: a}"}, source) is source


def test_maps_are_merged_lists_replaced_and_null_removes() -> None:
    source = at(
        "app",
        kustomize=KustomizeSource(
            name_prefix="a-", images=("a:1", "b:1"), common_labels={"a": "1", "b": "1"}
        ),
    )
    text = "kustomize: {namePrefix: null, images: ['a:2'], commonLabels: {b: '2'}}"
    assert merged({REPO: text}, source).kustomize == KustomizeSource(
        images=("a:2",), common_labels={"a": "1", "b": "2"}
    )


def test_the_application_s_own_file_comes_after_the_folder_s() -> None:
    files: dict[str, Content] = {
        REPO: "helm: {releaseName: both, parameters: [{name: a, value: '1'}]}",
        OWN: "helm: {releaseName: own}",
    }
    assert merged(files).helm == HelmSource(
        release_name="own", parameters=({"name": "a", "value": "1", "forceString": False},)
    )


def test_what_says_where_the_source_lies_stays() -> None:
    text = "{repoURL: other, path: elsewhere, targetRevision: v9, helm: {skipCrds: true}}"
    assert merged({REPO: text}) == at("app", helm=HelmSource(skip_crds=True))


def test_an_empty_file_says_nothing() -> None:
    source = at("app")
    assert merged({REPO: "# nothing yet\n"}, source) is source


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kustomize: {imges: [a]}", "kustomize.imges is not a known field"),
        ("helm: {skipCrds: 'yes'}", "helm.skipCrds must be true or false"),
        ("plugin: {name: x}", "plugin is not supported yet"),
        ("{helm: {skipCrds: true}, kustomize: {namespace: a}}", "settings of kustomize and helm"),
        ("[1]", "not one mapping"),
        ("a: 1\n---\nb: 2", "not one mapping"),
        ("a: [", "not valid YAML|did not find"),
    ],
)
def test_what_cannot_be_used_is_told_with_its_file(text: str, message: str) -> None:
    with pytest.raises(RenderError, match=message) as caught:
        merged({REPO: text})
    assert str(caught.value.where).startswith(REPO)
