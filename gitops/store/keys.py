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
class Former:
    """What is kept of a key that was replaced.

    `until` is the last record that it sealed; `encryption` is None once nothing is left that it
    encrypted.
    """

    fingerprint: str
    until: int
    trail: bytes = field(repr=False)
    encryption: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Keys:
    """One key a purpose (HKDF-SHA256), so that none tells anything of another."""

    encryption: bytes = field(repr=False)
    address: bytes = field(repr=False)
    trail: bytes = field(repr=False)
    mask: bytes = field(repr=False)
    wrap: bytes = field(repr=False)
    fingerprint: str
    """Tells keys apart, and nothing else: kept in the database."""
    former: tuple[Former, ...] = field(default=(), repr=False)
    """Those that it replaced, oldest first."""

    @property
    def is_rotating(self) -> bool:
        """Whether something may be left that a former key encrypted."""
        return any(one.encryption for one in self.former)

    def trail_at(self, sequence: int) -> bytes:
        """The key that seals a record of the trail."""
        return next((one.trail for one in self.former if sequence <= one.until), self.trail)


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
        wrap=purpose("wrap"),
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
    return _whole(secret, path)


def read_given(path: Path) -> bytes:
    """The secret in a file of the user's, 32 bytes or 64 hex digits; raises StoreError.

    It may be a link, and readable by our group, as what Kubernetes mounts from a Secret.
    """
    try:
        with path.open("rb") as file:
            _expect_private(os.fstat(file.fileno()), path, too_open=TOO_OPEN & ~stat.S_IRGRP)
            content = file.read(2 * KEY_BYTES + 2)
    except OSError as error:
        raise StoreError(
            f"the key file cannot be read: {error.strerror}",
            where=str(path),
            remedy="mount it, or correct keyFile (GITOPS_KEY_FILE)",
            reason="key-missing",
        ) from error
    if len(content) == KEY_BYTES:
        return content
    try:
        return _whole(bytes.fromhex(content.decode("ascii").strip()), path)
    except ValueError as error:
        raise StoreError(
            f"the key file holds neither {KEY_BYTES} bytes nor {2 * KEY_BYTES} hex digits",
            where=str(path),
            remedy="restore it, or make one for a new installation: `openssl rand -hex 32`",
            reason="key-missing",
        ) from error


def _whole(secret: bytes, path: Path) -> bytes:
    if len(secret) != KEY_BYTES:
        raise StoreError(
            f"the installation's key is not {KEY_BYTES} bytes long",
            where=str(path),
            remedy="restore the file from a backup",
            reason="key-missing",
        )
    return secret


def _expect_private(facts: os.stat_result, path: Path, too_open: int = TOO_OPEN) -> None:
    """Raise StoreError where somebody else may read a key, or could have put it there."""
    if facts.st_uid not in (os.geteuid(), ROOT):
        raise StoreError(
            f"the installation's key belongs to another user (uid {facts.st_uid})",
            where=str(path),
            remedy="run gitops as its owner, or change the file's owner",
            reason="key-open",
        )
    mode = stat.S_IMODE(facts.st_mode)
    if mode & too_open:
        raise StoreError(
            f"the installation's key can be read by others (mode {mode:04o})",
            where=str(path),
            remedy=f"chmod 600 {path}",
            reason="key-open",
        )


def make_key(path: Path, secret: bytes | None = None) -> bytes:
    """Make the secret; whole or not at all, and never over another one. Raises StoreError."""
    secret = secret or secrets.token_bytes(KEY_BYTES)
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


def next_of(path: Path) -> Path:
    """Where the key that replaces another waits until the database needs it."""
    return path.with_name(f"{path.name}.next")


def settle_next(path: Path, fingerprint: str | None) -> None:
    """Put the next key into its place where the database needs it; else it goes.

    A rotation that was cut off before its transaction has not begun; after it, it only lacks this.
    Raises StoreError.
    """
    following = next_of(path)
    secret = read_key(following)
    if secret is None:
        return
    try:
        if derive(secret).fingerprint == fingerprint:
            following.replace(path)
        else:
            following.unlink()
        sync_folder(path.parent)
    except OSError as error:
        raise StoreError(
            f"the installation's key cannot be replaced: {error.strerror}",
            where=str(path),
            remedy="check the state directory's owner, mode and free space",
            reason="unwritable",
        ) from error


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
