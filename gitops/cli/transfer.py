"""`gitops transfer, rename`: objects that go to another application, and new names."""

from collections.abc import Mapping
from typing import Any

import click

from gitops.cli.client import app_path, connect
from gitops.cli.output import columns, emit, output_option
from gitops.cli.progress import end_or_told
from gitops.cli.server import server_option
from gitops.cli.sync import no_wait_option, resource_option, timeout_option
from gitops.cli.tables import NONE


@click.command("transfer", short_help="hand objects over to another application")
@click.option("--from", "giver", required=True, metavar="APP", help="Who holds the objects.")
@click.option("--to", "taker", required=True, metavar="APP", help="Who gets them.")
@resource_option
@click.option("--dry-run", is_flag=True, help="List what would be handed over, and do nothing.")
@no_wait_option
@timeout_option
@server_option
@output_option
@click.pass_context
def transfer_command(
    context: click.Context, /, giver: str, taker: str, output: str, **flags: Any
) -> None:
    """Hand objects over from one application to another; nothing is deleted or restarted.

    All objects that the other one has in Git, or those chosen. Git should no longer have them in
    the first one afterwards. What moves in one commit needs no command: see `spec.takesOver`.
    """
    client = connect()
    order = {"to": taker, "resources": list(flags["resources"]), "dryRun": flags["dry_run"]}
    asked = client.post(app_path(giver, "transfer"), order)
    if flags["dry_run"]:
        emit(asked, output, lambda: _table(asked))
        return
    told = f"asked to hand over to {taker}"
    context.exit(end_or_told(client, giver, asked, told, output, flags))


def _table(asked: Mapping[str, Any]) -> str:
    rows = [
        (one["group"] or NONE, one["kind"], one["namespace"] or NONE, one["name"])
        for one in asked["objects"]
    ]
    return columns(("group", "kind", "namespace", "name"), rows)


@click.command("rename", short_help="give an application another name")
@click.argument("application")
@click.argument("name")
@no_wait_option
@timeout_option
@server_option
@output_option
@click.pass_context
def rename_command(
    context: click.Context, /, application: str, name: str, output: str, **flags: Any
) -> None:
    """Give an application that was made through the API another name, with all that it runs.

    The history under the old name stays. What a file or Git declares is renamed there, with
    `spec.takesOver`.
    """
    client = connect()
    asked = client.post(app_path(application, "rename"), {"name": name})
    told = f"asked for the name {name}"
    context.exit(end_or_told(client, application, asked, told, output, flags))
