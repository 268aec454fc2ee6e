"""What is kept of keys that were replaced, wrapped by the key of now, in the facts of the database.

In: the keys of now, and facts. Out: keys that also verify older records, and read what is not
re-encrypted yet. Called by `sql.py` at start-up and by `rotation.py`.
"""

import json
import os
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gitops.errors import StoreError
from gitops.store.keys import Former, Keys

FACT: Final = "former-key:"
"""What the names of these facts begin with; the key's fingerprint follows."""
NONCE_BYTES: Final = 12


def wrap(keys: Keys, former: Former) -> dict[str, str]:
    """The fact of a former key; nobody reads it without the key of now."""
    name = FACT + former.fingerprint
    kept = {
        "until": former.until,
        "trail": former.trail.hex(),
        "encryption": former.encryption.hex() if former.encryption else None,
    }
    nonce = os.urandom(NONCE_BYTES)
    sealed = AESGCM(keys.wrap).encrypt(nonce, json.dumps(kept).encode(), name.encode())
    return {"name": name, "value": b64encode(nonce + sealed).decode()}


def with_former(keys: Keys, facts: Mapping[str, str]) -> Keys:
    """The keys with those that they replaced, oldest first; raises StoreError `touched`."""
    found = [_unwrap(keys, name, text) for name, text in facts.items() if name.startswith(FACT)]
    return replace(keys, former=tuple(sorted(found, key=lambda former: former.until)))


def _unwrap(keys: Keys, name: str, text: str) -> Former:
    try:
        sealed = b64decode(text, validate=True)
        nonce, cipher = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        kept = json.loads(AESGCM(keys.wrap).decrypt(nonce, cipher, name.encode()))
        encryption = kept["encryption"]
        return Former(
            name.removeprefix(FACT),
            kept["until"],
            bytes.fromhex(kept["trail"]),
            bytes.fromhex(encryption) if encryption else None,
        )
    except (InvalidTag, ValueError, TypeError, KeyError) as error:
        raise StoreError(
            "what is kept of a former key was changed from outside",
            remedy="restore the database from a backup",
            reason="touched",
        ) from error
