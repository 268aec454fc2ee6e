"""The first schema. Never edited: a change is another file beside this one."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

APPEND_ONLY = """
CREATE TRIGGER {table}_refuses_{event} BEFORE {event} ON {table}
BEGIN SELECT RAISE(ABORT, 'the trail is append-only'); END
"""


def upgrade() -> None:
    """Make all tables."""
    op.create_table(
        "facts",
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    _make_trail()
    _make_revisions()
    _make_content()
    _make_claims()
    _make_inbox()


def _make_trail() -> None:
    op.create_table(
        "trail",
        sa.Column("sequence", SEQUENCE, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String(27), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("application", sa.Text),
        sa.Column("revision", sa.Integer),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("mac", sa.String(64), nullable=False),
    )
    op.create_index("trail_by_application", "trail", ["application", "sequence"])
    op.create_index("trail_by_revision", "trail", ["application", "revision", "sequence"])
    op.create_index("trail_by_actor", "trail", ["actor", "sequence"])
    op.create_table(
        "trail_marks",
        sa.Column(
            "sequence",
            SEQUENCE,
            sa.ForeignKey("trail.sequence"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("api_group", sa.Text, nullable=False),
        sa.Column("outcome", sa.String(40), nullable=False),
    )
    op.create_index("trail_marks_by_title", "trail_marks", ["title", "sequence"])
    op.create_index("trail_marks_by_outcome", "trail_marks", ["outcome", "sequence"])
    if op.get_bind().dialect.name == "sqlite":
        for event in ("update", "delete"):
            op.execute(APPEND_ONLY.format(table="trail", event=event))


def _make_revisions() -> None:
    op.create_table(
        "revisions",
        sa.Column("application", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("trigger", sa.String(40), nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("started_at", sa.String(27), nullable=False),
        sa.Column("finished_at", sa.String(27)),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("commit_sha", sa.Text),
        sa.Column("commit_author", sa.Text),
        sa.Column("commit_message", sa.Text),
        sa.Column("commit_at", sa.String(27)),
        sa.Column("commit_signature", sa.Text),
        sa.Column("summary", sa.Text, nullable=False),
        sa.Column("health", sa.String(40)),
        sa.Column("healthy", sa.Boolean, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("source", sa.Integer),
        sa.Column("partial", sa.Boolean, nullable=False),
        sa.Column("manifests", sa.String(64)),
        sa.Column("diff", sa.String(64)),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("repeats", sa.Integer, nullable=False),
    )
    op.create_index("revisions_by_state", "revisions", ["state", "application", "number"])


def _make_content() -> None:
    op.create_table(
        "content",
        sa.Column("address", sa.String(64), primary_key=True),
        sa.Column("blob", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "renders",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("address", sa.String(64), nullable=False),
    )


def _make_claims() -> None:
    op.create_table(
        "claims",
        sa.Column("api_group", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("namespace", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("application", sa.Text, nullable=False),
        sa.Column("api_version", sa.Text, nullable=False),
        sa.Column("uid", sa.Text, nullable=False),
        sa.Column("desired_digest", sa.Text, nullable=False),
        sa.Column("answer_digest", sa.Text, nullable=False),
        sa.Column("manifest", sa.Text, nullable=False),
        sa.Column("contested", sa.Text, nullable=False),
    )
    op.create_index("ix_claims_application", "claims", ["application"])


def _make_inbox() -> None:
    op.create_table(
        "applications",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
    )
    op.create_table(
        "registered",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("address", sa.String(64), sa.ForeignKey("content.address"), nullable=False),
    )
    op.create_table(
        "commits",
        sa.Column("repository", sa.Text, primary_key=True),
        sa.Column("ref", sa.Text, primary_key=True),
        sa.Column("sha", sa.Text, nullable=False),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("position", SEQUENCE, nullable=False, unique=True),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("repository", sa.Text, nullable=False),
        sa.Column("ref", sa.Text, nullable=False),
        sa.Column("after", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.Column("received_at", sa.String(27), nullable=False),
        sa.Column("done", sa.Boolean, nullable=False),
    )
    op.create_index("deliveries_by_state", "deliveries", ["done", "position"])
