"""Private folders for what a program must read from files; a kill leaves none for good.

In: a prefix, and where they lie. Out: a folder that goes when its block ends. Called by edges and
commands; whoever starts a service or a command sweeps first.

Each folder is locked while its process lives. The kernel gives a lock back when a process ends, by
whatever cause, so that a folder without one was left behind; numbers of processes come again, and
are the same in each container.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def private_folder(prefix: str, home: Path | None = None) -> Iterator[Path]:
    """A folder of mode 0700 in `home`; None is the system's temporary folder."""
    if home is not None:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder, lock = _make(prefix, home)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def sweep(prefix: str, home: Path | None = None) -> None:
    """Remove our own folders in `home` that a process left behind when it was killed."""
    for folder in (home or Path(tempfile.gettempdir())).glob(f"{prefix}*"):
        with contextlib.suppress(OSError):  # in use, another user's, or swept by another process
            lock = _open(folder)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(lock).st_uid == os.geteuid():
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


def _make(prefix: str, home: Path | None) -> tuple[Path, int]:
    """Make and lock; again where a sweep came between the two."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=home)).resolve()
        with contextlib.suppress(FileNotFoundError):
            lock = _open(folder)
            if _lock(lock) and folder.exists():
                return folder, lock
            os.close(lock)


def _open(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)


def _lock(lock: int) -> bool:
    """False where a sweep has it; a file system without such locks is swept by nobody."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
