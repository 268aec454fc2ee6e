"""Claims: which application holds which object, and what is remembered of its last apply."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import and_, bindparam, delete, select

from gitops.errors import ConflictError
from gitops.model.objects import ObjectId
from gitops.model.revision import RecordKind
from gitops.ports import Claim
from gitops.store import dialect
from gitops.store.connection import Connection, Prepared, Row
from gitops.store.recording import Part
from gitops.store.schema import claims

_HERE: Final = and_(*(column == bindparam(column.name) for column in claims.primary_key))
_HELD: Final = Prepared(select(claims).where(_HERE))
_RELEASE: Final = Prepared(delete(claims).where(_HERE, claims.c.application == bindparam("holder")))


def key(identity: ObjectId) -> dict[str, Any]:
    """The values that pick the row of an object."""
    return {
        "api_group": identity.group,
        "kind": identity.kind,
        "namespace": identity.namespace,
        "name": identity.name,
    }


def held(connection: Connection, ids: Iterable[ObjectId]) -> dict[ObjectId, Claim]:
    """The claims on these objects, whoever has them."""
    rows = (connection.execute(_HELD, key(identity)).first() for identity in ids)
    return {claim.id: claim for row in rows if row is not None for claim in (claim_of(row),)}


def remember(connection: Connection, changed: Sequence[Claim]) -> None:
    """Save what applies left behind; raises ConflictError where another application holds one."""
    before = held(connection, [claim.id for claim in changed])
    for claim in changed:
        holder = before.get(claim.id, claim).application
        if holder != claim.application:
            raise ConflictError(
                f"application {holder} holds this object",
                where=claim.id.title,
                remedy=f"remove it from {holder} or from {claim.application}",
            )
    _save(connection, [claim for claim in changed if before.get(claim.id) != claim])


def claim_of(row: Row) -> Claim:
    """The claim that a row holds."""
    return Claim(
        id=ObjectId(row.api_group, row.kind, row.namespace, row.name),
        application=row.application,
        api_version=row.api_version,
        uid=row.uid,
        desired_digest=row.desired_digest,
        answer_digest=row.answer_digest,
        manifest=row.manifest,
        contested=row.contested,
    )


def row_of(claim: Claim) -> dict[str, Any]:
    """The row of a claim."""
    return {
        **key(claim.id),
        "application": claim.application,
        "api_version": claim.api_version,
        "uid": claim.uid,
        "desired_digest": claim.desired_digest,
        "answer_digest": claim.answer_digest,
        "manifest": claim.manifest,
        "contested": claim.contested,
    }


class ClaimsPart(Part):
    """`ports.Store`: claims."""

    def claims(self, application: str | None = None) -> list[Claim]:
        """All claims, or one application's, in order of identity."""
        query = select(claims).order_by(*claims.primary_key)
        if application is not None:
            query = select(claims).where(claims.c.application == application)
        with self.database.read() as connection:
            found = [claim_of(row) for row in connection.execute(query)]
        return found if application is None else sorted(found, key=lambda claim: claim.id)

    def claim(self, claims: Sequence[Claim]) -> list[Claim]:
        """Take claims before a write, all or none.

        Returns those that another application already holds, as they are kept (`application` is
        the holder), in order of identity; empty means that all are taken. What was remembered of
        an object that the application holds already stays.
        """
        with self.database.read() as connection:
            conflicts, free = _sift(connection, claims)
        if conflicts or not free:
            return conflicts
        with self.database.write() as connection:
            conflicts, free = _sift(connection, claims)
            if not conflicts:
                _save(connection, free)
        return conflicts

    def save_claims(self, claims: Sequence[Claim]) -> None:
        """Take these claims or change what they remember; what others hold stays as it is.

        Writes nothing where nothing changed.
        """
        with self.database.read() as connection:
            if not _changed(connection, claims):
                return
        with self.database.write() as connection:
            _save(connection, _changed(connection, claims))

    def release(self, application: str, ids: Collection[ObjectId]) -> None:
        """Give claims back; what another application holds stays."""
        if not ids:
            return
        with self.database.write() as connection:
            rows = [{**key(identity), "holder": application} for identity in sorted(ids)]
            connection.execute(_RELEASE, rows)

    def hand_over(
        self, application: str, takers: Mapping[ObjectId, str], actor: str
    ) -> list[Claim]:
        """Give claims of one application to others, with a trail record for each side.

        Returns them as they are then held, in order of identity: of their last apply they remember
        the manifest and the uid alone, so that it has to be made again. What the application does
        not hold is left out.
        """
        with self.recording() as recorder:
            found = held(recorder.connection, sorted(takers))
            given = [
                replace(
                    found[identity],
                    application=takers[identity],
                    desired_digest="",
                    answer_digest="",
                    contested="",
                )
                for identity in sorted(found)
                if found[identity].application == application
            ]
            _save(recorder.connection, given)
            for taker in sorted({claim.application for claim in given}):
                objects = [str(claim.id) for claim in given if claim.application == taker]
                for one, side, other in ((application, "to", taker), (taker, "from", application)):
                    payload = {side: other, "objects": objects}
                    recorder.append(RecordKind.TRANSFER, payload, actor=actor, application=one)
        return given


def _sift(connection: Connection, wanted: Sequence[Claim]) -> tuple[list[Claim], list[Claim]]:
    before = held(connection, [claim.id for claim in wanted])
    conflicts = {
        claim.id: before[claim.id]
        for claim in wanted
        if claim.id in before and before[claim.id].application != claim.application
    }
    free = [claim for claim in wanted if claim.id not in before]
    return [conflicts[key] for key in sorted(conflicts)], free


def _changed(connection: Connection, wanted: Sequence[Claim]) -> list[Claim]:
    before = held(connection, [claim.id for claim in wanted])
    return [
        claim
        for claim in wanted
        if before.get(claim.id) != claim
        and before.get(claim.id, claim).application == claim.application
    ]


def _save(connection: Connection, changed: Sequence[Claim]) -> None:
    dialect.save(connection, claims, [row_of(claim) for claim in changed])
