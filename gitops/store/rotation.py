"""Another key for an installation: everything new by it at once, what is there step by step.

In: a secret. Out: a record in the trail, and content that the former key cannot read. The order of
the writes is what makes it safe: the new key is on the disk before the database needs it, one
transaction makes it the key of now and wraps the former one by it, and then the former file goes.
Called by `gitops key rotate`; what a stop left is done at the next start (`SqlStore`, `wiring`).
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import delete, func, select, update

from gitops.errors import ConflictError, StoreError
from gitops.model.revision import RecordKind
from gitops.store import dialect
from gitops.store.checkpoint import CheckpointFile
from gitops.store.connection import Connection
from gitops.store.content import opened, sealed
from gitops.store.former import wrap
from gitops.store.keys import Former, Keys, derive
from gitops.store.recording import Part
from gitops.store.schema import content, facts
from gitops.store.trail import Recorder, newest

CURSOR: Final = "re-encrypted-to"
"""The fact that says how far re-encryption has come: an address."""
MOST_CONTENTS: Final = 200
MOST_BYTES: Final = 8 * 1024 * 1024
"""One step re-encrypts no more than these, so that nobody waits long for its transaction."""


class RotationPart(Part):
    """Rotation of the installation's key; one process at a time, and nobody else writes."""

    def rotate(self, secret: bytes, actor: str) -> None:
        """Make `secret` the key of now, with a record; one transaction.

        Raises ConflictError for a key that is or was in use, or while a rotation is not over.
        """
        keys, new = self.keys, derive(secret)
        if new.fingerprint in {keys.fingerprint, *(one.fingerprint for one in keys.former)}:
            raise ConflictError(
                "the new key is one that this installation has or had",
                remedy="make another one, with `openssl rand -hex 32` say",
            )
        if keys.is_rotating:
            raise ConflictError(
                "the last rotation of the key is not over",
                remedy="let it end first: start gitops, or run `gitops key rotate`",
            )
        with self.database.write() as connection:
            before = newest(connection)
            last = Former(keys.fingerprint, before.sequence, keys.trail, keys.encryption)
            new = replace(new, former=(*keys.former, last))
            recorder = Recorder(connection, new.trail, self.clock.now(), before)
            payload = {"key": new.fingerprint, "former": keys.fingerprint}
            recorder.append(RecordKind.KEY_ROTATED, payload, actor=actor)
            _keep(connection, new, {"key": new.fingerprint, CURSOR: ""})
        self._take(new)
        if self.checkpoint is not None:
            self.checkpoint.write(replace(self.checkpoint.newest, head=recorder.head))

    def _take(self, keys: Keys) -> None:
        """Work with these keys from now on."""
        before, self.held_keys = self.checkpoint, keys
        if before is not None:
            self.checkpoint = CheckpointFile(before.path, keys.trail, keys.former)
            self.checkpoint.newest = before.newest

    @property
    def is_rotating(self) -> bool:
        """Whether something is left that only the former key's content key reads."""
        return self.held_keys is not None and self.held_keys.is_rotating

    def reseal(self, most: int = MOST_CONTENTS) -> int:
        """Encrypt the next contents with the key of now; how many are left to look at.

        What no key reads was damaged before, and stays as it is. With the last step the former
        content key goes; what verifies the former key's records stays.
        """
        keys = self.keys
        if not keys.is_rotating:
            return 0
        with self.database.write() as connection:
            dialect.erase_what_goes(connection)
            kept = select(facts.c.value).where(facts.c.name == CURSOR)
            done = connection.execute(kept).scalar() or ""
            last = _reseal(connection, keys, done, most)
            rest = select(func.count()).select_from(content).where(content.c.address > last)
            left = int(connection.execute(rest).scalar() or 0)
            if left:
                _keep(connection, None, {CURSOR: last})
            else:
                former = tuple(replace(one, encryption=None) for one in keys.former)
                keys = replace(keys, former=former)
                _keep(connection, keys, {})
                connection.execute(delete(facts).where(facts.c.name == CURSOR))
        if not left:
            self._take(keys)
            self.database.empty_log()
        return left


def _keep(connection: Connection, keys: Keys | None, values: dict[str, str]) -> None:
    """Save facts, and those of the former keys wrapped by `keys`."""
    rows = [{"name": name, "value": value} for name, value in values.items()]
    rows += [wrap(keys, former) for former in keys.former] if keys else []
    dialect.save(connection, facts, rows)


def _reseal(connection: Connection, keys: Keys, after: str, most: int) -> str:
    """Encrypt some contents anew, in order of addresses; the last address that was looked at."""
    for address in list(_next(connection, after, most)):
        kept = select(content.c.blob).where(content.c.address == address)
        blob = connection.execute(kept).scalar()
        after = address
        try:
            payload, is_current = opened(keys, address, bytes(blob or b""))
        except StoreError:
            continue
        if not is_current:
            blob = sealed(keys, address, payload)
            where = content.c.address == address
            connection.execute(update(content).where(where).values(blob=blob))
    return after


def _next(connection: Connection, after: str, most: int) -> Iterator[str]:
    size: Any = func.length(content.c.blob)
    query = select(content.c.address, size).where(content.c.address > after)
    total = 0
    for address, size_bytes in connection.execute(query.order_by(content.c.address).limit(most)):
        if total and total + size_bytes > MOST_BYTES:
            return
        total += size_bytes
        yield address
