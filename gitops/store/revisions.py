"""Revisions: rows for listing, made from the trail's records in the same transaction.

A revision's records are folded in order: the newest `revision` in a payload is its row, and
outcomes replace earlier ones of the same object and phase. `folded` is that rule; reading a
revision's outcomes and verifying its row both use it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Integer, and_, bindparam, func, insert, select, update

from gitops.errors import ConflictError, NotFoundError
from gitops.model.health import HealthStatus
from gitops.model.revision import (
    Commit,
    Outcome,
    RecordKind,
    Revision,
    RevisionKind,
    RevisionState,
    TrailRecord,
    Trigger,
    TriggerKind,
)
from gitops.ports import ApplicationState, Claim
from gitops.store.applications import write_states
from gitops.store.claims import remember
from gitops.store.columns import storable
from gitops.store.connection import Connection, Prepared, Row
from gitops.store.recording import Part
from gitops.store.schema import revisions
from gitops.store.trail import Recorder, journal, last_number
from gitops.wire.revision import (
    outcome_from_wire,
    outcome_to_wire,
    revision_from_wire,
    revision_to_wire,
    selection_from_wire,
    selection_to_wire,
)

_HERE: Final = and_(
    revisions.c.application == bindparam("of"), revisions.c.number == bindparam("at")
)
_STATE: Final = Prepared(select(revisions.c.state).where(_HERE))
_ONE: Final = Prepared(select(revisions).where(_HERE))
_HISTORY: Final = Prepared(
    select(revisions)
    .where(revisions.c.application == bindparam("of"), revisions.c.number < bindparam("before"))
    .order_by(revisions.c.number.desc())
    .limit(bindparam("most", type_=Integer))
)
_ALL: Final = -1
"""SQLite's word for no limit."""
_LAST: Final = 2**63 - 1
"""SQLite's largest number: every revision is before it."""
MOST_APPLIED: Final = 50
"""Revisions of the same manifests that are looked at: an object may be healed without end."""
_APPLIED: Final = Prepared(
    select(revisions)
    .where(
        revisions.c.application == bindparam("of"),
        revisions.c.manifests == bindparam("manifests"),
    )
    .order_by(revisions.c.number.desc())
    .limit(MOST_APPLIED)
)
_NEWEST_OF_KIND: Final = Prepared(
    select(revisions)
    .where(revisions.c.application == bindparam("of"), revisions.c.kind == bindparam("kind"))
    .order_by(revisions.c.number.desc())
    .limit(1)
)
_NEWEST: Final = Prepared(
    select(revisions.c.application, func.max(revisions.c.number).label("number")).group_by(
        revisions.c.application
    )
)
_OPEN: Final = Prepared(insert(revisions))
_REWRITE: Final = Prepared(
    update(revisions)
    .where(_HERE)
    .values({c.name: bindparam(c.name) for c in revisions.columns if not c.primary_key})
)


def merged(outcomes: Iterable[Outcome]) -> tuple[Outcome, ...]:
    """One outcome an object and phase: the last one, at the place of the first."""
    return tuple({(outcome.id, outcome.phase): outcome for outcome in outcomes}.values())


def folded(records: Sequence[TrailRecord]) -> Revision | None:
    """The revision that records tell, oldest first; None where no record opens one."""
    revision: Revision | None = None
    outcomes: list[Outcome] = []
    for record in records:
        if "revision" in record.payload:
            revision = revision_from_wire(record.payload["revision"])
        outcomes += [outcome_from_wire(value) for value in record.payload["outcomes"]]
    return None if revision is None else replace(revision, outcomes=merged(outcomes))


def row_of(revision: Revision) -> dict[str, Any]:
    """The row of a revision, as it will be read: outcomes are not in it."""
    commit = revision.commit
    return {
        "application": storable(revision.application),
        "number": revision.number,
        "kind": revision.kind.value,
        "trigger": revision.trigger.kind.value,
        "actor": storable(revision.trigger.actor),
        "evidence": storable(revision.trigger.evidence),
        "state": revision.state.value,
        "started_at": revision.started_at,
        "finished_at": revision.finished_at,
        "digest": storable(revision.digest),
        "commit_sha": None if commit is None else storable(commit.sha),
        "commit_author": None if commit is None else storable(commit.author),
        "commit_message": None if commit is None else storable(commit.message),
        "commit_at": None if commit is None else commit.authored_at,
        "commit_signature": None if commit is None else storable(commit.signature),
        "summary": dict(revision.summary),
        "health": None if revision.health is None else revision.health.value,
        "healthy": revision.healthy,
        "message": storable(revision.message),
        "source": revision.source,
        "partial": revision.partial,
        "manifests": revision.manifests,
        "diff": revision.diff,
        "attempts": revision.attempts,
        "repeats": revision.count,
        "live": revision.live,
        "selection": selection_to_wire(revision.selection),
    }


def revision_of(row: Row) -> Revision:
    """The revision that a row holds, without outcomes."""
    return Revision(
        application=row.application,
        number=row.number,
        kind=RevisionKind(row.kind),
        trigger=Trigger(TriggerKind(row.trigger), row.actor, row.evidence),
        state=RevisionState(row.state),
        started_at=row.started_at,
        digest=row.digest,
        commit=_commit_of(row),
        summary=row.summary,
        health=None if row.health is None else HealthStatus(row.health),
        healthy=row.healthy,
        message=row.message,
        finished_at=row.finished_at,
        source=row.source,
        partial=row.partial,
        manifests=row.manifests,
        diff=row.diff,
        attempts=row.attempts,
        count=row.repeats,
        live=row.live,
        selection=selection_from_wire(row.selection),
    )


def _commit_of(row: Row) -> Commit | None:
    if row.commit_sha is None:
        return None
    return Commit(
        sha=row.commit_sha,
        author=row.commit_author,
        message=row.commit_message,
        authored_at=row.commit_at,
        signature=row.commit_signature,
    )


def _state_of(connection: Connection, application: str, number: int) -> RevisionState:
    place = {"of": application, "at": number}
    state = connection.execute(_STATE, place).scalar()
    if state is None:
        raise missing(application, number)
    return RevisionState(state)


def missing(application: str, number: int) -> NotFoundError:
    """The error for a number that was never given."""
    return NotFoundError(
        f"application {application} has no revision {number}",
        remedy=f"list them with `gitops history {application}`",
    )


def _expect(connection: Connection, revision: Revision, *, running: bool) -> None:
    state = _state_of(connection, revision.application, revision.number)
    if (state is RevisionState.RUNNING) != running:
        raise ConflictError(
            f"revision {revision.number} of {revision.application} is {state.value}",
            reason="revision-state",
        )


def _rewrite(recorder: Recorder, kind: RecordKind, revision: Revision) -> None:
    """Append what is new about a revision, and bring its row up to it."""
    before = folded(journal(recorder.connection, revision.application, revision.number))
    known = set(before.outcomes) if before else set()
    new = [outcome for outcome in merged(revision.outcomes) if outcome not in known]
    _append(recorder, kind, revision, new, whole=True)
    row = row_of(revision)
    place = {"of": row["application"], "at": row["number"]}
    recorder.connection.execute(_REWRITE, {**row, **place})


def _append(
    recorder: Recorder,
    kind: RecordKind,
    revision: Revision,
    outcomes: Sequence[Outcome],
    *,
    whole: bool,
) -> None:
    payload: dict[str, Any] = {"outcomes": [outcome_to_wire(outcome) for outcome in outcomes]}
    if whole:
        payload["revision"] = revision_to_wire(revision, outcomes=False)
    recorder.append(
        kind,
        payload,
        actor=revision.trigger.actor,
        application=revision.application,
        revision=revision.number,
    )


class RevisionsPart(Part):
    """`ports.Store`: revisions."""

    def open_revision(self, revision: Revision) -> Revision:
        """Append revision-opened and give the next number (the given number is ignored)."""
        with self.recording() as recorder:
            number = last_number(recorder.connection, storable(revision.application)) + 1
            numbered = replace(revision, number=number)
            _append(recorder, RecordKind.REVISION_OPENED, numbered, numbered.outcomes, whole=True)
            recorder.connection.execute(_OPEN, row_of(numbered))
        return numbered

    def record_outcomes(
        self, revision: Revision, outcomes: Sequence[Outcome], claims: Sequence[Claim]
    ) -> None:
        """Append outcomes and save the claims they changed, in one transaction.

        Raises ConflictError where the revision is closed or another application holds a claim.
        """
        if not outcomes and not claims:
            return
        with self.recording() as recorder:
            _expect(recorder.connection, revision, running=True)
            if outcomes:
                _append(recorder, RecordKind.OUTCOMES, revision, outcomes, whole=False)
            remember(recorder.connection, claims)

    def close_revision(self, revision: Revision, state: ApplicationState | None = None) -> None:
        """Append revision-closed with everything final, and save the application's state.

        Outcomes recorded before stay; those of `revision` are added, and replace what was recorded
        of the same object and phase. Raises ConflictError where the revision is closed already.
        """
        with self.recording() as recorder:
            _expect(recorder.connection, revision, running=True)
            _rewrite(recorder, RecordKind.REVISION_CLOSED, revision)
            if state is not None:
                write_states(recorder.connection, [state])

    def amend_revision(self, revision: Revision) -> None:
        """Rewrite what is new about a revision, running or closed; appends outcomes."""
        with self.recording() as recorder:
            _state_of(recorder.connection, revision.application, revision.number)
            _rewrite(recorder, RecordKind.OUTCOMES, revision)

    def join_revision(self, revision: Revision) -> None:
        """Rewrite count and outcomes of a closed heal that a repeat joined; appends outcomes."""
        with self.recording() as recorder:
            _expect(recorder.connection, revision, running=False)
            _rewrite(recorder, RecordKind.OUTCOMES, revision)

    def revision(self, application: str, number: int) -> Revision:
        """With outcomes; raises NotFoundError."""
        with self.database.read() as connection:
            row = connection.execute(_ONE, {"of": application, "at": number}).first()
            if row is None:
                raise missing(application, number)
            return _with_outcomes(connection, revision_of(row))

    def revisions(
        self, application: str, *, limit: int | None = None, before: int | None = None
    ) -> list[Revision]:
        """Newest first, without outcomes."""
        given = {
            "of": application,
            "before": _LAST if before is None else before,
            "most": _ALL if limit is None else limit,
        }
        with self.database.read() as connection:
            return [revision_of(row) for row in connection.execute(_HISTORY, given)]

    def revisions_of(self, application: str, manifests: str) -> list[Revision]:
        """The newest of one address of manifests, newest first, without outcomes; 50 at most."""
        with self.database.read() as connection:
            given = {"of": application, "manifests": manifests}
            return [revision_of(row) for row in connection.execute(_APPLIED, given)]

    def newest_revision(self, application: str, kind: RevisionKind) -> Revision | None:
        """The newest of one kind, without outcomes; None where there is none."""
        with self.database.read() as connection:
            given = {"of": application, "kind": kind.value}
            row = connection.execute(_NEWEST_OF_KIND, given).first()
            return None if row is None else revision_of(row)

    def newest_revisions(self) -> dict[str, int]:
        """The newest number of every application that has any."""
        with self.database.read() as connection:
            return {row.application: row.number for row in connection.execute(_NEWEST)}

    def open_revisions(self) -> list[Revision]:
        """Those left running by a crash, with the outcomes recorded so far."""
        query = (
            select(revisions)
            .where(revisions.c.state == RevisionState.RUNNING.value)
            .order_by(revisions.c.application, revisions.c.number)
        )
        with self.database.read() as connection:
            found = [revision_of(row) for row in connection.execute(query)]
            return [_with_outcomes(connection, revision) for revision in found]


def _with_outcomes(connection: Connection, revision: Revision) -> Revision:
    told = folded(journal(connection, revision.application, revision.number))
    return revision if told is None else replace(revision, outcomes=told.outcomes)
