"""What every command prints: JSON, YAML or a kubectl-like table; colours on a terminal only.

Names, messages and values come from manifests, clusters and commits that anybody may have written.
No text for people moves the cursor, sets a title or turns a line around: see `visible`.
"""

import json
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

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
        click.echo(to_json(value, option=orjson.OPT_INDENT_2))
    elif output == "yaml":
        echo_yaml(yaml.safe_dump(value, sort_keys=False, allow_unicode=True))
    else:
        text = table()
        if text and _ESCAPE in to_json(value):
            text = click.unstyle(text)  # whose colours these are cannot be told
        if text:
            click.echo(visible(text))


_ESCAPE: Final = b"\\u001b"
_HIDDEN: Final = re.compile(
    "\x1b(?!\\[(?:[0-2]|3[0-7])m)"  # all but the colours that our own texts have
    "|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]"
    "|[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"  # what turns the order of letters around
    "|[\ud800-\udfff]"
)


def visible(text: str) -> str:
    r"""A text whose control characters are written out as `\x1b`; line breaks and tabs stay."""
    return _HIDDEN.sub(_written_out, text)


def one_line(text: str) -> str:
    """A text without anything that a terminal obeys, line breaks, tabs and colours included."""
    return visible(_BREAKS.sub(_written_out, text))


_BREAKS: Final = re.compile("[\t\n\x1b]")
_BREAKS_OF_ROWS: Final = re.compile("[\t\n\v\f\r\x85\u2028\u2029]")


def _written_out(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"  # noqa: PLR2004 - one byte


def to_json(value: Any, option: int = 0) -> bytes:
    """A JSON value as text; numbers beyond 64 bits and halves of characters are no fault."""
    try:
        content = orjson.dumps(value, option=option)
    except TypeError:  # its ways to say that, and that something is nested very deeply
        indent = 2 if option & orjson.OPT_INDENT_2 else None
        return json.dumps(value, indent=indent).encode()
    return escaped(content)


def escaped(content: bytes) -> bytes:
    """JSON text that says the same, without what a terminal obeys."""
    return _UNSEEN.sub(lambda found: b"\\u%04x" % ord(found[0].decode()), content)


_UNSEEN: Final = re.compile(b"\x7f|\xc2[\x80-\x9f]|\xe2\x80[\x8e\x8f\xa8-\xae]|\xe2\x81[\xa6-\xa9]")
"""What JSON may hold and a terminal obeys."""


def echo_yaml(text: str) -> None:
    """Print YAML, which has control characters written out; to a terminal, letters in order too.

    Elsewhere it stays as it is, for whoever reads it back.
    """
    click.echo(visible(text) if sys.stdout.isatty() else text, nl=False)


def columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Left-aligned columns three spaces apart, the header in capitals; widths ignore colours.

    A row is one line, whatever its cells hold: nobody writes a row of their own into a name.
    """
    cells = [[_BREAKS_OF_ROWS.sub(_written_out, cell) for cell in row] for row in rows]
    lines = [[title.upper() for title in header], *cells]
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
        sys.stderr.write(to_json({"error": body}).decode() + "\n")
        return
    told = visible(click.unstyle(str(error)))
    click.echo(f"{click.style('error:', fg='red')} {told}", err=True)


def wants_json(argv: Sequence[str]) -> bool:
    """Whether the arguments ask for JSON output."""
    pairs = zip(argv, [*argv, ""][1:], strict=True)
    return any(
        (flag in {"-o", "--output"} and value == "json") or flag in {"-ojson", "--output=json"}
        for flag, value in pairs
    )
