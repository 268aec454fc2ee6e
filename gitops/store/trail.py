"""The trail inside a transaction: appending a link, searching, reading one revision's records.

`recording.py` opens the transactions in which links are appended; `verify.py` checks them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, bindparam, insert, or_, select

from gitops.model.objects import ObjectId
from gitops.model.revision import RecordKind, TrailRecord
from gitops.ports import TrailQuery
from gitops.store.checkpoint import Head
from gitops.store.columns import storable
from gitops.store.connection import Connection, Prepared, Row
from gitops.store.faults import reading
from gitops.store.keys import mac
from gitops.store.schema import trail, trail_marks
from gitops.wire.revision import outcome_from_wire
from gitops.wire.trail import sealed_text

JOURNAL = (RecordKind.REVISION_OPENED, RecordKind.OUTCOMES, RecordKind.REVISION_CLOSED)
"""The kinds of which revisions are a projection."""
IN_JOURNAL = or_(*(trail.c.kind == kind.value for kind in JOURNAL))
BATCH = 500

_APPEND = Prepared(insert(trail))
_MARK = Prepared(insert(trail_marks))
_NEWEST = Prepared(select(trail.c.sequence, trail.c.mac).order_by(trail.c.sequence.desc()).limit(1))
_MAC = Prepared(select(trail.c.mac).where(trail.c.sequence == bindparam("at")))
_JOURNAL = Prepared(
    select(trail)
    .where(
        trail.c.application == bindparam("name"),
        trail.c.revision == bindparam("number"),
        IN_JOURNAL,
    )
    .order_by(trail.c.sequence)
)
_LAST_NUMBER = Prepared(
    select(trail.c.revision)
    .where(
        trail.c.application == bindparam("name"),
        trail.c.revision.is_not(None),
        trail.c.kind == RecordKind.REVISION_OPENED.value,
    )
    .order_by(trail.c.revision.desc())
    .limit(1)
)


class Mark(NamedTuple):
    """An object and outcome that a record speaks of; `title` "" is the record itself."""

    title: str
    api_group: str
    outcome: str


class Recorder:
    """Appends links to the chain within one transaction, at one time."""

    def __init__(self, connection: Connection, key: bytes, now: datetime, before: Head) -> None:
        self.connection = connection
        self.head = before
        self.now = now
        self._key = key

    def append(
        self,
        kind: RecordKind,
        payload: Mapping[str, Any],
        *,
        actor: str,
        application: str | None = None,
        revision: int | None = None,
    ) -> TrailRecord:
        """Append one record."""
        draft = TrailRecord(
            sequence=self.head.sequence + 1,
            at=self.now,
            kind=kind,
            application=None if application is None else storable(application),
            revision=revision,
            actor=storable(actor),
            payload=payload,
            previous=self.head.mac,
            mac="",
        )
        record = replace(draft, mac=mac(self._key, sealed_text(draft)))
        self.connection.execute(_APPEND, _row_of(record))
        rows = [
            {"sequence": record.sequence, "position": position, **mark._asdict()}
            for position, mark in enumerate(marks(record.kind, record.payload))
        ]
        if rows:
            self.connection.execute(_MARK, rows)
        self.head = Head(record.sequence, record.mac)
        return record


def _row_of(record: TrailRecord) -> dict[str, Any]:
    return {
        "sequence": record.sequence,
        "at": record.at,
        "kind": record.kind.value,
        "application": record.application,
        "revision": record.revision,
        "actor": record.actor,
        "payload": dict(record.payload),
        "previous": record.previous,
        "mac": record.mac,
    }


def record_of(row: Row) -> TrailRecord:
    """The record that a row holds."""
    return TrailRecord(
        sequence=row.sequence,
        at=row.at,
        kind=RecordKind(row.kind),
        application=row.application,
        revision=row.revision,
        actor=row.actor,
        payload=row.payload,
        previous=row.previous,
        mac=row.mac,
    )


def marks(kind: RecordKind, payload: Mapping[str, Any]) -> Iterator[Mark]:
    """What a record can be found by beside its own fields."""
    if kind is RecordKind.REVISION_CLOSED:
        yield Mark("", "", storable(payload["revision"]["state"]))
    elif kind is RecordKind.REFUSED:
        yield Mark("", "", "refused")
    for value in payload.get("outcomes", ()) if kind in JOURNAL else ():
        outcome = outcome_from_wire(value)
        yield Mark(storable(outcome.id.title), storable(outcome.id.group), outcome.outcome.value)


def newest(connection: Connection) -> Head:
    """The newest link."""
    row = connection.execute(_NEWEST).first()
    return Head() if row is None else Head(row.sequence, row.mac)


def mac_at(connection: Connection, sequence: int) -> str | None:
    """The mac of one record, None where there is none."""
    found: str | None = connection.execute(_MAC, {"at": sequence}).scalar()
    return found


def journal(connection: Connection, application: str, number: int) -> list[TrailRecord]:
    """The records of one revision, oldest first."""
    rows = connection.execute(_JOURNAL, {"name": application, "number": number})
    with reading():
        return [record_of(row) for row in rows]


def last_number(connection: Connection, application: str) -> int:
    """The highest number that a revision of the application ever had; 0 where there is none."""
    number = connection.execute(_LAST_NUMBER, {"name": application}).scalar()
    return number or 0


def page(
    connection: Connection, query: TrailQuery, after: int | None, limit: int | None
) -> list[TrailRecord]:
    """The next records that match after the sequence number given, at most `limit` and BATCH."""
    size = BATCH if limit is None else min(limit, BATCH)
    statement = _matching(query)
    sequence = trail.c.sequence
    if after is not None:
        statement = statement.where(sequence < after if query.newest else sequence > after)
    order = sequence.desc() if query.newest else sequence.asc()
    return [record_of(row) for row in connection.execute(statement.order_by(order).limit(size))]


def _matching(query: TrailQuery) -> Select[Any]:
    statement = select(trail)
    if query.application:
        statement = statement.where(trail.c.application == query.application)
    if query.kind:
        statement = statement.where(trail.c.kind == query.kind.value)
    if query.actor:
        statement = statement.where(trail.c.actor == query.actor)
    if query.since:
        statement = statement.where(trail.c.at >= query.since)
    if query.until:
        statement = statement.where(trail.c.at < query.until)
    if query.object or query.outcome:
        statement = statement.where(trail.c.sequence.in_(_marked(query)))
    return statement


def _marked(query: TrailQuery) -> Select[Any]:
    statement = select(trail_marks.c.sequence)
    if query.object:
        identity = ObjectId.parse(query.object)
        title = identity.title if identity else query.object
        statement = statement.where(trail_marks.c.title == title)
        if identity:
            statement = statement.where(trail_marks.c.api_group == identity.group)
    if query.outcome:
        statement = statement.where(trail_marks.c.outcome == query.outcome)
    return statement
