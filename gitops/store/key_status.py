"""How the key of a state directory stands, told without its lock: the service may be running.

Called by `gitops key status`. Reads only, and no content.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from sqlalchemy import func, select

from gitops.errors import NotFoundError
from gitops.model.revision import RecordKind
from gitops.ports import TrailQuery
from gitops.store.connection import Connection
from gitops.store.database import Database, Limits, file_url
from gitops.store.former import FACT
from gitops.store.keys import derive, read_given, read_key
from gitops.store.rotation import CURSOR
from gitops.store.schema import content, facts
from gitops.store.sql import DATABASE, KEY
from gitops.store.trail import page

Standing = Literal["in use", "former", "missing", "another"]


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """`fingerprint` is that of the key in use; `standing` says what the file's key is to it.

    `former` counts the keys before; `left` the contents that may not be re-encrypted yet.
    """

    file: Path
    standing: Standing
    fingerprint: str
    former: int
    left: int
    rotated_at: datetime | None
    rotated_by: str | None


def key_status(state_dir: Path, key_file: Path | None = None) -> KeyStatus:
    """Read it; raises NotFoundError where there is no installation, StoreError."""
    place = state_dir / DATABASE
    if not place.is_file():
        raise NotFoundError(
            "there is no installation in this state directory",
            where=str(state_dir),
            remedy="name another one with --state-dir",
        )
    file = key_file or state_dir / KEY
    secret = read_given(key_file) if key_file else read_key(file)
    database = Database(file_url(place), Limits())
    try:
        with database.read() as connection:
            known = {row.name: row.value for row in connection.execute(select(facts))}
            newest = page(connection, TrailQuery(kind=RecordKind.KEY_ROTATED), None, 1)
            return KeyStatus(
                file,
                _standing(None if secret is None else derive(secret).fingerprint, known),
                known.get("key", ""),
                sum(name.startswith(FACT) for name in known),
                _left(connection, known.get(CURSOR)),
                newest[0].at if newest else None,
                newest[0].actor if newest else None,
            )
    finally:
        database.close()


def _standing(fingerprint: str | None, known: dict[str, str]) -> Standing:
    if fingerprint is None:
        return "missing"
    if fingerprint == known.get("key"):
        return "in use"
    return "former" if FACT + fingerprint in known else "another"


def _left(connection: Connection, cursor: str | None) -> int:
    if cursor is None:
        return 0
    query = select(func.count()).select_from(content).where(content.c.address > cursor)
    return int(connection.execute(query).scalar() or 0)
