"""Programs run in a folder of their own, with limits that hold for their whole group."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gitops.errors import RenderError
from gitops.render.sandbox import Limits, Sandbox, launched
from tests.helpers.waiting import gone

SHELL = "/bin/sh"


def run(script: str, folder: Path, limits: Limits | None = None, **environment: str) -> str:
    sandbox = Sandbox(limits or Limits(wall_s=20))
    return sandbox.run([SHELL, "-c", script], folder, environment).decode()


def test_it_has_the_folder_and_the_environment_that_it_was_given(tmp_path: Path) -> None:
    assert run('pwd; echo "$GIVEN"; echo "${HOME-none}"', tmp_path, GIVEN="x").split() == [
        str(tmp_path),
        "x",
        "none",
    ]


def test_its_environment_is_only_what_it_was_given(tmp_path: Path) -> None:
    output = Sandbox().run(["/usr/bin/env"], tmp_path, {"GIVEN": "x"}).decode()
    assert [line for line in output.split() if not line.startswith("_=")] == ["GIVEN=x"]


def test_its_arguments_reach_it_as_they_are(tmp_path: Path) -> None:
    odd = ["", "a b", "$HOME", "`id`", "'", '"', "\\", "-c", "--", "*", "x\ny"]
    program = [sys.executable, "-I", "-c", "import sys; print(sys.argv[1:])", *odd]
    assert Sandbox().run(program, tmp_path, {}).decode().strip() == str(odd)


def test_it_reads_nothing(tmp_path: Path) -> None:
    assert run("read line && echo got || echo end", tmp_path) == "end\n"


def test_a_program_that_fails_is_told_in_its_own_words(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match="went wrong") as caught:
        run("echo out; echo it went wrong >&2; exit 3", tmp_path)
    assert caught.value.reason == "failed"
    with pytest.raises(RenderError, match="sh ended with 3"):
        run("exit 3", tmp_path)


def test_a_long_complaint_is_cut(tmp_path: Path) -> None:
    with pytest.raises(RenderError) as caught:
        run("head -c 1000000 /dev/zero | tr '\\0' x >&2; exit 1", tmp_path, PATH="/usr/bin:/bin")
    assert len(caught.value.message) < 2100


def test_what_it_started_ends_with_it(tmp_path: Path) -> None:
    script = "sleep 100 & echo $! > new; mv new pid; sleep 100 & wait"
    wall_s = 0.5
    while not (tmp_path / "pid").exists():  # it did not get that far on a busy machine
        with pytest.raises(RenderError, match=f"ran longer than {wall_s:g} s") as caught:
            run(script, tmp_path, Limits(wall_s=wall_s), PATH="/usr/bin:/bin")
        assert caught.value.reason == "limit"
        wall_s *= 2
    assert gone(int((tmp_path / "pid").read_text()))


def test_a_program_that_closes_its_pipes_is_ended_too(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match="ran longer"):
        run("exec >&- 2>&-; sleep 100", tmp_path, Limits(wall_s=0.5), PATH="/usr/bin:/bin")


def test_more_output_than_allowed_ends_it(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match="printed more than 1 MiB") as caught:
        run("yes", tmp_path, Limits(output_bytes=1 << 20), PATH="/usr/bin:/bin")
    assert caught.value.reason == "limit"


def test_a_file_cannot_grow_beyond_its_limit(tmp_path: Path) -> None:
    with pytest.raises(RenderError):
        run(
            "yes > large",
            tmp_path,
            Limits(file_bytes=1 << 16, wall_s=20),
            PATH="/usr/bin:/bin",
        )
    assert (tmp_path / "large").stat().st_size <= 1 << 16


def test_limits_hold_from_the_first_moment(tmp_path: Path) -> None:
    script = "(ulimit -f; ulimit -n) & wait; ulimit -c"
    limits = Limits(file_bytes=1 << 20, open_files=77, wall_s=20)
    for _ in range(30):
        assert run(script, tmp_path, limits).split() == ["2048", "77", "0"]


def test_what_runs_ends_with_a_service_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from gitops.render.sandbox import Sandbox\n"
        "Sandbox().run([sys.argv[1], '-c', 'echo $$ > told; exec sleep 1000'],"
        " Path(sys.argv[2]), {'PATH': '/usr/bin:/bin'})"
    )
    os.mkfifo(tmp_path / "told")
    service = subprocess.Popen([sys.executable, "-c", code, SHELL, str(tmp_path)])
    try:
        running = int((tmp_path / "told").read_text())
        assert not gone(running, timeout_s=0)
    finally:
        service.send_signal(signal.SIGKILL)
        service.wait()
    assert gone(running)


@pytest.mark.parametrize(
    ("parent", "go"), [(os.getpid(), b""), (0, b"\n")], ids=["before-it-said-go", "after"]
)
def test_nothing_starts_for_a_parent_that_is_dead(tmp_path: Path, parent: int, go: bytes) -> None:
    """What a launcher sees of a parent that was killed: the end of its input, or another parent."""
    words = launched(["/usr/bin/touch", str(tmp_path / "ran")], parent, network=False)
    ended = subprocess.run(words, input=go, capture_output=True, check=False, timeout=60)
    assert ended.returncode == 1, ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_memory_is_limited(tmp_path: Path) -> None:
    sandbox = Sandbox(Limits(memory_bytes=128 << 20, wall_s=20))
    hungry = "import sys\nheld = []\nwhile True: held.append(bytearray(1 << 20))"
    with pytest.raises(RenderError):
        sandbox.run([sys.executable, "-I", "-c", hungry], tmp_path, {})


def test_there_is_no_network_where_the_system_allows_that(tmp_path: Path) -> None:
    ask = "import socket; print([name for _, name in socket.if_nameindex()])"
    program = [sys.executable, "-I", "-c", ask]
    closed, opened = Sandbox(), Sandbox(network=True)
    if not closed.isolated:
        pytest.skip("this system forbids network namespaces")
    assert closed.run(program, tmp_path, {}) == b"['lo']\n"
    assert opened.run(program, tmp_path, {}) != b""
    assert not opened.isolated
