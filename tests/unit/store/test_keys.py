"""The key's file and the keys derived from it."""

from pathlib import Path

import pytest

from gitops.errors import StoreError
from gitops.store.keys import derive, draft_of, make_key, read_key, same, write_private


def test_each_purpose_has_its_own_key() -> None:
    keys = derive(b"s" * 32)
    secrets = {keys.encryption, keys.address, keys.trail, keys.mask}
    assert len(secrets) == 4
    assert {len(secret) for secret in secrets} == {32}
    assert derive(b"s" * 32) == keys
    assert derive(b"t" * 32).fingerprint != keys.fingerprint


def test_keys_do_not_show_themselves() -> None:
    keys = derive(b"s" * 32)
    assert repr(keys) == f"Keys(fingerprint={keys.fingerprint!r})"


def test_a_key_is_never_made_over_another(tmp_path: Path) -> None:
    first = make_key(tmp_path / "key")
    with pytest.raises(StoreError, match="cannot be made: File exists"):
        make_key(tmp_path / "key")
    assert read_key(tmp_path / "key") == first


def test_a_key_without_a_folder_cannot_be_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be made") as raised:
        make_key(tmp_path / "nowhere" / "key")
    assert raised.value.reason == "unwritable"


def test_a_draft_left_behind_is_replaced(tmp_path: Path) -> None:
    draft_of(tmp_path / "key").write_bytes(b"half")
    secret = make_key(tmp_path / "key")
    assert read_key(tmp_path / "key") == secret
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_no_key_is_none(tmp_path: Path) -> None:
    assert read_key(tmp_path / "key") is None


def test_a_file_that_cannot_be_written_whole_is_not_left_in_part(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        write_private(tmp_path / "file", "text")  # type: ignore[arg-type] - any failure will do
    write_private(tmp_path / "file", b"whole")
    assert (tmp_path / "file").read_bytes() == b"whole"


def test_macs_are_compared_whatever_they_hold() -> None:
    assert same("é", "é")
    assert not same("\ud800", "")
