"""Content by address: compressed, encrypted, kept once. And the renders that point at it.

Everything is encrypted, not only what holds a secret: there is one path, and nobody has to decide
what a secret is. The address is an HMAC, so that content cannot be guessed from it.
"""

import os
import zlib
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import bindparam, select

from gitops.errors import NotFoundError, StoreError
from gitops.store import dialect
from gitops.store.connection import Connection, Prepared
from gitops.store.keys import Keys, mac
from gitops.store.recording import Part
from gitops.store.schema import content, renders

FORMAT: Final = b"\x01"
"""First byte of a blob: zlib, then AES-256-GCM with a 12-byte nonce before the ciphertext."""
NONCE_BYTES: Final = 12

_KEPT: Final = Prepared(select(content.c.address).where(content.c.address == bindparam("address")))
_BLOB: Final = Prepared(select(content.c.blob).where(content.c.address == bindparam("address")))
_RENDERED: Final = Prepared(select(renders.c.address).where(renders.c.key == bindparam("key")))


def seal(keys: Keys, address: str, plain: bytes) -> bytes:
    """The blob of a content; bound to its address, so that blobs cannot be exchanged."""
    return sealed(keys, address, zlib.compress(plain))


def sealed(keys: Keys, address: str, payload: bytes) -> bytes:
    """The blob of a compressed content."""
    nonce = os.urandom(NONCE_BYTES)
    return FORMAT + nonce + AESGCM(keys.encryption).encrypt(nonce, payload, address.encode())


def unseal(keys: Keys, address: str, blob: bytes) -> bytes:
    """The content of a blob; raises StoreError `touched` where it is not what was kept."""
    try:
        return zlib.decompress(opened(keys, address, blob)[0])
    except zlib.error as error:
        raise touched(address) from error


def opened(keys: Keys, address: str, blob: bytes) -> tuple[bytes, bool]:
    """The compressed content of a blob, and whether the key of now sealed it; raises `touched`.

    While a key is replaced, what it has not come to yet is read by the former one.
    """
    if not blob.startswith(FORMAT):
        raise touched(address)
    body = blob[len(FORMAT) :]
    nonce, cipher = body[:NONCE_BYTES], body[NONCE_BYTES:]
    for key in (keys.encryption, *(one.encryption for one in keys.former if one.encryption)):
        try:
            return AESGCM(key).decrypt(nonce, cipher, address.encode()), key == keys.encryption
        except (InvalidTag, ValueError):
            continue
    raise touched(address)


def touched(address: str) -> StoreError:
    """The error for content that was changed from outside."""
    return StoreError(
        f"stored content {address[:12]} was changed from outside and cannot be used",
        remedy="restore the database from a backup",
        reason="touched",
    )


def keep(connection: Connection, keys: Keys, plain: bytes) -> str:
    """Keep content within a transaction, once; its address."""
    address = mac(keys.address, plain)
    if not _is_kept(connection, address):
        _keep(connection, keys, address, plain)
    return address


def _keep(connection: Connection, keys: Keys, address: str, plain: bytes) -> None:
    """Two who keep the same at once keep it once."""
    dialect.add(connection, content, {"address": address, "blob": seal(keys, address, plain)})


def fetch(connection: Connection, keys: Keys, address: str) -> bytes:
    """Content within a transaction; raises NotFoundError or StoreError `touched`."""
    blob = connection.execute(_BLOB, {"address": address}).scalar()
    if blob is None:
        raise NotFoundError(f"there is no stored content {address[:12]}")
    return unseal(keys, address, bytes(blob))


def _is_kept(connection: Connection, address: str) -> bool:
    return connection.execute(_KEPT, {"address": address}).first() is not None


class ContentPart(Part):
    """`ports.Store`: content and renders."""

    def put(self, content: bytes) -> str:
        """Keep content compressed and encrypted, once; its address is an HMAC."""
        keys = self.keys
        address = mac(keys.address, content)
        with self.database.read() as connection:
            if _is_kept(connection, address):
                return address
        with self.database.write() as connection:
            _keep(connection, keys, address, content)
        return address

    def get(self, address: str) -> bytes:
        """Content; raises StoreError `key-missing` or `touched`, NotFoundError."""
        keys = self.keys
        with self.database.read() as connection:
            return fetch(connection, keys, address)

    def digest(self, content: bytes) -> str:
        """Keyed hash of content, for masks."""
        return mac(self.keys.mask, content)

    def rendered(self, key: str) -> str | None:
        """The address of a cached render's manifests, or None."""
        with self.database.read() as connection:
            found: str | None = connection.execute(_RENDERED, {"key": key}).scalar()
            return found

    def save_rendered(self, key: str, address: str) -> None:
        """Remember a render; writes nothing where it is the same."""
        if self.rendered(key) == address:
            return
        with self.database.write() as connection:
            dialect.save(connection, renders, [{"key": key, "address": address}])
