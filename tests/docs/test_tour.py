"""The tour and the README print what they show: their blocks run, in order, on a demo."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops.controlplane.build import find_or_build
from gitops.core.application.spec import read_application
from gitops.core.manifests.parse import parse
from gitops.demo.service import ask, choose_port
from gitops.settings.load import load_settings
from tests.helpers.checkout import ROOT
from tests.helpers.console import Shell, Step, agrees, comparable, steps
from tests.helpers.controlplane import eventually
from tests.helpers.demo import PLAIN_PATH, DemoRun, environment
from tests.helpers.repo import Repo
from tests.helpers.waiting import WAIT_S

SHOP = "https://git.example.com/team/shop.git"
YAML_FILE = r"```yaml\n# (\S+)\n([^`]*)```"
"""A YAML block that begins with the name of its file."""


@pytest.fixture
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoRun]:
    """A folder that looks like a checkout after its first start, for `make demo` to start in."""
    run = DemoRun(tmp_path_factory.mktemp("tour") / "gitops")
    run.folder.mkdir()
    (run.folder / ".venv").symlink_to(sys.prefix)
    (run.folder / "examples-repo").symlink_to(ROOT / "examples-repo")
    try:
        yield run
    finally:
        run.purge()


class Reader:
    """Somebody who follows documents on one machine, with two shells: one for what stays."""

    def __init__(self, demo: DemoRun) -> None:
        self.demo = demo
        self.shell = self._shell(demo.folder)
        self._service: subprocess.Popen[bytes] | None = None

    def _shell(self, folder: Path) -> Shell:
        tools = find_or_build(embedded=True).directory
        path = {"PATH": f"{PLAIN_PATH}:{tools}", "LOGNAME": "ada", "USER": "ada"}
        return Shell(folder, environment(folder) | path)

    def follow(self, document: Path) -> int:
        """Run every command of a document, in order; returns how many."""
        self.shell = self._shell(self.demo.folder)
        found = steps(document)
        for step in found:
            if step.command == "make demo":
                self._start_demo(step)
            elif step.command == "gitops serve":
                self._serve(document)
            elif not step.command.startswith("git clone "):
                self.shell.follow(step)
        return len(found)

    def _start_demo(self, step: Step) -> None:
        """`make demo`, which stays in the foreground."""
        if self.demo.process is None:
            self.demo.start()
        printed = comparable([*self.demo.errors.splitlines(), *self.demo.lines])
        assert agrees(comparable(step.output), printed), "\n".join(printed)

    def _serve(self, document: Path) -> None:
        """`gitops serve` as on a machine of one's own: its files are the document's YAML blocks."""
        own = self.demo.folder.parent / "own"
        repo = Repo.create(own, "shop")
        for name in ("deployment.yaml", "service.yaml"):
            text = (ROOT / "examples-repo/kubernetes-bootcamp/base" / name).read_text()
            repo.write(f"deploy/{name}", text.replace("kubernetes-bootcamp", "web"))
        repo.commit("Add the shop")
        repo.push()
        for name, text in re.findall(YAML_FILE, document.read_text()):
            (own / name).write_text(text.replace(SHOP, repo.url))
        (own / "git-token").write_text("t0ken")
        (own / ".kube").mkdir()
        shutil.copy(self.demo.facts["kubeconfig"], own / ".kube" / "config")
        port = choose_port(0, None)
        url = f"http://127.0.0.1:{port}"
        self.shell = self._shell(own)
        self.shell.names = {repo.url: SHOP}
        self.shell.environment |= {
            "PATH": f"{Path(sys.executable).parent}:{self.shell.environment['PATH']}",
            "GITOPS_SERVER__PORT": str(port),
            "GITOPS_SERVER": url,
        }
        with (own / "serve.log").open("wb") as log:
            self._service = subprocess.Popen(
                [sys.executable, "-m", "gitops", "serve"],
                cwd=own,
                env=self.shell.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        eventually(lambda: is_ready(url), (own / "serve.log").read_text())

    def end(self) -> None:
        """Stop the service, if there is one."""
        if self._service is not None:
            self._service.terminate()
            assert self._service.wait(WAIT_S) == 0


def is_ready(url: str) -> bool:
    try:
        ask(url, "/readyz")
    except OSError:
        return False
    return True


@pytest.mark.timeout(1200)
def test_every_block_of_the_tour_and_of_the_readme_prints_what_it_shows(demo: DemoRun) -> None:
    reader = Reader(demo)
    try:
        assert reader.follow(ROOT / "docs" / "tour.md") >= 25
        assert reader.follow(ROOT / "README.md") >= 15
    finally:
        reader.end()


def test_every_link_between_pages_leads_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "deploy/README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert broken == []


def test_the_readmes_files_are_read_as_they_stand(tmp_path: Path) -> None:
    files = dict(re.findall(YAML_FILE, (ROOT / "README.md").read_text()))
    assert set(files) == {"shop.yaml", "gitops.yaml"}
    (tmp_path / "gitops.yaml").write_text(files["gitops.yaml"])
    assert load_settings(tmp_path / "gitops.yaml").git.credentials[0].username == "gitops"
    (manifest,) = parse(files["shop.yaml"], "shop.yaml").manifests
    read = read_application(manifest)
    assert (read.faults, read.warnings) == ((), ())
