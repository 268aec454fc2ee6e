"""Transactions: readers side by side, one writer at a time, errors as `StoreError`.

In comes a URL, out go connections inside transactions. Called by `SqlStore`'s parts.
"""

import contextlib
import errno
import os
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from gitops.errors import SettingsError, StoreError
from gitops.store.connection import Connection
from gitops.store.dialect import connect
from gitops.store.faults import reading, store_error
from gitops.store.keys import TOO_OPEN

MEMORY: Final = "sqlite://"
"""The URL of a database in memory."""
WRITE: Final = "BEGIN IMMEDIATE"
"""A plain BEGIN takes its lock at the first write, when another writer may have come first and no
timeout helps. This takes it at once, and waits."""
MOST_PARTS: Final = 64
"""Writes in one transaction at most, so that nobody waits long for others."""

KEPT_OPEN: Final = 4
"""Connections that are kept for the next transactions; more are made where more are used."""

FollowUp = Callable[[Any], None]


@dataclass(frozen=True, slots=True)
class Limits:
    """`busy_timeout`: how long to wait for another program's lock. `max_pages`: see SQLite."""

    busy_timeout: timedelta = timedelta(seconds=5)
    max_pages: int | None = None


class _Group:
    """Writes that are committed together: each is a part, undone without the others."""

    def __init__(self, connection: Connection, give_back: Callable[[Connection], None]) -> None:
        self.connection = connection
        self._give_back = give_back
        self.follow_ups: dict[FollowUp, None] = {}
        self.parts = 0
        self.note: Any = None
        """What the parts tell those who follow up; a part that is undone has told nothing."""
        self._done = threading.Event()
        self._error: sqlite3.Error | None = None

    @contextmanager
    def part(self) -> Iterator[None]:
        """Do one write; what it raises undoes it alone, unless the database gave all up."""
        later, driver, note = self.parts > 0, self.connection.driver, self.note
        if later:
            driver.execute("SAVEPOINT part")
        try:
            yield
            if later:
                driver.execute("RELEASE part")
        except BaseException:
            self.note = note
            if later:
                self._undo()
            raise
        self.parts += 1

    def _undo(self) -> None:
        try:
            self.connection.driver.execute("ROLLBACK TO part")
            self.connection.driver.execute("RELEASE part")
        except sqlite3.Error as error:
            self._error = error

    @property
    def broken(self) -> bool:
        """Whether the database gave up the whole transaction."""
        return self._error is not None

    def end(self) -> None:
        """Commit, or undo what cannot be; then let everyone go on who takes part."""
        try:
            if self.parts and not self.broken:
                self.connection.driver.commit()
        except sqlite3.Error as error:
            self._error = error
        finally:
            self._give_back(self.connection)
            committed = self.parts > 0 and not self.broken
            for follow_up in self.follow_ups:
                follow_up(self.note if committed else None)
            self._done.set()

    def wait(self) -> None:
        """Return when it is committed; raises what kept it from being so."""
        self._done.wait()
        if self._error is not None:
            raise self._error


class Database:
    """One database; safe to use from any thread."""

    def __init__(self, url: URL, limits: Limits) -> None:
        self.file = sqlite_file(url)
        self.where = str(self.file) if self.file else "the database in memory"
        self.writes = 0
        """How many write transactions were begun."""
        self._writer = threading.Lock()
        self._writer_thread = 0
        self._group: _Group | None = None
        self._waiting = 0
        self._counting = threading.Lock()
        self._url = url
        self._limits = limits
        self._idle: deque[Connection] = deque()
        self._closed = False
        if self.file is None:
            self._give_back(self._connect())  # it holds the database
        else:
            make_private(self.file)

    def _connect(self) -> Connection:
        timeout_s = self._limits.busy_timeout.total_seconds()
        return Connection(connect(self._url, timeout_s, self._limits.max_pages))

    def _begin(self, how: str) -> Connection:
        """A connection in a transaction."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
        try:
            connection.driver.execute(how)
        except BaseException:
            self._give_back(connection)
            raise
        return connection

    def _give_back(self, connection: Connection) -> None:
        """Undo what was not committed; keep the connection for the next transaction."""
        try:
            connection.driver.rollback()
        except sqlite3.Error:
            connection.driver.close()
            return
        if self._closed or len(self._idle) >= KEPT_OPEN:
            connection.driver.close()
        else:
            self._idle.append(connection)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database throughout.

        Inside a write of the same thread it sees what that has written.
        """
        group = self._own()
        if group is not None:
            with reading():
                yield group.connection
            return
        # The one connection to a database in memory is used in turn.
        turn = self._writer if self.file is None else nullcontext()
        with turn, self._translated(), reading():
            connection = self._begin("BEGIN")
            try:
                yield connection
            finally:
                self._give_back(connection)

    @contextmanager
    def write(self, follow_up: FollowUp | None = None) -> Iterator[Connection]:
        """A transaction that writes all or nothing; inside another of the same thread, a part.

        Those who waited for one another are committed together, so that they share one flush to
        the disk; each returns when its own is there. `follow_up` is then called once, before the
        next transaction can begin, with the note that was left; None where nothing was committed.
        """
        group = self._own()
        if group is not None:
            group.follow_ups |= {follow_up: None} if follow_up else {}
            yield group.connection
            return
        with self._translated():
            with self._turn():
                group = self._join(follow_up)
                try:
                    with group.part():
                        yield group.connection
                finally:
                    self._leave(group)
            group.wait()

    @property
    def note(self) -> Any:
        """What the transaction of this thread leaves for `follow_up`."""
        group = self._own()
        return group.note if group else None

    @note.setter
    def note(self, value: Any) -> None:
        group = self._own()
        if group is not None:
            group.note = value

    def _own(self) -> _Group | None:
        """The transaction in which this thread is writing."""
        return self._group if self._writer_thread == threading.get_ident() else None

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """The writer's place; whoever has it knows whether others wait."""
        with self._counting:
            self._waiting += 1
        self._writer.acquire()
        with self._counting:
            self._waiting -= 1
        self._writer_thread = threading.get_ident()
        try:
            yield
        finally:
            self._writer_thread = 0
            self._writer.release()

    def _join(self, follow_up: FollowUp | None) -> _Group:
        """The transaction that others began, or a new one."""
        if self._group is None:
            self._group = _Group(self._begin(WRITE), self._give_back)
            self.writes += 1
        self._group.follow_ups |= {follow_up: None} if follow_up else {}
        return self._group

    def _leave(self, group: _Group) -> None:
        """Commit, unless somebody waits who will do it."""
        alone = self.file is None or not self._waiting
        if alone or group.broken or group.parts in (0, MOST_PARTS):
            self._group = None
            group.end()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise store_error(error, self.where) from error

    def empty_log(self) -> None:
        """Bring SQLite's log into the file, so that nothing older is left in it."""
        if self.file is None:
            return
        with self._turn(), self._translated(), contextlib.closing(self._connect().driver) as driver:
            driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close every connection; with the last, SQLite moves its log into the file."""
        with self._turn():
            self._closed = True
            while self._idle:
                self._idle.pop().driver.close()


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
    """Make the file for its owner only before SQLite does; its log and index take its mode.

    Raises StoreError where it is a link, for whoever made that chose where is written.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        descriptor = os.open(path, flags, 0o600)
        try:
            if os.fstat(descriptor).st_mode & TOO_OPEN:
                os.fchmod(descriptor, 0o600)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise StoreError(
                "the database is a symbolic link",
                where=str(path),
                remedy="put the file itself there, or link the whole state directory",
                reason="unwritable",
            ) from error
        return  # SQLite meets the same, and says it through the one table of errors
