"""The tour and the README print what they show: their blocks run, in order, on a demo."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops.controlplane.build import find_or_build
from tests.helpers.checkout import ROOT
from tests.helpers.console import Shell, Step, agrees, comparable, steps
from tests.helpers.demo import PLAIN_PATH, DemoRun, environment

pytestmark = pytest.mark.xdist_group("demo")


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


def shell_of(demo: DemoRun) -> Shell:
    tools = find_or_build(embedded=True).directory
    path = {"PATH": f"{PLAIN_PATH}:{tools}", "LOGNAME": "ada", "USER": "ada"}
    return Shell(demo.folder, environment(demo.folder) | path)


def start(demo: DemoRun, step: Step) -> None:
    """`make demo`, which stays in the foreground."""
    demo.start()
    printed = comparable([*demo.errors.splitlines(), *demo.lines])
    assert agrees(comparable(step.output), printed), "\n".join(printed)


def walk(demo: DemoRun, document: Path) -> int:
    """Follow every command of a document's part that runs on the demo; returns how many."""
    shell = shell_of(demo)
    found = [step for step in steps(document) if not step.command.startswith("git clone")]
    for step in found:
        if step.command == "make demo":
            start(demo, step)
        else:
            shell.follow(step)
    return len(found)


def test_every_block_of_the_tour_prints_what_it_shows(demo: DemoRun) -> None:
    assert walk(demo, ROOT / "docs" / "tour.md") >= 25


def test_the_readme_prints_what_it_shows(demo: DemoRun) -> None:
    assert walk(demo, ROOT / "README.md") >= 6
