"""How commands that wait tell what happens, and print the end.

Called by the commands that ask for a job: `sync`, `rollback`, `transfer` and the like. Progress
goes to standard error, on a terminal only; the result to standard output.
"""

import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

import click

from gitops.cli.client import Client, app_path
from gitops.cli.output import coloured, emit, visible
from gitops.cli.tables import clip, event_line, title

GOOD = frozenset({"succeeded", "unchanged"})


DIFFERENT: Final = 3


def exit_of(plan: Mapping[str, Any]) -> int:
    """The exit code of a command that shows a plan and does nothing."""
    if plan["faults"]:
        return 1
    return DIFFERENT if any(a["action"] != "none" for a in plan["actions"]) else 0


def progress(output: str) -> Callable[[Mapping[str, Any]], None]:
    """A listener that prints events as lines where a person watches."""
    watched = output == "table" and sys.stderr.isatty()
    return _print if watched else lambda _event: None


def _print(event: Mapping[str, Any]) -> None:
    click.echo(visible(event_line(event)), err=True)


def finish(client: Client, name: str, done: Mapping[str, Any], output: str) -> int:
    """Print how a job ended; returns the exit code."""
    number, state = done["revision"], done["data"]["state"]
    value = {"application": name, "revision": number, "state": state, "message": done["message"]}
    failed = []
    if number is not None and state not in GOOD:
        revision = client.get(app_path(name, "revisions", str(number)))
        failed = [o for o in revision["outcomes"] if o["outcome"] in ("failed", "held")]

    def text() -> str:
        lines = [f"{title(o)} {coloured(o['outcome'])}: {clip(o['message'])}" for o in failed]
        head = "" if number is None else f"revision {number} {coloured(state)}"
        told = ": ".join(part for part in (head, done["message"]) if part)
        return "\n".join([*lines, f"{name}: {told or state}"])

    emit(value, output, text)
    return 0 if state in GOOD else 1


def end_of(
    client: Client, name: str, asked: Mapping[str, int], output: str, timeout_s: float
) -> int:
    """Wait for a job and print its end; returns the exit code."""
    return finish(client, name, client.job(name, asked, timeout_s, progress(output)), output)


def end_or_told(
    client: Client,
    name: str,
    asked: Mapping[str, int],
    told: str,
    output: str,
    flags: Mapping[str, Any],
) -> int:
    """The same, or with `--no-wait` only that it was asked for; returns the exit code."""
    if flags["no_wait"]:
        emit(asked, output, lambda: f"{name}: {told}")
        return 0
    return end_of(client, name, asked, output, flags["timeout"])
