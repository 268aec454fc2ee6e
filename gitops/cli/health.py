"""`gitops health`: health and message of every object in files, in order; no cluster.

Made for bulk: `kubectl get … -o json | gitops health -f - -o json` over thousands of objects.
Only what cannot be read is an error; an object may hold anything. What another tool wrote down is
judged as that tool reads it: the last of a key given twice counts, with a warning.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from gitops.checks.reading import read_checks
from gitops.checks.runner import CheckRunner
from gitops.cli.output import coloured, columns, emit, output_option, visible
from gitops.cli.reading import read_bodies
from gitops.core.health.checks import LAYOUT
from gitops.core.health.rules import Check, health
from gitops.model.objects import Body, identify
from gitops.wire.health import health_row


@click.command("health")
@click.option(
    "-f",
    "--file",
    "files",
    multiple=True,
    required=True,
    metavar="FILE",
    help="YAML or JSON: a file, a folder (with those below), or - for standard input.",
)
@click.option(
    "--checks",
    multiple=True,
    metavar="DIR",
    help="Health checks: a folder with <group>/<kind>/health.lua, an argocd-cm ConfigMap, or a "
    "file with healthCheckExprs.",
)
@output_option
def health_command(files: tuple[str, ...], checks: tuple[str, ...], output: str) -> None:
    """Print health and message of every object in files."""
    book = read_checks(Path(name) for name in checks)
    if checks and not book:
        click.echo(visible(f"warning: {', '.join(checks)}: no {LAYOUT} is there"), err=True)
    with closing(CheckRunner(book)) as runner:
        rows = judge_all((body for name in files for body in _read(name)), runner.check)
    emit(rows, output, lambda: _table(rows))


def _read(name: str) -> list[Body]:
    return read_bodies(Path(name), excused=("duplicate-key",))


def judge_all(bodies: Iterable[Body], check: Check) -> list[dict[str, Any]]:
    """A row an object, in input order."""
    return [
        health_row(identify(body), str(body.get("apiVersion") or ""), health(body, check))
        for body in bodies
    ]


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    return columns(
        ["namespace", "kind", "name", "status", "message"],
        [
            [
                row["namespace"] or "-",
                row["kind"],
                row["name"],
                coloured(row["status"]) if row["status"] else "-",
                row["message"],
            ]
            for row in rows
        ],
    )
