"""Types of columns that every database has: text that is always storable, times, JSON."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Integer, String, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

from gitops.wire.values import canonical, time_from_wire, time_to_wire

Sequence = BigInteger().with_variant(Integer(), "sqlite")
"""64 bits; in SQLite `INTEGER`, so that the key is the row id and appends go to the end."""


def storable(text: str) -> str:
    """Text without what a database cannot hold: lone surrogates become `?`, NUL vanishes.

    Commit messages and names in webhooks may hold anything.
    """
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "")


class Words(TypeDecorator[str]):
    """Text from outside, made storable."""

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = Text
    cache_ok: bool | None = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Make the text storable."""
        del dialect
        return None if value is None else storable(value)


class Instant(TypeDecorator[datetime]):
    """A time as RFC 3339 text, so that every database keeps microseconds and sorts it right."""

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = String(27)
    cache_ok: bool | None = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        """Write the time."""
        del dialect
        return None if value is None else time_to_wire(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Read the time."""
        del dialect
        return None if value is None else time_from_wire(value)


class Json(TypeDecorator[Any]):
    """A JSON value as canonical text; null is the database's own."""

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = Text
    cache_ok: bool | None = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Write the value."""
        del dialect
        return None if value is None else canonical(value).decode("ascii")

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Read the value."""
        del dialect
        return None if value is None else json.loads(value)
