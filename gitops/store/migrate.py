"""Bring a database to our schema, in this process and in one transaction.

Called once, when a store is opened. Alembic is loaded only where there is something to migrate:
it takes more memory than all else that a store needs.
"""

import importlib
from pathlib import Path
from typing import Final

from sqlalchemy import text

from gitops.errors import StoreError
from gitops.store.database import Database

FOLDER: Final = Path(__file__).parent / "migrations"


def versions() -> list[str]:
    """The schemas that we know, oldest first: `v0001_first.py` makes `0001`."""
    return sorted(file.name[1:5] for file in (FOLDER / "versions").glob("v[0-9]*_*.py"))


def migrate(database: Database) -> None:
    """Run the migrations that the database lacks; writes nothing where it has them all.

    Raises StoreError `newer-schema`.
    """
    found, known = _schema_of(database), versions()
    if found is not None and found not in known:
        raise StoreError(
            f"the database was written by a newer gitops (schema {found})",
            where=database.where,
            remedy="run that version or a newer one",
            reason="newer-schema",
        )
    if found != known[-1]:
        importlib.import_module("gitops.store.upgrade").upgrade(database, FOLDER)


def _schema_of(database: Database) -> str | None:
    """The schema that a database says it has, as alembic writes it down; None where it is new."""
    with database.read() as connection:
        named = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'"
        if connection.execute(text(named)).first() is None:
            return None
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        return None if found is None else str(found)
