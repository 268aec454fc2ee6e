"""The one place that knows how databases differ: connecting, settings, upserts.

Called by `database.py` and by every module that saves rows.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import URL, Table
from sqlalchemy.dialects import sqlite

from gitops.store.connection import DIALECT, Connection, Prepared

PRAGMAS: Final = (
    "PRAGMA journal_mode=WAL",
    # A commit that was answered survives power loss.
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA temp_store=MEMORY",
)


def connect(url: URL, timeout_s: float, max_pages: int | None) -> sqlite3.Connection:
    """A connection with its settings, which begins no transaction by itself."""
    place, options = DIALECT.create_connect_args(url)
    ours: dict[str, Any] = {
        "timeout": timeout_s,
        "check_same_thread": False,
        "isolation_level": None,
    }
    made: sqlite3.Connection = sqlite3.connect(place[0], **{**options, **ours})
    limit = () if max_pages is None else (f"PRAGMA max_page_count={max_pages}",)
    try:
        for pragma in (*PRAGMAS, *limit):
            made.execute(pragma)
    except sqlite3.Error:
        made.close()
        raise
    return made


def erase_what_goes(connection: Connection) -> None:
    """Let this transaction leave nothing of what it replaces in free pages of the file."""
    connection.driver.execute("PRAGMA secure_delete=ON")


def save(connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert rows, or replace what rows with their primary keys hold."""
    if rows:
        connection.execute(_upsert(table), rows)


def add(connection: Connection, table: Table, row: Mapping[str, object]) -> None:
    """Insert a row, unless one with its primary key is there."""
    connection.execute(_insert(table), row)


@cache
def _insert(table: Table) -> Prepared:
    return Prepared(sqlite.insert(table).on_conflict_do_nothing())


@cache
def _upsert(table: Table) -> Prepared:
    statement = sqlite.insert(table)
    keys = [column.name for column in table.primary_key]
    others = {c.name: statement.excluded[c.name] for c in table.columns if c.name not in keys}
    return Prepared(statement.on_conflict_do_update(index_elements=keys, set_=others))
