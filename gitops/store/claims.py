"""Claims: which application holds which object, and what is remembered of its last apply."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, delete, select, tuple_

from gitops.errors import ConflictError
from gitops.model.objects import ObjectId
from gitops.ports import Claim
from gitops.store import dialect
from gitops.store.recording import Part
from gitops.store.schema import claims

KEY: Final = tuple_(claims.c.api_group, claims.c.kind, claims.c.namespace, claims.c.name)
CHUNK: Final = 400
"""Objects a statement: SQLite takes 32766 values in one, and small statements are cached."""

AMONG: Final = KEY.in_(bindparam("keys", expanding=True))
_HELD: Final = select(claims).where(AMONG)
_RELEASE: Final = delete(claims).where(AMONG, claims.c.application == bindparam("holder"))


def chunks(ids: Iterable[ObjectId]) -> Iterator[list[ObjectId]]:
    """Lists of at most CHUNK."""
    rest = iter(ids)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk


def keys(ids: Collection[ObjectId]) -> dict[str, Any]:
    """The parameter that picks the rows of these objects."""
    return {"keys": [(i.group, i.kind, i.namespace, i.name) for i in ids]}


def held(connection: Connection, ids: Iterable[ObjectId]) -> dict[ObjectId, Claim]:
    """The claims on these objects, whoever has them."""
    found = (
        claim_of(row) for chunk in chunks(ids) for row in connection.execute(_HELD, keys(chunk))
    )
    return {claim.id: claim for claim in found}


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


def claim_of(row: Row[Any]) -> Claim:
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
        "api_group": claim.id.group,
        "kind": claim.id.kind,
        "namespace": claim.id.namespace,
        "name": claim.id.name,
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
        query = select(claims)
        if application is not None:
            query = query.where(claims.c.application == application)
        with self.database.read() as connection:
            found = [claim_of(row) for row in connection.execute(query)]
        return sorted(found, key=lambda claim: claim.id)

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
            for chunk in chunks(sorted(ids)):
                connection.execute(_RELEASE, {**keys(chunk), "holder": application})


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
