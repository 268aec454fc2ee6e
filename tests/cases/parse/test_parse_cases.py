"""Texts beside what they mean, and beside their faults."""

import json
from typing import Any

import pytest

from gitops.core.manifests.parse import parse
from tests.helpers.case_tables import table

HEADER = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"


@pytest.mark.parametrize("case", table(__file__, "values.yaml"))
def test_value(case: dict[str, Any]) -> None:
    parsed = parse(f"{HEADER}v: {case['text']}\n", "some/file.yaml")

    assert not parsed.faults
    assert json.dumps(parsed.manifests[0].body["v"]) == json.dumps(json.loads(case["json"]))


@pytest.mark.parametrize("case", table(__file__, "faults.yaml"))
def test_faults(case: dict[str, Any]) -> None:
    parsed = parse(case["text"], "some/file.yaml")

    found = [
        f"{f.place.line}:{f.place.column} {f.code}: {f.message}" for f in parsed.faults if f.place
    ]
    assert len(found) == len(case["faults"]), found
    for told, expected in zip(found, case["faults"], strict=True):
        place_and_code, _, words = expected.partition(": ")
        assert told.startswith(f"{place_and_code}: "), told
        assert words in told
    assert {f.place.path for f in parsed.faults if f.place} == {"some/file.yaml"}
