"""`gitops plan, sync, refresh, cancel, wait`, and `gitops diff APP`: applications at work."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from gitops.cli.applications import name_of, read_text
from gitops.cli.client import Client, app_path, connect
from gitops.cli.difference import difference_table
from gitops.cli.durations import DurationType
from gitops.cli.output import emit, output_option
from gitops.cli.progress import DIFFERENT, end_or_told, exit_of, progress
from gitops.cli.server import server_option
from gitops.cli.tables import application_table, plan_page
from gitops.errors import ServiceError, UsageError
from gitops.wire.diff import diff_from_wire

LOOK_S: Final = 1.0
"""How often to look at an application that nothing is told of: coming to rest is no event."""
RESTING: Final = frozenset({None, "Healthy", "Suspended"})
_file = click.Path(path_type=Path, allow_dash=True)
timeout_option = click.option(
    "--timeout", type=DurationType(), default="10m", show_default=True,
    help="How long to wait; the service goes on with it after that.",
)  # fmt: skip

no_wait_option = click.option("--no-wait", is_flag=True, help="Return at once.")
resource_option = click.option(
    "--resource", "resources", multiple=True, metavar="GROUP:KIND:NAMESPACE/NAME",
    help="Only this object; again for more.",
)  # fmt: skip
prune_option = click.option("--prune", is_flag=True, help="Delete beyond the prune budget.")
chosen_option = click.option(
    "--resource", "resources", multiple=True, metavar="[!]GROUP:KIND:[NAMESPACE/]NAME",
    help="Only this object, or with ! all but it; * stands for any text; again for more.",
)  # fmt: skip
label_option = click.option(
    "--label", "labels", multiple=True, metavar="SELECTOR",
    help="Only objects with these labels, as for kubectl: tier=web,env in (dev,test),!old; "
    "again for more.",
)  # fmt: skip


@click.command("plan", short_help="show what a sync would do")
@click.argument("application", required=False)
@click.option(
    "-f", "--file", "file", type=_file, help="An Application that need not be registered."
)
@click.option("--commit", metavar="REF", help="Branch, tag or commit instead of the declared one.")
@server_option
@output_option
@click.pass_context
def plan_command(
    context: click.Context,
    /,
    application: str | None,
    file: Path | None,
    commit: str | None,
    output: str,
) -> None:
    """Show what a sync would do now, object by object, and do nothing.

    Exit code 3 where there is something to do.
    """
    if (application is None) == (file is None):
        raise UsageError("name an application, or give -f FILE")
    client = connect()
    if file is not None:
        plan = client.post_text("/plan", read_text(file), where=name_of(file), commit=commit)
    else:
        plan = client.get(app_path(str(application), "plan"), commit=commit)
    context.exit(print_plan(plan, output))


def print_plan(plan: dict[str, Any], output: str) -> int:
    """Print a plan; returns the exit code."""
    emit(plan, output, lambda: plan_page(plan))
    return exit_of(plan)


@click.command("sync", short_help="sync an application")
@click.argument("application")
@click.option("--dry-run", is_flag=True, help="Print the plan, and do nothing; exit 3 if any.")
@prune_option
@click.option("--commit", metavar="REF", help="Branch, tag or commit instead of the declared one.")
@chosen_option
@label_option
@no_wait_option
@timeout_option
@server_option
@output_option
@click.pass_context
def sync_command(context: click.Context, /, application: str, output: str, **flags: Any) -> None:
    """Bring an application to what Git wants, and wait until it is there.

    Nothing is done where it is there already. Exit code 1 where the sync failed or was held.

    --resource and --label sync a part, as in Argo CD: what they name adds up, what ! excludes is
    taken from it, no hook runs, and what Git no longer has is deleted with --prune only.
    """
    client = connect()
    order = chosen(flags)
    if flags["commit"]:
        order["commit"] = flags["commit"]
    if flags["dry_run"]:
        plan = client.post(app_path(application, "sync"), order | {"dryRun": True})
        context.exit(print_plan(plan, output))
    asked = client.post(app_path(application, "sync"), order)
    context.exit(end_or_told(client, application, asked, "asked for a sync", output, flags))


def chosen(flags: dict[str, Any]) -> dict[str, Any]:
    """What `--resource`, `--label` and `--prune` say, as the service reads it."""
    names = {key: list(flags[key]) for key in ("resources", "labels")}
    return {"prune": flags["prune"], **names}


@click.command("refresh", short_help="look at Git and the cluster now")
@click.argument("application")
@no_wait_option
@timeout_option
@server_option
@output_option
def refresh_command(application: str, output: str, timeout: float, *, no_wait: bool) -> None:
    """Look at Git and the cluster now instead of at the next poll."""
    client = connect()
    asked = client.post(app_path(application, "refresh"))
    if no_wait:
        emit(asked, output, lambda: f"{application}: asked for a look")
        return
    client.job(application, asked, timeout, progress(output))
    status = client.get(app_path(application))
    emit(status, output, lambda: application_table([status]))


@click.command("cancel", short_help="end a running sync")
@click.argument("application")
@no_wait_option
@timeout_option
@server_option
@output_option
def cancel_command(application: str, output: str, timeout: float, *, no_wait: bool) -> None:
    """End what runs for an application at its next safe point: a sync, a rollback, a deletion.

    What is written stays, a hook that has not ended is deleted, and nothing is rolled back. The
    same desired state is not synced again by itself.
    """
    client = connect()
    status = client.post(app_path(application, "cancel"))
    if not no_wait:
        status = _until(client, application, timeout, output, lambda status: not status["busy"])
    emit(status, output, lambda: application_table([status]))


@click.command("wait", short_help="wait until an application is synced and healthy")
@click.argument("application")
@timeout_option
@server_option
@output_option
def wait_command(application: str, output: str, timeout: float) -> None:
    """Wait until an application is Synced and Healthy, and at rest."""
    status = _until(connect(), application, timeout, output, is_settled)
    emit(status, output, lambda: application_table([status]))


def is_settled(status: dict[str, Any]) -> bool:
    """Whether there is nothing left to wait for."""
    good = status["sync"] == "Synced" and status["health"]["status"] in RESTING
    return good and not status["busy"]


def _until(
    client: Client, name: str, timeout_s: float, output: str, done: Callable[[Any], bool]
) -> dict[str, Any]:
    """Look at an application after each event until it is as asked for; raises ServiceError."""
    tell = progress(output)
    start = client.get(app_path(name, "events"))
    status: dict[str, Any] = client.get(app_path(name))
    if done(status):
        return status
    for events in client.follow(name, start["newest"], timeout_s, LOOK_S):
        for event in events:
            tell(event)
        status = client.get(app_path(name))
        if done(status):
            return status
    stands = f"{status['sync']}, {status['health']['status'] or 'without health'}"
    raise ServiceError(
        f"still {stands} after {timeout_s:g} s"
        + (f": {status['message']}" * bool(status["message"])),
        where=name,
        remedy=f"`gitops status {name}` shows its objects",
    )


def diff_application(
    context: click.Context, application: str, revisions: tuple[int, ...], output: str
) -> None:
    """Print differences of an application: against the cluster, or between two revisions.

    One revision is compared with the newest one. Exit code 3 where there are differences. Where
    there is no newest one, the service says that the revision does not exist.
    """
    client = connect()
    if not revisions:
        plan = client.get(app_path(application, "plan"))
        changed = [a for a in plan["actions"] if a["action"] != "none"]
        emit([a | {"modified": True} for a in changed], output, lambda: plan_page(plan))
        context.exit(DIFFERENT if changed else 0)
    if len(revisions) > 2:  # noqa: PLR2004 - between two
        raise UsageError("name one or two revisions")
    old, new = (*revisions, *_newest(client, application, revisions), revisions[0])[:2]
    path = app_path(application, "revisions", str(old), "diff")
    found = client.get(path, to=new)
    diffs = [diff_from_wire(one) for one in found]
    same = f"{application}: revisions {old} and {new} want the same."
    emit(found, output, lambda: difference_table(diffs) if diffs else same)
    context.exit(DIFFERENT if found else 0)


def _newest(client: Client, application: str, revisions: tuple[int, ...]) -> tuple[int, ...]:
    """The newest revision's number where only one was named."""
    if len(revisions) > 1:
        return ()
    return tuple(row["number"] for row in client.get(app_path(application, "revisions"), limit=1))
