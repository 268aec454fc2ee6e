"""Which service a command asks: the option `--server`, and what it said.

Apart from `client.py`, so that `gitops diff` of files starts without an HTTP client.
"""

import click

_SERVER = "gitops.server"


def _take_server(context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    context.meta[_SERVER] = value


server_option = click.option(
    "--server",
    metavar="URL",
    expose_value=False,
    callback=_take_server,
    help="The service; else GITOPS_SERVER, else a demo that runs here.",
)


def chosen_server() -> str | None:
    """What `--server` of the running command names, or None."""
    server: str | None = click.get_current_context().meta.get(_SERVER)
    return server
