"""How a store starts: key, lock, schema, checkpoint, and what it says where one is not right."""

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from gitops.errors import SettingsError, StoreError
from gitops.model.revision import RecordKind
from gitops.ports import TrailQuery
from gitops.store.database import Limits
from gitops.store.schema import metadata
from gitops.store.sql import CHECKPOINT, DATABASE, KEY, LOCK, SqlStore
from gitops.store.upgrade import as_alchemy
from tests.helpers.store import SteppingClock, opened_store, tamper
from tests.helpers.values import opened


def reopened(state: Path) -> SqlStore:
    return SqlStore.at(state, SteppingClock())


def refusal(state: Path) -> StoreError:
    with pytest.raises(StoreError) as raised:
        reopened(state)
    return raised.value


def append(store: SqlStore) -> None:
    store.append(RecordKind.WEBHOOK, actor="ann", payload={})


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state directory with a trail of three records, closed."""
    folder = tmp_path / "state"
    with opened_store("file", folder) as store:
        for _ in range(3):
            append(store)
        store.put(b"manifest")
    return folder


def test_everything_in_a_state_directory_is_for_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "state"
    with opened_store("file", folder) as store:
        append(store)
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert modes.keys() >= {DATABASE, f"{DATABASE}-wal", KEY, CHECKPOINT, LOCK}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_everything_is_there_after_a_restart(state: Path) -> None:
    with opened_store("file", state) as store:
        address, installation = store.put(b"manifest"), store.installation
        assert store.writes == 0
    with opened_store("file", state) as store:
        assert store.installation == installation
        assert store.get(address) == b"manifest"
        assert (store.verify().records, store.verify().faults) == (3, ())


def test_a_path_may_hold_any_character(tmp_path: Path) -> None:
    with opened_store("file", tmp_path / "a %41?b=c #d") as store:
        append(store)
        assert (tmp_path / "a %41?b=c #d" / DATABASE).exists()


def test_the_key_is_made_once_and_has_32_bytes(state: Path) -> None:
    before = (state / KEY).read_bytes()
    reopened(state).close()
    assert (state / KEY).read_bytes() == before
    assert len(before) == 32


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o700 | 0o010])
def test_a_key_that_others_can_read_is_refused(state: Path, mode: int) -> None:
    (state / KEY).chmod(mode)
    error = refusal(state)
    assert error.reason == "key-open"
    assert f"(mode {mode:04o})" in str(error)
    assert f"chmod 600 {state / KEY}" in str(error)


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 33], ids=["empty", "short", "long"])
def test_a_key_of_another_length_is_refused(state: Path, content: bytes) -> None:
    (state / KEY).write_bytes(content)
    assert "not 32 bytes" in str(refusal(state))


def test_a_key_that_is_a_link_or_a_folder_is_refused(state: Path) -> None:
    (state / KEY).rename(state / "elsewhere")
    (state / KEY).symlink_to(state / "elsewhere")
    assert "cannot be read" in str(refusal(state))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_key_of_another_user_is_refused(state: Path) -> None:
    os.chown(state / KEY, 65534, -1)
    error = refusal(state)
    assert error.reason == "key-open"
    assert error.message == "the installation's key belongs to another user (uid 65534)"


@pytest.mark.parametrize("name", [DATABASE, LOCK])
def test_a_file_that_is_a_link_is_refused_and_what_it_leads_to_is_left_alone(
    state: Path, name: str
) -> None:
    target = state.parent / "target"
    target.write_text("of somebody else")
    (state / name).unlink()
    (state / name).symlink_to(target)
    error = refusal(state)
    assert error.where == str(state / name)
    assert "symbolic link" in error.message
    assert target.read_text() == "of somebody else"


def test_a_checkpoint_that_is_a_link_is_replaced_and_not_followed(state: Path) -> None:
    target = state.parent / "target"
    target.write_text("of somebody else")
    (state / CHECKPOINT).unlink()
    (state / CHECKPOINT).symlink_to(target)
    with opened_store("file", state) as store:
        append(store)
        assert "the checkpoint trail.checkpoint was changed" in store.verify().faults[0]
    assert target.read_text() == "of somebody else"
    assert not (state / CHECKPOINT).is_symlink()


def test_a_linked_state_directory_is_the_one_that_it_leads_to(state: Path) -> None:
    link = state.parent / "link"
    link.symlink_to(state)
    with opened_store("file", link) as store:
        assert (store.verify().records, store.verify().faults) == (3, ())
        assert refusal(state).reason == "busy"


def test_a_state_directory_that_everybody_can_write_is_refused(state: Path) -> None:
    state.chmod(0o777)
    error = refusal(state)
    assert error.message == "everybody can write the state directory (mode 0777)"
    assert f"chmod 700 {state}" in str(error)


def test_a_database_that_others_could_read_is_closed_to_them(state: Path) -> None:
    (state / DATABASE).chmod(0o664)
    reopened(state).close()
    assert stat.S_IMODE((state / DATABASE).stat().st_mode) == 0o600


def test_the_key_of_another_installation_is_refused(state: Path) -> None:
    (state / KEY).write_bytes(os.urandom(32))
    assert "not the one that this database was made with" in str(refusal(state))


def test_without_its_key_a_store_opens_and_says_what_it_cannot_do(state: Path) -> None:
    (state / KEY).unlink()
    with opened_store("file", state) as store:
        assert len(list(store.trail(TrailQuery()))) == 3
        assert store.state("blog").name == "blog"
        assert store.registered() == {}
        for call in (
            store.verify,
            lambda: store.put(b"x"),
            lambda: store.get("0" * 64),
            lambda: store.digest(b"x"),
            lambda: append(store),
            lambda: store.open_revision(opened()),
        ):
            with pytest.raises(StoreError, match=r"key is missing.*restore installation\.key") as e:
                call()
            assert e.value.reason == "key-missing"
    assert not (state / KEY).exists()


def test_a_second_process_is_refused_with_the_number_of_the_first(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    with opened_store("file", folder) as store:
        error = refusal(folder)
        assert error.reason == "busy"
        assert str(error).startswith(f"{folder}: process {os.getpid()} of gitops uses")
        append(store)
    reopened(folder).close()


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    script = (
        "import sys, pathlib; from gitops.store.lock import StateLock;"
        "lock = StateLock(pathlib.Path(sys.argv[1])); print('held', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(folder / LOCK)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"held\n"
        assert refusal(folder).reason == "busy"
        process.kill()
        process.wait()
    reopened(folder).close()


def test_a_state_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert refusal(tmp_path / "file" / "state").reason == "unwritable"


def test_closing_leaves_one_file_and_closing_twice_is_closing_once(state: Path) -> None:
    store = reopened(state)
    append(store)
    store.close()
    store.close()
    assert {path.name for path in state.iterdir()} == {DATABASE, KEY, CHECKPOINT, LOCK}


def test_a_failed_start_gives_the_lock_back(state: Path) -> None:
    (state / KEY).chmod(0o644)
    refusal(state)
    (state / KEY).chmod(0o600)
    reopened(state).close()


def test_the_migrations_make_what_the_code_expects() -> None:
    store = SqlStore.memory(SteppingClock())
    with store.database.read() as connection:
        found = compare_metadata(MigrationContext.configure(as_alchemy(connection)), metadata)
    store.close()
    assert found == []


def test_revisions_of_a_database_from_before_live_copies_are_read(state: Path) -> None:
    with opened_store("file", state) as store:
        store.open_revision(opened("blog"))
    tamper(
        state,
        "ALTER TABLE revisions DROP COLUMN live",
        "ALTER TABLE revisions DROP COLUMN selection",
        "UPDATE alembic_version SET version_num = '0001'",
    )
    with opened_store("file", state) as store:
        assert [(r.number, r.live) for r in store.revisions("blog")] == [(1, None)]


def test_revisions_of_a_database_from_before_selections_are_read_and_verified(
    state: Path,
) -> None:
    with opened_store("file", state) as store:
        store.open_revision(opened("blog"))
    tamper(
        state,
        "ALTER TABLE revisions DROP COLUMN selection",
        "UPDATE alembic_version SET version_num = '0002'",
    )
    with opened_store("file", state) as store:
        assert [(r.number, r.selection) for r in store.revisions("blog")] == [(1, None)]
        assert store.verify().faults == ()


def test_a_database_of_a_newer_gitops_is_refused(state: Path) -> None:
    tamper(state, "UPDATE alembic_version SET version_num = '9999'")
    error = refusal(state)
    assert error.reason == "newer-schema"
    assert "newer gitops (schema 9999)" in str(error)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / DATABASE).write_bytes(b"not a database, but long enough to be read as one" * 100)
    error = refusal(folder)
    assert error.reason == "touched"
    assert "damaged, or is not a database" in str(error)


def test_a_database_without_its_facts_is_refused(state: Path) -> None:
    tamper(state, "DELETE FROM facts")
    assert refusal(state).reason == "touched"


def test_a_database_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    (folder / DATABASE).mkdir(parents=True)
    assert refusal(folder).reason == "unwritable"


@pytest.mark.parametrize(
    ("url", "message"),
    [("postgresql://db/x", "'postgresql' are not supported"), ("nonsense", "cannot be read")],
)
def test_a_url_that_cannot_be_used_is_refused(tmp_path: Path, url: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        SqlStore(url, tmp_path, SteppingClock())


def test_a_database_may_lie_elsewhere(tmp_path: Path) -> None:
    place = tmp_path / "elsewhere.db"
    SqlStore(f"sqlite:///{place}", tmp_path / "state", SteppingClock()).close()
    assert place.exists()


def test_another_programs_lock_is_waited_for_and_then_named(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    patience = Limits(busy_timeout=Limits().busy_timeout / 100)
    store = SqlStore.at(folder, SteppingClock(), limits=patience)
    other = sqlite3.connect(folder / DATABASE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked by another program") as raised:
        append(store)
    assert raised.value.reason == "busy"
    other.execute("ROLLBACK")
    other.close()
    append(store)
    assert store.verify().faults == ()
    store.close()


def test_alembic_is_loaded_where_there_is_something_to_migrate_and_nowhere_else(
    state: Path, tmp_path: Path
) -> None:
    code = """
import sys
from pathlib import Path
from gitops.store.sql import SqlStore
from tests.helpers.store import SteppingClock
SqlStore.at(Path(sys.argv[1]), SteppingClock()).close()
print("alembic" in sys.modules)
"""

    def loads(folder: Path) -> str:
        command = [sys.executable, "-c", code, str(folder)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    assert loads(tmp_path / "new") == "True"
    assert loads(tmp_path / "new") == "False"
    assert loads(state) == "False"
