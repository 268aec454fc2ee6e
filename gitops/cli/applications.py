"""`gitops list, status, create, delete, events, suspend, resume`: applications of a service."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click
import yaml

from gitops.cli.client import Client, app_path, connect
from gitops.cli.durations import DurationType
from gitops.cli.output import coloured, echo_yaml, emit, output_option, to_json, visible
from gitops.cli.progress import exit_of, finish, progress
from gitops.cli.server import server_option
from gitops.cli.tables import application_table, deletion_page, event_line, status_page
from gitops.errors import InputError, UsageError

LEAVES: Final = {
    "orphan": "and leave its objects",
    "abandon": "and leave its objects behind with our marks",
}
"""What a deletion that deletes no objects is asked for with, by mode."""
_file = click.Path(path_type=Path, allow_dash=True)


@click.command("list", short_help="list applications")
@server_option
@output_option
def list_command(output: str) -> None:
    """List applications with their sync status and health."""
    statuses = connect().get("/applications")
    emit(statuses, output, lambda: application_table(statuses))


@click.command("status", short_help="show an application and its objects")
@click.argument("application", required=False)
@server_option
@output_option
def status_command(application: str | None, output: str) -> None:
    """Show how an application and its objects stand; without a name, all applications."""
    if application is None:
        statuses = connect().get("/applications")
        emit(statuses, output, lambda: application_table(statuses))
        return
    status = connect().get(app_path(application))
    emit(status, output, lambda: status_page(status))


@click.command("create", short_help="register applications and projects from a file")
@click.option(
    "-f", "--file", "file", type=_file, required=True, help="YAML or JSON; - reads stdin."
)
@server_option
@output_option
def create_command(file: Path, output: str) -> None:
    """Register the Applications and projects in a file, or change those registered before."""
    answer = connect().post_text("/applications", read_text(file), where=name_of(file))
    told = [f"project {name} registered" for name in answer["projects"]]
    told += [f"application {name} registered" for name in answer["applications"]]
    emit(answer, output, lambda: "\n".join(told))


@click.command("delete", short_help="delete an application")
@click.argument("application")
@click.option("--cascade", "mode", flag_value="cascade", default="cascade",
              help="Delete what it runs too; the default.")  # fmt: skip
@click.option(
    "--orphan", "mode", flag_value="orphan", help="Leave what it runs, without our marks."
)
@click.option(
    "--abandon",
    "mode",
    flag_value="abandon",
    help="Leave what it runs as it is, and ask the cluster nothing: it is gone for good.",
)
@click.option("--dry-run", is_flag=True, help="Print what would go and what would stay and why.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--timeout", type=DurationType(), default="10m", show_default=True,
              help="How long to wait for the end.")  # fmt: skip
@server_option
@output_option
@click.pass_context
def delete_command(
    context: click.Context, /, application: str, mode: str, output: str, **rest: Any
) -> None:
    """Delete an application, with what it runs (--cascade) or without (--orphan, --abandon).

    --orphan and --abandon end a deletion that waits. What was left is in `gitops history`.

    With --dry-run nothing is done, and the exit code is 3 where something would go.
    """
    client = connect()
    if rest["dry_run"]:
        found = client.get(app_path(application, "deletion"), mode=mode)
        emit(found, output, lambda: deletion_page(found))
        context.exit(exit_of(found))
    status = client.get(app_path(application))
    if not rest["yes"]:
        _confirm(application, mode, len(status["objects"]))
    asked = client.delete(app_path(application), mode=mode)
    done = client.job(application, asked, rest["timeout"], progress(output))
    context.exit(finish(client, application, done, output))


def _confirm(application: str, mode: str, objects: int) -> None:
    """Ask on a terminal; elsewhere nobody answers, so --yes is needed."""
    what = f"and its {objects} objects" if mode == "cascade" else LEAVES[mode]
    if not sys.stdin.isatty():
        raise UsageError(f'deleting "{application}" needs --yes where nobody can be asked')
    click.confirm(f'Delete "{application}" {what}?', abort=True, err=True)


@click.command("suspend", short_help="stop automatic syncs")
@click.argument("application")
@server_option
@output_option
def suspend_command(application: str, output: str) -> None:
    """Stop automatic syncs and heals of an application until `gitops resume`."""
    status = connect().post(app_path(application, "suspend"))
    emit(status, output, lambda: f"{application}: {coloured('Suspended')}")


@click.command("resume", short_help="let automatic syncs go on")
@click.argument("application")
@server_option
@output_option
def resume_command(application: str, output: str) -> None:
    """Let automatic syncs and heals of an application go on."""
    status = connect().post(app_path(application, "resume"))
    emit(status, output, lambda: f"{application}: automatic syncs go on")


@click.command("events", short_help="what happened to an application")
@click.argument("application")
@click.option("--follow", is_flag=True, help="Go on until Ctrl-C.")
@server_option
@output_option
def events_command(application: str, output: str, *, follow: bool) -> None:
    """Show what happened to an application since the service started.

    With --follow, -o json prints one event a line, -o yaml one a document.
    """
    client = connect()
    answer = client.get(app_path(application, "events"))
    if not follow:
        events = answer["events"]
        emit(events, output, lambda: "\n".join(event_line(event) for event in events))
        return
    for event in _follow(client, application, answer):
        if output == "json":
            click.echo(to_json(event))
        elif output == "yaml":
            echo_yaml("---\n" + yaml.safe_dump(event, sort_keys=False))
        else:
            click.echo(visible(event_line(event)))


def _follow(client: Client, application: str, answer: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from answer["events"]
    for events in client.follow(application, answer["newest"], None):
        yield from events


def name_of(file: Path) -> str:
    """How errors name a file."""
    return "standard input" if str(file) == "-" else str(file)


def read_text(file: Path) -> bytes:
    """A file's bytes; raises InputError."""
    if str(file) == "-":
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(
            f"the file cannot be read ({error.strerror})", where=str(file), remedy="check -f"
        ) from error
