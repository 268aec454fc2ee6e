"""What somebody chose for a selective sync."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the selection; revisions from before do not know it."""
    op.add_column("revisions", sa.Column("selection", sa.Text))
