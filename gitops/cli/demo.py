"""`gitops demo`: a cluster, a repository and the service, to try everything on this machine."""

import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Final

import click

from gitops.cli.demo_text import Board, farewell, guide
from gitops.controlplane.build import find
from gitops.controlplane.progress import Printer
from gitops.demo.run import Demo, Options, stop

DIRECTORY: Final = Path(".gitops-demo")

directory_option = click.option(
    "-d",
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the demo keeps everything.  [default: .gitops-demo]",
)


@click.group(name="demo", invoke_without_command=True)
@directory_option
@click.option("--detach", is_flag=True, help="Return when it is ready, and leave it running.")
@click.option("--webhook/--no-webhook", default=True, help="Tell the service of a push, or poll.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Port of the service on 127.0.0.1; 0 takes the last start's, or a free one.",
)
@click.pass_context
def demo_command(
    ctx: click.Context, directory: Path | None, *, detach: bool, webhook: bool, port: int
) -> int:
    """Start a control plane, a Git repository and the service on the example systems.

    Stays until Ctrl-C, which stops everything; what was made is there again at the next start.
    """
    chosen = directory or DIRECTORY
    ctx.obj = chosen
    if ctx.invoked_subcommand is not None:
        return 0
    return run(chosen, Options(port=port, webhook=webhook, detach=detach))


@demo_command.command(name="stop")
@directory_option
@click.option("--purge", is_flag=True, help="Remove the directory too.")
@click.pass_obj
def stop_command(chosen: Path, directory: Path | None, *, purge: bool) -> None:
    """Stop everything; it is there again at the next start, unless --purge."""
    where = directory or chosen
    ran = stop(where, purge=purge)
    click.echo(farewell(where, ran=ran, purged=purge))


def run(directory: Path, options: Options) -> int:
    """Start, show, and stay or leave; returns the exit code."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    demo = start(directory, options)
    ready = False
    try:
        board = Board(sys.stderr)
        found = demo.wait_settled(board.show)
        board.finish()
        click.echo(guide(demo.facts, found, search_path(), detached=options.detach))
        ready = True
        if options.detach:
            demo.let_go()
        else:
            demo.stay()
    except KeyboardInterrupt:
        click.echo("stopping", err=True)
        demo.stop()
        return 0 if ready else 130
    except BaseException:
        demo.stop()
        raise
    return 0


def start(directory: Path, options: Options) -> Demo:
    """Start everything, with its progress on standard error."""
    began = time.monotonic()
    printer = Printer("building the control plane")
    click.echo(f"starting in {directory.resolve()}", err=True)
    try:
        demo = Demo.start(directory, options, printer)
    finally:
        printer.finish()
    took = time.monotonic() - began
    click.echo(f"control plane and service are up after {took:.1f} s", err=True)
    return demo


def search_path() -> list[str]:
    """Folders that a shell needs besides its own for `gitops` and `kubectl`."""
    programs = Path(sys.argv[0]).resolve().parent
    found = find()
    wanted = {"gitops": programs, "kubectl": found.kubectl.parent if found else programs}
    path = os.environ.get("PATH", "")
    return [str(at) for name, at in wanted.items() if shutil.which(name, path=path) is None]
