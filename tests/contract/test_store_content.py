"""`ports.Store`: content, renders and masks, on SQLite in memory and in a file."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, update

from gitops.errors import NotFoundError, StoreError
from gitops.store.schema import content
from gitops.store.sql import SqlStore
from tests.helpers.store import KINDS, SteppingClock, opened_store


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlStore]:
    with opened_store(request.param, tmp_path / "state") as made:
        yield made


def blob_of(store: SqlStore, address: str) -> bytes:
    with store.database.read() as connection:
        query = select(content.c.blob).where(content.c.address == address)
        return bytes(connection.execute(query).scalar())


def overwrite(store: SqlStore, address: str, blob: bytes) -> None:
    with store.database.write() as connection:
        connection.execute(update(content).where(content.c.address == address).values(blob=blob))


@pytest.mark.parametrize("plain", [b"", b"kind: Secret", os.urandom(300_000)], ids=len)
def test_content_comes_back_byte_for_byte(store: SqlStore, plain: bytes) -> None:
    assert store.get(store.put(plain)) == plain


def test_the_same_content_is_kept_once(store: SqlStore) -> None:
    address = store.put(b"manifest")
    before = store.writes
    assert store.put(b"manifest") == address
    assert store.writes == before
    assert store.put(b"other") != address


def test_content_is_compressed_and_encrypted(store: SqlStore) -> None:
    plain = b"password: hunter2\n" * 1000
    blob = blob_of(store, store.put(plain))
    assert len(blob) < 1000
    assert b"hunter2" not in blob


def test_an_address_cannot_be_guessed_from_the_content(store: SqlStore) -> None:
    address = store.put(b"kind: Secret")
    assert address != hashlib.sha256(b"kind: Secret").hexdigest()
    other = SqlStore.memory(SteppingClock())
    assert other.put(b"kind: Secret") != address
    other.close()


def test_a_mask_is_a_keyed_hash_that_is_no_address(store: SqlStore) -> None:
    assert store.digest(b"hunter2") == store.digest(b"hunter2")
    assert store.digest(b"hunter2") != store.digest(b"hunter3")
    assert store.digest(b"hunter2") != store.put(b"hunter2")


def test_content_that_was_never_kept_is_not_found(store: SqlStore) -> None:
    with pytest.raises(NotFoundError, match="no stored content"):
        store.get("0" * 64)


@pytest.mark.parametrize("place", [0, 1, 15, -1])
def test_a_flipped_bit_is_found(store: SqlStore, place: int) -> None:
    address = store.put(b"kind: Deployment")
    blob = bytearray(blob_of(store, address))
    blob[place] ^= 1
    overwrite(store, address, bytes(blob))
    with pytest.raises(StoreError, match="changed from outside") as raised:
        store.get(address)
    assert raised.value.reason == "touched"


@pytest.mark.parametrize("size", [0, 1, 5, 14, 20])
def test_content_that_was_cut_is_found(store: SqlStore, size: int) -> None:
    address = store.put(b"kind: Deployment")
    overwrite(store, address, blob_of(store, address)[:size])
    with pytest.raises(StoreError) as raised:
        store.get(address)
    assert raised.value.reason == "touched"


def test_content_exchanged_for_other_content_is_found(store: SqlStore) -> None:
    good, bad = store.put(b"replicas: 1"), store.put(b"replicas: 9")
    overwrite(store, good, blob_of(store, bad))
    with pytest.raises(StoreError) as raised:
        store.get(good)
    assert raised.value.reason == "touched"


def test_a_render_is_remembered_by_its_key(store: SqlStore) -> None:
    assert store.rendered("k1") is None
    store.save_rendered("k1", "a" * 64)
    before = store.writes
    store.save_rendered("k1", "a" * 64)
    assert store.writes == before
    assert store.rendered("k1") == "a" * 64
    store.save_rendered("k1", "b" * 64)
    assert store.rendered("k1") == "b" * 64
