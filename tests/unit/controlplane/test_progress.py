"""A long build shows where it stands, in a line that a person understands."""

import io

import pytest

from gitops.controlplane.progress import (
    Printer,
    Step,
    count_line,
    describe,
    silent,
    time_left,
    words,
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Ticks:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("line", "done", "text"),
    [
        ("k8s.io/api/core/v1", 1, "compiling k8s.io/api/core/v1"),
        ("fmt", 1, "compiling fmt"),
        ("go: downloading k8s.io/api v0.36.3", 0, "fetching k8s.io/api"),
        ("go: finding module", 0, "start"),
        ("# k8s.io/api", 0, "start"),
        ("a.go:3:1: undefined: x", 0, "start"),
        ("\tindented", 0, "start"),
        ("", 0, "start"),
    ],
)
def test_a_line_of_go_build_counts_if_it_is_a_package(line: str, done: int, text: str) -> None:
    assert count_line(Step("start", total=10), line) == Step(text, done=done, total=10)


@pytest.mark.parametrize(
    ("done", "total", "elapsed_s", "left"),
    [(50, 100, 60.0, 60.0), (100, 100, 60.0, 0.0), (1, 100, 1.0, None), (0, 0, 5.0, None)],
)
def test_time_left_goes_by_the_pace_so_far(
    done: int, total: int, elapsed_s: float, left: float | None
) -> None:
    assert time_left(Step("x", done, total, elapsed_s)) == left


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (45.0, "45 s"), (60.0, "1 min 00 s"), (365.2, "6 min 05 s")]
)
def test_durations_are_words(seconds: float, text: str) -> None:
    assert words(seconds) == text


def test_a_step_tells_done_of_all_and_time_left() -> None:
    assert describe(Step("compiling fmt", 50, 100, 90.0)) == (
        "50 of 100 packages, about 1 min 30 s left: compiling fmt"
    )
    assert describe(Step("compiling fmt", 1, 100, 1.0)) == "1 of 100 packages: compiling fmt"
    assert describe(Step("reading")) == "reading"
    assert describe(Step("linking", 120, 100, 1.0)).startswith("100 of 100")


def test_links_count_for_the_time_left() -> None:
    step = Step("linking", done=80, total=80, elapsed_s=100.0, linked=4, programs=8)
    assert time_left(step) == pytest.approx(100 / 240 * 160)
    assert describe(step) == "80 of 80 packages, 4 of 8 programs, about 1 min 07 s left: linking"


def test_without_a_terminal_a_line_comes_every_15_seconds() -> None:
    clock, out = Ticks(), io.StringIO()
    show = Printer("building", out, clock)
    for _ in range(31):
        show(Step("reading"))
        clock.now += 1
    show.finish()
    assert out.getvalue() == "building: reading\n" * 3


def test_on_a_terminal_one_line_is_redrawn_and_cleared() -> None:
    clock, out = Ticks(), Terminal()
    show = Printer("building", out, clock)
    show(Step("a"))
    show(Step("too soon"))
    clock.now += 1
    show(Step("b" * 300))
    show.finish()
    drawn = out.getvalue().split("\r\x1b[2K")
    assert drawn[1] == "building: a"
    assert drawn[2].startswith("building: bbb")
    assert len(drawn[2]) == 110
    assert drawn[3] == ""


def test_a_printer_that_showed_nothing_leaves_nothing() -> None:
    out = Terminal()
    Printer("building", out).finish()
    silent(Step("x"))
    assert out.getvalue() == ""
