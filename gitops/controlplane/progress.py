"""How long work is shown to people: facts of a running build in, lines of text out.

`build.py` reads the output of `go` through `count_line` and asks a `Printer` to show where it is.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, TextIO

LINE_EVERY_S: Final = 15.0
"""Seconds between two lines where there is no terminal: short enough to show life in a CI log."""

REDRAW_EVERY_S: Final = 0.2

LINK_WEIGHT: Final = 40
"""To link a program takes about as long as to compile this many packages."""


@dataclass(frozen=True, slots=True)
class Step:
    """Where a build stands: packages compiled of all, programs linked of all.

    `total` is 0 while it is not known yet.
    """

    text: str
    done: int = 0
    total: int = 0
    elapsed_s: float = 0.0
    linked: int = 0
    programs: int = 0


Progress = Callable[[Step], None]


def silent(step: Step) -> None:
    """Show nothing."""
    del step


def count_line(step: Step, line: str) -> Step:
    """Fold one line that `go build -v` printed on standard error into where the build stands.

    A package's path alone on its line was just compiled; `go: downloading …` is a module.
    Anything else (`# package`, an error) changes nothing.
    """
    if line.startswith("go: downloading "):
        return replace(step, text=f"fetching {line.split()[2]}")
    if not line or line.startswith(("#", "go: ", "\t", " ")) or " " in line:
        return step
    return replace(step, text=f"compiling {line}", done=step.done + 1)


def time_left(step: Step) -> float | None:
    """Seconds until the end at the pace so far; None before a fiftieth is done."""
    total = step.total + LINK_WEIGHT * step.programs
    done = min(step.done, step.total) + LINK_WEIGHT * step.linked
    if total <= 0 or done * 50 < total:
        return None
    return step.elapsed_s / done * (total - done)


def words(seconds: float) -> str:
    """A duration as people say it: `45 s`, `6 min 05 s`."""
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02d} s"  # noqa: PLR2004 - seconds of a minute


def describe(step: Step) -> str:
    """One line: what is done of all, time left, and what is going on."""
    if not step.total:
        return step.text
    left = time_left(step)
    rest = f", about {words(left)} left" if left is not None else ""
    linked = f", {step.linked} of {step.programs} programs" if step.programs else ""
    return f"{min(step.done, step.total)} of {step.total} packages{linked}{rest}: {step.text}"


class Printer:
    """Shows steps: one line redrawn on a terminal, a line every 15 s elsewhere."""

    def __init__(
        self,
        title: str,
        stream: TextIO | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._title = title
        self._stream = sys.stderr if stream is None else stream
        self._monotonic = monotonic
        self._terminal = self._stream.isatty()
        self._last: float | None = None

    def __call__(self, step: Step) -> None:
        """Show a step if it is time to."""
        now = self._monotonic()
        every = REDRAW_EVERY_S if self._terminal else LINE_EVERY_S
        if self._last is not None and now - self._last < every:
            return
        self._last = now
        text = f"{self._title}: {describe(step)}"
        if self._terminal:
            self._stream.write("\r\x1b[2K" + text[:110])
        else:
            self._stream.write(text + "\n")
        self._stream.flush()

    def finish(self) -> None:
        """Leave a clean line behind."""
        if self._terminal and self._last is not None:
            self._stream.write("\r\x1b[2K")
            self._stream.flush()
