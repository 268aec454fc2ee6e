"""Everything that is written as JSON and read again is what it was, through the text itself."""

import json
from dataclasses import replace
from typing import Any

from hypothesis import given

from gitops.model.diff import Diff
from gitops.model.health import Health
from gitops.model.plan import Plan
from gitops.model.revision import Commit, Outcome, Pin, Revision, TrailRecord
from gitops.wire.diff import diff_from_wire, diff_to_wire
from gitops.wire.health import health_from_wire, health_to_wire
from gitops.wire.plan import action_from_wire, action_to_wire, plan_digest, plan_to_wire
from gitops.wire.revision import (
    commit_from_wire,
    commit_to_wire,
    outcome_from_wire,
    outcome_to_wire,
    pin_from_wire,
    pin_to_wire,
    revision_from_wire,
    revision_to_wire,
)
from gitops.wire.trail import record_from_wire, record_to_wire
from gitops.wire.values import canonical, time_from_wire, time_to_wire
from tests.helpers import values
from tests.helpers.values import law


def through_text(value: Any) -> Any:
    return json.loads(json.dumps(value, allow_nan=False))


@law
@given(values.diffs())
def test_a_diff_comes_back_as_far_as_it_is_shown(diff: Diff) -> None:
    back = diff_from_wire(through_text(diff_to_wire(diff)))
    assert back == replace(diff, predicted=None)


@law
@given(values.plans)
def test_the_actions_of_a_plan_say_the_same_when_read_and_shown_again(plan: Plan) -> None:
    shown = through_text(plan_to_wire(plan))["actions"]
    read = [action_from_wire(action) for action in shown]
    assert [action_to_wire(action) for action in read] == shown
    assert plan_digest(replace(plan, actions=tuple(read))) == plan_digest(plan)


@law
@given(values.revisions)
def test_a_revision_comes_back(revision: Revision) -> None:
    assert revision_from_wire(through_text(revision_to_wire(revision))) == revision


@law
@given(values.revisions)
def test_a_revision_written_without_outcomes_comes_back_without_them(revision: Revision) -> None:
    shown = through_text(revision_to_wire(revision, outcomes=False))
    assert revision_from_wire(shown) == replace(revision, outcomes=())


@law
@given(values.outcomes)
def test_an_outcome_comes_back(outcome: Outcome) -> None:
    assert outcome_from_wire(through_text(outcome_to_wire(outcome))) == outcome


@law
@given(values.commits)
def test_a_commit_comes_back(commit: Commit) -> None:
    assert commit_from_wire(through_text(commit_to_wire(commit))) == commit


@law
@given(values.pins)
def test_a_pin_comes_back(pin: Pin) -> None:
    assert pin_from_wire(through_text(pin_to_wire(pin))) == pin


@law
@given(values.healths)
def test_a_health_comes_back(health: Health) -> None:
    assert health_from_wire(through_text(health_to_wire(health))) == health


@law
@given(values.records)
def test_a_trail_record_comes_back(record: TrailRecord) -> None:
    assert record_from_wire(through_text(record_to_wire(record))) == record


@law
@given(values.json_values)
def test_canonical_text_survives_reading_and_writing(value: Any) -> None:
    text = canonical(value)
    assert canonical(json.loads(text)) == text


@law
@given(values.moments, values.moments)
def test_times_sort_as_their_texts_do(one: Any, other: Any) -> None:
    assert (time_to_wire(one) < time_to_wire(other)) == (one < other)
    assert time_from_wire(time_to_wire(one)) == one
