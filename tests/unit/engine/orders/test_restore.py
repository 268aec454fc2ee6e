"""Whether a pin's rollback or undelete has ended."""

from datetime import UTC, datetime, timedelta

import pytest

from gitops.engine.orders.restore import is_cut_off
from gitops.engine.syncing.recorder import RECENT
from gitops.model.revision import (
    Pin,
    Revision,
    RevisionKind,
    RevisionState,
    Trigger,
    TriggerKind,
)

START = datetime(2026, 3, 1, tzinfo=UTC)
SUCCEEDED, INTERRUPTED = RevisionState.SUCCEEDED, RevisionState.INTERRUPTED


def revision(
    number: int, kind: RevisionKind, state: RevisionState = RevisionState.SUCCEEDED
) -> Revision:
    """A revision that began so many minutes after the start."""
    at = START + timedelta(minutes=number)
    return Revision("demo", number, kind, Trigger(TriggerKind.MANUAL), state, at)


def pin(minute: int) -> Pin:
    return Pin(1, "ann", START + timedelta(minutes=minute), None)


@pytest.mark.parametrize("kind", [RevisionKind.ROLLBACK, RevisionKind.UNDELETE])
def test_what_pins_is_cut_off_until_it_has_ended(kind: RevisionKind) -> None:
    sync = revision(1, RevisionKind.SYNC)
    assert is_cut_off(pin(2), [sync]), "it never began"
    assert is_cut_off(pin(2), [revision(2, kind, INTERRUPTED), sync])
    assert not is_cut_off(pin(2), [revision(2, kind, SUCCEEDED), sync])
    assert not is_cut_off(pin(2), [revision(3, RevisionKind.HEAL), revision(2, kind), sync])


def test_what_many_heals_followed_has_ended() -> None:
    heals = [revision(number, RevisionKind.HEAL) for number in range(RECENT + 2, 2, -1)]
    assert not is_cut_off(pin(2), heals)
