"""Paths and links are resolved inside the repository, and refused outside of it."""

import pytest

from gitops.errors import RenderError
from gitops.render.tree import Spot, Tree, join
from tests.helpers.trees import Link, MemoryCheckout, Module

TREE = {
    "app/a.yaml": "a",
    "app/link.yaml": Link("../common/b.yaml"),
    "common/b.yaml": "b",
    "folder": Link("common"),
    "chain": Link("folder/b.yaml"),
    "round": Link("and"),
    "and": Link("round"),
    "out": Link("../outside"),
    "absolute": Link("/etc/passwd"),
    "dangling": Link("nowhere/at/all"),
    "up/and/over": Link("../../common/./b.yaml"),
    "vendor": Module({"lib/c.yaml": "c"}),
}


def look(path: str) -> Spot:
    return Tree(MemoryCheckout(TREE)).look(path)


@pytest.mark.parametrize(
    ("path", "spot"),
    [
        (".", Spot("folder", ".")),
        ("app", Spot("folder", "app")),
        ("app/a.yaml", Spot("file", "app/a.yaml")),
        ("app/none.yaml", Spot("missing", "app/none.yaml")),
        ("app/a.yaml/below", Spot("missing", "app/a.yaml/below")),
        ("app/link.yaml", Spot("file", "common/b.yaml", ("app/link.yaml",))),
        ("folder", Spot("folder", "common", ("folder",))),
        ("folder/b.yaml", Spot("file", "common/b.yaml", ("folder",))),
        ("chain", Spot("file", "common/b.yaml", ("chain", "folder"))),
        ("dangling", Spot("missing", "nowhere/at/all", ("dangling",))),
        ("up/and/over", Spot("file", "common/b.yaml", ("up/and/over",))),
        ("vendor", Spot("folder", "vendor")),
        ("vendor/lib/c.yaml", Spot("file", "vendor/lib/c.yaml")),
    ],
)
def test_a_path_leads_to_its_real_place(path: str, spot: Spot) -> None:
    assert look(path) == spot


@pytest.mark.parametrize("path", ["out", "absolute", "out/below"])
def test_a_link_that_leaves_the_repository_is_refused(path: str) -> None:
    with pytest.raises(RenderError, match="leaves the repository") as caught:
        look(path)
    assert caught.value.reason == "refused"


def test_links_in_a_circle_are_refused() -> None:
    with pytest.raises(RenderError, match="circle"):
        look("round")


@pytest.mark.parametrize(
    ("folder", "path", "joined"),
    [
        ("app", "a.yaml", "app/a.yaml"),
        ("app/overlays/x", "../../base", "app/base"),
        (".", "./a//b", "a/b"),
        ("app", "..", "."),
    ],
)
def test_paths_are_joined_as_text(folder: str, path: str, joined: str) -> None:
    assert join(folder, path, where="x") == joined


@pytest.mark.parametrize("path", ["../../x", "/etc/passwd", "../..", "a\0b"])
def test_a_path_that_leaves_the_repository_is_refused(path: str) -> None:
    with pytest.raises(RenderError) as caught:
        join("app", path, where="app/kustomization.yaml:3")
    assert caught.value.reason == "refused"
    assert caught.value.where == "app/kustomization.yaml:3"


def test_where_a_path_leads_is_found_without_listing_its_folders() -> None:
    checkout = MemoryCheckout({f"app-{number}/a.yaml": "a" for number in range(50)})
    tree = Tree(checkout)
    assert tree.look("app-7/a.yaml") == Spot("file", "app-7/a.yaml")
    assert tree.look("app-50/a.yaml").kind == "missing"
    assert checkout.listed == []


def test_submodules_on_the_way_are_known() -> None:
    tree = Tree(MemoryCheckout({**TREE, ".gitmodules": ""}))
    assert tree.modules(["vendor/lib/c.yaml", "app/a.yaml"]) == {"vendor"}
    assert Tree(MemoryCheckout(TREE)).modules(["vendor/lib/c.yaml"]) == set()
