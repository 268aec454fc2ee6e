"""What every command prints: JSON, YAML or a kubectl-like table; colours on a terminal only."""

import sys
from collections.abc import Callable, Sequence
from typing import Any

import click
import orjson
import yaml

from gitops.errors import GitopsError

output_option = click.option(
    "-o",
    "--output",
    "output",
    type=click.Choice(["table", "json", "yaml"]),
    default="table",
    show_default=True,
    help="How to print the result.",
)


def emit(value: Any, output: str, table: Callable[[], str]) -> None:
    """Print a JSON value as asked; `table` makes the text for people when it is wanted."""
    if output == "json":
        click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2))
    elif output == "yaml":
        click.echo(yaml.safe_dump(value, sort_keys=False, allow_unicode=True), nl=False)
    else:
        text = table()
        if text:
            click.echo(text)


def columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Left-aligned columns three spaces apart, the header in capitals; widths ignore colours."""
    lines = [[title.upper() for title in header], *[list(row) for row in rows]]
    widths = [max(len(click.unstyle(line[i])) for line in lines) for i in range(len(header))]
    return "\n".join(
        "   ".join(
            cell + " " * (width - len(click.unstyle(cell)))
            for cell, width in zip(line, widths, strict=True)
        ).rstrip()
        for line in lines
    )


COLOURS = {
    "Synced": "green", "Healthy": "green", "succeeded": "green", "created": "green",
    "OutOfSync": "yellow", "Progressing": "cyan", "running": "cyan", "held": "yellow",
    "Suspended": "yellow", "superseded": "yellow", "interrupted": "yellow", "Missing": "yellow",
    "Degraded": "red", "failed": "red", "Unknown": "magenta", "delete": "red", "create": "green",
    "replace": "red", "deleted": "red",
}  # fmt: skip


def coloured(word: str) -> str:
    """A status word in its colour; click drops colours where there is no terminal."""
    return click.style(word, fg=COLOURS[word]) if word in COLOURS else word


def print_error(error: GitopsError, argv: Sequence[str]) -> None:
    """One error on standard error: a sentence, or the documented JSON where JSON was asked for."""
    if wants_json(argv):
        body = {
            "code": error.code,
            "message": error.message,
            "where": error.where,
            "remedy": error.remedy,
        }
        sys.stderr.write(orjson.dumps({"error": body}).decode() + "\n")
        return
    click.echo(f"{click.style('error:', fg='red')} {error}", err=True)


def wants_json(argv: Sequence[str]) -> bool:
    """Whether the arguments ask for JSON output."""
    pairs = zip(argv, [*argv[1:], ""], strict=True)
    return any(
        (flag in {"-o", "--output"} and value == "json") or flag in {"-ojson", "--output=json"}
        for flag, value in pairs
    )
