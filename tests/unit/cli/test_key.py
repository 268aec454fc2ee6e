"""`gitops key`: what is said of the key, and who replaced it."""

import json

import pytest

from gitops.cli.main import run
from tests.helpers.store import opened_store


@pytest.fixture
def state(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with opened_store("file", tmp_path / "state") as store:
        store.put(b"content")
    return tmp_path / "state"


def answer(capsys, *arguments):
    code = run(["key", *arguments, "-o", "json"])
    return code, json.loads(capsys.readouterr().out)


def test_the_key_in_use_is_told_and_replaced(state, capsys):
    code, before = answer(capsys, "status", "--state-dir", str(state))
    assert code == 0
    assert (before["standing"], before["formerKeys"], before["rotatedAt"]) == ("in use", 0, None)
    assert before["file"] == str(state / "installation.key")
    code, after = answer(capsys, "rotate", "--state-dir", str(state))
    assert code == 0
    assert after["fingerprint"] != before["fingerprint"]
    assert (after["standing"], after["formerKeys"], after["leftToReEncrypt"]) == ("in use", 1, 0)
    assert after["rotatedBy"]
    assert run(["key", "status", "--state-dir", str(state)]) == 0
    assert "former keys: 1" in capsys.readouterr().out


def test_a_key_file_is_replaced_by_the_one_that_is_given(tmp_path, monkeypatch, capsys):
    old, new = tmp_path / "old", tmp_path / "new"
    for file, digits in ((old, "ab"), (new, "cd")):
        file.write_text(digits * 32)
        file.chmod(0o600)
    monkeypatch.setenv("GITOPS_KEY_FILE", str(old))
    monkeypatch.setenv("GITOPS_STATE_DIR", str(tmp_path / "state"))
    assert run(["key", "rotate"]) == 1
    assert "there is no installation in this state directory" in capsys.readouterr().err
    with opened_store("file", tmp_path / "state", key_file=old) as store:
        store.put(b"content")
    assert run(["key", "rotate"]) == 1
    assert "--new-key-file" in capsys.readouterr().err
    assert run(["key", "rotate", "--new-key-file", str(new)]) == 0
    assert f"put it in the place of {old}" in capsys.readouterr().out
    code, found = answer(capsys, "status")
    assert (code, found["standing"]) == (1, "former")


def test_a_key_that_others_may_read_and_a_state_directory_in_use_are_refused(state, capsys):
    with opened_store("file", state):
        assert run(["key", "rotate", "--state-dir", str(state)]) == 1
        assert "uses this state directory" in capsys.readouterr().err
        assert run(["key", "status", "--state-dir", str(state)]) == 0
    (state / "installation.key").chmod(0o644)
    assert run(["key", "status", "--state-dir", str(state)]) == 1
    assert "can be read by others (mode 0644)" in capsys.readouterr().err
