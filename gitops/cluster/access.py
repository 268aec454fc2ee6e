"""How to reach a cluster: kubeconfig files or a pod's own service account, as one `Endpoint`.

In: a path and a context, or the environment. Out: address, TLS context and a source of the
Authorization header, read by `kubernetes.aio`. Called by `client` when it connects. A kubeconfig
that names a program to run is refused unless the operator trusts that program by name.
"""

import base64
import math
import os
import ssl
import time
import urllib.request
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from kubernetes.aio.client import Configuration
from kubernetes.aio.client.rest import RESTClientObject
from kubernetes.aio.config.config_exception import ConfigException
from kubernetes.aio.config.incluster_config import InClusterConfigLoader
from kubernetes.aio.config.kube_config import KubeConfigLoader

from gitops.core.yaml.reader import read_documents
from gitops.errors import SettingsError
from gitops.scratch import private_folder, sweep

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
TOKEN_AGE_S: Final = 60.0
"""Seconds after which a token file is read again; the kubelet rotates it."""
SILENT_TOKEN_AGE_S: Final = 600.0
"""Seconds after which an exec plugin that states no expiry is asked again."""
EMBEDDED: Final = {
    "certificate-authority-data": "certificate-authority",
    "client-certificate-data": "client-certificate",
    "client-key-data": "client-key",
}
# the loaders are unannotated inside a typed package
make_loader: Final[Any] = KubeConfigLoader
make_pod_loader: Final[Any] = InClusterConfigLoader
FILES: Final = (*EMBEDDED.values(), "tokenFile")
_NO_KUBECONFIG: Final = "it is not a kubeconfig"
_SCRATCH: Final = "gitops-tls-"
_MISSHAPEN: Final = (TypeError, AttributeError)
"""What comes of a text where a mapping is wanted."""


@dataclass(frozen=True, slots=True)
class Trust:
    """What a kubeconfig may do: `programs` that its `exec` may start, and whether it names files.

    An operator's own kubeconfig may name files; one that somebody else hands in must not
    (Flux CVE-2022-24817).
    """

    programs: frozenset[str] = frozenset()
    files: bool = True
    service_account: Path = SERVICE_ACCOUNT


@dataclass(slots=True)
class Endpoint:
    """A server and how to talk to it; `url` has no credentials, `proxy` is a URL or None."""

    url: str
    tls: ssl.SSLContext
    server_name: str | None
    proxy: str | None
    configuration: Configuration = field(repr=False)
    token_file: "TokenFile | None" = field(default=None, repr=False)

    async def authorization(self) -> str | None:
        """The Authorization header of the next request; may read a token file again."""
        try:
            settings = await self.configuration.auth_settings()
        except (ConfigException, OSError, ValueError):
            return None  # the server then answers 401, which says what to do
        bearer = settings.get("BearerToken")
        return str(bearer["value"]).strip() if bearer and bearer["value"] else None

    async def renewed(self, refused: str | None) -> bool:
        """Whether a token file holds another token by now than the header that was refused."""
        if self.token_file is None:
            return False
        self.token_file.expire()
        return await self.authorization() != refused


class TokenFile:
    """The token in a file, read again when it is old or was refused; a configuration's hook."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._read_at = clock()

    def __call__(self, configuration: Configuration) -> None:
        """Put the file's token into the configuration, where what it has is old."""
        if self._clock() - self._read_at >= TOKEN_AGE_S:
            configuration.api_key["BearerToken"] = f"Bearer {self._path.read_text().strip()}"
            self._read_at = self._clock()

    def expire(self) -> None:
        """Read the file at the next use."""
        self._read_at = -math.inf


async def open_endpoint(
    kubeconfig: Path | None, context: str | None, trust: Trust, environ: Mapping[str, str]
) -> Endpoint:
    """Find and read the configuration; raises SettingsError.

    Without a path: `KUBECONFIG`, else the pod's service account, else `~/.kube/config`.
    """
    paths = _paths(kubeconfig, environ)
    where = str(paths[0]) if paths else "in-cluster configuration"
    in_pod = "KUBERNETES_SERVICE_HOST" in environ and context is None
    try:
        if not paths and in_pod:
            return _endpoint(_in_cluster(trust, environ), trust.service_account / "token")
        if not paths:
            paths = [Path(environ.get("HOME", "/")) / ".kube" / "config"]
            where = str(paths[0])
        return await _from_files(paths, context, trust)
    except SettingsError:
        raise
    except (ConfigException, OSError, ValueError, LookupError, *_MISSHAPEN) as error:
        raise SettingsError(
            f"the cluster's configuration cannot be used: {_brief(error, where)}",
            where=where,
            remedy="check --kubeconfig and --context",
        ) from error


def _paths(kubeconfig: Path | None, environ: Mapping[str, str]) -> list[Path]:
    if kubeconfig is not None:
        return [kubeconfig.expanduser()]
    named = environ.get("KUBECONFIG", "").split(os.pathsep)
    return [path for name in named if name and (path := Path(name).expanduser()).exists()]


def _brief(error: BaseException, where: str) -> str:
    if isinstance(error, FileNotFoundError):
        named = "" if str(error.filename) == where else f": {error.filename}"
        return f"no such file{named}"
    if isinstance(error, _MISSHAPEN):
        return _NO_KUBECONFIG
    return str(error).splitlines()[0][:300] if str(error) else type(error).__name__


def _in_cluster(trust: Trust, environ: Mapping[str, str]) -> Configuration:
    configuration = Configuration()
    make_pod_loader(
        token_filename=str(trust.service_account / "token"),
        cert_filename=str(trust.service_account / "ca.crt"),
        environ=environ,
    ).load_and_set(configuration)
    return configuration


async def _from_files(paths: list[Path], context: str | None, trust: Trust) -> Endpoint:
    configuration = Configuration()
    sweep(_SCRATCH)
    with private_folder(_SCRATCH) as scratch:
        merged = _merge(paths, scratch)
        user = _user(merged, context)
        _check(user, trust, str(paths[0]))
        loader = make_loader(
            config_dict=merged,
            active_context=context,
            config_base_path="",
            temp_file_path=str(scratch),
        )
        await loader.load_and_set(configuration)
        if "exec" in user and not configuration.api_key and not configuration.cert_file:
            raise SettingsError(
                f"the program {user['exec']['command']!r} gave no credentials",
                where=str(paths[0]),
                remedy="run it by hand to see why",
            )
        if "exec" in user and configuration.api_key:
            configuration.refresh_api_key_hook = _rerun(loader)  # type: ignore[assignment] # untyped: None by default
        elif "tokenFile" in user and "token" not in user:
            return _endpoint(configuration, Path(user["tokenFile"]))
        return _endpoint(configuration)


def _merge(paths: list[Path], scratch: Path) -> dict[str, Any]:
    """One kubeconfig of several, as kubectl merges them: what comes first wins."""
    merged: dict[str, Any] = {"clusters": [], "contexts": [], "users": []}
    for path in paths:
        content = _read(path)
        for section in ("clusters", "contexts", "users"):
            known = {entry["name"] for entry in merged[section]}
            for entry in content.get(section) or []:
                if entry["name"] not in known:
                    merged[section].append(_settle(entry, path.parent, scratch))
        if content.get("current-context"):
            merged.setdefault("current-context", content["current-context"])
    return merged


def _read(path: Path) -> dict[str, Any]:
    """The one mapping that a kubeconfig is; what is wrong is told without quoting it."""
    documents = list(read_documents(path.read_text("utf-8")))
    if any(document.faults for document in documents):
        msg = "it is not YAML"  # the fault would quote the line, which may hold a token
        raise ValueError(msg)
    if len(documents) != 1 or not isinstance(documents[0].value, dict):
        raise ValueError(_NO_KUBECONFIG)
    content: dict[str, Any] = documents[0].value
    return content


def _settle(entry: dict[str, Any], base: Path, scratch: Path) -> dict[str, Any]:
    """Write embedded data where TLS can read it, and make file names absolute."""
    body_key = next((k for k in ("cluster", "user") if k in entry), None)
    if body_key is None:
        return entry
    body = dict(entry[body_key] or {})
    if any(name in body for name in FILES):
        body["names-files"] = True
    for name in FILES:
        if name in body:
            body[name] = str(base.absolute() / body[name])
    for data, name in EMBEDDED.items():
        if body.get(data):
            target = scratch / f"{len(list(scratch.iterdir()))}.pem"
            target.touch(mode=0o600)
            target.write_bytes(base64.b64decode(body.pop(data)))
            body[name] = str(target)
    return {**entry, body_key: body}


def _user(merged: dict[str, Any], context: str | None) -> dict[str, Any]:
    """The user and cluster parts of the context, together; unknown names are the loader's."""
    name = context or merged.get("current-context")

    def part(section: str, key: str, wanted: Any) -> dict[str, Any]:
        found = (entry[key] for entry in merged[section] if entry["name"] == wanted)
        return next(found, None) or {}

    chosen = part("contexts", "context", name)
    cluster = part("clusters", "cluster", chosen.get("cluster"))
    user = part("users", "user", chosen.get("user"))
    return {**({"names-files": True} if "names-files" in cluster else {}), **user}


def _check(user: dict[str, Any], trust: Trust, where: str) -> None:
    if "auth-provider" in user:
        raise SettingsError(
            "the kubeconfig uses an auth-provider, which is not supported",
            where=where,
            remedy="use a token, a client certificate or an exec plugin",
        )
    program = str((user.get("exec") or {}).get("command", ""))
    if "exec" in user and program not in trust.programs:
        raise SettingsError(
            f"the kubeconfig wants to run the program {program!r}",
            where=where,
            remedy="allow the program by name in the settings if you trust it",
        )
    if "names-files" in user and not trust.files:
        raise SettingsError(
            "the kubeconfig names files",
            where=where,
            remedy="embed the data in the kubeconfig",
        )


def _rerun(
    loader: Any, clock: Callable[[], float] = time.monotonic
) -> Callable[[Configuration], Awaitable[None]]:
    """Run an exec plugin again where its token is about to expire, or is old and says nothing."""
    ran_at = clock()

    async def refresh(configuration: Configuration) -> None:
        nonlocal ran_at
        age_s = TOKEN_AGE_S if hasattr(loader, "exec_plugin_expiry") else SILENT_TOKEN_AGE_S
        if clock() - ran_at >= age_s:
            ran_at = clock()
            await loader.load_from_exec_plugin()  # runs only if what it has is about to expire
            configuration.api_key["BearerToken"] = loader.token

    return refresh


def _endpoint(configuration: Configuration, token: Path | None = None) -> Endpoint:
    token_file = TokenFile(token) if token else None
    if token_file is not None:
        configuration.refresh_api_key_hook = token_file  # type: ignore[assignment] # untyped: None by default
    # Python 3.13 checks the form of certificates more strictly than kubectl does
    configuration.disable_strict_ssl_verification = True
    parts = urlsplit(configuration.host)
    host = parts.hostname or ""
    proxy = configuration.proxy
    if not proxy and not urllib.request.proxy_bypass(host):
        proxy = urllib.request.getproxies().get(parts.scheme)
    return Endpoint(
        url=configuration.host.rstrip("/"),
        tls=RESTClientObject(configuration).ssl_context,
        server_name=configuration.tls_server_name,
        proxy=proxy or None,
        configuration=configuration,
        token_file=token_file,
    )
