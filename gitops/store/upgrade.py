"""Run migrations with alembic. Loaded by `migrate.py`, only where a database lacks some."""

from pathlib import Path

from alembic import command
from alembic.config import Config

from gitops.store.database import Database


def upgrade(database: Database, folder: Path) -> None:
    """Run the migrations of `folder` that the database lacks, in one transaction."""
    config = Config()
    # ConfigParser reads % as the start of a reference.
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
