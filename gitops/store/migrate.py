"""Bring a database to our schema, in this process and in one transaction.

Called once, when a store is opened. Raises StoreError `newer-schema`.
"""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from gitops.errors import StoreError
from gitops.store.database import Database

FOLDER: Final = Path(__file__).parent / "migrations"


def migrate(database: Database) -> None:
    """Run the migrations that the database lacks; writes nothing where it has them all."""
    config = Config()
    # ConfigParser reads % as the start of a reference.
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)
    with database.read() as connection:
        if _is_current(connection, scripts, database.where):
            return
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _is_current(connection: Connection, scripts: ScriptDirectory, where: str) -> bool:
    found = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in scripts.walk_revisions()}
    if found is not None and found not in known:
        raise StoreError(
            f"the database was written by a newer gitops (schema {found})",
            where=where,
            remedy="run that version or a newer one",
            reason="newer-schema",
        )
    return found == scripts.get_current_head()
