"""`gitops version` and `gitops completion`."""

import platform
import re
import subprocess
from typing import Final

import click
from click.shell_completion import get_completion_class

from gitops import __version__
from gitops.cli.output import columns, emit, output_option
from gitops.cli.tables import clip
from gitops.controlplane.build import KUBERNETES_VERSION, cache_directory, find_tool, pin
from gitops.errors import UsageError
from gitops.render.tools import find_tools

TIMEOUT_S: Final = 20.0
_VERSION: Final = re.compile(r"v?\d+\.\d+(?:\.\d+)?[\w.+-]*")


@click.command("version", short_help="print our version and every tool's")
@output_option
def version_command(output: str) -> None:
    """Print our version and those of the tools that are used: yours on PATH before ours.

    The last is the Kubernetes version of the embedded control plane.
    """
    tools = {
        "git": asked_version("git", "--version"),
        "kubectl": asked_version(find_kubectl(), "version", "--client"),
        **find_tools(cache_directory() / pin()).report(),
        "control plane": KUBERNETES_VERSION,
    }
    value = {"gitops": __version__, "python": platform.python_version(), "tools": tools}

    def table() -> str:
        rows = [["gitops", __version__], ["python", platform.python_version()]]
        return columns(("program", "version"), [*rows, *([n, v] for n, v in tools.items())])

    emit(value, output, table)


def find_kubectl() -> str:
    """The user's own kubectl, else that of the control plane's build; "kubectl" for none."""
    return str(find_tool("kubectl") or "kubectl")


def asked_version(program: str, *arguments: str) -> str:
    """What a tool says of itself, or that it is missing."""
    try:
        answer = subprocess.run(
            [program, *arguments], capture_output=True, text=True, timeout=TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return f"missing: {program} is not found, or does not run"
    found = _VERSION.search(answer.stdout)
    return found[0] if found else clip(answer.stdout, 40)


@click.command("completion", short_help="print shell completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion_command(context: click.Context, /, shell: str) -> None:
    """Print a script that completes commands in a shell.

    bash: eval "$(gitops completion bash)" in ~/.bashrc.
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise UsageError(f"there is no completion for {shell}")
    group = context.find_root().command
    click.echo(kind(group, {}, "gitops", "_GITOPS_COMPLETE").source())
