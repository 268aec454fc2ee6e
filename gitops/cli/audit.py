"""`gitops audit list, export, verify`: the trail of a service."""

from typing import Any

import click

from gitops.cli.client import connect
from gitops.cli.durations import MomentType
from gitops.cli.output import emit, escaped, output_option
from gitops.cli.server import server_option
from gitops.cli.tables import record_table
from gitops.model.revision import RecordKind

LINES = "application/x-ndjson"


@click.group("audit", short_help="list, export or verify the trail")
def audit_command() -> None:
    """The trail: every revision, outcome, pin, approval and refused attempt, chained."""


@audit_command.command("list")
@click.option("--application", help="Only of this application.")
@click.option("--object", "object_", help="Only about this object, as in `Deployment prod/web`.")
@click.option("--actor", help="Only by this actor.")
@click.option("--kind", type=click.Choice([str(kind) for kind in RecordKind]), metavar="KIND",
              help="Only of this kind: revision-closed, pin, drift …")  # fmt: skip
@click.option("--since", type=MomentType(), help="From this time on: 2026-03-01T09:30:00Z, 2h, 7d.")
@click.option("--until", type=MomentType(), help="Before this time.")
@click.option("--outcome", help="An outcome of an object, the state of a revision, or `refused`.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True,
              help="At most so many.")  # fmt: skip
@server_option
@output_option
def list_records(output: str, **filters: Any) -> None:
    """List records, newest first."""
    query = {key.rstrip("_"): value for key, value in filters.items()}
    records = connect().get("/audit", **query)
    emit(records, output, lambda: record_table(records))


@audit_command.command("export")
@server_option
def export_records() -> None:
    """Write every record as a line of JSON, oldest first."""
    for line in connect().lines("/audit", LINES, order="oldest"):
        click.echo(escaped(line), nl=False)


@audit_command.command("verify")
@click.option("--head", metavar="SEQUENCE:MAC", help="A head that was written down before.")
@server_option
@output_option
@click.pass_context
def verify_records(context: click.Context, /, head: str | None, output: str) -> None:
    """Say whether the trail was changed, reordered or cut, and where; exit 1 if so."""
    verdict = connect().get("/audit/verify", head=head)
    faults = verdict["faults"]

    def text() -> str:
        lines = [f"{click.style('fault:', fg='red')} {fault}" for fault in faults]
        good = click.style("untouched", fg="green")
        ended = f"{len(faults)} faults" if faults else good
        return "\n".join([*lines, f"{verdict['records']} records: {ended}",
                          f"head {verdict['head']}"])  # fmt: skip

    emit(verdict, output, text)
    context.exit(1 if faults else 0)
