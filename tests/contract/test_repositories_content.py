"""`ports.Checkout`: hashes, entries, content, exports; links and wicked names."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops.errors import SourceError
from gitops.source.checkout import GitCheckout
from gitops.source.options import GitOptions
from tests.helpers.gitworld import World, make_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with make_world("file", tmp_path) as made:
        yield made


def _checkout(world: World, options: GitOptions | None = None) -> GitCheckout:
    repositories = world.fetched(options)
    return repositories.checkout(world.url, repositories.resolve(world.url, "main").sha)


def _files(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): (
            f"-> {path.readlink()}" if path.is_symlink() else path.read_text()
        )
        for path in folder.rglob("*")
        if path.is_symlink() or path.is_file()
    }


def test_hashes_are_gits_own(world: World) -> None:
    world.repo.write("a/b/c.yaml", "x").commit()
    world.repo.push()
    checkout = _checkout(world)

    for path in ("a", "a/b", "a/b/c.yaml", "app"):
        assert checkout.object_sha(path) == world.repo.git("rev-parse", f"HEAD:{path}")
    assert checkout.object_sha(".") == world.repo.git("rev-parse", "HEAD^{tree}")
    assert checkout.object_sha("./a//b/") == checkout.object_sha("a/b")
    for path in ("nothing", "a/b/c.yaml/d", "../app", "/app", "a/../app"):
        assert checkout.object_sha(path) is None


def test_entries_are_gits_own_sorted_by_path(world: World) -> None:
    world.repo.write("a/b.yaml", "1").write("a.yaml", "2").write("a/z/run.sh", "3")
    world.repo.link("a/link", "b.yaml").write("näme", "4").git("add", "-A")
    (world.repo.work / "a/z/run.sh").chmod(0o755)
    world.repo.commit()
    world.repo.push()
    checkout = _checkout(world)

    listed = world.repo.git("-c", "core.quotePath=false", "ls-tree", "-r", "HEAD").splitlines()
    expected = sorted((line.split("\t")[1], *line.split("\t")[0].split()[::2]) for line in listed)
    entries = checkout.entries(".", recurse=True)
    assert [(e.path, e.mode, e.sha) for e in entries] == expected
    assert [e.path for e in entries] == sorted(e.path for e in entries)
    assert [(e.path, e.mode) for e in checkout.entries("a", recurse=False)] == [
        ("a/b.yaml", "100644"),
        ("a/link", "120000"),
        ("a/z", "040000"),
    ]
    assert checkout.entries("a.yaml", recurse=True) == []
    assert checkout.entries("nothing", recurse=False) == []


def test_reading_what_is_no_file_names_path_and_commit(world: World) -> None:
    checkout = _checkout(world)
    for path in ("nothing", "app", ".", "../x"):
        with pytest.raises(SourceError) as missing:
            checkout.read(path)
        assert missing.value.reason == "path-missing"
        assert f"`{path}`" in missing.value.message
        assert checkout.commit.short in str(missing.value)


def test_an_export_has_the_named_paths_with_modes_and_links(world: World, tmp_path: Path) -> None:
    world.repo.write("apps/a/x.yaml", "1").write("apps/b/y.yaml", "2").write(
        "run.sh", "#!/bin/sh\n"
    )
    world.repo.link("apps/a/base", "../b")
    (world.repo.work / "run.sh").chmod(0o755)
    world.repo.commit()
    world.repo.push()

    _checkout(world).export(tmp_path / "out", ["apps/a", "apps/b/y.yaml", "run.sh"])

    assert _files(tmp_path / "out") == {
        "apps/a/base": "-> ../b",
        "apps/a/x.yaml": "1",
        "apps/b/y.yaml": "2",
        "run.sh": "#!/bin/sh\n",
    }
    assert os.access(tmp_path / "out" / "run.sh", os.X_OK)
    assert (tmp_path / "out" / "apps/a/base/y.yaml").read_text() == "2"


def test_files_are_exported_as_they_were_committed(world: World, tmp_path: Path) -> None:
    world.repo.write(".gitattributes", "*.txt export-ignore\n*.md export-subst eol=crlf\n")
    world.repo.write("a.txt", "ignored by archives").write("b.md", "$Format:%H$\n").commit()
    world.repo.push()

    _checkout(world).export(tmp_path / "out")

    files = _files(tmp_path / "out")
    assert files["a.txt"] == "ignored by archives"
    assert files["b.md"] == "$Format:%H$\n"


def test_exporting_a_missing_path_writes_nothing(world: World, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no `nothing`"):
        _checkout(world).export(tmp_path / "out", ["app", "nothing"])
    assert not (tmp_path / "out").exists()


def test_an_export_can_be_made_again_and_beside_another(world: World, tmp_path: Path) -> None:
    checkout = _checkout(world)
    checkout.export(tmp_path / "out", ["app"])
    checkout.export(tmp_path / "out", ["app", "app/deployment.yaml"])
    assert _files(tmp_path / "out") == {"app/deployment.yaml": "kind: Deployment\n"}


@pytest.mark.parametrize(
    "target",
    [
        "/etc/passwd",
        "../..",
        "../../../etc/passwd",
        "deep/../../../x",
        "inner/../../../out",
        "loop",
    ],
)
def test_links_that_leave_the_checkout_are_found_and_refused(
    world: World, target: str, tmp_path: Path
) -> None:
    world.repo.write("app/deep/x", "1").link("app/inner", "deep").link("app/loop", "loop")
    world.repo.link("app/evil", target).commit()
    world.repo.push()
    checkout = _checkout(world)

    assert "app/evil" in [link.path for link in checkout.escaping_links()]
    with pytest.raises(SourceError, match="leads out of the repository") as refused:
        checkout.export(tmp_path / "out", ["app/evil"])
    assert refused.value.reason == "unsafe"
    assert not (tmp_path / "out").exists()


def test_a_link_through_a_link_is_followed_as_the_kernel_does(world: World) -> None:
    world.repo.write("a/b/c/file", "1").link("short", "a/b/c").link("up", "short/../../../other")
    world.repo.link("fine", "short/../../b").link("a/b/dangling", "../../missing/x").commit()
    world.repo.push()

    assert [link.path for link in _checkout(world).escaping_links()] == []

    world.repo.link("up", "short/../../../../other").commit()
    world.repo.push()
    assert [link.path for link in _checkout(world).escaping_links()] == ["up"]
    assert _checkout(world).escaping_links(["a"]) == ()


@pytest.mark.parametrize("name", [".git", "..", ".", ".GIT", "git~1", ".git "])
def test_a_tree_with_a_wicked_name_is_refused(world: World, name: str, tmp_path: Path) -> None:
    blob = world.repo.blob("evil")
    world.repo.commit_tree(world.repo.raw_tree([("100644", blob, name)]))
    world.repo.push(force=True)

    with pytest.raises(SourceError) as refused:
        _checkout(world).export(tmp_path / "out")

    assert refused.value.reason == "unsafe"
    assert not list(tmp_path.glob("out/*"))


def test_a_link_and_a_folder_of_one_name_cannot_lead_a_file_out(
    world: World, tmp_path: Path
) -> None:
    blob, target = world.repo.blob("evil"), world.repo.blob(str(tmp_path / "victim"))
    inner = world.repo.raw_tree([("100644", blob, "file")])
    world.repo.commit_tree(world.repo.raw_tree([("120000", target, "x"), ("40000", inner, "x")]))
    world.repo.push(force=True)
    (tmp_path / "victim").mkdir()

    with pytest.raises(SourceError):
        _checkout(world).export(tmp_path / "out")

    assert not list((tmp_path / "victim").iterdir())


def test_nothing_is_written_through_a_link_that_stands_in_the_folder(
    world: World, tmp_path: Path
) -> None:
    (tmp_path / "victim").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "app").symlink_to(tmp_path / "victim")

    with pytest.raises(SourceError, match="a link stands where a folder is needed"):
        _checkout(world).export(tmp_path / "out")

    assert not list((tmp_path / "victim").iterdir())


def test_sizes_are_bounded(world: World, tmp_path: Path) -> None:
    for number in range(20):
        world.repo.write(f"f{number}", "x" * 100)
    world.repo.commit()
    world.repo.push()
    for options in (
        GitOptions(max_file_bytes=50),
        GitOptions(max_export_bytes=1500),
        GitOptions(max_export_files=10),
    ):
        with pytest.raises(SourceError) as bounded:
            _checkout(world, options).export(tmp_path / "out")
        assert bounded.value.reason == "limit"
    assert _checkout(world, GitOptions(max_file_bytes=150)).read("f1") == b"x" * 100


def test_a_tree_that_repeats_itself_is_bounded(world: World) -> None:
    blob = world.repo.blob("x")
    tree = world.repo.raw_tree([("100644", blob, f"f{n}") for n in range(10)])
    for _ in range(10):
        tree = world.repo.raw_tree([("40000", tree, f"d{n}") for n in range(10)])
    world.repo.commit_tree(tree)
    world.repo.push(force=True)

    with pytest.raises(SourceError, match="too many files"):
        _checkout(world).entries(".", recurse=True)


def test_a_very_deep_tree_is_bounded(world: World) -> None:
    tree = world.repo.raw_tree([("100644", world.repo.blob("x"), "f")])
    for _ in range(30):
        tree = world.repo.raw_tree([("40000", tree, "d" * 200)])
    world.repo.commit_tree(tree)
    world.repo.push(force=True)

    with pytest.raises(SourceError, match="too long a path"):
        _checkout(world).entries(".", recurse=True)


def test_names_that_are_not_unicode_survive(world: World, tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.yaml")
    world.repo.write(name, "x").commit()
    world.repo.push()
    checkout = _checkout(world)

    checkout.export(tmp_path / "out")

    assert checkout.read(name) == b"x"
    assert (tmp_path / "out" / name).exists()
