"""YAML tables of cases: a list of maps, each with a `name`, input beside expected."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from gitops.core.schema.values import merge_patch


def table(here: str, file: str) -> list[Any]:
    """The cases of a file beside the test, as parameters named for what they state."""
    text = (Path(here).parent / file).read_text()
    return [pytest.param(case, id=case["name"]) for case in yaml.safe_load(text)]


def rows_on_bases(here: str, file: str) -> list[Any]:
    """Rows by kind, each laid over the base of its kind, as (body, faults).

    `with` is a merge patch; `container` is one for a Pod's container.
    """
    tables = yaml.safe_load((Path(here).parent / file).read_text())
    return [
        pytest.param(_laid_over(tables["bases"][kind], row), row["faults"], id=f"{kind}{number}")
        for kind, rows in tables["rows"].items()
        for number, row in enumerate(rows)
    ]


def _laid_over(base: dict[str, Any], row: dict[str, Any]) -> Any:
    if "container" in row:
        container = merge_patch(base["spec"]["containers"][0], row["container"])
        base = merge_patch(base, {"spec": {"containers": [container]}})
    return merge_patch(base, row.get("with", {}))
