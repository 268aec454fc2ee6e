"""Private folders: gone with their block, or swept once their process has ended by any cause."""

import contextlib
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gitops.scratch import private_folder, sweep

KEPT = """
import sys, time
from pathlib import Path
from gitops.scratch import private_folder
with private_folder("x-", Path(sys.argv[1])) as folder:
    (folder / "secret").write_text("s3cret")
    print(folder, flush=True)
    sys.stdin.read()
"""


def test_it_is_private_and_goes_on_every_path(tmp_path: Path) -> None:
    home = tmp_path / "made" / "home"
    with private_folder("x-", home) as folder:
        assert folder.parent == home
        assert (folder.stat().st_mode & 0o777, home.stat().st_mode & 0o777) == (0o700, 0o700)
        (folder / "file").touch()
    assert list(home.iterdir()) == []
    with contextlib.suppress(RuntimeError), private_folder("x-", home):
        raise RuntimeError
    assert list(home.iterdir()) == []


def test_it_lies_in_the_systems_folder_by_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "x-left").mkdir()
    sweep("x-")
    with private_folder("x-") as folder:
        assert list(tmp_path.iterdir()) == [folder]


def test_what_a_killed_process_left_is_swept_and_what_is_in_use_is_not(tmp_path: Path) -> None:
    words = [sys.executable, "-c", KEPT, str(tmp_path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().decode().strip())
        sweep("x-", tmp_path)
        assert (folder / "secret").read_text() == "s3cret"
        process.kill()
        process.wait()
    assert folder.exists()
    sweep("x-", tmp_path)
    assert not folder.exists()


def test_what_runs_in_this_process_is_in_use_too(tmp_path: Path) -> None:
    with private_folder("x-", tmp_path) as folder:
        sweep("x-", tmp_path)
        assert folder.exists()


def test_only_folders_of_that_name_are_swept(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "x-file").touch()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "kept").touch()
    (tmp_path / "x-link").symlink_to(tmp_path / "elsewhere")
    sweep("x-", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "elsewhere",
        "other",
        "x-file",
        "x-link",
    ]
    assert (tmp_path / "elsewhere" / "kept").exists()
    sweep("x-", tmp_path / "missing")


def test_sweeps_at_the_same_time_take_no_folder_that_is_being_made(tmp_path: Path) -> None:
    done = threading.Event()

    def keep_sweeping() -> None:
        while not done.is_set():
            sweep("x-", tmp_path)

    sweepers = [threading.Thread(target=keep_sweeping) for _ in range(2)]
    for sweeper in sweepers:
        sweeper.start()
    try:
        for number in range(300):
            with private_folder("x-", tmp_path) as folder:
                (folder / "file").write_text(str(number))
                assert (folder / "file").read_text() == str(number)
    finally:
        done.set()
        for sweeper in sweepers:
            sweeper.join()
    assert list(tmp_path.iterdir()) == []
