"""YAML tables of cases: a list of maps, each with a `name`, input beside expected."""

from pathlib import Path
from typing import Any

import pytest
import yaml


def table(here: str, file: str) -> list[Any]:
    """The cases of a file beside the test, as parameters named for what they state."""
    text = (Path(here).parent / file).read_text()
    return [pytest.param(case, id=case["name"]) for case in yaml.safe_load(text)]
