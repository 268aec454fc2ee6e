"""Verification: the chain, the checkpoint, a head somebody wrote down, and what rests on the trail.

In comes a read transaction, out goes a `Verdict` whose faults name records and revisions. The
trail is streamed twice, once by sequence (links, marks) and once by revision (projections), so
that memory does not grow with it.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Text, exists, select, type_coerce

from gitops.errors import InputError
from gitops.model.revision import RecordKind, TrailRecord
from gitops.ports import Verdict
from gitops.store.checkpoint import GENESIS, Checkpoint, Head
from gitops.store.columns import Instant, Json
from gitops.store.connection import Connection, Row
from gitops.store.keys import Keys, mac, same
from gitops.store.revisions import folded, row_of
from gitops.store.schema import revisions, trail, trail_marks
from gitops.store.trail import IN_JOURNAL, Mark, marks
from gitops.wire.trail import record_from_wire, sealed_text
from gitops.wire.values import canonical, time_to_wire

MOST: Final = 100
"""Faults that a verdict names; the rest are counted."""
UNREADABLE: Final = (ValueError, TypeError, KeyError, AttributeError)
"""What reading a value raises that somebody changed."""


def read_head(text: str) -> Head:
    """A head as `audit verify` prints it, `<sequence>:<mac>`; raises InputError."""
    sequence, colon, digits = text.strip().partition(":")
    if not (colon and sequence.isascii() and sequence.isdigit() and len(digits) == len(GENESIS)):
        raise InputError(
            f"{text!r} is not a head of the trail",
            remedy="give it as `gitops audit verify` prints it: the sequence number, a colon, "
            "64 hex digits",
        )
    return Head(int(sequence), digits.lower())


def verify_trail(
    connection: Connection, keys: Keys, checkpoint: Checkpoint | str, head: Head | None
) -> Verdict:
    """Check everything; `checkpoint` was read before the transaction began."""
    faults = Faults()
    kept = checkpoint.head if isinstance(checkpoint, Checkpoint) else Head()
    chain = Chain(keys, faults, {kept.sequence, head.sequence if head else 0})
    chain.walk(connection)
    chain.check_rotations()
    if isinstance(checkpoint, Checkpoint):
        for sentence in checkpoint.findings:
            faults.add(sentence)
        chain.compare(kept, "the checkpoint")
    else:
        faults.add(checkpoint)
    if head is not None:
        chain.compare(head, "the head given")
    check_projections(connection, faults)
    return Verdict(chain.records, str(chain.last), faults.named())


class Faults:
    """Collects sentences, in bounded memory."""

    def __init__(self) -> None:
        self._sentences: list[str] = []
        self._more = 0

    def add(self, sentence: str) -> None:
        """Keep a sentence, or count it."""
        if len(self._sentences) < MOST:
            self._sentences.append(sentence)
        else:
            self._more += 1

    def named(self) -> tuple[str, ...]:
        """All sentences, and how many were left out."""
        rest = [f"and {self._more} more faults"] if self._more else []
        return (*self._sentences, *rest)


class Chain:
    """The walk along the links; remembers the macs of the sequence numbers asked for."""

    def __init__(self, keys: Keys, faults: Faults, wanted: set[int]) -> None:
        self.records = 0
        self.last = Head()
        self._keys = keys
        self._rotations: set[int] = set()
        self._faults = faults
        self._wanted = wanted
        self._macs: dict[int, str] = {0: GENESIS}

    def walk(self, connection: Connection) -> None:
        """Check each link, and that it can be found by what it says."""
        rows = connection.execute(select(*map(raw, trail.columns)).order_by(trail.c.sequence))
        found_marks = MarkReader(connection)
        for row in rows:
            record = self._link(row)
            said = [] if record is None else list(marks(record.kind, record.payload))
            if found_marks.of(row.sequence) != said and record is not None:
                self._faults.add(f"the search index of record {row.sequence} was changed")

    def _link(self, row: Row) -> TrailRecord | None:
        """Check one link; the record, or None where it was changed."""
        self.records += 1
        missing = row.sequence - self.last.sequence - 1
        if missing:
            self._faults.add(missing_records(self.last.sequence + 1, row.sequence - 1))
        record = genuine(row, self._keys.trail_at(row.sequence))
        if record is None:
            self._faults.add(f"record {row.sequence} was changed")
        elif not missing and not same(record.previous, self.last.mac):
            self._faults.add(f"record {row.sequence} does not follow record {row.sequence - 1}")
        if record is not None and record.kind is RecordKind.KEY_ROTATED:
            self._rotations.add(row.sequence)
        self.last = Head(row.sequence, str(row.mac))
        if row.sequence in self._wanted:
            self._macs[row.sequence] = str(row.mac)
        return record

    def check_rotations(self) -> None:
        """Check that each key ends where the trail says so, under the next one's seal."""
        for former in self._keys.former:
            if former.until + 1 not in self._rotations:
                self._faults.add(
                    f"record {former.until + 1}, with which the key was replaced,"
                    " is missing or was changed"
                )

    def compare(self, head: Head, name: str) -> None:
        """Check that the trail holds a link that was written down elsewhere."""
        if head.sequence > self.last.sequence:
            cut = missing_records(self.last.sequence + 1, head.sequence)
            self._faults.add(f"{cut} at the end, of which {name} tells")
        elif not same(self._macs.get(head.sequence, ""), head.mac):
            self._faults.add(f"record {head.sequence} is not the one of which {name} tells")


class MarkReader:
    """Reads the marks of records beside the records, both in order of sequence."""

    def __init__(self, connection: Connection) -> None:
        rows = connection.execute(
            select(trail_marks).order_by(trail_marks.c.sequence, trail_marks.c.position)
        )
        self._groups = groupby(rows, key=lambda row: row.sequence)
        self._next: tuple[int, list[Mark]] | None = None
        self._advance()

    def _advance(self) -> None:
        group = next(self._groups, None)
        self._next = (
            None
            if group is None
            else (group[0], [Mark(row.title, row.api_group, row.outcome) for row in group[1]])
        )

    def of(self, sequence: int) -> list[Mark]:
        """The marks of one record; marks of records that are gone are passed over."""
        while self._next is not None and self._next[0] < sequence:
            self._advance()
        if self._next is None or self._next[0] != sequence:
            return []
        found = self._next[1]
        self._advance()
        return found


def raw(column: Column[Any]) -> ColumnElement[Any]:
    """A column as it is kept: what somebody changed may not be readable as what it should be."""
    changed = isinstance(column.type, Instant | Json)
    return type_coerce(column, Text).label(column.name) if changed else column


def read_raw(row: Row) -> TrailRecord:
    """The record of a raw row; raises one of UNREADABLE."""
    return record_from_wire(row._asdict() | {"payload": json.loads(row.payload)})


def genuine(row: Row, key: bytes) -> TrailRecord | None:
    """The record of a raw row, None where its mac is not that of its fields."""
    try:
        record = read_raw(row)
        # A time written in another way is another text for the same time, and a change.
        return record if _is_sealed(record, key) and time_to_wire(record.at) == row.at else None
    except UNREADABLE:
        return None


def _is_sealed(record: TrailRecord, key: bytes) -> bool:
    return same(mac(key, sealed_text(record)), record.mac)


def missing_records(first: int, last: int) -> str:
    """`record 7 is missing` or `records 7 to 9 are missing`."""
    if first == last:
        return f"record {first} is missing"
    return f"records {first} to {last} are missing"


# --- projections ---------------------------------------------------------------------------------


def check_projections(connection: Connection, faults: Faults) -> None:
    """Check that the revisions' rows are what the trail tells, and that numbers have no gaps."""
    projected = [raw(column).label(f"projected_{column.name}") for column in revisions.columns]
    on = (trail.c.application == revisions.c.application) & (trail.c.revision == revisions.c.number)
    rows = connection.execute(
        select(*map(raw, trail.columns), *projected)
        .select_from(trail.outerjoin(revisions, on))
        .where(IN_JOURNAL)
        .order_by(trail.c.application, trail.c.revision, trail.c.sequence)
    )
    application, number = None, 0
    for key, group in groupby(rows, key=lambda row: (row.application, row.revision)):
        expected = number + 1 if key[0] == application else 1
        application, number = key[0], key[1] or 0
        if number != expected:
            faults.add(f"{name_of(application, number)} follows number {expected - 1}")
        check_revision(name_of(application, number), group, faults)
    check_orphans(connection, faults)


def check_revision(name: str, rows: Iterable[Row], faults: Faults) -> None:
    """Fold one revision's records and compare the result with its row."""
    found = list(rows)
    try:
        revision = folded([read_raw(row) for row in found])
        told = {} if revision is None else kept_form(row_of(revision))
    except UNREADABLE:
        faults.add(f"{name} cannot be told from its records, of which one was changed")
        return
    row = found[0]._asdict()
    if row["projected_number"] is None:
        faults.add(f"{name} is missing from the history, and record {found[0].sequence} opened it")
        return
    wrong = sorted(key for key, value in told.items() if row[f"projected_{key}"] != value)
    if wrong or not told:
        faults.add(f"{name} differs from what the trail tells: {', '.join(wrong) or 'not opened'}")


def check_orphans(connection: Connection, faults: Faults) -> None:
    """Find revisions that no record opened."""
    opened = exists().where(
        trail.c.application == revisions.c.application,
        trail.c.revision == revisions.c.number,
        IN_JOURNAL,
    )
    query = select(revisions.c.application, revisions.c.number).where(~opened)
    for row in connection.execute(query.order_by(revisions.c.application, revisions.c.number)):
        faults.add(f"{name_of(row.application, row.number)} is in the history, and no record is")


def name_of(application: str | None, number: int) -> str:
    """How a fault names a revision."""
    return f"revision {number} of {application}"


def kept_form(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as `raw` reads it."""

    def form(value: Any) -> Any:
        if isinstance(value, datetime):
            return time_to_wire(value)
        if isinstance(value, Mapping):
            return canonical(value).decode("ascii")
        return value

    return {key: form(value) for key, value in row.items()}
