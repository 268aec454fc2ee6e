"""The service as the remote commands see it: HTTP with a token, errors as errors.

Which service: `--server`, else GITOPS_SERVER, else a demo that runs here or in a folder above, else
http://127.0.0.1:8080. GITOPS_TOKEN is sent where it is set. No proxy is used, no redirect followed.
"""

import getpass
import http.client
import json
import os
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from gitops.cli.server import chosen_server
from gitops.errors import (
    AccessError,
    ApplicationError,
    ClusterError,
    ConflictError,
    ControlPlaneError,
    GitopsError,
    InputError,
    ManifestError,
    NotFoundError,
    RenderError,
    ServiceError,
    SettingsError,
    SourceError,
    StoreError,
    TooLargeError,
    UsageError,
)

DEFAULT: Final = "http://127.0.0.1:8080"
PREFIX: Final = "/api/v1"
TIMEOUT_S: Final = 180.0
POLL_S: Final = 20.0
"""How long one long poll waits; the service allows a minute."""
DEMO: Final = Path(".gitops-demo") / "demo.json"

ERRORS: Final[Mapping[str, type[GitopsError]]] = {
    one.code: one
    for one in (
        AccessError, ApplicationError, ClusterError, ConflictError, ControlPlaneError, InputError,
        ManifestError, NotFoundError, RenderError, ServiceError, SettingsError, SourceError,
        StoreError, TooLargeError, UsageError,
    )
}  # fmt: skip

JsonObject = dict[str, Any]


def find_server(given: str | None, environ: Mapping[str, str], folder: Path) -> str:
    """The service's URL; raises UsageError where it is none."""
    url = given or environ.get("GITOPS_SERVER") or _find_demo(folder) or DEFAULT
    url = url if "://" in url else f"http://{url}"
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(
            f'"{url}" is not the address of a service', remedy="write it as http://127.0.0.1:8080"
        )
    return url.rstrip("/")


def _find_demo(folder: Path) -> str:
    """The URL of the demo that keeps its state here or above, "" where there is none."""
    for place in (folder, *folder.parents):
        file = place / DEMO
        try:
            value = json.loads(file.read_text())
        except (OSError, ValueError):
            continue
        url = value.get("url") if isinstance(value, dict) else None
        return url if isinstance(url, str) and _is_of_a_demo(url) else ""
    return ""


def _is_of_a_demo(url: str) -> bool:
    """Whether a demo may listen there: loopback only, for a repository may bring such a file."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")


def connect() -> "Client":
    """The client that the command line and the environment ask for.

    The token is for the service that a person names, or for the usual place; a demo has none.
    """
    given = chosen_server()
    url = find_server(given, os.environ, Path.cwd())
    named = given or os.environ.get("GITOPS_SERVER") or url == DEFAULT
    return Client(url, os.environ.get("GITOPS_TOKEN", "") if named else "")


def actor() -> str:
    """Who runs this command: `user@host`."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = f"uid-{os.getuid()}"
    return f"{user}@{socket.gethostname()}"


def app_path(name: str, *rest: str) -> str:
    """`/applications/NAME/…`, quoted."""
    return "/".join(["/applications", quote(name, safe=""), *rest])


@dataclass(frozen=True, slots=True)
class Client:
    """One service."""

    url: str
    token: str = field(default="", repr=False)

    def get(self, path: str, **query: Any) -> Any:
        """GET a JSON value; raises what the service answers as an error."""
        return self._json("GET", path, None, query)

    def post(self, path: str, body: Any = None, **query: Any) -> Any:
        """POST a JSON body, or none."""
        content = None if body is None else json.dumps(body).encode()
        return self._json("POST", path, content, query)

    def post_text(self, path: str, text: bytes, **query: Any) -> Any:
        """POST manifests."""
        return self._json("POST", path, text, query, "application/yaml")

    def delete(self, path: str, **query: Any) -> Any:
        """DELETE."""
        return self._json("DELETE", path, None, query)

    def lines(self, path: str, accept: str, **query: Any) -> Iterator[bytes]:
        """GET lines as they come."""
        headers = self._headers() | {"Accept": accept}
        connection = self._connect()
        try:
            answer = self._ask(connection, "GET", self._target(path, query), None, headers)
            if answer.status >= http.client.BAD_REQUEST:
                raise self._error(answer.status, answer.read())
            while line := answer.readline():
                yield line
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error
        finally:
            connection.close()

    def _json(
        self,
        method: str,
        path: str,
        content: bytes | None,
        query: Mapping[str, Any],
        kind: str = "application/json",
    ) -> Any:
        headers = self._headers()
        if content is not None:
            headers["Content-Type"] = kind
        connection = self._connect()
        try:
            target = self._target(path, query)
            answer = self._ask(connection, method, target, content, headers)
            status, body = answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error
        finally:
            connection.close()
        if status >= http.client.BAD_REQUEST:
            raise self._error(status, body)
        try:
            return json.loads(body)
        except ValueError as error:
            raise self._foreign() from error

    def _headers(self) -> dict[str, str]:
        headers = {"Accept": "application/json", "X-Gitops-Actor": _plain(actor())}
        if self.token:
            headers["Authorization"] = f"Bearer {_plain(self.token.strip())}"
        return headers

    def _connect(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        if parts.scheme == "https":
            secure = ssl.create_default_context()
            return http.client.HTTPSConnection(host, parts.port, timeout=TIMEOUT_S, context=secure)
        return http.client.HTTPConnection(host, parts.port, timeout=TIMEOUT_S)

    def _target(self, path: str, query: Mapping[str, Any]) -> str:
        pairs = {key: value for key, value in query.items() if value is not None}
        tail = f"?{urlencode(pairs)}" if pairs else ""
        return f"{urlsplit(self.url).path}{PREFIX}{path}{tail}"

    def _ask(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        target: str,
        content: bytes | None,
        headers: Mapping[str, str],
    ) -> http.client.HTTPResponse:
        connection.request(method, target, content, dict(headers))
        return connection.getresponse()

    def _error(self, status: int, body: bytes) -> GitopsError:
        try:
            told = json.loads(body)["error"]
            kind = ERRORS.get(told["code"], ServiceError)
            return kind(told["message"], where=told["where"], remedy=told["remedy"])
        except (ValueError, KeyError, TypeError):
            pass
        if status == http.client.SERVICE_UNAVAILABLE:
            return ServiceError("the service is busy", where=self.url, remedy="try again")
        return self._foreign()

    def _foreign(self) -> ServiceError:
        return ServiceError(
            "what answers there is not gitops",
            where=self.url,
            remedy="set GITOPS_SERVER or --server to the service's address",
        )

    def _unreachable(self, error: Exception) -> ServiceError:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return ServiceError(
            f"the service cannot be reached ({why or type(error).__name__})",
            where=self.url,
            remedy="start it with `gitops serve` or `gitops demo`, or set GITOPS_SERVER",
        )

    # --- waiting ------------------------------------------------------------------------------

    def follow(
        self, name: str, after: int, timeout_s: float | None, step_s: float = POLL_S
    ) -> Iterator[list[JsonObject]]:
        """Batches of events after a sequence; ends with the time.

        Where nothing comes within `step_s`, the batch is empty.

        Raises ServiceError where the service was restarted meanwhile.
        """
        end = None if timeout_s is None else time.monotonic() + timeout_s
        while end is None or time.monotonic() < end:
            left = step_s if end is None else max(0.0, min(step_s, end - time.monotonic()))
            answer = self.get(app_path(name, "events"), after=after, timeout=f"{left:.3f}")
            if answer["newest"] < after:
                raise ServiceError(
                    "the service was restarted meanwhile",
                    where=self.url,
                    remedy=f"`gitops history {name}` shows what became of it",
                )
            after = answer["newest"]
            yield answer["events"]

    def job(
        self,
        name: str,
        asked: Mapping[str, int],
        timeout_s: float,
        tell: Callable[[JsonObject], None],
    ) -> JsonObject:
        """Wait for the end of what was asked for, telling events meanwhile.

        Returns the `job-done` event; raises the error that ended the job, ServiceError where the
        time is over.
        """
        for events in self.follow(name, asked["after"], timeout_s):
            for event in events:
                if event["kind"] == "job-done" and event["data"].get("ticket") == asked["ticket"]:
                    error = event["data"].get("error")
                    if error:
                        kind = ERRORS.get(error["code"], ServiceError)
                        raise kind(error["message"], where=error["where"], remedy=error["remedy"])
                    return event
                tell(event)
        raise ServiceError(
            f"not done within {timeout_s:g} s; the service goes on with it",
            where=name,
            remedy=f"`gitops status {name}` shows how it stands",
        )


def _plain(text: str) -> str:
    """What a header may hold."""
    return "".join(c if " " <= c <= "~" else "?" for c in text)
