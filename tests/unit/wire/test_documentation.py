"""`docs/reference/json.md` names every key that is printed, and every word that a key can have."""

import re
from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from gitops.model.diff import ActionKind, Diff, FieldChange
from gitops.model.health import Health, HealthStatus
from gitops.model.plan import Action, Fault, Found, Phase, Plan
from gitops.model.revision import (
    OutcomeKind,
    Pin,
    RecordKind,
    RevisionKind,
    RevisionState,
    TrailRecord,
    TriggerKind,
)
from gitops.wire.diff import diff_to_wire
from gitops.wire.health import health_row
from gitops.wire.plan import plan_to_wire
from gitops.wire.revision import pin_to_wire, revision_to_wire
from gitops.wire.trail import record_to_wire
from tests.helpers.values import START, deployment, opened, outcome

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "json.md").read_text()
FIELD = FieldChange("/spec/replicas", "replace", 1, 3, "ours")
DIFF = Diff(deployment(), "apps/v1", ActionKind.SCALE, (FIELD,), (), (), None)
ACTION = Action(ActionKind.SCALE, deployment(), "apps/v1", diff=DIFF)
SHAPES: dict[str, Any] = {
    "health": health_row(deployment(), "apps/v1", Health(None)),
    "diff": diff_to_wire(DIFF),
    "plan": plan_to_wire(Plan("a", "d", (ACTION,), faults=(Fault("c", "m"),))),
    "show": revision_to_wire(replace(opened(summary={}), outcomes=(outcome(),))),
    "audit": record_to_wire(TrailRecord(1, START, RecordKind.PIN, None, None, "a", {}, "", "")),
    "pin": pin_to_wire(Pin(1, "ann", START, None)),
}
WORDS = (ActionKind, HealthStatus, Found, OutcomeKind, RecordKind, RevisionKind, RevisionState)


def keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner)


@pytest.mark.parametrize("name", SHAPES)
def test_every_key_is_documented(name: str) -> None:
    assert [key for key in keys(SHAPES[name]) if f'"{key}":' not in PAGE] == []


@pytest.mark.parametrize("kind", [*WORDS, TriggerKind], ids=lambda kind: kind.__name__)
def test_every_word_is_documented(kind: type[StrEnum]) -> None:
    assert [word for word in kind if not re.search(rf"\b{word.value}\b", PAGE)] == []


def test_every_phase_is_documented() -> None:
    assert [phase for phase in Phase if phase.title not in PAGE] == []
