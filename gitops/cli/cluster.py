"""`gitops cluster`: start, stop and look at the embedded control plane."""

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import click

from gitops.cli.output import columns, emit, output_option
from gitops.controlplane.build import FILES, Binaries, find_or_build, pin
from gitops.controlplane.processes import ControlPlane, Status
from gitops.controlplane.progress import Printer
from gitops.errors import ControlPlaneError


def default_directory() -> Path:
    """`$GITOPS_CLUSTER`, else `$XDG_STATE_HOME/gitops/cluster`: the same from every folder."""
    chosen = os.environ.get("GITOPS_CLUSTER")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "gitops" / "cluster"


directory_option = click.option(
    "-d",
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=default_directory,
    show_default="$GITOPS_CLUSTER or ~/.local/state/gitops/cluster",
    help="Where the control plane keeps everything.",
)


@click.group(name="cluster")
def cluster_command() -> None:
    """A real Kubernetes control plane on this machine, with simulated nodes."""


@cluster_command.command()
@directory_option
@click.option(
    "--detach/--foreground",
    default=True,
    show_default=True,
    help="Return when it is ready, or stay until Ctrl-C and stop it.",
)
@click.option("--audit", is_flag=True, help="Write every request to audit.log in the directory.")
@click.option("--every-api", is_flag=True, help="Serve alpha and beta versions of kinds, too.")
@output_option
def start(directory: Path, *, detach: bool, audit: bool, every_api: bool, output: str) -> None:
    """Start it, or say where it runs; builds it first where that was never done."""
    started = time.monotonic()
    printer = Printer("building the control plane")
    was_running = ControlPlane(directory.resolve()).status().ready
    try:
        plane = ControlPlane.start(
            directory, audit=audit, every_api=every_api, detach=detach, progress=printer
        )
    finally:
        printer.finish()
    took = "already running" if was_running else f"ready in {time.monotonic() - started:.1f} s"
    emit(facts(plane.status()), output, lambda: greeting(plane, took))
    if not detach and not was_running:
        stay(plane)


@cluster_command.command()
@directory_option
@click.option("--purge", is_flag=True, help="Remove the directory too.")
def stop(directory: Path, *, purge: bool) -> None:
    """Stop it; what was made in it stays, unless --purge."""
    plane = ControlPlane(directory.resolve())
    was_running = plane.status().running
    if purge:
        plane.purge()
    else:
        plane.stop()
    done = "stopped" if was_running else "nothing runs"
    click.echo(f"{done} in {directory}{', and the directory is removed' if purge else ''}")


@cluster_command.command()
@directory_option
@output_option
def status(directory: Path, output: str) -> int:
    """Show it and its processes; exit code 1 where it does not run."""
    found = ControlPlane(directory.resolve()).status()
    emit(facts(found), output, lambda: describe(found))
    return 0 if found.ready else 1


@cluster_command.command()
@directory_option
@click.option("--raw", is_flag=True, help="Print the content, not the path.")
def kubeconfig(directory: Path, *, raw: bool) -> None:
    """Print the path of the administrator's kubeconfig."""
    path = ControlPlane(directory.resolve()).kubeconfig
    if not path.exists():
        raise ControlPlaneError(
            "no control plane was ever started here",
            where=str(directory),
            remedy="start it with `gitops cluster start`",
            reason="stopped",
        )
    click.echo(path.read_text() if raw else path, nl=not raw)


@cluster_command.command()
@output_option
def build(output: str) -> None:
    """Build its programs, unless they are in the cache; minutes, once."""
    printer = Printer("building the control plane")
    try:
        found = find_or_build(printer)
    finally:
        printer.finish()
    emit(programs(found), output, lambda: program_table(found))


def stay(plane: ControlPlane) -> None:
    """Wait for Ctrl-C or SIGTERM, then stop it."""
    asked = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: asked.set())
    if plane.wait_end(asked):
        raise ControlPlaneError(
            "the control plane was stopped from elsewhere", where=str(plane.directory)
        )
    click.echo("stopping", err=True)
    plane.stop()


def facts(found: Status) -> dict[str, Any]:
    """What `status -o json` prints."""
    return {
        "directory": str(found.directory),
        "running": found.running,
        "ready": found.ready,
        "url": found.url,
        "kubeconfig": str(found.kubeconfig),
        "components": [
            {"name": c.name, "state": c.state, "pid": c.pid, "restarts": c.restarts}
            for c in found.components
        ],
    }


def greeting(plane: ControlPlane, took: str) -> str:
    """What a person reads after the start."""
    return (
        f"the control plane is {took}: {plane.url}\n\n"
        f"  export KUBECONFIG={plane.kubeconfig}\n"
        f"  kubectl get nodes\n\n"
        f"stop it with `gitops cluster stop`"
    )


def describe(found: Status) -> str:
    """What a person reads as status."""
    if not found.running:
        return f"no control plane runs in {found.directory}"
    rows = [(c.name, c.state, str(c.pid or ""), str(c.restarts)) for c in found.components]
    head = f"{'ready' if found.ready else 'starting'}: {found.url}\nkubeconfig: {found.kubeconfig}"
    return head + "\n\n" + columns(("process", "state", "pid", "restarts"), rows)


def programs(found: Binaries) -> dict[str, Any]:
    """What `build -o json` prints."""
    return {
        "pin": pin(),
        "directory": str(found.directory),
        "programs": [
            {"name": name, "path": str(path), "origin": found.origin.get(name, "embedded")}
            for name, path in paths(found)
        ],
    }


def program_table(found: Binaries) -> str:
    """What a person reads after the build."""
    rows = [(name, found.origin.get(name, "embedded"), str(path)) for name, path in paths(found)]
    return columns(("program", "origin", "path"), rows)


def paths(found: Binaries) -> list[tuple[str, Path]]:
    """Each program's name and path, in the order of `FILES`."""
    return [(name, getattr(found, name.replace("-", "_"))) for name in FILES]
