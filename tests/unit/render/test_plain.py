"""Plain manifests as Argo CD's directory type takes them (peers F13)."""

import pytest

from gitops.errors import RenderError
from gitops.model.application import DirectorySource
from gitops.ports import RenderedText
from gitops.render.closure import Closure
from gitops.render.plain import holds_manifests, read_plain, render_plain
from gitops.render.tree import Tree
from tests.helpers.trees import Content, Link, MemoryCheckout

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n"


def render(
    files: dict[str, Content], source: DirectorySource | None = None, path: str = "app"
) -> list[RenderedText]:
    closure = Closure(Tree(MemoryCheckout(files)))
    root = closure.tree.look(path)
    return render_plain(closure, read_plain(closure, root, source or DirectorySource()))


def names(files: dict[str, Content], source: DirectorySource | None = None) -> list[str]:
    return [text.path for text in render(files, source)]


FOLDER: dict[str, Content] = {
    "app/b.yaml": POD,
    "app/a.yml": POD,
    "app/c.json": '{"apiVersion": "v1", "kind": "Pod"}',
    "app/README.md": POD,
    "app/x.yaml.bak": POD,
    "app/a/z.yaml": POD,
    "app/a-b/y.yaml": POD,
    "app/values.yaml": "replicas: 1\nimage: {tag: v1}\n",
    "app/.argocd-source-shop.yaml": POD,
}


def test_files_of_the_folder_come_by_name() -> None:
    assert names(FOLDER) == ["app/a.yml", "app/b.yaml", "app/c.json"]


def test_folders_below_come_in_the_order_of_a_walk() -> None:
    found = names(FOLDER, DirectorySource(recurse=True))
    assert found == ["app/a/z.yaml", "app/a-b/y.yaml", "app/a.yml", "app/b.yaml", "app/c.json"]


@pytest.mark.parametrize(
    ("include", "exclude", "found"),
    [
        ("*.yml", "", ["app/a.yml"]),
        ("", "*.y*ml", ["app/c.json"]),
        ("a/*", "", ["app/a/z.yaml"]),
        ("{a.yml,c.json}", "c*", ["app/a.yml"]),
        ("*", "*", []),
    ],
)
def test_globs_match_the_path_below_the_source(
    include: str, exclude: str, found: list[str]
) -> None:
    assert names(FOLDER, DirectorySource(recurse=True, include=include, exclude=exclude)) == found


def test_a_path_may_be_one_file() -> None:
    assert [text.path for text in render(FOLDER, path="app/b.yaml")] == ["app/b.yaml"]


def test_the_root_of_a_repository_is_a_folder_too() -> None:
    assert [text.path for text in render({"a.yaml": POD}, path=".")] == ["a.yaml"]
    source = DirectorySource(include="a.yaml")
    assert [text.path for text in render({"a.yaml": POD}, source, path=".")] == ["a.yaml"]


def test_links_are_followed_inside_the_repository() -> None:
    files: dict[str, Content] = {
        "app/l.yaml": Link("../common/s.yaml"),
        "app/dangling.yaml": Link("../common/none.yaml"),
        "app/folder.yaml": Link("../common"),
        "common/s.yaml": POD,
    }
    assert render(files) == [RenderedText("app/l.yaml", POD)]


def test_a_link_that_leaves_the_repository_is_refused() -> None:
    with pytest.raises(RenderError, match="leaves the repository"):
        render({"app/l.yaml": Link("../../etc/passwd")})


def test_jsonnet_is_refused_unless_excluded() -> None:
    files: dict[str, Content] = {"app/a.jsonnet": "{}", "app/b.yaml": POD}
    with pytest.raises(RenderError, match="Jsonnet"):
        render(files)
    assert names(files, DirectorySource(exclude="*.jsonnet")) == ["app/b.yaml"]


def test_more_than_ten_mebibytes_are_refused() -> None:
    large = POD + "#" * (6 * 1024 * 1024)
    with pytest.raises(RenderError, match="larger than 10 MiB") as caught:
        render({"app/a.yaml": large, "app/b.yaml": large})
    assert caught.value.reason == "limit"
    assert len(render({"app/a.yaml": large})) == 1


def test_bytes_that_are_no_text_are_told_with_the_file() -> None:
    with pytest.raises(RenderError, match="not UTF-8") as caught:
        render({"app/a.yaml": b"kind: \xff"})
    assert caught.value.where == "app/a.yaml"


@pytest.mark.parametrize(
    "content",
    [b"\xef\xbb\xbf" + POD.encode(), POD.encode("utf-16"), b"\xfe\xff" + POD.encode("utf-16-be")],
)
def test_byte_order_marks_are_understood(content: bytes) -> None:
    assert render({"app/a.yaml": content})[0].text == POD


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        (POD, True),
        ("kind: Pod\n", True),
        ("apiVsersion: v1\nkind: Service\n", True),
        ('"kind": "Pod"', True),
        ("- apiVersion: v1\n", True),
        ("--- \nkind: Pod", True),
        ("# note\n\nmetadata:\n  name: a\n", True),
        ("  apiVersion: v1\n  kind: Pod\n  metadata: {}\n", True),
        ('{"apiVersion": "v1"}', True),
        ('[{"kind": "Pod"}]', True),
        ("controller:\n  kind: DaemonSet\n", False),
        ('{"name": "package"}', False),
        ('{"apiVers', False),
        ("on: push\njobs: {}\n", False),
        ("# only a comment\n", False),
        ("", False),
        (POD + "# +argocd:skip-file-rendering\n", False),
    ],
)
def test_files_that_are_no_manifests_are_left_out(text: str, *, holds: bool) -> None:
    assert holds_manifests(text, "a.yaml") is holds


@pytest.mark.parametrize("text", ['{"apiVers', '{"name": "package"}', "[1]", "kind", '"x"'])
def test_json_is_always_meant_as_an_object(text: str) -> None:
    assert [one.text for one in render({"app/a.json": text})] == [text]
    assert render({"app/a.json": f"{text} +argocd:skip-file-rendering"}) == []


@pytest.mark.parametrize("text", ["", " \n", "null\n"])
def test_json_that_says_nothing_is_an_error(text: str) -> None:
    with pytest.raises(RenderError, match="the file is empty") as caught:
        render({"app/a.json": text})
    assert caught.value.where == "app/a.json"
    assert render({"app/a.yaml": text}) == []
