"""Manifests beside the faults that show without a cluster."""

from typing import Any

import pytest

from gitops.core.manifests.parse import fault_order, parse
from gitops.core.validation.validate import validate
from gitops.model.objects import Manifest
from gitops.openapi.loader import load_builtin
from tests.helpers.case_tables import rows_on_bases, table


@pytest.mark.parametrize("case", table(__file__, "faults.yaml"))
def test_faults(case: dict[str, Any]) -> None:
    parsed = parse(case["text"], "some/file.yaml")
    found = validate([*parsed.manifests, *parsed.flawed], load_builtin(), parsed.locate)
    faults = sorted(dict.fromkeys([*parsed.faults, *found]), key=fault_order)

    told = [f"{f.place.line}:{f.place.column} {f.code}: {f.message}" for f in faults if f.place]
    assert len(told) == len(case["faults"]), "\n".join(told)
    for line, expected in zip(told, case["faults"], strict=True):
        place_and_code, _, words = expected.partition(": ")
        assert line.startswith(f"{place_and_code}: "), line
        assert words in line
    for word in case.get("never", []):
        assert word not in "\n".join(told)


@pytest.mark.parametrize(("body", "faults"), rows_on_bases(__file__, "rules.yaml"))
def test_rules_that_the_specification_does_not_tell(body: Any, faults: list[str]) -> None:
    manifest = Manifest.of(body)
    assert sorted({f.message for f in validate([manifest], load_builtin())}) == faults
