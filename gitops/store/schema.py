"""Tables as the code sees them. `migrations/` makes them; a test proves that both agree.

Only types that SQLite and PostgreSQL share; differences of dialect are in `dialect.py`.
"""

from typing import Final

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

from gitops.store.columns import Instant, Json, Sequence, Words

metadata: Final = MetaData()

facts = Table(
    "facts",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", Text, nullable=False),
)
"""What is true of the whole database: `installation`, `key` (the key's fingerprint)."""

trail = Table(
    "trail",
    metadata,
    Column("sequence", Sequence, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("application", Words),
    Column("revision", Integer),
    Column("actor", Words, nullable=False),
    Column("payload", Json, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("mac", String(64), nullable=False),
    Index("trail_by_application", "application", "sequence"),
    Index("trail_by_revision", "application", "revision", "sequence"),
    Index("trail_by_actor", "actor", "sequence"),
)

trail_marks = Table(
    "trail_marks",
    metadata,
    Column(
        "sequence", Sequence, ForeignKey("trail.sequence"), primary_key=True, autoincrement=False
    ),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("title", Words, nullable=False),
    Column("api_group", Words, nullable=False),
    Column("outcome", String(40), nullable=False),
    Index("trail_marks_by_title", "title", "sequence"),
    Index("trail_marks_by_outcome", "outcome", "sequence"),
)
"""Which objects and outcomes a record speaks of, for searching; `title` "" is the record itself."""

revisions = Table(
    "revisions",
    metadata,
    Column("application", Words, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(40), nullable=False),
    Column("trigger", String(40), nullable=False),
    Column("actor", Words, nullable=False),
    Column("evidence", Words, nullable=False),
    Column("state", String(40), nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("finished_at", Instant),
    Column("digest", Words, nullable=False),
    Column("commit_sha", Words),
    Column("commit_author", Words),
    Column("commit_message", Words),
    Column("commit_at", Instant),
    Column("commit_signature", Words),
    Column("summary", Json, nullable=False),
    Column("health", String(40)),
    Column("healthy", Boolean, nullable=False),
    Column("message", Words, nullable=False),
    Column("source", Integer),
    Column("partial", Boolean, nullable=False),
    Column("manifests", String(64)),
    Column("diff", String(64)),
    Column("attempts", Integer, nullable=False),
    Column("repeats", Integer, nullable=False),
    Column("live", String(64)),
    Column("selection", Json),
    Index("revisions_by_state", "state", "application", "number"),
)
"""A projection of the trail, for listing; outcomes are read from the trail itself."""

content = Table(
    "content",
    metadata,
    Column("address", String(64), primary_key=True),
    Column("blob", LargeBinary, nullable=False),
)

renders = Table(
    "renders",
    metadata,
    Column("key", Words, primary_key=True),
    Column("address", String(64), nullable=False),
)

claims = Table(
    "claims",
    metadata,
    Column("api_group", Words, primary_key=True),
    Column("kind", Words, primary_key=True),
    Column("namespace", Words, primary_key=True),
    Column("name", Words, primary_key=True),
    Column("application", Words, nullable=False, index=True),
    Column("api_version", Words, nullable=False),
    Column("uid", Words, nullable=False),
    Column("desired_digest", Words, nullable=False),
    Column("answer_digest", Words, nullable=False),
    Column("manifest", Words, nullable=False),
    Column("contested", Words, nullable=False),
)
"""The key is the object: two applications cannot hold one."""

applications = Table(
    "applications",
    metadata,
    Column("name", Words, primary_key=True),
    Column("state", Json, nullable=False),
)

registered = Table(
    "registered",
    metadata,
    Column("name", Words, primary_key=True),
    Column("address", String(64), ForeignKey("content.address"), nullable=False),
)
"""Applications made through the API; their text is content, because Helm values hold secrets."""

commits = Table(
    "commits",
    metadata,
    Column("repository", Words, primary_key=True),
    Column("ref", Words, primary_key=True),
    Column("sha", Words, nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Words, primary_key=True),
    Column("position", Sequence, nullable=False, unique=True),
    Column("provider", Words, nullable=False),
    Column("repository", Words, nullable=False),
    Column("ref", Words, nullable=False),
    Column("after", Words, nullable=False),
    Column("actor", Words, nullable=False),
    Column("evidence", Words, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("done", Boolean, nullable=False),
    Index("deliveries_by_state", "done", "position"),
)
"""`position` counts arrivals; the newest that are done are kept to recognise repeats."""
