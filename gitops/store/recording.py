"""What every part of the store has: the database, the keys, the clock, and how a record is made.

`SqlStore` is made of parts, each a class on this one; `recording` is the only way to the trail.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from gitops.errors import StoreError
from gitops.ports import Clock
from gitops.store.checkpoint import CheckpointFile, Head
from gitops.store.database import Database
from gitops.store.keys import Keys
from gitops.store.trail import Recorder, newest


class Part:
    """The base of the store's parts. `keys` is None where the key's file is missing."""

    database: Database
    clock: Clock
    held_keys: Keys | None
    checkpoint: CheckpointFile | None
    """None where the keys are."""

    @property
    def keys(self) -> Keys:
        """The keys; raises StoreError `key-missing`."""
        if self.held_keys is None:
            raise StoreError(
                "the installation's key is missing: nothing can be recorded, restored or verified",
                where=self.database.where,
                remedy="restore installation.key into the state directory from a backup",
                reason="key-missing",
            )
        return self.held_keys

    @contextmanager
    def recording(self) -> Iterator[Recorder]:
        """A write transaction in which records can be appended; all or nothing.

        The checkpoint follows the commit before another transaction can begin, so that it never
        runs backwards.
        """
        keys = self.keys
        with self.database.write(self._advance) as connection:
            ahead: tuple[Head, Head] | None = self.database.note
            before = ahead[1] if ahead else newest(connection)
            recorder = Recorder(connection, keys.trail, self.clock.now(), before)
            yield recorder
            self._settle()
            if recorder.head != before:
                self.database.note = (ahead[0] if ahead else before, recorder.head)

    def _settle(self) -> None:
        """Write what waited for a transaction that is made anyway."""

    def together(self) -> AbstractContextManager[object]:
        """Around several calls: one transaction, all or nothing."""
        return self.database.write()

    def _advance(self, ahead: tuple[Head, Head] | None) -> None:
        """Bring the checkpoint from the link that it knows to the newest one."""
        if ahead is not None and self.checkpoint is not None:
            self.checkpoint.advance(*ahead)
