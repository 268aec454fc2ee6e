"""Another key: all stays readable and verifies, whatever cut it off; the former reads no more."""

import shutil
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gitops.errors import ConflictError, StoreError
from gitops.model.revision import RecordKind
from gitops.ports import TrailQuery
from gitops.store.content import unseal
from gitops.store.key_status import key_status
from gitops.store.keys import KEY_BYTES, Keys, derive, next_of
from gitops.store.sql import CHECKPOINT, DATABASE, KEY, SqlStore
from tests.helpers.store import SteppingClock, opened_store, tamper

CONTENTS = [f"manifest {number}".encode() for number in range(7)]


def reopened(state: Path, key_file: Path | None = None) -> SqlStore:
    return SqlStore.at(state, SteppingClock(), key_file=key_file)


def finish(store: SqlStore) -> None:
    while store.reseal(most=2):
        pass


def blobs(state: Path) -> dict[str, bytes]:
    connection = sqlite3.connect(state / DATABASE)
    try:
        return dict(connection.execute("SELECT address, blob FROM content"))
    finally:
        connection.close()


def opens(keys: Keys, address: str, blob: bytes) -> bool:
    try:
        unseal(keys, address, blob)
    except StoreError:
        return False
    return True


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state directory with content, a trail and an application of the API's."""
    folder = tmp_path / "0"
    with opened_store("file", folder) as store:
        for content in CONTENTS:
            store.put(content)
        store.register("demo", "kind: Application", "ann")
    return folder


def expect_whole(store: SqlStore) -> None:
    """Everything of `state` is there, can be added to, and verifies."""
    assert store.verify().faults == ()
    assert store.registered() == {"demo": "kind: Application"}
    with store.database.read() as connection:
        kept = connection.driver.execute("SELECT address FROM content").fetchall()
    assert {store.get(address) for (address,) in kept} >= set(CONTENTS)
    assert store.get(store.put(b"new")) == b"new"
    store.append(RecordKind.WEBHOOK, actor="ann", payload={})
    assert store.verify().faults == ()


def test_everything_is_readable_during_and_after_a_rotation(state: Path) -> None:
    with opened_store("file", state) as store:
        addresses = {store.put(content): content for content in CONTENTS}
        mask, head = store.digest(b"value"), store.verify().head
        store.rotate_key("ann")
        assert store.is_rotating
        expect_whole(store)
        assert store.reseal(most=2) > 0
        expect_whole(store)
        finish(store)
        assert not store.is_rotating
        expect_whole(store)
        assert {address: store.get(address) for address in addresses} == addresses
        assert store.digest(b"value") != mask
        assert store.verify(head).faults == ()
    with opened_store("file", state) as store:
        expect_whole(store)
        (record,) = store.trail(TrailQuery(kind=RecordKind.KEY_ROTATED))
        assert record.actor == "ann"
        assert set(record.payload) == {"key", "former"}


def test_the_former_key_reads_nothing_of_what_is_kept_afterwards(state: Path) -> None:
    former = derive((state / KEY).read_bytes())
    old = blobs(state)
    assert all(opens(former, *one) for one in old.items())
    with opened_store("file", state) as store:
        store.rotate_key("ann")
        finish(store)
    new = blobs(state)
    assert new.keys() == old.keys()
    assert not any(opens(former, *one) for one in new.items())
    everything = b"".join(path.read_bytes() for path in state.glob(f"{DATABASE}*"))
    assert not [address for address, blob in old.items() if blob in everything]
    assert stat.S_IMODE((state / KEY).stat().st_mode) == 0o600
    assert not next_of(state / KEY).exists()


def test_a_rotation_killed_before_each_of_its_steps_can_be_gone_on_with(
    state: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "tests.helpers.store_worker", str(tmp_path), "rotations"]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[2], timeout=300)
    folders = sorted((f for f in tmp_path.iterdir() if f.name != "0"), key=lambda f: int(f.name))
    assert len(folders) > 40
    rotated = []
    for folder in folders:
        with opened_store("file", folder) as store:
            expect_whole(store)
            finish(store)
            expect_whole(store)
            rotated.append(len(list(store.trail(TrailQuery(kind=RecordKind.KEY_ROTATED)))))
        assert not next_of(folder / KEY).exists()
    assert (rotated[0], rotated[-1]) == (0, 1)
    assert rotated == sorted(rotated)


def test_keys_are_replaced_again_and_again(state: Path) -> None:
    for number in range(1, 4):
        with opened_store("file", state) as store:
            store.rotate_key("ann")
            finish(store)
            expect_whole(store)
        found = key_status(state)
        assert (found.standing, found.former, found.left) == ("in use", number, 0)


def test_another_rotation_waits_for_the_end_of_the_last(state: Path) -> None:
    secret = (state / KEY).read_bytes()
    with opened_store("file", state) as store:
        store.rotate_key("ann")
        with pytest.raises(ConflictError, match="is not over"):
            store.rotate_key("ann")
        assert not next_of(state / KEY).exists()
        assert key_status(state).left > 0
        finish(store)
        with pytest.raises(ConflictError, match="has or had"):
            store.rotate_key("ann", secret)
        expect_whole(store)


def test_a_former_key_is_told_from_a_wrong_one(state: Path, tmp_path: Path) -> None:
    shutil.copy(state / KEY, tmp_path / "former")
    with opened_store("file", state) as store:
        store.rotate_key("ann")
        finish(store)
    shutil.copy(tmp_path / "former", state / KEY)
    with pytest.raises(StoreError, match="this is a former key of the installation"):
        reopened(state)
    assert key_status(state).standing == "former"
    (state / KEY).write_bytes(b"x" * KEY_BYTES)
    with pytest.raises(StoreError, match="not the one that this database was made with"):
        reopened(state)
    assert key_status(state).standing == "another"
    (state / KEY).unlink()
    assert key_status(state).standing == "missing"


def test_a_changed_fact_of_a_former_key_is_told(state: Path) -> None:
    with opened_store("file", state) as store:
        store.rotate_key("ann")
    tamper(state, "UPDATE facts SET value = 'AAAA' WHERE name LIKE 'former-key:%'")
    with pytest.raises(StoreError, match="what is kept of a former key was changed"):
        reopened(state)


def test_a_trail_without_the_record_of_a_rotation_is_found(state: Path) -> None:
    checkpoint = (state / CHECKPOINT).read_bytes()
    with opened_store("file", state) as store:
        store.rotate_key("ann")
        finish(store)
    tamper(state, "DELETE FROM trail WHERE kind = 'key-rotated'")
    (state / CHECKPOINT).write_bytes(checkpoint)
    with opened_store("file", state) as store:
        (fault,) = store.verify().faults
        assert "with which the key was replaced, is missing or was changed" in fault


def test_damaged_content_does_not_stop_a_rotation(state: Path) -> None:
    tamper(state, "UPDATE content SET blob = x'00' WHERE address = (SELECT min(address)"
                  " FROM content)")  # fmt: skip
    with opened_store("file", state) as store:
        store.rotate_key("ann")
        finish(store)
        assert not store.is_rotating
        assert store.verify().faults == ()


def test_a_key_of_the_users_may_be_hex_a_link_and_readable_by_a_group(tmp_path: Path) -> None:
    given, link, state = tmp_path / "given", tmp_path / "link", tmp_path / "state"
    given.write_text("ab" * KEY_BYTES + "\n")
    given.chmod(0o440)
    link.symlink_to(given)
    store = reopened(state, link)
    address = store.put(b"content")
    store.close()
    assert not (state / KEY).exists()
    (tmp_path / "raw").write_bytes(b"\xab" * KEY_BYTES)
    (tmp_path / "raw").chmod(0o600)
    store = reopened(state, tmp_path / "raw")
    assert store.get(address) == b"content"
    store.close()


@pytest.mark.parametrize(
    ("content", "mode", "told"),
    [
        (None, 0, "cannot be read: No such file"),
        ("ab" * KEY_BYTES, 0o644, "can be read by others"),
        ("ab", 0o600, "is not 32 bytes long"),
        ("no hex", 0o600, "neither 32 bytes nor 64 hex digits"),
        ("é" * 40, 0o600, "neither 32 bytes nor 64 hex digits"),
    ],
)
def test_a_key_file_that_is_no_good_is_told_in_one_sentence(
    tmp_path: Path, content: str | None, mode: int, told: str
) -> None:
    given = tmp_path / "given"
    if content is not None:
        given.write_text(content)
        given.chmod(mode)
    with pytest.raises(StoreError, match=told):
        reopened(tmp_path / "state", given)


def test_a_key_of_the_users_is_replaced_by_another_of_theirs(tmp_path: Path) -> None:
    old, new, state = tmp_path / "old", tmp_path / "new", tmp_path / "state"
    for file, digits in ((old, "ab"), (new, "cd")):
        file.write_text(digits * KEY_BYTES)
        file.chmod(0o600)
    store = reopened(state, old)
    address = store.put(b"content")
    with pytest.raises(ConflictError, match="in a file of yours"):
        store.rotate_key("ann")
    store.rotate_key("ann", bytes.fromhex("cd" * KEY_BYTES))
    store.close()
    with pytest.raises(StoreError, match="a former key"):
        reopened(state, old)
    store = reopened(state, new)
    assert store.is_rotating
    finish(store)
    assert store.get(address) == b"content"
    assert store.verify().faults == ()
    store.close()
