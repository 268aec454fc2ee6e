"""What every part of the store has: the database, the keys, the clock, and how a record is made.

`SqlStore` is made of parts, each a class on this one; `recording` is the only way to the trail.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from gitops.errors import StoreError
from gitops.ports import Clock
from gitops.store.checkpoint import CheckpointFile
from gitops.store.database import Database
from gitops.store.keys import Keys
from gitops.store.trail import Recorder


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

        The checkpoint follows the commit before another writer can begin, so that it never runs
        backwards.
        """
        keys = self.keys
        with self.database.exclusive():
            with self.database.write() as connection:
                recorder = Recorder(connection, keys.trail, self.clock.now())
                yield recorder
            if self.checkpoint is not None and recorder.head != recorder.before:
                self.checkpoint.advance(recorder.before, recorder.head)
