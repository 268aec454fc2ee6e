"""From settings to repositories: credentials, those that files hold included, and limits.

Called by `wiring.py` for the service and by `gitops render`, so that both reach the same servers.
"""

import contextlib
from pathlib import Path

from gitops.errors import SettingsError
from gitops.settings.load import Settings
from gitops.settings.sections import GitCredential
from gitops.source.credentials import Credential
from gitops.source.options import GitOptions
from gitops.source.repositories import GitRepositories


def make_repositories(settings: Settings, folder: Path) -> GitRepositories:
    """Mirrors below a folder; raises SettingsError where a credential cannot be used."""
    git = settings.git
    options = GitOptions(
        poll_timeout_s=git.poll_timeout.total_seconds(),
        fetch_timeout_s=git.fetch_timeout.total_seconds(),
        submodule_prefixes=git.submodule_prefixes,
        local_repositories=git.local_repositories,
    )
    return GitRepositories(folder, git_credentials(settings), options)


def git_credentials(settings: Settings) -> list[Credential]:
    """The credentials for Git, those that files hold included; raises SettingsError."""
    return [_credential(entry) for entry in settings.git.credentials]


def git_secrets(settings: Settings) -> set[str]:
    """Every form in which a credential for Git could show, lines of SSH keys included."""
    known = {form for credential in git_credentials(settings) for form in credential.secrets}
    for entry in settings.git.credentials:
        with contextlib.suppress(SettingsError):  # ssh says what is wrong with its key
            key = read_secret(entry.ssh_key_file)
            known |= {line for line in key.splitlines() if line and not line.startswith("-----")}
    return known


def _credential(entry: GitCredential) -> Credential:
    password = entry.password.get_secret_value() or read_secret(entry.password_file)
    return Credential(
        entry.url_prefix,
        entry.username,
        password,
        entry.bearer.get_secret_value(),
        entry.ssh_key_file,
        entry.known_hosts_file,
        entry.ca_file,
    )


def read_secret(path: Path | None) -> str:
    """The content of a file without the last line break; "" for None. Raises SettingsError."""
    if path is None:
        return ""
    try:
        return path.read_text().rstrip("\n")
    except OSError as error:
        raise SettingsError(
            f"cannot be read ({error.strerror})", where=str(path), remedy="check the path"
        ) from error
    except UnicodeDecodeError as error:
        raise SettingsError(
            "is not UTF-8", where=str(path), remedy="check that it holds the secret alone"
        ) from error
