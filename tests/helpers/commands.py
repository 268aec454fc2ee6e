"""The command line in the test's process: arguments in, exit code and what was printed out."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from gitops.cli.main import run


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)

    def error(self) -> Any:
        """The error that was printed as JSON."""
        return json.loads(self.err)["error"]


Gitops = Callable[..., Ran]


def commands(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], token: str = ""
) -> Gitops:
    """`gitops("list", "-o", "json")` against a service."""
    monkeypatch.setenv("GITOPS_SERVER", url)
    if token:
        monkeypatch.setenv("GITOPS_TOKEN", token)
    else:
        monkeypatch.delenv("GITOPS_TOKEN", raising=False)

    def gitops(*arguments: str) -> Ran:
        capsys.readouterr()
        code = run(list(arguments))
        printed = capsys.readouterr()
        return Ran(code, printed.out, printed.err)

    return gitops
