"""Laws of the trail: whatever is recorded is read and verifies; whatever is touched is found."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import text

from gitops.model.revision import Outcome, RecordKind, Revision, RevisionState
from gitops.ports import TrailQuery
from gitops.store.connection import Connection
from gitops.store.revisions import merged
from gitops.store.sql import SqlStore
from gitops.store.verify import verify_trail
from tests.helpers import values
from tests.helpers.store import SteppingClock

RECORDS = 12
APPLICATIONS = ("blog", "shop")


class Recorded(RuleBasedStateMachine):
    """The store beside a plain list of what was done to it."""

    def __init__(self) -> None:
        super().__init__()
        self.store = SqlStore.memory(SteppingClock())
        self.expected: dict[tuple[str, int], Revision] = {}
        self.records = 0

    def some(self, data: st.DataObject, *, running: bool) -> Revision:
        wanted = [r for r in self.expected.values() if self.runs(r) == running]
        assume(wanted)
        return data.draw(st.sampled_from(wanted))

    @staticmethod
    def runs(revision: Revision) -> bool:
        return revision.state is RevisionState.RUNNING

    @rule(given_=values.revisions, application=st.sampled_from(APPLICATIONS))
    def open(self, given_: Revision, application: str) -> None:
        given_ = replace(
            storable(given_),
            application=application,
            state=RevisionState.RUNNING,
            outcomes=merged(given_.outcomes),
        )
        made = self.store.open_revision(given_)
        assert made.number == 1 + sum(1 for name, _ in self.expected if name == application)
        self.expected[application, made.number] = made
        self.records += 1

    @precondition(lambda self: any(map(self.runs, self.expected.values())))
    @rule(data=st.data(), new=st.lists(values.outcomes, min_size=1, max_size=3))
    def record(self, data: st.DataObject, new: list[Outcome]) -> None:
        known = self.some(data, running=True)
        self.store.record_outcomes(known, new, [])
        self.keep(replace(known, outcomes=merged([*known.outcomes, *new])))

    @precondition(lambda self: any(map(self.runs, self.expected.values())))
    @rule(data=st.data(), end=values.revisions)
    def close(self, data: st.DataObject, end: Revision) -> None:
        known = self.some(data, running=True)
        state = data.draw(st.sampled_from([s for s in RevisionState if s != "running"]))
        self.rewrite(known, replace(end, state=state), self.store.close_revision)

    @precondition(lambda self: not all(map(self.runs, self.expected.values())))
    @rule(data=st.data(), end=values.revisions)
    def join(self, data: st.DataObject, end: Revision) -> None:
        known = self.some(data, running=False)
        self.rewrite(known, replace(end, state=known.state), self.store.join_revision)

    def rewrite(self, known: Revision, end: Revision, write: Any) -> None:
        end = replace(storable(end), application=known.application, number=known.number)
        write(end)
        self.keep(replace(end, outcomes=merged([*known.outcomes, *end.outcomes])))

    def keep(self, revision: Revision) -> None:
        self.expected[revision.application, revision.number] = revision
        self.records += 1

    @rule(payload=values.bodies, kind=st.sampled_from([RecordKind.PIN, RecordKind.SETTINGS]))
    def append(self, payload: dict[str, Any], kind: RecordKind) -> None:
        record = self.store.append(kind, actor="ann", payload=payload)
        assert next(self.store.trail(TrailQuery(limit=1))) == record
        self.records += 1

    @invariant()
    def everything_is_read_as_it_was_recorded(self) -> None:
        for (application, number), revision in self.expected.items():
            assert self.store.revision(application, number) == revision
        running = [r for r in self.expected.values() if self.runs(r)]
        assert sorted(running, key=lambda r: (r.application, r.number)) == (
            self.store.open_revisions()
        )

    @invariant()
    def the_trail_verifies(self) -> None:
        verdict = self.store.verify()
        assert (verdict.records, verdict.faults) == (self.records, ())

    def teardown(self) -> None:
        self.store.close()


def storable(revision: Revision) -> Revision:
    """Without NUL, which text in a database cannot hold."""

    def clean(part: str) -> str:
        return part.replace("\0", "")

    commit = revision.commit and replace(
        revision.commit,
        sha=clean(revision.commit.sha),
        author=clean(revision.commit.author),
        message=clean(revision.commit.message),
    )
    trigger = replace(
        revision.trigger,
        actor=clean(revision.trigger.actor),
        evidence=clean(revision.trigger.evidence),
    )
    return replace(
        revision,
        commit=commit,
        trigger=trigger,
        digest=clean(revision.digest),
        message=clean(revision.message),
    )


TestRecorded = Recorded.TestCase
TestRecorded.settings = settings(
    deadline=None,
    max_examples=15,
    stateful_step_count=15,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def store() -> Iterator[SqlStore]:
    made = SqlStore.memory(SteppingClock())
    for number in range(RECORDS):
        made.append(RecordKind.PIN, actor=f"ann{number}", payload={"number": number})
    yield made
    made.close()


def found_after(store: SqlStore, change: Any) -> tuple[str, ...]:
    """What verifying finds after a change, which is then undone."""
    assert store.checkpoint
    with store.database.write() as connection:
        connection.driver.execute("SAVEPOINT change")
        for name in ("update", "delete"):
            connection.execute(text(f"DROP TRIGGER trail_refuses_{name}"))
        change(connection)
        verdict = verify_trail(connection, store.keys, store.checkpoint.read(), None)
        connection.driver.execute("ROLLBACK TO change")
    return verdict.faults


sequences = st.integers(1, RECORDS)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)


@values.law
@given(
    sequence=sequences,
    column=st.sampled_from(["at", "kind", "application", "actor", "payload", "previous", "mac"]),
    value=texts,
)
def test_any_other_text_in_any_field_of_any_record_is_found(
    store: SqlStore, sequence: int, column: str, value: str
) -> None:
    def change(connection: Connection) -> None:
        old = connection.execute(
            text(f"SELECT {column} FROM trail WHERE sequence = :s"), {"s": sequence}
        ).scalar()
        assume(old != value)
        connection.execute(
            text(f"UPDATE trail SET {column} = :v WHERE sequence = :s"),
            {"v": value, "s": sequence},
        )

    assert f"record {sequence} was changed" in found_after(store, change)


@values.law
@given(removed=st.sets(sequences, min_size=1))
def test_any_removed_records_are_found(store: SqlStore, removed: set[int]) -> None:
    def change(connection: Connection) -> None:
        for sequence in removed:
            connection.execute(text(f"DELETE FROM trail WHERE sequence = {sequence}"))

    faults = found_after(store, change)
    assert any("missing" in fault for fault in faults)


@values.law
@given(order=st.permutations(range(1, RECORDS + 1)))
def test_any_other_order_is_found(store: SqlStore, order: list[int]) -> None:
    moved = [(old, new) for old, new in enumerate(order, 1) if old != new]
    assume(moved)

    def change(connection: Connection) -> None:
        connection.execute(text("UPDATE trail SET sequence = sequence + 1000"))
        for old, new in enumerate(order, 1):
            connection.execute(
                text(f"UPDATE trail SET sequence = {new} WHERE sequence = {old + 1000}")
            )

    faults = found_after(store, change)
    assert {f"record {new} was changed" for _, new in moved} <= set(faults)


@values.law
@given(outcomes=st.lists(values.outcomes, max_size=6))
def test_merging_outcomes_keeps_the_last_of_each_object_and_phase(
    outcomes: list[Outcome],
) -> None:
    kept = merged(outcomes)
    keys = [(outcome.id, outcome.phase) for outcome in kept]
    assert len(set(keys)) == len(keys)
    assert {(o.id, o.phase) for o in outcomes} == set(keys)
    assert merged(kept) == kept
    assert merged([*kept, *outcomes]) == kept
