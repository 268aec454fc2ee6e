"""Watching what is done on every connection to SQLite: count, limit, kill.

`watch` has all connections that are made later tell a `Watcher`.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class Watcher:
    """Told before each statement, and asked to make each commit; does nothing else by itself."""

    def statement(self, connection: sqlite3.Connection, sql: str, values: Any) -> None:
        """A statement is about to run."""

    def commit(self, connection: sqlite3.Connection, commit: Callable[[], None]) -> None:
        """Make the commit of a transaction."""
        commit()


def cursor_type(watcher: Watcher) -> type[sqlite3.Cursor]:
    """The driver's cursor that tells a watcher."""

    class Cursor(sqlite3.Cursor):
        def execute(self, sql: str, values: Any = (), /) -> sqlite3.Cursor:
            watcher.statement(self.connection, sql, values)
            return super().execute(sql, values)

        def executemany(self, sql: str, values: Any, /) -> sqlite3.Cursor:
            for one in values:
                watcher.statement(self.connection, sql, one)
            return super().executemany(sql, values)

    return Cursor


def connection_type(watcher: Watcher) -> type[sqlite3.Connection]:
    """The driver's connection that tells a watcher."""
    kind = cursor_type(watcher)

    class Watched(sqlite3.Connection):
        def cursor(self, factory: Any = kind) -> Any:
            return super().cursor(factory)

        def execute(self, sql: str, values: Any = (), /) -> sqlite3.Cursor:
            made: sqlite3.Cursor = self.cursor().execute(sql, values)
            return made

        def executemany(self, sql: str, values: Any, /) -> sqlite3.Cursor:
            made: sqlite3.Cursor = self.cursor().executemany(sql, values)
            return made

        def commit(self) -> None:
            if self.in_transaction:
                watcher.commit(self, super().commit)

    return Watched


def watch(watcher: Watcher) -> Callable[[], None]:
    """Have a watcher told of every connection that is made from now on; call to end it."""
    library: Any = sqlite3
    original, kind = library.connect, connection_type(watcher)

    def connect(*arguments: Any, **options: Any) -> Any:
        return original(*arguments, **{"factory": kind, **options})

    def end() -> None:
        library.connect = original

    library.connect = connect
    return end


@contextmanager
def watched(watcher: Watcher) -> Iterator[None]:
    """The same, for a while."""
    end = watch(watcher)
    try:
        yield
    finally:
        end()
