"""Run migrations with alembic. Loaded by `migrate.py`, only where a database lacks some."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import StaticPool

from gitops.store import connection as ours
from gitops.store.database import WRITE, Database


def upgrade(database: Database, folder: Path) -> None:
    """Run the migrations of `folder` that the database lacks, in one transaction."""
    config = Config()
    # ConfigParser reads % as the start of a reference.
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    with database.write() as connection:
        config.attributes["connection"] = as_alchemy(connection)
        command.upgrade(config, "head")


def as_alchemy(connection: ours.Connection) -> Connection:
    """The same connection as SQLAlchemy has it, in a transaction that is not its own to end."""
    engine = create_engine(
        "sqlite://",
        creator=lambda: connection.driver,
        poolclass=StaticPool,
        pool_reset_on_return=None,
    )
    made = engine.connect()
    if not connection.driver.in_transaction:  # SQLAlchemy asks a new connection, then rolls back
        connection.driver.execute(WRITE)
    made.begin()
    return made
