"""`audit verify`: whatever is done to the trail from outside is found, and named."""

import hashlib
import hmac
import json
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gitops.errors import InputError, StoreError
from gitops.model.revision import OutcomeKind, RecordKind, RevisionState
from gitops.ports import ApplicationState, Delivery, TrailQuery, Verdict
from gitops.store.checkpoint import KEPT, Checkpoint, CheckpointFile, Head
from gitops.store.sql import CHECKPOINT, DATABASE, KEY, SqlStore
from gitops.store.verify import MOST
from gitops.wire.trail import record_to_wire
from tests.helpers.store import SteppingClock, opened_store, tamper
from tests.helpers.values import START, opened, outcome


def a_sync(store: SqlStore, name: str) -> None:
    revision = store.open_revision(opened(name))
    store.record_outcomes(revision, [outcome(name, OutcomeKind.CREATED)], [])
    store.close_revision(replace(revision, state=RevisionState.SUCCEEDED))


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Nine records: revisions blog 1, shop 1, blog 2."""
    folder = tmp_path / "state"
    with opened_store("file", folder) as store:
        for name in ("blog", "shop", "blog"):
            a_sync(store, name)
    return folder


def verdict_of(state: Path, head: str | None = None) -> Verdict:
    with opened_store("file", state) as store:
        return store.verify(head)


def faults_after(state: Path, *statements: str) -> tuple[str, ...]:
    """What is found after statements, without the store's start between: as an auditor would."""
    with opened_store("file", state) as store:
        tamper(state, *statements)
        return store.verify().faults


def test_nothing_is_found_where_nothing_was_done(state: Path) -> None:
    verdict = verdict_of(state)
    assert (verdict.records, verdict.faults) == (9, ())


@pytest.mark.parametrize(
    "change",
    [
        "at = '2026-03-01T09:30:09.000000Z'",
        "at = replace(at, 'Z', '+00:00')",
        "at = 'yesterday'",
        "kind = 'pin'",
        "kind = 'nonsense'",
        "application = NULL",
        "revision = 7",
        "revision = NULL",
        "actor = 'eve'",
        "payload = replace(payload, 'created', 'deleted')",
        "payload = '{}'",
        "payload = '[]'",
        "payload = 'not json'",
        "payload = x'00ff'",
        "previous = mac",
        "mac = previous",
        "mac = ''",
        "mac = 'é'",
    ],
)
def test_a_changed_field_of_a_record_is_found(state: Path, change: str) -> None:
    faults = faults_after(state, f"UPDATE trail SET {change} WHERE sequence = 2")
    assert "record 2 was changed" in faults


def test_only_the_changed_record_is_named(state: Path) -> None:
    faults = faults_after(state, "UPDATE trail SET actor = 'eve' WHERE sequence = 5")
    assert faults == ("record 5 was changed",)


def test_removed_records_are_found(state: Path) -> None:
    faults = faults_after(state, "DELETE FROM trail WHERE sequence IN (4, 5, 6, 8)")
    assert "records 4 to 6 are missing" in faults
    assert "record 8 is missing" in faults
    assert "revision 1 of shop is in the history, and no record is" in faults


def test_a_removed_beginning_is_found(state: Path) -> None:
    assert "record 1 is missing" in faults_after(state, "DELETE FROM trail WHERE sequence = 1")


def test_reordered_records_are_found(state: Path) -> None:
    faults = faults_after(
        state,
        "UPDATE trail SET sequence = 100 WHERE sequence = 2",
        "UPDATE trail SET sequence = 2 WHERE sequence = 5",
        "UPDATE trail SET sequence = 5 WHERE sequence = 100",
    )
    assert {"record 2 was changed", "record 5 was changed"} <= set(faults)


def test_a_closed_up_gap_is_found(state: Path) -> None:
    faults = faults_after(
        state,
        "DELETE FROM trail WHERE sequence = 7",
        "UPDATE trail SET sequence = 7 WHERE sequence = 8",
        "UPDATE trail SET sequence = 8 WHERE sequence = 9",
    )
    assert {"record 7 was changed", "record 8 was changed"} <= set(faults)


def test_a_genuine_record_in_anothers_place_does_not_follow(state: Path) -> None:
    """A link of an older copy of the same trail has a good mac, and another past."""
    with sqlite3.connect(state / DATABASE) as connection:
        connection.execute("VACUUM INTO ?", (str(state / "old.db"),))
    connection.close()
    with opened_store("file", state) as store:
        store.append(RecordKind.PIN, actor="ann", payload={})
        store.append(RecordKind.PIN, actor="ann", payload={})
    other = state.parent / "other"
    other.mkdir(mode=0o700)
    (state / "old.db").rename(other / DATABASE)
    (other / KEY).write_bytes((state / KEY).read_bytes())
    (other / KEY).chmod(0o600)
    with opened_store("file", other) as store:
        store.append(RecordKind.REFUSED, actor="bob", payload={})
    faults = faults_after(
        state,
        "DELETE FROM trail WHERE sequence = 10",
        f"ATTACH '{other / DATABASE}' AS other",
        "INSERT INTO trail SELECT * FROM other.trail WHERE sequence = 10",
    )
    assert "record 11 does not follow record 10" in faults


def test_a_cut_end_is_found_by_the_checkpoint(state: Path) -> None:
    faults = faults_after(
        state,
        "DELETE FROM trail WHERE sequence > 6",
        "DELETE FROM trail_marks WHERE sequence > 6",
        "DELETE FROM revisions WHERE application = 'blog' AND number = 2",
    )
    assert faults == ("records 7 to 9 are missing at the end, of which the checkpoint tells",)


CUT = (
    "DELETE FROM trail WHERE sequence > 6",
    "DELETE FROM trail_marks WHERE sequence > 6",
    "DELETE FROM revisions WHERE application = 'blog' AND number = 2",
)


def test_a_cut_end_is_found_after_a_restart_and_more_records(state: Path) -> None:
    tamper(state, *CUT)
    with opened_store("file", state) as store:
        for name in ("blog", "blog"):
            a_sync(store, name)
    assert any("record 9 was cut or changed" in fault for fault in verdict_of(state).faults)


def test_a_cut_end_is_found_after_more_records_without_a_restart(state: Path) -> None:
    with opened_store("file", state) as store:
        tamper(state, *CUT)
        a_sync(store, "blog")
        assert any("record 9 was cut or changed" in fault for fault in store.verify().faults)


def test_a_new_database_beside_an_old_checkpoint_is_found(state: Path) -> None:
    for path in state.glob(f"{DATABASE}*"):
        path.unlink()
    assert any("record 9 was cut or changed" in fault for fault in verdict_of(state).faults)


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda path: path.unlink(), "is missing"),
        (lambda path: path.write_text("{}"), "was changed"),
        (lambda path: path.write_text("[]"), "was changed"),
        (lambda path: path.write_bytes(b"\xff"), "was changed"),
        (lambda path: (path.unlink(), path.mkdir()), "cannot be read"),
        (lambda path: path.write_text(path.read_text().replace('"sequence":9', '"sequence":6')),
         "was changed"),
    ],
    ids=["missing", "emptied", "other", "binary", "folder", "forged"],
)  # fmt: skip
def test_a_harmed_checkpoint_is_found_now_and_after_a_restart(
    state: Path, harm: Callable[[Path], object], message: str
) -> None:
    with opened_store("file", state) as store:
        harm(state / CHECKPOINT)
        assert any(message in fault for fault in store.verify().faults)
    assert any(message in fault for fault in verdict_of(state).faults)


def test_a_checkpoint_that_lies_behind_after_a_crash_is_no_fault(state: Path) -> None:
    old = (state / CHECKPOINT).read_bytes()
    with opened_store("file", state) as store:
        a_sync(store, "shop")
    (state / CHECKPOINT).write_bytes(old)
    assert verdict_of(state).faults == ()


def test_a_checkpoint_of_another_trail_is_found(state: Path) -> None:
    with opened_store("file", state) as store:
        mac = next(iter(store.trail(TrailQuery(newest=False)))).mac
        key = store.keys.trail
        CheckpointFile(state / CHECKPOINT, key).write(Checkpoint(Head(9, mac)))
        assert store.verify().faults == ("record 9 is not the one of which the checkpoint tells",)


def test_a_head_that_was_written_down_is_compared(state: Path) -> None:
    head = verdict_of(state).head
    with opened_store("file", state) as store:
        a_sync(store, "shop")
        assert store.verify(head).faults == ()
        assert store.verify(head.upper()).faults == ()
        assert store.verify(f"9:{'0' * 64}").faults == (
            "record 9 is not the one of which the head given tells",
        )
        assert store.verify(f"14:{'0' * 64}").faults == (
            "records 13 to 14 are missing at the end, of which the head given tells",
        )


@pytest.mark.parametrize("head", ["", "9", "x", f"9:{'0' * 63}", f"-1:{'0' * 64}", f"²:{'0' * 64}"])
def test_a_head_that_cannot_be_read_is_an_error(state: Path, head: str) -> None:
    with pytest.raises(InputError, match="is not a head of the trail"):
        verdict_of(state, head)


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        (
            "UPDATE revisions SET state = 'failed', repeats = 2 WHERE application = 'shop'",
            "revision 1 of shop differs from what the trail tells: repeats, state",
        ),
        (
            "UPDATE revisions SET started_at = 'x', summary = 'y' WHERE application = 'shop'",
            "revision 1 of shop differs from what the trail tells: started_at, summary",
        ),
        (
            "DELETE FROM revisions WHERE application = 'shop'",
            "revision 1 of shop is missing from the history, and record 4 opened it",
        ),
        (
            "UPDATE revisions SET number = 7 WHERE application = 'shop'",
            "revision 7 of shop is in the history, and no record is",
        ),
        (
            "UPDATE trail_marks SET outcome = 'deleted' WHERE sequence = 2",
            "the search index of record 2 was changed",
        ),
        (
            "DELETE FROM trail_marks WHERE sequence = 2",
            "the search index of record 2 was changed",
        ),
        (
            "INSERT INTO trail_marks VALUES (1, 0, 'Pod a/b', '', 'failed')",
            "the search index of record 1 was changed",
        ),
    ],
)
def test_a_projection_that_disagrees_is_found(state: Path, statement: str, fault: str) -> None:
    assert fault in faults_after(state, statement)


def test_marks_of_a_record_that_is_gone_confuse_no_other(state: Path) -> None:
    faults = faults_after(state, "DELETE FROM trail WHERE sequence = 5")
    assert not any("search index" in fault for fault in faults)


def test_a_number_that_was_skipped_is_found(state: Path) -> None:
    faults = faults_after(
        state,
        "UPDATE trail SET revision = 3 WHERE application = 'blog' AND revision = 2",
    )
    assert "revision 3 of blog follows number 1" in faults


def test_a_revision_whose_records_cannot_be_read_is_named(state: Path) -> None:
    faults = faults_after(state, "UPDATE trail SET payload = 'x' WHERE sequence = 4")
    assert "revision 1 of shop cannot be told from its records, of which one was changed" in faults
    with opened_store("file", state) as store, pytest.raises(StoreError) as raised:
        store.revision("shop", 1)
    assert raised.value.reason == "touched"


def test_a_trail_that_cannot_be_read_says_so_when_listed(state: Path) -> None:
    tamper(state, "UPDATE trail SET kind = 'x' WHERE sequence = 4")
    with opened_store("file", state) as store, pytest.raises(StoreError, match="audit verify"):
        list(store.trail(TrailQuery()))


READS: dict[str, Callable[[SqlStore], object]] = {
    "history": lambda store: store.revisions("blog"),
    "show": lambda store: store.revision("blog", 1),
    "states": lambda store: store.states(),
    "state": lambda store: store.state("blog"),
    "save": lambda store: store.save_state(ApplicationState("blog", digest="d")),
    "close": lambda store: store.close_revision(opened("blog", number=1)),
    "deliveries": lambda store: store.deliveries(),
}


@pytest.mark.parametrize("name", READS)
def test_values_that_cannot_be_read_are_an_error_and_no_traceback(state: Path, name: str) -> None:
    with opened_store("file", state) as store:
        store.save_state(ApplicationState("blog"))
        store.deliver(Delivery("1", "p", "r", "f", "a", "a", "e", START))
        tamper(
            state,
            "UPDATE revisions SET started_at = x'00', state = 'nonsense'",
            "UPDATE applications SET state = '{}'",
            "UPDATE deliveries SET received_at = 'yesterday'",
        )
        if name == "close":
            tamper(state, "UPDATE revisions SET state = 'running'", "UPDATE trail SET at = 'x'")
        with pytest.raises(StoreError, match="a value that gitops did not write") as raised:
            READS[name](store)
        assert raised.value.reason == "touched"


def test_the_faults_named_are_bounded_and_the_rest_counted(state: Path) -> None:
    with opened_store("file", state) as store:
        with store.recording() as recorder:
            for _ in range(MOST + 20):
                recorder.append(RecordKind.WEBHOOK, {}, actor="ann")
        tamper(state, "UPDATE trail SET actor = 'eve' WHERE sequence > 9")
        faults = store.verify().faults
    assert len(faults) == MOST + 1
    assert faults[-1] == "and 20 more faults"


def test_the_database_itself_refuses_to_change_the_trail(state: Path) -> None:
    connection = sqlite3.connect(state / DATABASE)
    for statement in ("DELETE FROM trail", "UPDATE trail SET actor = 'eve'"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(statement)
    connection.close()


def test_a_checkpoint_carries_a_bounded_number_of_findings() -> None:
    checkpoint = Checkpoint()
    for number in range(KEPT + 5):
        checkpoint = checkpoint.finding(str(number))
    assert checkpoint.findings == tuple(str(number) for number in range(KEPT))


def test_an_exported_line_can_be_checked_by_anyone_who_has_the_key(state: Path) -> None:
    """What `docs/reference/json.md` promises, with nothing of ours but the derived key."""
    with opened_store("file", state) as store:
        key = store.keys.trail
        lines = [json.dumps(record_to_wire(r)) for r in store.trail(TrailQuery(newest=False))]
    previous = "0" * 64
    for line in lines:
        value = json.loads(line)
        mac = value.pop("mac")
        text = json.dumps(value, sort_keys=True, separators=(",", ":"))
        assert hmac.new(key, text.encode(), hashlib.sha256).hexdigest() == mac
        assert value["previous"] == previous
        previous = mac


def test_a_clock_is_not_needed_to_verify(state: Path) -> None:
    store = SqlStore.at(state, SteppingClock())
    before = store.clock.now()
    store.verify()
    assert (store.clock.now() - before).total_seconds() == 1
    store.close()
