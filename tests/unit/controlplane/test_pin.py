"""A pin names a build by everything that goes into it."""

import os
from pathlib import Path

import pytest

from gitops.controlplane import build
from gitops.errors import ControlPlaneError

PARTS = (b"module m\n", b"sum\n", ("-trimpath",))


def test_equal_parts_have_an_equal_pin() -> None:
    assert build.pin_of(*PARTS) == build.pin_of(*PARTS)
    assert len(build.pin_of(*PARTS)) == 16


@pytest.mark.parametrize(
    "changed",
    [
        (b"module n\n", b"sum\n", ("-trimpath",)),
        (b"module m\n", b"sum2\n", ("-trimpath",)),
        (b"module m\n", b"sum\n", ("-trimpath", "-race")),
        (b"module m\n", b"sum\n", ()),
        (b"module m\ns", b"um\n", ("-trimpath",)),
    ],
    ids=["go.mod", "go.sum", "one flag more", "no flags", "a byte from one part to the next"],
)
def test_a_changed_part_has_another_pin(changed: tuple[bytes, bytes, tuple[str, ...]]) -> None:
    assert build.pin_of(*changed) != build.pin_of(*PARTS)


def test_our_pin_is_made_of_the_packaged_modules() -> None:
    assert build.pin() == build.pin()
    assert int(build.pin(), 16) >= 0


def test_the_cache_follows_xdg_and_else_the_home() -> None:
    assert build.cache_directory({"XDG_CACHE_HOME": "/c"}) == Path("/c/gitops")
    assert build.cache_directory({}) == Path.home() / ".cache" / "gitops"


def executable(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with a whole build in it, and a PATH with a kubectl of the user's."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv(build.OWN_TOOLS_VARIABLE, raising=False)
    executable(tmp_path / "bin" / "kubectl")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    home = tmp_path / "gitops" / build.pin()
    for file in build.FILES.values():
        executable(home / file)
    return home


def test_the_users_own_tool_is_used_where_there_is_one(cache: Path, tmp_path: Path) -> None:
    found = build.find()
    assert found is not None
    assert found.kubectl == tmp_path / "bin" / "kubectl"
    assert found.helm == cache / "helm"
    assert found.origin == {"kubectl": "path", "kustomize": "embedded", "helm": "embedded"}
    assert build.find_tool("kubectl") == tmp_path / "bin" / "kubectl"
    assert build.find_tool("kustomize") == cache / "kustomize"


def test_our_own_tools_can_be_forced(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by_argument = build.find(embedded=True)
    monkeypatch.setenv(build.OWN_TOOLS_VARIABLE, "1")
    by_environment = build.find()
    assert by_argument == by_environment
    assert by_argument is not None
    assert by_argument.kubectl == cache / "kubectl"
    assert set(by_argument.origin.values()) == {"embedded"}


@pytest.mark.parametrize("word", ["", "0", "false"])
def test_a_variable_that_says_no_forces_nothing(
    cache: Path, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    monkeypatch.setenv(build.OWN_TOOLS_VARIABLE, word)
    found = build.find()
    assert found is not None
    assert found.origin["kubectl"] == "path"


def test_a_build_that_lacks_a_program_does_not_count(cache: Path) -> None:
    (cache / "server").unlink()
    assert build.find() is None
    (cache / "helm").unlink()
    assert build.find_tool("helm") is None


def test_a_whole_build_is_not_built_again(cache: Path) -> None:
    steps: list[object] = []
    assert build.find_or_build(steps.append).etcd == cache / "server"
    assert steps == []


def test_a_cache_that_cannot_be_made_is_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(ControlPlaneError) as caught:
        build.find_or_build()
    assert "the control plane cannot be built: " in caught.value.message
    assert "Not a directory" in caught.value.message
    assert os.environ["XDG_CACHE_HOME"] in caught.value.message
