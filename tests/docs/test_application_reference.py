from pathlib import Path

import yaml

from gitops.core.application.doc import reference
from gitops.core.application.spec import parse_application
from gitops.model.objects import Manifest

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "application.md"


def test_the_page_is_what_the_table_says() -> None:
    written = PAGE.read_text()
    assert written == reference(), "run: python -m gitops.core.application.doc > " + str(PAGE)


def test_the_example_on_the_page_is_an_application() -> None:
    example = PAGE.read_text().split("```yaml\n")[1].split("```")[0]
    application = parse_application(Manifest.of(yaml.safe_load(example)))
    assert application.name == "myblog"
    assert application.sync_policy.automatic_rollback
