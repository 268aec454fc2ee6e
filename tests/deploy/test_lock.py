"""The locks name every library once, with its hashes, and no address of a package index."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.helpers.checkout import ROOT

LOCKS = ("requirements.lock", "deploy/requirements.lock")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def pinned(path: Path) -> dict[str, str]:
    """Name and version of each library in a lock."""
    found = re.findall(r"^([a-z0-9-]+)==(\S+)", path.read_text(), flags=re.MULTILINE)
    assert len(found) == len(dict(found))
    return dict(found)


def wanted(*extras: str) -> list[Requirement]:
    project = PROJECT["project"]
    lines = project["dependencies"] + PROJECT["build-system"]["requires"]
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize(
    ("lock", "extras"), [("requirements.lock", ("dev",)), ("deploy/requirements.lock", ())]
)
def test_a_lock_holds_everything_that_the_project_names(lock: str, extras: tuple[str, ...]) -> None:
    versions = pinned(ROOT / lock)
    for requirement in wanted(*extras):
        name = requirement.name.lower().replace("_", "-")
        assert name in versions, f"{name} is missing: run `make lock`"
        assert requirement.specifier.contains(versions[name]), f"{name}: run `make lock`"


def test_an_image_gets_the_versions_that_were_tested_and_no_tools_for_tests() -> None:
    tested, shipped = (pinned(ROOT / lock) for lock in LOCKS)
    assert shipped.items() <= tested.items()
    assert not {"pytest", "ruff", "mypy", "hypothesis"} & set(shipped)


@pytest.mark.parametrize("lock", LOCKS)
def test_every_library_in_a_lock_has_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text()
    entries = re.split(r"\n(?=[a-z0-9])", text.strip())
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text
    assert "index" not in text


def test_a_lock_is_installed_as_it_is_so_that_no_later_release_is_looked_at() -> None:
    """pip before 24 looks for the newest release of what somebody names with an extra."""
    for script in (".ci/setup.sh", "deploy/install.sh"):
        lines = (ROOT / script).read_text().splitlines()
        locked = [line for line in lines if "--require-hashes" in line]
        assert locked
        assert all("--no-deps" in line for line in locked)


def test_nothing_that_a_library_needs_is_missing_in_the_lock() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
