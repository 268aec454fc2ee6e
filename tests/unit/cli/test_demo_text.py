"""What people read while the demo starts, and then."""

import io
import json
import re
import shlex
from dataclasses import replace
from pathlib import Path

import click

from gitops.cli.demo_text import Board, farewell, guide, troubles
from gitops.demo.layout import Facts
from gitops.demo.service import Standing

GOOD = Standing("shop", "Synced", "Healthy", "", busy=False, stopped=False)
LATE = Standing("blog", "OutOfSync", "Progressing", "waits for shop", busy=True, stopped=False)
FACTS = Facts(
    url="http://127.0.0.1:41234",
    kubeconfig="/home/ada/my shop/.gitops-demo/kubeconfig",
    remote="/home/ada/my shop/.gitops-demo/remote.git",
    work="/home/ada/my shop/.gitops-demo/work",
    secret="s3cret",
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Seconds:
    """A clock that goes on by a second each time it is read."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def test_the_guide_ends_with_ready_and_the_address() -> None:
    lines = guide(FACTS, [GOOD], [], detached=False).splitlines()
    assert lines[-1] == "ready http://127.0.0.1:41234"
    assert "Ctrl-C stops everything" in lines[-3]


def test_the_guide_quotes_paths_and_never_shows_the_secret() -> None:
    text = guide(FACTS, [GOOD], ["/opt/my tools"], detached=True)
    assert f"export KUBECONFIG={shlex.quote(FACTS.kubeconfig)}" in text
    assert f"cd {shlex.quote(FACTS.work)}" in text
    assert "export PATH=\"$PATH\":'/opt/my tools'" in text
    assert "gitops demo stop --directory '/home/ada/my shop/.gitops-demo'" in text
    assert FACTS.secret not in text


def test_the_guide_names_the_address_for_a_shell_in_any_folder() -> None:
    assert "  export GITOPS_SERVER=http://127.0.0.1:41234\n" in guide(
        FACTS, [GOOD], [], detached=True
    )


def test_an_application_that_is_not_well_is_named_with_its_reason() -> None:
    assert troubles([GOOD]) == ""
    assert click.unstyle(troubles([GOOD, LATE])) == (
        "note: blog is OutOfSync and Progressing: waits for shop\n"
    )


def test_without_a_terminal_each_application_is_told_once_when_it_is_there() -> None:
    stream = io.StringIO()
    board = Board(stream, Seconds())
    for found in ([], [LATE, GOOD], [LATE, GOOD], [replace(LATE, busy=False), GOOD]):
        board.show(found)
    board.show([replace(GOOD, name="blog"), GOOD])
    board.finish()
    assert stream.getvalue().splitlines() == [
        "shop is Synced and Healthy (1 of 2)",
        "blog is Synced and Healthy (2 of 2)",
        "2 of 2 applications are synced and healthy after 1.0 s",
    ]


def test_on_a_terminal_a_table_is_drawn_over_itself() -> None:
    stream = Terminal()
    board = Board(stream, Seconds())
    board.show([LATE, GOOD])
    first = stream.getvalue()
    board.show([replace(GOOD, name="blog"), GOOD])
    second = stream.getvalue().removeprefix(first)
    assert second.startswith("\x1b[3A")
    plain = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", first + second).splitlines()
    assert plain[1].split() == ["…", "blog", "OutOfSync", "Progressing", "waits", "for", "shop"]
    assert plain[4].split() == ["✓", "blog", "Synced", "Healthy"]


def test_stop_says_what_it_did() -> None:
    assert farewell(Path("d"), ran=True, purged=False) == "stopped in d"
    assert farewell(Path("d"), ran=False, purged=False) == "nothing runs in d"
    assert farewell(Path("d"), ran=True, purged=True) == (
        "stopped in d, and the directory is removed"
    )


def test_demo_json_has_the_documented_keys() -> None:
    assert set(json.loads(json.dumps(FACTS.to_wire()))) == {
        "url",
        "kubeconfig",
        "remote",
        "work",
        "webhookSecret",
    }
