"""A `git` first on PATH that notes each start and then becomes the real one.

What git starts by itself (index-pack, the HTTP helper) comes from its own folder and is not noted,
so the count is that of the commands that the program gives.
"""

import os
from pathlib import Path

import pytest

from tests.helpers.repo import GIT

_SCRIPT = """#!/bin/sh
IFS=$(printf '\\037')
printf '%s\\n' "$*" >> '{log}'
exec '{git}' "$@"
"""


class GitShim:
    """Counts git commands of everything that runs with its PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._log = folder / "calls.log"
        folder.mkdir(parents=True, exist_ok=True)
        self._log.touch()
        script = folder / "git"
        script.write_text(_SCRIPT.format(log=self._log, git=GIT))
        script.chmod(0o755)

    @property
    def path(self) -> str:
        """The value of PATH that puts it first."""
        return f"{self.folder}{os.pathsep}{os.environ['PATH']}"

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Put it first on this process's PATH for one test."""
        monkeypatch.setenv("PATH", self.path)

    def calls(self) -> list[list[str]]:
        """Arguments of each start, in order."""
        return [line.split("\037") for line in self._log.read_text().splitlines()]

    def counts(self) -> dict[str, int]:
        """How often each subcommand was started."""
        found: dict[str, int] = {}
        for call in self.calls():
            found[call[0]] = found.get(call[0], 0) + 1
        return found

    def clear(self) -> None:
        """Forget what was noted."""
        self._log.write_text("")
