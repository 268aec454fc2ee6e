"""`gitops actions, action`: resource actions of an application's objects."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import click

from gitops.cli.client import app_path, connect
from gitops.cli.output import columns, emit, output_option
from gitops.cli.progress import end_of
from gitops.cli.server import server_option
from gitops.cli.sync import print_plan, timeout_option
from gitops.cli.tables import NONE, clip, title
from gitops.errors import UsageError

namespace_option = click.option("-n", "--namespace", default="", help="Namespace of the object.")


@click.command("actions", short_help="list what can be done to an application's objects")
@click.argument("application")
@click.argument("chosen", required=False, metavar="[KIND/NAME]")
@namespace_option
@server_option
@output_option
def actions_command(application: str, chosen: str | None, namespace: str, output: str) -> None:
    """List the resource actions of an application's objects, or of one of them.

    What cannot be run now says why.
    """
    path = app_path(application, "actions")
    found = connect().get(path, chosen=chosen, namespace=namespace or None)
    emit(found, output, lambda: _table(found))


@click.command("action", short_help="restart, scale, pause or resume an object, and more")
@click.argument("application")
@click.argument("action")
@click.argument("chosen", metavar="KIND/NAME")
@namespace_option
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE",
              help="A parameter, as in replicas=3; again for more.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Print what would change; exit 3 if anything would.")
@click.option("--no-wait", is_flag=True, help="Do not wait for the object's health.")
@timeout_option
@server_option
@output_option
@click.pass_context
def action_command(context: click.Context, /, application: str, output: str, **given: Any) -> None:
    """Run a resource action on one object of an application, and wait until it is healthy.

    `gitops action shop restart deployment/web`; `gitops actions APP` lists what there is. It is
    recorded as a revision. What changes a field that Git states is refused: change it there.
    """
    client = connect()
    order = {
        "action": given["action"],
        "object": given["chosen"],
        "namespace": given["namespace"] or None,
        "params": dict(_params(given["params"])),
        "wait": not given["no_wait"],
    }
    path = app_path(application, "actions")
    if given["dry_run"]:
        context.exit(print_plan(client.post(path, order | {"dryRun": True}), output))
    asked = client.post(path, order)
    context.exit(end_of(client, application, asked, output, given["timeout"]))


def _params(texts: Iterable[str]) -> Iterator[tuple[str, str]]:
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise UsageError(f'"{text}" is no parameter', remedy="write --param NAME=VALUE")
        yield name, value


def _table(found: Sequence[Mapping[str, Any]]) -> str:
    if not found:
        return "no object of the application has actions"
    rows = [row for one in found for row in _rows(one)]
    return columns(("object", "action", "parameters", "available"), rows)


def _rows(one: Mapping[str, Any]) -> Iterator[list[str]]:
    for action in one["actions"]:
        said = "yes" if action["available"] else f"no: {action['reason']}"
        yield [title(one), action["name"], ", ".join(action["params"]) or NONE, clip(said)]
    if one["problem"] or not one["actions"]:
        yield [title(one), NONE, NONE, clip(one["problem"] or "no: this kind has no actions")]
