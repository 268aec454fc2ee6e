"""`SqlStore`: the store on SQLite, made of its parts. `wiring` makes it, all else has the port.

A state directory holds `gitops.db` (with its log), `installation.key`, `trail.checkpoint` and
`lock`. Opening takes the lock, makes what is missing (the key before the database, never after)
and migrates the schema; `close` gives the lock back.
"""

import contextlib
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self

from sqlalchemy import select

from gitops.errors import ConflictError, GitopsError, StoreError
from gitops.ports import Clock
from gitops.store import dialect
from gitops.store.applications import ApplicationsPart
from gitops.store.audit import AuditPart
from gitops.store.checkpoint import Checkpoint, CheckpointFile
from gitops.store.claims import ClaimsPart
from gitops.store.commits import CommitsPart
from gitops.store.connection import Connection
from gitops.store.content import ContentPart
from gitops.store.database import MEMORY, Database, Limits, file_url, read_url
from gitops.store.former import FACT, with_former
from gitops.store.keys import (
    Keys,
    derive,
    draft_of,
    make_key,
    next_of,
    read_given,
    read_key,
    settle_next,
)
from gitops.store.lock import StateLock
from gitops.store.migrate import migrate
from gitops.store.revisions import RevisionsPart
from gitops.store.rotation import RotationPart
from gitops.store.schema import facts
from gitops.store.trail import mac_at, newest

DATABASE: Final = "gitops.db"
KEY: Final = "installation.key"
CHECKPOINT: Final = "trail.checkpoint"
LOCK: Final = "lock"


class SqlStore(
    RevisionsPart, AuditPart, ContentPart, ClaimsPart, ApplicationsPart, CommitsPart, RotationPart
):
    """The embedded database; safe to use from any thread, by one process at a time.

    Raises StoreError: `busy` (another process has the directory), `newer-schema`, `touched`,
    `unwritable`, `key-open`, `key-missing` (the key's file cannot be read). Where the file is
    gone, the store opens, and what needs the key raises `key-missing`.
    """

    def __init__(
        self,
        database: str | Path,
        state_dir: Path | None,
        clock: Clock,
        *,
        limits: Limits | None = None,
        key_file: Path | None = None,
    ) -> None:
        """Open; `database` is a path or URL, `state_dir` None keeps the key in memory only.

        `key_file` is a key of the user's, instead of one in the state directory.
        """
        url = read_url(database) if isinstance(database, str) else file_url(database)
        self.clock = clock
        self.checkpoint = None
        self.held_keys = None
        self.answered = set()
        self._state_dir, self._key_file = state_dir, key_file
        with contextlib.ExitStack() as undo:
            if state_dir is not None:
                undo.callback(StateLock(state_dir / LOCK).release)
            self.database = Database(url, limits or Limits())
            undo.callback(self.database.close)
            migrate(self.database)
            self._set_up()
            self._closing = undo.pop_all()

    @classmethod
    def at(
        cls,
        state_dir: Path,
        clock: Clock,
        *,
        limits: Limits | None = None,
        key_file: Path | None = None,
    ) -> Self:
        """The store of a state directory, which is made where it is missing."""
        return cls(state_dir / DATABASE, state_dir, clock, limits=limits, key_file=key_file)

    @classmethod
    def memory(cls, clock: Clock) -> Self:
        """A store that is gone when it is closed; the same code on SQLite in memory."""
        return cls(MEMORY, None, clock)

    def _set_up(self) -> None:
        """Find or make the installation and its key; compare the checkpoint with the trail."""
        with self.database.read() as connection:
            known = _facts(connection)
            if not known and newest(connection).sequence:
                raise StoreError(
                    "the database lost the facts about its installation",
                    where=self.database.where,
                    remedy="restore the state directory from a backup",
                    reason="touched",
                )
        secret = self._secret(known.get("key"))
        if secret is None:
            self._installation = known["installation"]
            return
        keys = derive(secret)
        if known:
            self._expect_key(keys, known)
            keys = with_former(keys, known)
        self.checkpoint = CheckpointFile(self._path(CHECKPOINT), keys.trail, keys.former)
        self.held_keys = keys
        if not known:
            known = self._first_start(keys, self.checkpoint)
        self._installation = known["installation"]
        with self.database.read() as connection:
            head = newest(connection)
            self.checkpoint.reconcile(head, lambda sequence: mac_at(connection, sequence))

    def _path(self, name: str) -> Path | None:
        return None if self._state_dir is None else self._state_dir / name

    def _secret(self, fingerprint: str | None) -> bytes | None:
        """The secret; of a new database, without a fingerprint, one that is made now."""
        path = self._path(KEY)
        if path is None:
            return secrets.token_bytes(32)
        if self._key_file is not None:
            return read_given(self._key_file)
        for place in (path, next_of(path)):
            draft_of(place).unlink(missing_ok=True)  # one that was killed may have left a copy
        settle_next(path, fingerprint)
        return read_key(path) or (make_key(path) if fingerprint is None else None)

    def rotate_key(self, actor: str, secret: bytes | None = None) -> None:
        """Replace the key by another one, `secret` or one that is made, and keep its file.

        What is there is re-encrypted by `reseal` then. Raises ConflictError, StoreError.
        """
        path = self._path(KEY)
        if path is None or self._key_file is not None:
            if secret is None:
                raise ConflictError(
                    "the key lies in a file of yours, which gitops does not write",
                    where=str(self._key_file),
                    remedy="give another file with --new-key-file, and name that one then",
                )
            self.rotate(secret, actor)
            return
        following = next_of(path)
        secret = make_key(following, secret)
        try:
            self.rotate(secret, actor)
        except GitopsError:
            following.unlink(missing_ok=True)
            raise
        settle_next(path, derive(secret).fingerprint)

    def _first_start(self, keys: Keys, checkpoint: CheckpointFile) -> dict[str, str]:
        if not checkpoint.exists():
            checkpoint.write(Checkpoint())
        made = {"installation": secrets.token_hex(4), "key": keys.fingerprint}
        with self.database.write() as connection:
            rows = [{"name": name, "value": value} for name, value in made.items()]
            dialect.save(connection, facts, rows)
        return made

    def _expect_key(self, keys: Keys, known: Mapping[str, str]) -> None:
        place = str(self._key_file or self._path(KEY))
        if FACT + keys.fingerprint in known:
            raise StoreError(
                "this is a former key of the installation: it was replaced by another one",
                where=place,
                remedy="put the newest one in its place; the trail says when it was replaced",
                reason="key-missing",
            )
        if keys.fingerprint != known["key"]:
            raise StoreError(
                "the installation's key is not the one that this database was made with",
                where=place,
                remedy="restore the key and the database from the same backup",
                reason="key-missing",
            )

    @property
    def installation(self) -> str:
        """Eight hex digits, made at first start."""
        return self._installation

    @property
    def writes(self) -> int:
        """How many write transactions were begun since the store was opened."""
        return self.database.writes

    def close(self) -> None:
        """Write what waited, checkpoint and close; may be called again."""
        with contextlib.suppress(StoreError):  # a full disk: they are looked at once more
            self._settle()
        self._closing.close()


def _facts(connection: Connection) -> dict[str, str]:
    return {row.name: row.value for row in connection.execute(select(facts))}
