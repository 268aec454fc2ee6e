from pathlib import Path

import yaml

from gitops.core.projects.doc import reference
from gitops.core.projects.spec import parse_project
from gitops.model.objects import Manifest

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "projects.md"


def test_the_page_is_what_the_table_says() -> None:
    written = PAGE.read_text()
    assert written == reference(), "run: python -m gitops.core.projects.doc > " + str(PAGE)


def test_the_example_on_the_page_is_a_project() -> None:
    example = PAGE.read_text().split("```yaml\n")[1].split("```")[0]
    project, warnings = parse_project(Manifest.of(yaml.safe_load(example)))
    assert (project.name, warnings) == ("shop", ())
