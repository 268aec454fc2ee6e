"""Approvals by annotation: which time speaks of what was held."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gitops.core.planning.approvals import approved_at, is_confirmed
from gitops.core.planning.decide import Decision, Situation, Step, decide
from gitops.model.application import Application, Source
from gitops.model.revision import (
    Pin,
    Revision,
    RevisionKind,
    RevisionState,
    Trigger,
    TriggerKind,
)

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
OURS, ARGO = "gitops.dev/deletion-approved", "argocd.argoproj.io/deletion-approved"
HELD = Revision("shop", 3, RevisionKind.SYNC, Trigger(TriggerKind.POLL), RevisionState.HELD, NOW)


def application(**annotations: str) -> Application:
    return Application("shop", (Source("r"),), annotations=annotations)


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({}, None),
        ({ARGO: "2026-11-20T12:00:00Z"}, NOW),
        ({ARGO: "2026-11-20T13:00:00+01:00"}, NOW),
        ({ARGO: "2026-11-20T12:00:00"}, NOW),
        ({OURS: "2026-11-20T12:00:00Z", ARGO: "2030-01-01T00:00:00Z"}, NOW),
        ({ARGO: "yes"}, None),
        ({OURS: "", ARGO: "2026-11-20T12:00:00Z"}, None),
    ],
)
def test_an_annotation_says_since_when_it_is_approved(
    annotations: dict[str, str], expected: datetime | None
) -> None:
    assert approved_at(application(**annotations)) == expected


def test_a_time_speaks_of_what_was_held_before_it_and_of_nothing_later() -> None:
    given = application(**{OURS: NOW.isoformat()})
    assert is_confirmed(given, lambda: [HELD])
    later = replace(HELD, number=4, started_at=NOW + timedelta(seconds=1))
    assert not is_confirmed(given, lambda: [later, HELD])
    assert not is_confirmed(given, lambda: [replace(HELD, state=RevisionState.SUCCEEDED), HELD])
    heal = replace(HELD, kind=RevisionKind.HEAL, state=RevisionState.SUCCEEDED)
    assert is_confirmed(given, lambda: [heal, replace(HELD, partial=True), HELD])
    assert not is_confirmed(given, list)


def test_without_an_approval_history_is_not_asked() -> None:
    def history() -> list[Revision]:
        raise AssertionError

    assert not is_confirmed(application(), history)


def test_what_was_approved_is_synced_though_nothing_else_has_changed() -> None:
    synced = Situation("d", "d", confirmed=True)
    assert decide(synced, application()) == Decision(Step.SYNC, "approved by annotation")
    assert decide(replace(synced, suspended=True), application()).step is Step.REST
    pinned = replace(synced, pin=Pin(1, "ann", NOW, "d"))
    assert decide(pinned, application()).step is Step.REST
