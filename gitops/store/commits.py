"""The commit seen last of each branch, and webhook deliveries."""

from collections.abc import Collection
from typing import Final

from sqlalchemy import delete, func, insert, select, update

from gitops.ports import Delivery
from gitops.store import dialect
from gitops.store.columns import storable
from gitops.store.connection import Connection
from gitops.store.recording import Part
from gitops.store.schema import commits, deliveries

KEPT_DELIVERIES: Final = 10_000
"""Deliveries that are done and kept, so that a repeat is recognised; older ones are dropped."""


class CommitsPart(Part):
    """`ports.Store`: commits and deliveries."""

    kept_deliveries: int = KEPT_DELIVERIES
    answered: set[str]
    """Deliveries that are done, to be marked so with the next write."""

    def seen(self) -> dict[tuple[str, str], str]:
        """The commit seen last of each (repository, ref)."""
        with self.database.read() as connection:
            rows = connection.execute(select(commits)).all()
        return {(row.repository, row.ref): row.sha for row in rows}

    def save_seen(self, repo_url: str, ref: str, sha: str) -> None:
        """Remember a commit; writes nothing where it is the same."""
        query = select(commits.c.sha).where(commits.c.repository == repo_url, commits.c.ref == ref)
        with self.database.read() as connection:
            if connection.execute(query).scalar() == sha:
                return
        with self.database.write() as connection:
            row = {"repository": repo_url, "ref": ref, "sha": sha}
            dialect.save(connection, commits, [row])

    def deliver(self, delivery: Delivery) -> bool:
        """Keep a delivery; False where its id was seen before."""
        with self.database.read() as connection:
            if _is_known(connection, delivery.id):
                return False
        with self.database.write() as connection:
            if _is_known(connection, delivery.id):
                return False
            last = connection.execute(select(func.max(deliveries.c.position))).scalar()
            connection.execute(
                insert(deliveries).values(
                    id=delivery.id,
                    position=(last or 0) + 1,
                    provider=delivery.provider,
                    repository=delivery.repository,
                    ref=delivery.ref,
                    after=delivery.after,
                    actor=delivery.actor,
                    evidence=delivery.evidence,
                    received_at=delivery.received_at,
                    done=False,
                )
            )
            self._settle()
        return True

    def deliveries(self) -> list[Delivery]:
        """Those not done, oldest first."""
        query = (
            select(deliveries).where(deliveries.c.done.is_(False)).order_by(deliveries.c.position)
        )
        with self.database.read() as connection:
            rows = connection.execute(query).all()
        return [
            Delivery(
                id=row.id,
                provider=row.provider,
                repository=row.repository,
                ref=row.ref,
                after=row.after,
                actor=row.actor,
                evidence=row.evidence,
                received_at=row.received_at,
            )
            for row in rows
            if row.id not in self.answered
        ]

    def delivered(self, ids: Collection[str]) -> None:
        """They are done: marked so with the next record or delivery, or at the close.

        A delivery costs one write. After a crash, what nothing was recorded since is looked at
        again: that look finds what the first one found.
        """
        self.answered.update(ids)

    def _settle(self) -> None:
        """Mark what is done, and drop the oldest of those that are."""
        ids = frozenset(self.answered)
        if not ids:
            return

        def settled(committed: bool) -> None:  # noqa: FBT001 - called by the database only
            if committed:
                self.answered.difference_update(ids)

        with self.database.write(settled) as connection:
            for name in sorted(ids):
                connection.execute(
                    update(deliveries).where(deliveries.c.id == name).values(done=True)
                )
            self._drop_oldest(connection)

    def _drop_oldest(self, connection: Connection) -> None:
        done = deliveries.c.done.is_(True)
        newest = select(deliveries.c.position).where(done).order_by(deliveries.c.position.desc())
        limit = connection.execute(newest.offset(self.kept_deliveries).limit(1)).scalar()
        if limit is not None:
            connection.execute(delete(deliveries).where(done, deliveries.c.position <= limit))


def _is_known(connection: Connection, name: str) -> bool:
    query = select(deliveries.c.id).where(deliveries.c.id == storable(name))
    return connection.execute(query).first() is not None
