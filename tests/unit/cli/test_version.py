import json
from pathlib import Path

import pytest

from gitops import __version__
from gitops.cli.main import run
from gitops.cli.version import asked_version


def test_versions_of_everything_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["version", "-o", "json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["gitops"] == __version__
    assert set(value["tools"]) == {"git", "kubectl", "kustomize", "helm", "control plane"}
    assert run(["version"]) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["PROGRAM", "VERSION"]


def test_a_missing_tool_is_said(tmp_path: Path) -> None:
    assert asked_version(str(tmp_path / "none")).startswith("missing: ")
    odd = tmp_path / "odd"
    odd.write_text("#!/bin/sh\necho strange words\n")
    odd.chmod(0o755)
    assert asked_version(str(odd)) == "strange words"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script(capsys: pytest.CaptureFixture[str], shell: str) -> None:
    assert run(["completion", shell]) == 0
    assert "_GITOPS_COMPLETE" in capsys.readouterr().out


def test_help_shows_groups_without_importing_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    assert "Revisions:" in capsys.readouterr().out
