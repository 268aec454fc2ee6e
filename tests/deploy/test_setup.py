"""A fresh clone sets itself up: in a folder with a space, with the system's programs alone.

What the machine has elsewhere (its Go, a newer Python) is not found: PATH is `/usr/bin:/bin`. The
control plane's programs come from the shared cache; one test proves that a Go to build them
with would be found.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from gitops.controlplane import build, toolchain
from gitops.controlplane.progress import silent
from tests.helpers.checkout import copy_checkout
from tests.helpers.demo import PLAIN_PATH

pytestmark = pytest.mark.xdist_group("setup")


def system_python() -> str:
    """The system's Python, "" to let the set-up find it; ours where the system's is too old."""
    code = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))"
    command = ["/usr/bin/python3", "-c", code]
    try:
        done = subprocess.run(command, check=False, capture_output=True)
    except OSError:
        return sys.executable
    return "" if done.returncode == 0 else sys.executable


class Clone:
    """A fresh clone and what is run in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = copy_checkout(folder)
        self.environment = {
            "PATH": PLAIN_PATH,
            "XDG_CACHE_HOME": str(build.cache_directory().parent),
            "LANG": "C.UTF-8",
        }
        if system_python():
            self.environment["PYTHON"] = system_python()

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """One command without a terminal; it has to succeed."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    made = Clone(tmp_path_factory.mktemp("clone") / "my clone")
    made.run("make", "setup", HOME=str(tmp_path_factory.mktemp("home")))
    return made


def test_make_demo_runs_the_examples_and_make_clean_leaves_nothing(
    clone: Clone, tmp_path: Path
) -> None:
    home = {"HOME": str(tmp_path)}
    try:
        done = clone.run("make", "demo", "DEMO_ARGS=--detach", **home)
        assert done.stdout.splitlines()[-1].startswith("ready http://127.0.0.1:")
        assert "9 of 9 applications are synced and healthy" in done.stderr
        assert list(tmp_path.iterdir()) == []
    finally:
        clone.run(".venv/bin/gitops", "demo", "stop", "--purge", **home)
    assert not (clone.folder / ".gitops-demo").exists()


def test_continuous_integration_needs_no_home_and_ends_with_pytests_last_line(
    clone: Clone,
) -> None:
    arguments = "-n 0 --no-cov -p no:cacheprovider tests/unit/core/test_durations.py"
    done = clone.run(".ci/run", PYTEST_ARGS=arguments)
    last = done.stdout.rstrip().splitlines()[-1]
    assert " passed in " in last
    assert last.startswith("=")


def test_a_second_set_up_does_nothing(clone: Clone) -> None:
    done = clone.run("make", "setup", HOME="/nonexistent")
    assert "installing" not in done.stdout + done.stderr


def test_make_help_names_the_two_commands(clone: Clone) -> None:
    lines = clone.run("make").stdout.splitlines()
    assert {"demo", "test"} <= {line.split()[1] for line in lines}


def test_a_python_that_is_too_old_is_one_sentence(tmp_path: Path, clone: Clone) -> None:
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = subprocess.run(
        [".ci/setup.sh", "venv", str(tmp_path / "venv")],
        cwd=clone.folder,
        env={"PATH": PLAIN_PATH, "PYTHON": str(old)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == (f"gitops: Python 3.11 or newer is needed, and PYTHON={old} is not\n")


def test_a_go_is_found_or_fetched_where_path_has_none(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    base = {"PATH": PLAIN_PATH, "XDG_CACHE_HOME": str(build.cache_directory().parent)}
    environment = toolchain.environment(cache, base)
    wanted = toolchain.wanted_version((build.MODULE / "go.mod").read_text())
    go = toolchain.find_go(wanted, cache, environment, silent)
    told = subprocess.run(
        [str(go), "version"], env=environment, capture_output=True, text=True, check=True
    )
    assert toolchain.is_enough(toolchain.read_version(told.stdout), wanted)
    assert go.is_relative_to(cache) or go.parent in map(Path, PLAIN_PATH.split(":"))
