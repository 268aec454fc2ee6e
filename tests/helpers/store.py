"""Stores for tests: in memory or in a state directory, on a clock that the test owns."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from gitops.store.sql import DATABASE, SqlStore
from tests.helpers.values import START

KINDS = ("memory", "file")


class SteppingClock:
    """Each look at it is a second later."""

    def __init__(self, start: datetime = START) -> None:
        self.time = start

    def now(self) -> datetime:
        self.time += timedelta(seconds=1)
        return self.time

    def monotonic(self) -> float:
        return (self.time - START).total_seconds()


@contextmanager
def opened_store(kind: str, state_dir: Path, *, key_file: Path | None = None) -> Iterator[SqlStore]:
    """A store that is closed at the end, and was not harmed on the way."""
    clock = SteppingClock()
    store = (
        SqlStore.memory(clock)
        if kind == "memory"
        else SqlStore.at(state_dir, clock, key_file=key_file)
    )
    try:
        yield store
    finally:
        store.close()


def tamper(state_dir: Path, *statements: str) -> None:
    """Change the database as somebody with a shell would, past the triggers and foreign keys."""
    connection = sqlite3.connect(state_dir / DATABASE, isolation_level=None)
    try:
        for name in ("update", "delete"):
            connection.execute(f"DROP TRIGGER IF EXISTS trail_refuses_{name}")
        for statement in statements:
            connection.execute(statement)
    finally:
        connection.close()
