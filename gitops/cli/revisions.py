"""`gitops history, show, rollback, undelete, unpin, approve`: revisions of applications."""

from typing import Any

import click

from gitops.cli.client import app_path, connect
from gitops.cli.output import emit, output_option
from gitops.cli.progress import end_or_told
from gitops.cli.server import server_option
from gitops.cli.sync import (
    chosen,
    chosen_option,
    label_option,
    no_wait_option,
    prune_option,
    resource_option,
    timeout_option,
)
from gitops.cli.tables import history_table, revision_page
from gitops.errors import NotFoundError


@click.command("history", short_help="list an application's revisions")
@click.argument("application")
@click.option("--limit", type=click.IntRange(min=1), help="Only the newest so many.")
@server_option
@output_option
def history_command(application: str, output: str, limit: int | None) -> None:
    """List an application's revisions, newest first; of a deleted application too."""
    rows = connect().get(app_path(application, "revisions"), limit=limit)
    emit(rows, output, lambda: history_table(rows))


@click.command("show", short_help="show one revision")
@click.argument("application")
@click.argument("revision", type=click.IntRange(min=1))
@server_option
@output_option
def show_command(application: str, revision: int, output: str) -> None:
    """Show one revision: who, why, what happened to each object, and the plan with its fields."""
    client = connect()
    path = app_path(application, "revisions", str(revision))
    value = client.get(path)
    emit(value, output, lambda: revision_page(value, _plan(client.get, path)))


def _plan(get: Any, path: str) -> Any:
    """The plan that a revision kept, or None."""
    try:
        return get(f"{path}/plan")
    except NotFoundError:
        return None


@click.command("rollback", short_help="go back to a revision, and stay there")
@click.argument("application")
@click.argument("revision", type=click.IntRange(min=1), required=False)
@no_wait_option
@timeout_option
@server_option
@output_option
@click.pass_context
def rollback_command(
    context: click.Context, /, application: str, revision: int | None, output: str, **flags: Any
) -> None:
    """Go back to a revision from its stored manifests, and stay there until Git brings new ones.

    Without a number: to the newest healthy revision that wanted something else.
    """
    client = connect()
    asked = client.post(app_path(application, "rollback"), {"revision": revision})
    told = "asked for a rollback"
    context.exit(end_or_told(client, application, asked, told, output, flags))


@click.command("undelete", short_help="bring back what a revision deleted")
@click.argument("application")
@click.argument("revision", type=click.IntRange(min=1))
@resource_option
@no_wait_option
@timeout_option
@server_option
@output_option
@click.pass_context
def undelete_command(
    context: click.Context, /, application: str, revision: int, output: str, **flags: Any
) -> None:
    """Create what a revision deleted again, as it lived, and stay there until Git brings new.

    What exists meanwhile is never overwritten. An application that was deleted itself is
    registered again as it was, and pinned until `gitops unpin`.
    """
    client = connect()
    order = {"revision": revision, "resources": list(flags["resources"])}
    asked = client.post(app_path(application, "undelete"), order)
    told = f"asked for what revision {revision} deleted"
    context.exit(end_or_told(client, application, asked, told, output, flags))


@click.command("unpin", short_help="let Git decide again")
@click.argument("application")
@server_option
@output_option
def unpin_command(application: str, output: str) -> None:
    """End a pin: Git decides again, and is followed at once."""
    asked = connect().delete(app_path(application, "pin"))
    emit(asked, output, lambda: f"{application}: no longer pinned")


@click.command("approve", short_help="approve what a plan holds back")
@click.argument("application")
@click.option(
    "--plan",
    metavar="DIGEST",
    help="planDigest of the plan that was looked at; refused where it changed since.",
)
@chosen_option
@label_option
@prune_option
@no_wait_option
@timeout_option
@server_option
@output_option
@click.pass_context
def approve_command(
    context: click.Context, /, application: str, plan: str | None, output: str, **flags: Any
) -> None:
    """Approve what `gitops plan APP` shows as held, and carry it out.

    What a selective sync holds is approved with the --resource, --label and --prune of that sync:
    these objects are synced, and what else waits still does. `gitops sync APP … --dry-run` shows
    it. Without them it is refused, unless --plan names the plan of the whole application.
    """
    client = connect()
    asked = client.post(app_path(application, "approve"), {"plan": plan, **chosen(flags)})
    context.exit(end_or_told(client, application, asked, "approved", output, flags))
