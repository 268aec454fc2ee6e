"""`gitops serve`: the service in the foreground, until SIGTERM or SIGINT.

In: settings from file, environment and flags. Out: log lines on standard error, nothing on standard
output. The first signal stops it within the bound of the settings, the second at once.
"""

import contextlib
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any, Final

import click
import structlog

from gitops import __version__, wiring
from gitops.api.app import create_app
from gitops.api.hosts import is_loopback
from gitops.api.options import ApiOptions
from gitops.api.server import Server, address_of, bind
from gitops.cli.logs import configure, log_event, secrets_of
from gitops.engine.facts.events import traceback_of
from gitops.errors import GitopsError, ServiceError, SettingsError
from gitops.repositories import git_secrets, read_secret
from gitops.settings.load import Settings, load_settings
from gitops.settings.sections import ServerSection

WILDCARDS: Final = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - compared with, not bound to
JOIN_S: Final = 5.0
_path = click.Path(path_type=Path)

log = structlog.get_logger("gitops")


@click.command("serve", short_help="run the service")
@click.option("--config", type=_path, help="Settings file; else GITOPS_CONFIG, else ./gitops.yaml.")
@click.option("--state-dir", type=_path, help="Where the database, mirrors and key lie.")
@click.option("--host", help="Address to listen on; another than loopback needs a token.")
@click.option("--port", type=click.IntRange(0, 65535), help="TCP port; 0 picks a free one.")
@click.option("--kubeconfig", type=_path, help="Kubeconfig file of the cluster to keep in step.")
@click.option("--context", "cluster_context", help="Context of the kubeconfig.")
@click.option(
    "--applications", type=_path, multiple=True, help="File or directory with Applications; again."
)
def serve_command(
    config: Path | None, state_dir: Path | None, applications: tuple[Path, ...], **flags: Any
) -> None:
    """Run the service: follow Git, keep the cluster in step, answer the API."""
    settings = with_flags(load_settings(config, state_dir=state_dir), flags)
    if applications:
        settings = settings.model_copy(update={"applications": applications})
    token = token_of(settings.server)
    forget_settings(os.environ)
    configure(settings.log, secrets_of(settings) | git_secrets(settings) | {token})
    serve(settings, token)


def forget_settings(environ: MutableMapping[str, str]) -> None:
    """Take what was read out of the environment: some are secrets, and programs inherit them."""
    for name in list(environ):
        if name.upper().startswith("GITOPS_") and ("__" in name or name == "GITOPS_TOKEN"):
            del environ[name]


def with_flags(settings: Settings, flags: Mapping[str, Any]) -> Settings:
    """The settings with what the flags say."""
    server = {key: flags[key] for key in ("host", "port") if flags[key] is not None}
    cluster = {"kubeconfig": flags["kubeconfig"], "context": flags["cluster_context"]}
    cluster = {key: value for key, value in cluster.items() if value is not None}
    return settings.model_copy(
        update={
            "server": settings.server.model_copy(update=server),
            "cluster": settings.cluster.model_copy(update=cluster),
        }
    )


def token_of(server: ServerSection) -> str:
    """The token, "" for none; raises SettingsError where others could reach the service without."""
    token = server.token.get_secret_value() or read_secret(server.token_file).strip()
    if server.token_file and not token:
        raise SettingsError("the token is empty", where=str(server.token_file))
    if not token and not is_loopback(server.host):
        raise SettingsError(
            f"the service would listen on {server.host or 'every address'} without a token",
            where="server.host",
            remedy="set server.token or server.tokenFile, or listen on 127.0.0.1",
        )
    return token


def api_options(settings: Settings, token: str, running: wiring.Running) -> ApiOptions:
    """What the HTTP application needs of the settings."""
    server, webhook = settings.server, settings.webhook
    own = set() if server.host in WILDCARDS else {server.host}
    return ApiOptions(
        hosts=frozenset(name.lower().rstrip(".") for name in {*server.allowed_hosts, *own}),
        any_address=server.host in WILDCARDS,
        token=token,
        max_body_bytes=server.max_body_bytes,
        webhook_secrets={
            "github": webhook.github.get_secret_value(),
            "gitlab": webhook.gitlab.get_secret_value(),
            "gitea": webhook.gitea.get_secret_value(),
            "bitbucket": webhook.bitbucket.get_secret_value(),
            "azure": webhook.azure.get_secret_value(),
            "generic": webhook.generic.get_secret_value(),
        },
        versions=lambda: {"git": git_version(), **running.service.edges.renderer.versions()},
    )


@cache
def git_version() -> str:
    """The system's git, or why it is missing."""
    try:
        answer = subprocess.run(
            ["git", "--version"], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return "not found on PATH"
    return answer.stdout.strip().removeprefix("git version ")


def serve(settings: Settings, token: str) -> None:
    """Run until a signal comes; raises what keeps the service from starting."""
    listener = bind(settings.server.host, settings.server.port)
    with contextlib.closing(listener):
        running = wiring.build(settings)
        wiring.spare_collector()
        try:
            running.service.events.listen(log_event)
            options = api_options(settings, token, running)
            server = Server(create_app(running.service, options), listener)
            _run(running, server, listener)
        finally:
            running.stop()
    log.info("stopped")


def _run(running: wiring.Running, server: Server, listener: socket.socket) -> None:
    failures: list[GitopsError] = []
    starting = threading.Thread(target=_start, args=(running, server, failures), name="start")
    starting.daemon = True
    with _ended_by_signals(server.stop):
        log.info("listening on %s", address_of(listener), version=__version__)
        starting.start()
        server.run_until_stopped()
        log.info("stopping")
        running.stop()
        starting.join(JOIN_S)
    if failures:
        raise failures[0]


def _start(running: wiring.Running, server: Server, failures: list[GitopsError]) -> None:
    """Start the engine beside the server, so that probes are answered meanwhile."""
    try:
        running.start()
        log.info("ready")
    except Exception as error:  # noqa: BLE001 - told where the command ends
        if server.should_exit:
            return  # stopped while it started: whatever broke, broke by that
        failures.append(error if isinstance(error, GitopsError) else _defect(error))
        server.stop()


def _defect(error: Exception) -> ServiceError:
    log.error("defect", error=type(error).__name__, traceback=traceback_of(error).splitlines())
    return ServiceError(
        "a defect in gitops stopped the start", remedy="the log says where it happened"
    )


@contextlib.contextmanager
def _ended_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` at the first signal; the second one does what it does to any process."""
    wanted = (signal.SIGTERM, signal.SIGINT)

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        for number in wanted:
            signal.signal(number, signal.SIG_DFL)
        stop()

    before = {number: signal.signal(number, on_signal) for number in wanted}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
