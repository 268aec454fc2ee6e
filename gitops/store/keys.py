"""The installation's key: a file of 32 bytes for its owner only, and the keys derived from it.

Read at start-up by `SqlStore`. The file is made once, before the database is; a database without
its key never gets another one, because nothing that it holds could be read or verified by it.
"""

import hashlib
import hmac
import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gitops.errors import StoreError

KEY_BYTES: Final = 32
TOO_OPEN: Final = stat.S_IRWXG | stat.S_IRWXO
ROOT: Final = 0


@dataclass(frozen=True, slots=True)
class Keys:
    """One key a purpose (HKDF-SHA256), so that none tells anything of another."""

    encryption: bytes = field(repr=False)
    address: bytes = field(repr=False)
    trail: bytes = field(repr=False)
    mask: bytes = field(repr=False)
    fingerprint: str
    """Tells keys apart, and nothing else: kept in the database."""


def derive(secret: bytes) -> Keys:
    """The keys of an installation's secret."""

    def purpose(name: str) -> bytes:
        info = b"gitops/v1/" + name.encode()
        return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(secret)

    return Keys(
        encryption=purpose("encryption"),
        address=purpose("address"),
        trail=purpose("trail"),
        mask=purpose("mask"),
        fingerprint=purpose("fingerprint").hex()[:16],
    )


def mac(key: bytes, content: bytes) -> str:
    """HMAC-SHA256 as 64 hex digits."""
    return hmac.new(key, content, hashlib.sha256).hexdigest()


def same(one: str, other: str) -> bool:
    """Whether two macs are equal, in constant time, whatever they hold."""
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


def read_key(path: Path) -> bytes | None:
    """The secret, or None where there is no file; raises StoreError where it cannot be trusted."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(
            f"the installation's key cannot be read: {error.strerror}",
            where=str(path),
            remedy="make it a plain file, readable by the user who runs gitops",
            reason="key-missing",
        ) from error
    with os.fdopen(descriptor, "rb") as file:
        _expect_private(os.fstat(file.fileno()), path)
        secret = file.read(KEY_BYTES + 1)
    if len(secret) != KEY_BYTES:
        raise StoreError(
            f"the installation's key is not {KEY_BYTES} bytes long",
            where=str(path),
            remedy="restore the file from a backup",
            reason="key-missing",
        )
    return secret


def _expect_private(facts: os.stat_result, path: Path) -> None:
    """Raise StoreError where somebody else may read a key, or could have put it there."""
    if facts.st_uid not in (os.geteuid(), ROOT):
        raise StoreError(
            f"the installation's key belongs to another user (uid {facts.st_uid})",
            where=str(path),
            remedy="run gitops as its owner, or change the file's owner",
            reason="key-open",
        )
    mode = stat.S_IMODE(facts.st_mode)
    if mode & TOO_OPEN:
        raise StoreError(
            f"the installation's key can be read by others (mode {mode:04o})",
            where=str(path),
            remedy=f"chmod 600 {path}",
            reason="key-open",
        )


def make_key(path: Path) -> bytes:
    """Make the secret; whole or not at all, and never over another one. Raises StoreError."""
    secret = secrets.token_bytes(KEY_BYTES)
    draft = draft_of(path)
    try:
        write_private(draft, secret)
        os.link(draft, path)  # fails where the file exists, as O_EXCL would
        draft.unlink()
        sync_folder(path.parent)
    except OSError as error:
        raise StoreError(
            f"the installation's key cannot be made: {error.strerror}",
            where=str(path),
            remedy="check the state directory's owner, mode and free space",
            reason="unwritable",
        ) from error
    return secret


def draft_of(path: Path) -> Path:
    """Where a file is written before it is put in its place; one process at a time does that."""
    return path.with_name(f".{path.name}.draft")


def write_private(path: Path, content: bytes) -> None:
    """Write a new file with mode 0600, to the disk; raises OSError and leaves no part of it.

    What stands there is the draft of a process that was killed, and goes.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    path.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Bring a folder's entries to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
