"""One process a state directory: a lock that the kernel gives back when the process ends."""

import contextlib
import errno
import fcntl
import os
import stat
from pathlib import Path

from gitops.errors import StoreError


class StateLock:
    """Held from making until `release`; raises StoreError `busy` where another process has it."""

    def __init__(self, path: Path) -> None:
        self._descriptor = _open(path)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._descriptor, 20, 0).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            process = f"process {holder}" if holder.isdigit() else "another process"
            raise StoreError(
                f"{process} of gitops uses this state directory",
                where=str(path.parent),
                remedy="stop it first, or give another one with --state-dir",
                reason="busy",
            ) from error
        os.ftruncate(self._descriptor, 0)
        with contextlib.suppress(OSError):  # a full disk: the number is only for the message
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Give it back; the file stays, because others may be waiting to open it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _open(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _expect_own(path.parent)
        return os.open(path, flags, 0o600)
    except OSError as error:
        raise StoreError(
            f"the state directory cannot be used: {error.strerror}",
            where=str(path if error.errno == errno.ELOOP else path.parent),
            remedy="give one that can be written with --state-dir",
            reason="unwritable",
        ) from error


def _expect_own(folder: Path) -> None:
    """Raise StoreError where everybody may put files into a folder of ours.

    One that the system made for us, as Kubernetes makes volumes, is as it is.
    """
    facts = folder.stat()
    if facts.st_uid == os.geteuid() and facts.st_mode & stat.S_IWOTH:
        raise StoreError(
            f"everybody can write the state directory (mode {stat.S_IMODE(facts.st_mode):04o})",
            where=str(folder),
            remedy=f"chmod 700 {folder}, or give a directory of its own with --state-dir",
            reason="unwritable",
        )
