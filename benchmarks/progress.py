"""Progress of a long run: one line that is drawn again on a terminal, plain lines elsewhere."""

import sys
import time


class Bar:
    """Where the run stands."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._title = ""
        self._started = time.monotonic()
        self._live = sys.stderr.isatty()

    def begin(self, title: str) -> None:
        """A part begins."""
        self._title = title
        if not self._live:
            self._draw("")
            sys.stderr.write("\n")
        self.say("")

    def say(self, detail: str) -> None:
        """What happens now."""
        if self._live:
            self._draw(detail)

    def step(self, done: int, total: int) -> None:
        """How much of a part is done."""
        self.say(f"{done}/{total}")

    def end(self) -> None:
        """A part is done."""
        self._done += 1

    def clear(self) -> None:
        """Leave the line free."""
        if self._live:
            sys.stderr.write("\r\033[K")

    def _draw(self, detail: str) -> None:
        width = 24
        filled = width * self._done // max(self._total, 1)
        elapsed = time.monotonic() - self._started
        bar = "█" * filled + "·" * (width - filled)
        place = f"{self._done}/{self._total}"
        start = "\r\033[K" if self._live else ""
        sys.stderr.write(f"{start}{bar} {place} {elapsed:4.0f} s  {self._title} {detail}")
        sys.stderr.flush()
