"""Credentials by URL prefix, and how each reaches git without being seen.

A URL comes in; configuration for git's environment goes out, valid inside a `with` block. What is
secret stands in the environment of the git process (readable by its own user only), or, for an SSH
key given as text, in a file of mode 0600 that is removed afterwards: never in arguments, in the
mirror's configuration, or in an error.
"""

import base64
import contextlib
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from gitops.core.git.repo_url import RepoUrl, covers, parse, parse_prefix
from gitops.errors import SettingsError
from gitops.scratch import private_folder
from gitops.source.options import GitOptions

# Git runs it with `get`, and with what it asks about on standard input. It is asked only for the
# host that the setting's key names, so a redirect to another host gets nothing.
_HELPER = (
    '!f() { test "$1" = get && printf "username=%s\\npassword=%s\\n" '
    '"$GITOPS_GIT_USERNAME" "$GITOPS_GIT_PASSWORD"; }; f'
)


@dataclass(frozen=True, slots=True)
class Credential:
    """What opens the repositories below a URL prefix (whole path components; the scheme counts).

    HTTP: `username` with `password` (a token is a password; the user is then any name), or
    `bearer`. SSH: `ssh_key`, the key's text or a path, with `known_hosts`, lines or a path.
    A user without a password is itself a token, and as secret.
    `ca` is the text or path of certificate authorities that are trusted instead of the system's.
    """

    url_prefix: str
    username: str = ""
    password: str = field(default="", repr=False)
    bearer: str = field(default="", repr=False)
    ssh_key: str | Path | None = field(default=None, repr=False)
    known_hosts: str | Path | None = None
    ca: str | Path | None = None

    def __post_init__(self) -> None:
        """Refuse what could never be used, or could break out of a setting."""
        if parse_prefix(self.url_prefix) is None:
            raise SettingsError(
                "the URL prefix of a Git credential cannot be read",
                remedy="write it as https://host/path, http://host/path or ssh://host/path",
            )
        if self.password and self.bearer:
            raise SettingsError(
                "a Git credential has both a password and a bearer token",
                where=self.url_prefix,
                remedy="give one of them",
            )
        if any(c in text for text in (self.username, self.password, self.bearer) for c in "\r\n\0"):
            raise SettingsError(
                "a Git user, password or token holds a line break",
                where=self.url_prefix,
                remedy="remove it; a file that ends with a newline is often the cause",
            )

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every form in which the secret could show."""
        pair = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        forms = [self.bearer, quote(self.bearer, safe="")]
        if self.username and not self.password:
            forms += [self.username, quote(self.username, safe="")]
        if self.password:
            forms += [self.password, quote(self.password, safe=""), pair]
        if isinstance(self.ssh_key, str):
            forms.append(self.ssh_key)
        return tuple(form for form in forms if form)


@dataclass(frozen=True, slots=True)
class Access:
    """How git reaches one URL: variables and configuration for its environment, and secrets."""

    variables: Mapping[str, str]
    config: Mapping[str, str]
    secrets: tuple[str, ...]


class Credentials:
    """All configured credentials; the longest prefix that covers a URL wins."""

    def __init__(self, credentials: Sequence[Credential] = (), folder: Path | None = None) -> None:
        self._credentials = sorted(
            credentials, key=lambda c: (-len(c.url_prefix.rstrip("/")), c.url_prefix)
        )
        self._folder = folder

    def find(self, url: str) -> Credential | None:
        """The credential for a URL, or None."""
        return next((c for c in self._credentials if covers(c.url_prefix, url)), None)

    @contextlib.contextmanager
    def access(
        self, url: str, options: GitOptions, own: Credential | None = None
    ) -> Iterator[Access]:
        """Open access to a URL; `own` is what was written into the URL itself."""
        parsed = parse(url)
        credential = own or self.find(url)
        with contextlib.ExitStack() as stack:
            keep = _Files(stack, self._folder)
            variables: dict[str, str] = {}
            config: dict[str, str] = {}
            if parsed is not None and parsed.scheme in ("http", "https"):
                variables, config = _http(parsed, credential, keep)
                config["http.lowSpeedLimit"] = "1000"
                config["http.lowSpeedTime"] = str(options.stall_timeout_s)
            elif parsed is not None and parsed.scheme == "ssh":
                variables = _ssh(credential, keep, options)
            yield Access(variables, config, credential.secrets if credential else ())


class _Files:
    """Texts as files of mode 0600 in a private folder that goes when the block ends."""

    def __init__(self, stack: contextlib.ExitStack, folder: Path | None) -> None:
        self._stack = stack
        self._folder = folder
        self._made: Path | None = None

    def path(self, name: str, value: str | Path) -> Path:
        """Where a value lies: its own path, or a file with its text."""
        if isinstance(value, Path):
            return value.absolute()
        if self._made is None:
            self._made = self._stack.enter_context(private_folder("gitops-keys-", self._folder))
        path = self._made / name
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(value if value.endswith("\n") else value + "\n")
        return path


def _http(
    url: RepoUrl, credential: Credential | None, files: _Files
) -> tuple[dict[str, str], dict[str, str]]:
    port = f":{url.port}" if url.port is not None else ""
    origin = f"{url.scheme}://{url.host}{port}"
    variables: dict[str, str] = {}
    config: dict[str, str] = {}
    if credential is None:
        return variables, config
    if credential.bearer:
        config[f"http.{origin}/.extraHeader"] = f"Authorization: Bearer {credential.bearer}"
        # The header would follow a redirect to wherever it leads.
        config["http.followRedirects"] = "false"
    elif credential.password or credential.username:
        variables["GITOPS_GIT_USERNAME"] = credential.username or "git"
        variables["GITOPS_GIT_PASSWORD"] = credential.password
        config[f"credential.{origin}.helper"] = _HELPER
    if credential.ca is not None:
        variables["GIT_SSL_CAINFO"] = str(files.path("ca.pem", credential.ca))
    return variables, config


def _ssh(credential: Credential | None, files: _Files, options: GitOptions) -> dict[str, str]:
    command = ["ssh", "-F", "/dev/null"]
    settings = [
        "BatchMode=yes",
        "StrictHostKeyChecking=yes",
        "UpdateHostKeys=no",
        "ForwardAgent=no",
        "ForwardX11=no",
        "PermitLocalCommand=no",
        f"ConnectTimeout={options.connect_timeout_s}",
        f"ServerAliveInterval={max(1, options.stall_timeout_s // 3)}",
        "ServerAliveCountMax=3",
    ]
    if credential is not None and credential.known_hosts is not None:
        hosts = files.path("known_hosts", credential.known_hosts)
        settings += [f'UserKnownHostsFile="{_literal(hosts)}"', "GlobalKnownHostsFile=/dev/null"]
    if credential is not None and credential.ssh_key is not None:
        key = _literal(files.path("key", credential.ssh_key))
        settings += [
            f'IdentityFile="{key}"',
            "IdentitiesOnly=yes",
            "IdentityAgent=none",
            "PasswordAuthentication=no",
        ]
    for setting in settings:
        command += ["-o", setting]
    return {"GIT_SSH_COMMAND": shlex.join(command), "GIT_SSH_VARIANT": "ssh"}


def _literal(path: Path) -> str:
    """A path in which ssh expands nothing."""
    return str(path).replace("%", "%%")
