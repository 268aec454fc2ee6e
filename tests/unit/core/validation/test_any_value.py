"""Each place of many manifests may hold anything: the rules tell of it, and never fail."""

import copy
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitops.core.manifests.parse import parse
from gitops.core.validation.validate import validate
from gitops.model.objects import Manifest
from gitops.openapi.loader import load_builtin

CASES = Path(__file__).parents[3] / "cases" / "validate" / "faults.yaml"
SHAPES = load_builtin()
BODIES = {
    str(manifest.id): manifest.body
    for case in yaml.safe_load(CASES.read_text())
    for manifest in parse(case["text"], "a.yaml").manifests
}


def places(value: Any, above: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The path of everything below a value."""
    pairs: Any = ()
    if isinstance(value, dict):
        pairs = value.items()
    elif isinstance(value, list):
        pairs = enumerate(value)
    for key, inner in pairs:
        yield (*above, key)
        yield from places(inner, (*above, key))


def replaced(body: Any, path: Sequence[str | int], value: Any) -> Any:
    """A copy with another value at one place."""
    made = copy.deepcopy(body)
    parent = made
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = value
    return made


@pytest.mark.parametrize("value", [[], {}, 1], ids=str)
def test_a_value_of_any_form_is_checked(value: Any) -> None:
    for body in BODIES.values():
        for path in places(body):
            other = replaced(body, path, value)
            if isinstance(other["metadata"], dict):
                assert isinstance(validate([Manifest.of(other)], SHAPES), list)
