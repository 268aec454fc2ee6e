"""Each case of the tables: desired, actual and last-applied beside the fields that change."""

from pathlib import Path

import jsonpatch
import pytest
import yaml

from gitops.core.diff.diff import DiffOptions, LastApplied, diff
from gitops.core.schema.values import same_json
from gitops.model.application import IgnoreRule
from gitops.model.diff import ABSENT
from gitops.openapi.loader import load_builtin
from tests.helpers.jq import find_paths

HERE = Path(__file__).parent


def cases():
    for path in sorted(HERE.glob("*.yaml")):
        for case in yaml.safe_load(path.read_text()):
            yield pytest.param(case, id=f"{path.stem}: {case['name']}")


def told(field):
    """One field as a line: `replace /spec/replicas 1 -> 3 (ours)`."""
    sides = [yaml_flow(v) for v in (field.before, field.after) if v is not ABSENT]
    return f"{field.op} {field.path} {' -> '.join(sides)} ({field.owner})"


def yaml_flow(value):
    return (
        yaml.safe_dump(value, default_flow_style=True, width=10_000).removesuffix("...\n").strip()
    )


@pytest.mark.parametrize("case", list(cases()))
def test_case(case):
    shapes = load_builtin()
    for crd in case.get("crds", []):
        shapes = shapes.with_crd(crd)
    base = case.get("base", {})
    desired, actual = build(case, base, "desired"), build(case, base, "actual")
    last = build(case, base, "last")
    options = DiffOptions(
        tuple(IgnoreRule(**rule) for rule in case.get("ignore", [])),
        ignore_replicas=case.get("ignoreReplicas", False),
        find_paths=find_paths,
    )
    known = LastApplied.of(actual, last)
    found = diff(desired, actual, known, shapes, options)
    assert [told(field) for field in found.fields] == case.get("fields", [])
    assert found.modified is bool(case.get("fields"))
    patched = jsonpatch.apply_patch(actual or {}, list(found.patch))
    assert same_json(patched, found.predicted)
    again = diff(desired, found.predicted, known, shapes, options)
    assert not again.modified, again.fields


def build(case, base, side):
    """A side of a case: laid over `base` at the top level, and in metadata and spec."""
    if side not in case:
        return None
    made = dict(base)
    for key, value in case[side].items():
        inner = base.get(key)
        both = isinstance(value, dict) and isinstance(inner, dict)
        made[key] = {**inner, **value} if both else value
    return made
