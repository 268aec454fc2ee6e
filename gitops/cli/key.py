"""`gitops key status, rotate`: the installation's key, in the state directory, without a service.

In: settings from file, environment and flags. Out: how the key stands; another key, with everything
re-encrypted by it. `rotate` needs the state directory for itself, so a service is stopped first.
"""

import getpass
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from gitops import wiring
from gitops.cli.output import emit, output_option
from gitops.settings.load import Settings, load_settings
from gitops.store.key_status import KeyStatus, key_status
from gitops.store.keys import read_given
from gitops.store.sql import SqlStore
from gitops.wire.values import time_to_wire

_path = click.Path(path_type=Path)
config_option = click.option(
    "--config", type=_path, help="Settings file; else GITOPS_CONFIG, else ./gitops.yaml."
)
state_option = click.option("--state-dir", type=_path, help="Where the database and key lie.")


@click.group("key", short_help="the installation's key: how it stands, and another one")
def key_command() -> None:
    """The key that encrypts what is kept, seals the trail and makes masks."""


@key_command.command("status")
@config_option
@state_option
@output_option
@click.pass_context
def status(
    context: click.Context, /, config: Path | None, state_dir: Path | None, output: str
) -> None:
    """Say which key is in use, where it lies, and whether a rotation is over; exit 1 if not."""
    settings = load_settings(config, state_dir=state_dir)
    found = key_status(settings.state_dir, settings.key_file)
    emit(to_wire(found), output, lambda: text_of(found))
    context.exit(0 if found.standing == "in use" and not found.left else 1)


@key_command.command("rotate")
@config_option
@state_option
@click.option("--new-key-file", type=_path, help="The new key, where keyFile names the old one.")
@output_option
def rotate(
    config: Path | None, state_dir: Path | None, new_key_file: Path | None, output: str
) -> None:
    """Replace the key, and re-encrypt what the former one encrypted.

    The service must be stopped. A rotation that was cut off goes on first: run it again, or start
    the service. Copies of the former key read backups of before, and nothing that is written later.
    """
    settings = load_settings(config, state_dir=state_dir)
    key_status(settings.state_dir, settings.key_file)  # no new installation is made for this
    secret = None if new_key_file is None else read_given(new_key_file)
    with closing(wiring.open_store(settings)) as store:
        re_encrypt(store)
        store.rotate_key(actor(), secret)
        re_encrypt(store)
    found = key_status(settings.state_dir, new_key_file or settings.key_file)
    emit(to_wire(found), output, lambda: "\n".join((text_of(found), *advice(settings, found))))


def actor() -> str:
    """Who runs this, for the trail."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"  # a user without a name


def re_encrypt(store: SqlStore) -> None:
    """Re-encrypt everything, telling how much is left where a person watches."""
    while left := store.reseal():
        if sys.stderr.isatty():
            click.echo(f"re-encrypting: {left} contents left", err=True)


def to_wire(found: KeyStatus) -> dict[str, Any]:
    """The shape of `-o json`."""
    return {
        "file": str(found.file),
        "standing": found.standing,
        "fingerprint": found.fingerprint,
        "formerKeys": found.former,
        "leftToReEncrypt": found.left,
        "rotatedAt": time_to_wire(found.rotated_at) if found.rotated_at else None,
        "rotatedBy": found.rotated_by,
    }


def text_of(found: KeyStatus) -> str:
    """The same for people."""
    lines = [f"key {found.fingerprint}, {found.file}: {found.standing}"]
    if found.rotated_at is not None:
        when = found.rotated_at.isoformat(timespec="seconds")
        lines.append(f"rotated {when} by {found.rotated_by}; former keys: {found.former}")
    if found.left:
        lines.append(f"{found.left} contents are left to re-encrypt")
    return "\n".join(lines)


def advice(settings: Settings, found: KeyStatus) -> list[str]:
    """What is left to do by hand."""
    if settings.key_file is not None:
        return [f"put it in the place of {settings.key_file} before the service starts"]
    return [f"back {found.file} up, apart from the database"]
