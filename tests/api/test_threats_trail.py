"""`gitops audit verify` after somebody changed the database: what is told, and where."""

import json

import pytest

from gitops.model.revision import RecordKind
from tests.helpers.commands import commands
from tests.helpers.http import serve_api
from tests.helpers.service import World
from tests.helpers.store import tamper

RECORDS = 9

TOUCHED = {
    "changed": (
        ("UPDATE trail SET actor = 'eve' WHERE sequence = 4",),
        "record 4 was changed",
    ),
    "emptied": (
        ("UPDATE trail SET payload = '{}' WHERE sequence = 4",),
        "record 4 was changed",
    ),
    "unreadable": (
        ("UPDATE trail SET payload = '\x1b[2J{' WHERE sequence = 4",),
        "record 4 was changed",
    ),
    "removed": (
        ("DELETE FROM trail WHERE sequence IN (4, 5)",),
        "records 4 to 5 are missing",
    ),
    "reordered": (
        (
            "UPDATE trail SET sequence = 100 WHERE sequence = 4",
            "UPDATE trail SET sequence = 4 WHERE sequence = 5",
            "UPDATE trail SET sequence = 5 WHERE sequence = 100",
        ),
        "record 5 was changed",
    ),
    "added": (
        (
            "CREATE TEMP TABLE one AS SELECT * FROM trail WHERE sequence = 9",
            "UPDATE one SET sequence = 10",
            "INSERT INTO trail SELECT * FROM one",
        ),
        "record 10 was changed",
    ),
    "cut": (
        ("DELETE FROM trail WHERE sequence > 7",),
        "records 8 to 9 are missing at the end, of which the checkpoint tells",
    ),
}


@pytest.mark.parametrize("how", TOUCHED)
def test_what_was_done_to_the_trail_is_told_with_its_place(
    quiet: World, how: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = quiet.service.edges.store
    for number in range(RECORDS - 1):  # the settings are the first record
        store.append(RecordKind.WEBHOOK, actor="ann", payload={"number": number})
    with serve_api(quiet) as api:
        gitops = commands(api.url, monkeypatch, capsys)
        good = gitops("audit", "verify")
        assert (good.code, f"{RECORDS} records: untouched" in good.out) == (0, True)
        head = gitops("audit", "verify", "-o", "json").json()["head"]
        statements, sentence = TOUCHED[how]
        tamper(quiet.settings.state_dir, *statements)
        told = gitops("audit", "verify")
        assert told.code == 1
        assert f"fault: {sentence}\n" in told.out
        assert "untouched" not in told.out
        assert sentence in gitops("audit", "verify", "-o", "json").json()["faults"]
        assert gitops("audit", "verify", "--head", head).code == 1
        # what can still be read is listed, and what cannot is one sentence
        for arguments in (("audit", "list"), ("audit", "export")):
            ran = gitops(*arguments)
            assert ran.code in (0, 1)
            assert "Traceback" not in ran.err
            assert "\x1b" not in ran.out + ran.err


def test_a_cut_that_the_checkpoint_was_cut_with_is_told_by_a_head(
    quiet: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = quiet.settings.state_dir
    store = quiet.service.edges.store
    store.append(RecordKind.WEBHOOK, actor="ann", payload={})
    older = (folder / "trail.checkpoint").read_bytes()
    store.append(RecordKind.WEBHOOK, actor="ann", payload={})
    with serve_api(quiet) as api:
        gitops = commands(api.url, monkeypatch, capsys)
        head = json.loads(gitops("audit", "verify", "-o", "json").out)["head"]
        newest = int(head.partition(":")[0])
        tamper(folder, f"DELETE FROM trail WHERE sequence = {newest}")
        (folder / "trail.checkpoint").write_bytes(older)
        assert gitops("audit", "verify").code == 0
        told = gitops("audit", "verify", "--head", head)
    assert told.code == 1
    assert f"record {newest} is missing at the end, of which the head given tells" in told.out
