"""Transactions: readers side by side, one writer at a time, errors as `StoreError`.

In comes a URL, out go connections inside transactions. Called by `SqlStore`'s parts.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Connection, Engine, create_engine, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from gitops.errors import SettingsError
from gitops.store.dialect import WRITES, prepare_sqlite
from gitops.store.faults import reading, store_error

MEMORY: Final = "sqlite://"
"""The URL of a database in memory."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`busy_timeout`: how long to wait for another program's lock. `max_pages`: see SQLite."""

    busy_timeout: timedelta = timedelta(seconds=5)
    max_pages: int | None = None


class Database:
    """One database; safe to use from any thread."""

    def __init__(self, url: URL, limits: Limits) -> None:
        self.file = sqlite_file(url)
        self.where = str(self.file) if self.file else "the database in memory"
        self.writes = 0
        """How many write transactions were begun."""
        self._writer = threading.RLock()
        self._engine = self._make_engine(url, limits)
        self._writing = self._engine.execution_options(**{WRITES: True})

    def _make_engine(self, url: URL, limits: Limits) -> Engine:
        timeout_s = limits.busy_timeout.total_seconds()
        arguments = {"timeout": timeout_s, "check_same_thread": False}
        if self.file is None:
            # One connection holds the database; `read` and `write` take turns on it.
            engine = create_engine(url, poolclass=StaticPool, connect_args=arguments)
        else:
            make_private(self.file)
            engine = create_engine(url, pool_size=4, max_overflow=-1, connect_args=arguments)
        prepare_sqlite(engine, limits.max_pages)
        return engine

    def exclusive(self) -> AbstractContextManager[bool]:
        """Keep other writers of this process out, around more than one transaction."""
        return self._writer

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database throughout."""
        turn = self._writer if self.file is None else nullcontext()
        with turn, self._translated(), reading(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that writes all or nothing; waits for the writer before it."""
        with self._writer, self._translated(), self._writing.begin() as connection:
            self.writes += 1
            yield connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            raise store_error(error, self.where) from error

    def close(self) -> None:
        """Close every connection; with the last, SQLite moves its log into the file."""
        with self._writer:
            self._engine.dispose()


def read_url(text: str) -> URL:
    """A database URL; raises SettingsError where it cannot be used."""
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise SettingsError(
            "the database URL cannot be read", remedy="write it as sqlite:///FILE"
        ) from error
    if url.get_backend_name() != "sqlite":
        raise SettingsError(
            f"databases of kind {url.get_backend_name()!r} are not supported yet",
            remedy="use sqlite:///FILE, or leave the URL out",
        )
    return url


def file_url(path: Path) -> URL:
    """The URL of a file, whatever characters its path has."""
    return URL.create("sqlite", database=str(path))


def sqlite_file(url: URL) -> Path | None:
    """The file of an SQLite URL, None for memory."""
    return Path(url.database) if url.database and url.database != ":memory:" else None


def make_private(path: Path) -> None:
    """Make the file for its owner only before SQLite does; its log and index take its mode."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except OSError:
        return  # SQLite meets the same, and says it through the one table of errors
