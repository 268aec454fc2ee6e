"""Where a revision keeps the live copies of what it deletes."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the address; revisions from before kept no copies."""
    op.add_column("revisions", sa.Column("live", sa.String(64)))
