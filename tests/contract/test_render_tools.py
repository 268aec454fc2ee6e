"""Tools are found on PATH first, then in the build; versions cost no start where they can."""

import os
import struct
from pathlib import Path

import pytest

from gitops.errors import RenderError
from gitops.render.tools import Tools, find_tools
from tests.helpers.tools import real_tools


def script(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return file


def test_the_user_s_own_tool_is_used_before_ours(tmp_path: Path) -> None:
    own = script(tmp_path / "own", "helm", "echo v3.15.0+gabc")
    built = script(tmp_path / "built", "helm", "echo v4.2.2")
    kustomize = script(tmp_path / "built", "kustomize", "echo v5.8.1")
    found = find_tools(tmp_path / "built", str(tmp_path / "own"))
    assert (found.helm, found.kustomize) == (own, kustomize)
    assert find_tools(tmp_path / "built", os.devnull).helm == built
    assert find_tools(None, os.devnull) == Tools()
    assert found.report() == {"kustomize": "v5.8.1", "helm": "v3.15.0"}


def test_a_version_is_asked_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    helm = script(tmp_path, "helm", f"echo x >> {log}; echo v4.2.2")
    tools = Tools(helm=helm)
    assert [tools.version("helm") for _ in range(3)] == ["v4.2.2"] * 3
    assert log.read_text() == "x\n"


def test_the_real_tools_tell_their_version_without_a_start(tmp_path: Path) -> None:
    tools = real_tools()
    report = tools.report()
    assert report["kustomize"].startswith("v5.")
    assert report["helm"].startswith("v4.")
    assert report["helm"].count(".") == 2


@pytest.mark.parametrize("before", [0, 100, 2**20 - 60, 2**20 - 20, 2**21 - 1])
def test_a_version_is_read_wherever_it_lies_in_the_program(tmp_path: Path, before: int) -> None:
    program = tmp_path / "helm"
    told = b"path\thelm.sh/helm/v4\nmod\thelm.sh/helm/v4\tv4.5.6-rc.1\th1:abc=\n"
    program.write_bytes(b"\0" * before + told + b"\0" * 100)
    assert Tools(helm=program).version("helm") == "v4.5.6-rc.1"


def elf(name: bytes, content: bytes) -> bytes:
    """A file with one named section, its table of sections and their names."""
    names = b"\0" + name + b"\0.shstrtab\0"
    at = 64 + 100
    table = at + len(content) + len(names)
    head = b"\x7fELF\x02\x01" + b"\0" * 34 + struct.pack("<QIHHHHHH", table, 0, 64, 0, 0, 64, 2, 1)
    first = struct.pack("<IIQQQQ", 1, 1, 0, 0, at, len(content)).ljust(64, b"\0")
    last = struct.pack("<IIQQQQ", 0, 3, 0, 0, at + len(content), len(names)).ljust(64, b"\0")
    decoy = b"mod\thelm.sh/helm/v4\tv4.0.0\n".ljust(100, b"\0")
    return head + decoy + content + names + first + last


def test_of_an_elf_file_only_go_s_own_section_is_read(tmp_path: Path) -> None:
    program = tmp_path / "helm"
    told = b"mod\thelm.sh/helm/v4\tv4.5.6\th1:abc=\n"
    program.write_bytes(elf(b".go.buildinfo", told))
    assert Tools(helm=program).version("helm") == "v4.5.6"


@pytest.mark.parametrize("cut", [10, 64, 200])
def test_a_broken_elf_file_is_read_as_any_other(tmp_path: Path, cut: int) -> None:
    program = tmp_path / "helm"
    whole = elf(b".text", b"")
    told = b"mod\thelm.sh/helm/v4\tv4.5.6\th1:abc=\n"
    program.write_bytes(whole[: min(cut, 64)] + told + whole[64:cut])
    assert Tools(helm=program).version("helm") == "v4.5.6"


def test_given_versions_are_believed(tmp_path: Path) -> None:
    assert Tools(helm=tmp_path, versions={"helm": "v9.9.9"}).version("helm") == "v9.9.9"


@pytest.mark.parametrize("text", ["exit 1", "exec /nonexistent/program"])
def test_a_tool_that_does_not_run_counts_as_missing(tmp_path: Path, text: str) -> None:
    tools = Tools(kustomize=script(tmp_path, "kustomize", text))
    with pytest.raises(RenderError, match="does not run") as caught:
        tools.version("kustomize")
    assert caught.value.reason == "tool-missing"
    assert tools.report()["kustomize"].startswith("missing: kustomize does not run")


def test_a_tool_that_says_nothing_has_no_known_version(tmp_path: Path) -> None:
    assert Tools(helm=script(tmp_path, "helm", "true")).version("helm") == "unknown"
    empty = tmp_path / "empty"
    empty.write_text("")
    empty.chmod(0o755)
    with pytest.raises(RenderError, match="does not run"):
        Tools(kustomize=empty).version("kustomize")
