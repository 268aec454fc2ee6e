"""The steps of the image, in a clean folder: what they install runs as somebody who owns nothing.

No image can be built in a test, so `deploy/install.sh` is what the Dockerfile's steps are.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops import __version__
from gitops.controlplane import build
from tests.deploy.test_setup import system_python
from tests.helpers.checkout import ROOT, copy_checkout
from tests.helpers.demo import PLAIN_PATH

pytestmark = pytest.mark.xdist_group("install")

USER = "10001"


class Installed:
    """An installation that an unprivileged user runs, with a plain environment."""

    def __init__(self, folder: Path) -> None:
        self.target = folder / "opt"
        self.home = folder / "tmp"
        source = copy_checkout(folder / "src")
        tools = build.find_or_build(embedded=True).directory
        environment = {
            "PATH": PLAIN_PATH,
            "HOME": str(folder),
            "XDG_CACHE_HOME": str(build.cache_directory().parent),
            "PYTHON": system_python() or "/usr/bin/python3",
        }
        subprocess.run(
            [str(source / "deploy" / "install.sh"), str(self.target), str(tools)],
            cwd=folder,
            env=environment,
            check=True,
            capture_output=True,
        )
        shutil.rmtree(source)
        self.home.mkdir()
        self.home.chmod(0o1777)
        self.drop: list[str] = []
        if os.geteuid() == 0:
            self.drop = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--"]

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self.drop, str(self.target / "bin" / "gitops"), *arguments],
            cwd=self.home,
            env={"PATH": f"{self.target / 'bin'}:{PLAIN_PATH}", "HOME": str(self.home)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def packages(self) -> Path:
        return next(self.target.glob("lib/python3*/site-packages"))


@pytest.fixture(scope="module")
def installed() -> Iterator[Installed]:
    with tempfile.TemporaryDirectory(prefix="gitops-install-") as folder:
        Path(folder).chmod(0o755)  # another user has to get in
        yield Installed(Path(folder))


def test_it_starts_and_finds_its_own_tools(installed: Installed) -> None:
    told = installed.run("version")
    assert __version__ in told
    assert "kustomize" in told
    assert "helm" in told
    assert "--config" in installed.run("serve", "--help")


def test_it_holds_what_the_package_reads_and_nothing_for_tests(installed: Installed) -> None:
    packages = installed.packages()
    for name in ("openapi/builtin.json.gz", "controlplane/go.mod", "examples/applications"):
        assert (packages / "gitops" / name).exists()
    found = {path.name for path in packages.iterdir()}
    assert not {"pytest", "pip", "hatchling", "mypy"} & found
    assert not (packages / "tests").exists()


def test_a_render_works_and_nothing_is_written_beside_the_home(installed: Installed) -> None:
    before = sorted(installed.target.rglob("*"))
    source = installed.packages() / "gitops" / "examples" / "kubernetes-bootcamp"
    told = installed.run("render", str(source / "overlays" / "production"))
    assert "kind: Deployment" in told
    assert sorted(installed.target.rglob("*")) == before


def test_the_dockerfile_runs_the_same_steps_as_another_user_than_root() -> None:
    lines = (ROOT / "deploy" / "Dockerfile").read_text().splitlines()
    assert "RUN /src/deploy/install.sh /opt/gitops /tools" in lines
    assert f"USER {USER}:{USER}" in lines
    assert [line.split()[0] for line in lines if line.startswith(("ENTRYPOINT", "CMD"))] == [
        "ENTRYPOINT",
        "CMD",
    ]
