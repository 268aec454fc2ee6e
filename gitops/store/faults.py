"""What the database's driver raises, as `StoreError`: one table from SQLite's codes to a sentence.

Called by `database.py` around every transaction. Statements and their values never reach the
message: they may hold secrets.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from gitops.errors import StoreError


class Meaning(NamedTuple):
    """A reason, its sentence and what to do."""

    reason: str
    message: str
    remedy: str


FULL: Final = Meaning(
    "full",
    "the database cannot grow: the disk is full, or a limit on its size is reached",
    "free space on the disk, then try again; nothing was half-written",
)
BUSY: Final = Meaning(
    "busy",
    "the database is locked by another program",
    "end the program that holds it, then try again",
)
TOUCHED: Final = Meaning(
    "touched",
    "the database file is damaged, or is not a database",
    "restore the state directory from a backup",
)
UNWRITABLE: Final = Meaning(
    "unwritable",
    "the database file cannot be opened or written",
    "check the owner and the mode of the state directory and of what is in it",
)
UNKNOWN: Final = Meaning(
    "failed", "the database refused an operation", "look at the log, and run `gitops audit verify`"
)

# Codes as `sqlite3_extended_errcode` names them; the longest prefix wins. Writing beyond
# RLIMIT_FSIZE is EFBIG, which SQLite reports as SQLITE_IOERR_WRITE and not as SQLITE_FULL.
MEANINGS: Final[dict[str, Meaning]] = {
    "SQLITE_FULL": FULL,
    "SQLITE_IOERR_WRITE": FULL,
    "SQLITE_IOERR_FSYNC": FULL,
    "SQLITE_IOERR_DIR_FSYNC": FULL,
    "SQLITE_IOERR_TRUNCATE": FULL,
    "SQLITE_IOERR_SHMSIZE": FULL,
    "SQLITE_IOERR": TOUCHED,
    "SQLITE_BUSY": BUSY,
    "SQLITE_LOCKED": BUSY,
    "SQLITE_CORRUPT": TOUCHED,
    "SQLITE_NOTADB": TOUCHED,
    "SQLITE_READONLY": UNWRITABLE,
    "SQLITE_CANTOPEN": UNWRITABLE,
    "SQLITE_PERM": UNWRITABLE,
    "SQLITE_AUTH": UNWRITABLE,
}


def meaning_of(code: str) -> Meaning:
    """The meaning of an SQLite code such as `SQLITE_IOERR_WRITE`."""
    matches = [prefix for prefix in MEANINGS if code.startswith(prefix)]
    return MEANINGS[max(matches, key=len)] if matches else UNKNOWN


def store_error(error: sqlite3.Error, where: str) -> StoreError:
    """The error for people; `where` is the database's file. The caller chains the cause."""
    code = str(getattr(error, "sqlite_errorname", ""))
    meaning = meaning_of(code)
    message = f"{meaning.message} ({code})" if code else meaning.message
    return StoreError(message, where=where, remedy=meaning.remedy, reason=meaning.reason)


@contextmanager
def reading() -> Iterator[None]:
    """Around what turns stored values into ours: values that cannot be are `touched`."""
    try:
        yield
    except (ValueError, TypeError, KeyError) as error:
        raise StoreError(
            "the database holds a value that gitops did not write",
            remedy="run `gitops audit verify`, which names what was changed",
            reason="touched",
        ) from error
