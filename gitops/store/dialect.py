"""The one place that knows how databases differ: how transactions begin, settings, upserts.

Called by `database.py` and by every module that saves rows.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, Engine, Table, event
from sqlalchemy.dialects import postgresql, sqlite

WRITES: Final = "gitops_writes"
"""Execution option of connections that write."""

BEGIN: Final = {
    # A plain BEGIN takes its lock at the first write, when another writer may have come first and
    # no timeout helps. IMMEDIATE takes it here and waits.
    "sqlite": {True: "BEGIN IMMEDIATE", False: "BEGIN"},
}

INSERT: Final[dict[str, Callable[[Table], Any]]] = {
    # Two classes with the same methods for conflicts, and no common one.
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}

PRAGMAS: Final = (
    "PRAGMA journal_mode=WAL",
    # A commit that was answered survives power loss.
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA temp_store=MEMORY",
)


def prepare_sqlite(engine: Engine, max_pages: int | None) -> None:
    """Own the transactions of SQLite's driver, which else begins them late, and set its pragmas."""

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, record: Any) -> None:
        del record
        connection.isolation_level = None
        for pragma in PRAGMAS:
            connection.execute(pragma)
        if max_pages is not None:
            connection.execute(f"PRAGMA max_page_count={max_pages}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = bool(connection.get_execution_options().get(WRITES))
        connection.exec_driver_sql(BEGIN["sqlite"][writes])


def save(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, or replace what rows with their primary keys hold."""
    if rows:
        connection.execute(_upsert(connection.dialect.name, table), list(rows))


def add(connection: Connection, table: Table, row: Mapping[str, Any]) -> None:
    """Insert a row, unless one with its primary key is there."""
    connection.execute(_insert(connection.dialect.name, table), row)


@cache
def _insert(name: str, table: Table) -> Any:
    return INSERT[name](table).on_conflict_do_nothing()


@cache
def _upsert(name: str, table: Table) -> Any:
    statement = INSERT[name](table)
    keys = [column.name for column in table.primary_key]
    others = {c.name: statement.excluded[c.name] for c in table.columns if c.name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=others)
