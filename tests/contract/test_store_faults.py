"""The store when the disk is full, when the process is killed, and what its errors may not show."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from gitops.errors import StoreError
from gitops.model.revision import RecordKind, RevisionState
from gitops.ports import ApplicationState
from gitops.store.database import Limits
from gitops.store.faults import MEANINGS, UNKNOWN, meaning_of
from gitops.store.sql import CHECKPOINT, DATABASE, KEY, LOCK, SqlStore
from tests.conftest import ROOT
from tests.helpers.store import SteppingClock, opened_store
from tests.helpers.values import opened, outcome

WORKER = [sys.executable, "-m", "tests.helpers.store_worker"]
KILLS = 12


@contextmanager
def worker(state: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*WORKER, str(state), *arguments],
        cwd=ROOT.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def killed_after(state: Path, steps: int) -> list[str]:
    """Kill a worker once it announced so many transactions; everything that it announced."""
    with worker(state, "loop") as process:
        assert process.stdout
        said = [process.stdout.readline() for _ in range(steps)]
        process.send_signal(signal.SIGKILL)
        process.wait()
        return [*said, *process.stdout.read().splitlines()]


def check_and_recover(store: SqlStore) -> None:
    """What a start does after a crash: close what was left open; then all is whole."""
    assert store.verify().faults == ()
    for left in store.open_revisions():
        store.close_revision(replace(left, state=RevisionState.INTERRUPTED))
    for name in ("blog", "shop"):
        history = store.revisions(name)
        assert [r.number for r in history] == list(range(len(history), 0, -1))
        assert all(store.get(r.manifests or "") == name.encode() for r in history)
    assert store.verify().faults == ()


def check_announced(store: SqlStore, line: str) -> None:
    """What was announced was committed before, so that it is there."""
    word, name, number = line.split()
    revision = store.revision(name, int(number))
    assert (revision.state is RevisionState.SUCCEEDED) or word != "closed"
    assert (len(revision.outcomes) == 1) or word not in {"recorded", "closed"}
    assert [claim.application for claim in store.claims(name)] == [name] or word == "opened"


def test_a_process_killed_at_any_moment_leaves_a_whole_trail_and_what_it_announced(
    tmp_path: Path,
) -> None:
    state = tmp_path / "state"
    for steps in range(1, KILLS + 1):
        said = killed_after(state, steps)
        with opened_store("file", state) as store:
            for line in said:
                check_announced(store, line)
            check_and_recover(store)
    with opened_store("file", state) as store:
        assert len(store.revisions("blog")) >= KILLS


def test_a_first_start_and_sync_killed_before_each_of_their_steps_can_be_gone_on_with(
    tmp_path: Path,
) -> None:
    with worker(tmp_path, "steps") as process:
        _, errors = process.communicate(timeout=300)
        assert (process.returncode, errors) == (0, "")
    folders = sorted(tmp_path.iterdir())
    assert len(folders) > 100
    for folder in folders:
        with opened_store("file", folder) as store:
            check_and_recover(store)
            store.append(RecordKind.WEBHOOK, actor="ann", payload={})
            assert store.verify().faults == ()
        names = {path.name for path in folder.iterdir()}
        assert names == {DATABASE, KEY, CHECKPOINT, LOCK}


def test_files_that_may_not_grow_are_a_full_disk_and_nothing_is_half_written(
    tmp_path: Path,
) -> None:
    with worker(tmp_path / "state", "full") as process:
        _, errors = process.communicate(timeout=120)
    result = json.loads(errors.splitlines()[-1])
    assert result["reason"] == "full"
    assert "the database cannot grow" in result["text"]
    assert result["faults"] == []


def test_a_full_database_keeps_what_it_has_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    state = tmp_path / "state"
    store = SqlStore.at(state, SteppingClock(), limits=Limits(max_pages=80))
    revision = store.open_revision(opened())
    wanted = 0
    with pytest.raises(StoreError) as raised:  # noqa: PT012 - which write is the first to fail is SQLite's affair
        while True:
            wanted += 1
            store.append(
                RecordKind.SETTINGS,
                actor="ann",
                payload={"x": "y" * 2000},
                state=ApplicationState("blog", supersedes=wanted),
            )
    assert raised.value.reason == "full"
    assert str(state) in str(raised.value)
    assert store.state("blog").supersedes == wanted - 1
    verdict = store.verify()
    assert (verdict.records, verdict.faults) == (wanted, ())
    store.close()
    with opened_store("file", state) as roomy:
        roomy.record_outcomes(revision, [outcome()], [])
        roomy.close_revision(replace(revision, state=RevisionState.SUCCEEDED))
        assert roomy.verify().faults == ()


def test_a_checkpoint_that_cannot_be_written_does_not_undo_the_record(
    tmp_path: Path,
) -> None:
    state = tmp_path / "state"
    with opened_store("file", state) as store:
        checkpoint = state / "trail.checkpoint"
        checkpoint.unlink()
        checkpoint.mkdir()
        (checkpoint / "in the way").touch()
        with capture_logs() as logs:
            record = store.append(RecordKind.WEBHOOK, actor="ann", payload={})
        assert record.sequence == 1
        assert [entry["event"] for entry in logs] == ["checkpoint not written"]
        (checkpoint / "in the way").unlink()
        checkpoint.rmdir()
        store.append(RecordKind.WEBHOOK, actor="ann", payload={})
        assert store.verify().faults == ()
        assert sorted(p.name for p in state.iterdir() if "checkpoint" in p.name) == [
            "trail.checkpoint"
        ]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("SQLITE_FULL", "full"),
        ("SQLITE_IOERR_WRITE", "full"),
        ("SQLITE_IOERR_READ", "touched"),
        ("SQLITE_BUSY_SNAPSHOT", "busy"),
        ("SQLITE_CORRUPT_VTAB", "touched"),
        ("SQLITE_READONLY_DBMOVED", "unwritable"),
        ("", "failed"),
        ("SQLITE_MISUSE", "failed"),
    ],
)
def test_each_code_of_sqlite_has_a_meaning(code: str, reason: str) -> None:
    assert meaning_of(code).reason == reason


def test_every_meaning_says_what_to_do() -> None:
    for meaning in (*MEANINGS.values(), UNKNOWN):
        assert meaning.message
        assert meaning.remedy


def test_an_error_shows_no_statement_and_no_value() -> None:
    store = SqlStore.memory(SteppingClock())
    with pytest.raises(StoreError) as raised, store.database.write() as connection:
        connection.execute(text("INSERT INTO nowhere VALUES ('hunter2')"))
    assert "hunter2" not in str(raised.value)
    assert "INSERT" not in str(raised.value)
    store.close()


def test_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    with opened_store("file", tmp_path / "state") as store:
        with pytest.raises(ValueError, match="JSON"):
            store.append(
                RecordKind.SETTINGS,
                actor="ann",
                payload={"x": float("nan")},
                state=ApplicationState("blog", suspended=True),
            )
        assert store.states() == {}
        assert store.append(RecordKind.SETTINGS, actor="ann", payload={}).sequence == 1
        assert store.verify().faults == ()
