"""The `gitops` command: one table of subcommands, each a module beside this one.

Modules are imported when their command runs, so that the offline commands start fast.
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 there is a difference.
"""

import gc
import importlib
import io
import sys
import traceback
from types import ModuleType
from typing import Any, Final, NoReturn

import click

from gitops.cli.output import print_error, visible, wants_json
from gitops.errors import GitopsError, InputError, UsageError

GROUPS: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "Start here": {
        "demo": ("gitops.cli.demo", "start a control plane and the service on examples-repo/"),
        "serve": ("gitops.cli.serve", "run the service"),
        "cluster": ("gitops.cli.cluster", "the embedded control plane"),
    },
    "Without a cluster": {
        "render": ("gitops.cli.render", "print a source's objects in apply order"),
        "validate": ("gitops.cli.validate", "report every fault in a directory of manifests"),
        "health": ("gitops.cli.health", "health and message of every object in a file"),
    },
    "Applications": {
        "list": ("gitops.cli.applications", "list applications"),
        "status": ("gitops.cli.applications", "show an application and its objects"),
        "create": ("gitops.cli.applications", "register applications and projects from a file"),
        "delete": ("gitops.cli.applications", "delete an application"),
        "plan": ("gitops.cli.sync", "show what a sync would do"),
        "diff": ("gitops.cli.diff", "differences: files, against the cluster, or two revisions"),
        "sync": ("gitops.cli.sync", "sync an application"),
        "refresh": ("gitops.cli.sync", "look at Git and the cluster now"),
        "cancel": ("gitops.cli.sync", "end a running sync"),
        "wait": ("gitops.cli.sync", "wait until an application is synced and healthy"),
        "transfer": ("gitops.cli.transfer", "hand objects over to another application"),
        "rename": ("gitops.cli.transfer", "give an application another name"),
        "actions": ("gitops.cli.actions", "list what can be done to an application's objects"),
        "action": ("gitops.cli.actions", "restart, scale, pause or resume an object, and more"),
        "events": ("gitops.cli.applications", "what happened to an application"),
        "project": ("gitops.cli.projects", "list, show or delete projects"),
        "drift": ("gitops.cli.drift", "what was changed by hand, by whom and since when"),
        "suspend": ("gitops.cli.applications", "stop automatic syncs"),
        "resume": ("gitops.cli.applications", "let automatic syncs go on"),
    },
    "Revisions": {
        "history": ("gitops.cli.revisions", "list an application's revisions"),
        "show": ("gitops.cli.revisions", "show one revision"),
        "rollback": ("gitops.cli.revisions", "go back to a revision, and stay there"),
        "undelete": ("gitops.cli.revisions", "bring back what a revision deleted"),
        "unpin": ("gitops.cli.revisions", "let Git decide again"),
        "approve": ("gitops.cli.revisions", "approve what a plan holds back"),
        "audit": ("gitops.cli.audit", "list, export or verify the trail"),
    },
    "Other": {
        "key": ("gitops.cli.key", "the installation's key: how it stands, and another one"),
        "version": ("gitops.cli.version", "print our version and every tool's"),
        "completion": ("gitops.cli.version", "print shell completion"),
    },
}


def load(module: str) -> ModuleType:
    """Import a module without the garbage collector, which would walk all of it again and again."""
    gc.disable()
    try:
        return importlib.import_module(module)
    finally:
        gc.freeze()
        gc.enable()


class LazyGroup(click.Group):
    """A group that reads its commands from `GROUPS`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command that there is, in the order of the table."""
        del ctx
        return [name for commands in GROUPS.values() for name in commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of a command and take the attribute of its name."""
        del ctx
        for commands in GROUPS.values():
            if cmd_name in commands:
                module = load(commands[cmd_name][0])
                command: click.Command = getattr(module, f"{cmd_name}_command")
                return command
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Print the table in its groups; imports nothing."""
        del ctx
        for title, commands in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(name, text) for name, (_, text) in commands.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Declarative GitOps reconciliation for Kubernetes."""


def run(arguments: list[str] | None = None) -> int:
    """Run one command; returns its exit code. Errors are printed, never raised."""
    argv = sys.argv[1:] if arguments is None else arguments
    try:
        code: Any = cli.main(args=argv, prog_name="gitops", standalone_mode=False)
    except click.exceptions.Abort:
        return 130
    except click.ClickException as error:
        if wants_json(argv):
            print_error(UsageError(error.format_message()), argv)
        else:
            click.echo(visible(usage_of(error)), err=True)
        return error.exit_code
    except GitopsError as error:
        print_error(error, argv)
        return 2 if isinstance(error, UsageError) else 1
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except Exception as error:  # noqa: BLE001 - whatever it is, people get a sentence
        print_error(unexpected(error), argv)
        return 1
    return code if isinstance(code, int) else 0


def usage_of(error: click.ClickException) -> str:
    """What click says of wrong usage, as it says it."""
    text = io.StringIO()
    error.show(text)
    return text.getvalue().rstrip("\n")


def unexpected(error: Exception) -> GitopsError:
    """What nobody foresaw as a sentence; values stay out of it, for they may be secrets."""
    if isinstance(error, RecursionError):
        return InputError(
            "something that was given is nested too deeply", remedy="nest it less deeply"
        )
    if isinstance(error, MemoryError):
        return InputError("there is not enough memory for it", remedy="give it less at once")
    frame = traceback.extract_tb(error.__traceback__)[-1]
    if isinstance(error, OSError) and error.strerror:
        name = f" {error.filename}" if error.filename else ""
        return InputError(f"the system refused it: {error.strerror}{name}")
    return GitopsError(
        f"a defect in gitops stopped this command ({type(error).__name__})",
        where=f"{frame.filename}:{frame.lineno}",
        remedy="please report it with the command and this place",
    )


def main() -> NoReturn:
    """Entry point of the `gitops` script."""
    sys.exit(run())
