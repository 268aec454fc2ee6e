"""What the API server answered, or the network did, as one ClusterError.

In: a status and a body, or an exception of the HTTP client, with what the request was about. Out: a
ClusterError of one sentence, its reason and a remedy. Called by `transport` and `watch` only.
Headers, tokens and request bodies never get into a message; server texts are cleaned and capped.
"""

import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import orjson

from gitops.errors import ClusterError

TEXT_LIMIT: Final = 600
"""Characters of a server's text that a message keeps."""

RBAC: Final = re.compile(
    r'User "(?P<user>[^"]*)" cannot (?P<verb>\S+) resource "(?P<resource>[^"]*)"'
    r'(?: in API group "(?P<group>[^"]*)")?'
    r'(?: (?:in the namespace "(?P<namespace>[^"]*)"|at the cluster scope))?'
)
IMMUTABLE: Final = re.compile(
    r"is immutable|may not change once set|may not be changed|cannot change roleRef"
    r"|updates? (?:to .* |may not change )?(?:spec )?(?:for )?fields other than"
    r"|may not be (?:mutated|updated)|immutable after creation",
    re.IGNORECASE,
)
MANIFEST_FAULT: Final = re.compile(
    r"^failed to (?:create typed patch object|convert new object) \([^)]*\)(?: to proper version)?:"
)
"""A 500 of server-side apply that is the manifest's permanent fault."""

GOT: Final = re.compile(r"\bgot (?P<value>.+)$")
GO_VALUE: Final = re.compile(r"^&?(?:value\.valueUnstructured)?\{(?:Value:)?(.*)\}$")
TYPE_WORDS: Final = frozenset({"string", "map", "list", "boolean", "null", "int", "float"})
INVALID_VALUE: Final = re.compile(
    r'((?:Invalid|Unsupported|Duplicate) value: )(?:"(?:[^"\\]|\\.)*"|[\[{].*[\]}]|.*$)'
)
LONG_VALUE: Final = re.compile(r"(Invalid value: )[\[{].{80,}[\]}](?=: )")
"""A whole object in a fault: people want the fault."""
HIDDEN: Final = "<hidden>"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a request is about, for messages: RBAC verb, resource (`deployments.apps`), place."""

    verb: str
    resource: str
    namespace: str = ""
    title: str = ""
    kind: str = ""

    @property
    def place(self) -> str:
        """`in namespace nohi`, or `cluster-wide`."""
        return f"in namespace {self.namespace}" if self.namespace else "cluster-wide"


def refusal(status: int, body: bytes, subject: Subject) -> ClusterError:
    """The error that a status of 400 and above stands for."""
    answer = _status_object(body)
    text = clean(str(answer.get("message") or body[:TEXT_LIMIT].decode(errors="replace")), subject)
    explain = STATUSES.get(status, _other)
    return explain(answer, text, subject)


def unknown_kind(kind: str, api_version: str, served: tuple[str, ...] = ()) -> ClusterError:
    """No such kind in discovery; `served` are the versions in which the kind does exist."""
    if served:
        message = f"the cluster serves {kind} as {', '.join(served)}, not as {api_version}"
        remedy = "write the manifest for a served version"
    else:
        message = f"the cluster knows no kind {kind} in {api_version}; is its CRD missing?"
        remedy = "install the CRD first, or correct apiVersion and kind"
    return ClusterError(message, remedy=remedy, reason="unknown-kind")


def network(error: BaseException, url: str, where: str | None = None) -> ClusterError:
    """The error that an exception of the HTTP client stands for; `url` has no credentials."""
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        return ClusterError(
            f"the certificate of the API server at {url} is not accepted",
            where=where,
            remedy="check the certificate authority of the kubeconfig",
            reason="unreachable",
        )
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ClientConnectionResetError):
        cause = getattr(getattr(error, "os_error", None), "strerror", None) or "connection refused"
        return ClusterError(
            f"cannot reach the API server at {url}: {str(cause)[:TEXT_LIMIT]}",
            where=where,
            remedy="check that it runs and that its address is right",
            reason="unreachable",
        )
    what = "gave no answer in time" if isinstance(error, TimeoutError) else "broke the connection"
    return ClusterError(
        f"the API server at {url} {what}",
        where=where,
        remedy="it is tried again",
        reason="transient",
    )


def unreadable() -> ClusterError:
    """An answer that is not what an API server sends."""
    return ClusterError(
        "the API server's answer cannot be read",
        remedy="check that the address is an API server's",
        reason="transient",
    )


def closed(name: str) -> ClusterError:
    """A request after the connection was closed; `name` is the cluster's name or address."""
    return ClusterError(
        f"the connection to {name} is closed",
        remedy="the service is stopping",
        reason="unreachable",
    )


def clean(text: str, subject: Subject) -> str:
    """One line for people: no Go syntax, no values of a Secret, at most TEXT_LIMIT characters."""
    text = MANIFEST_FAULT.sub("", text.strip()).replace(" errors:", "")
    secret = subject.kind == "Secret"
    lines = [_clean_line(line.strip(), secret=secret) for line in text.splitlines()]
    joined = "; ".join(line for line in lines if line)
    return joined if len(joined) <= TEXT_LIMIT else joined[: TEXT_LIMIT - 1] + "…"


def _clean_line(line: str, *, secret: bool) -> str:
    def got(match: re.Match[str]) -> str:
        value = match["value"]
        if secret and value not in TYPE_WORDS:
            return f"got {HIDDEN}"
        return "got " + GO_VALUE.sub(r"\g<1>", value)

    line = LONG_VALUE.sub(r"\1{…}", GOT.sub(got, line))
    return INVALID_VALUE.sub(rf"\g<1>{HIDDEN}", line) if secret else line


def _status_object(body: bytes) -> Mapping[str, Any]:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) and value.get("kind") == "Status" else {}


def _error(message: str, subject: Subject, reason: str, remedy: str) -> ClusterError:
    return ClusterError(message, where=subject.title or None, remedy=remedy, reason=reason)


def _causes(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    causes = _details(answer).get("causes")
    return [c for c in causes if isinstance(c, dict)] if isinstance(causes, list) else []


def _details(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    details = answer.get("details")
    return details if isinstance(details, dict) else {}


def _bad_request(_answer: Mapping[str, Any], text: str, subject: Subject) -> ClusterError:
    if "does not support dry run" in text:
        return _error(text, subject, "no-dry-run", "it is decided when the change is made")
    return _error(text, subject, "invalid", "correct the manifest")


def _unauthorized(_answer: Mapping[str, Any], _text: str, subject: Subject) -> ClusterError:
    return _error(
        "the API server does not accept our credentials",
        subject,
        "unauthorized",
        "renew the token or the kubeconfig",
    )


def _forbidden(answer: Mapping[str, Any], text: str, subject: Subject) -> ClusterError:
    if any(c.get("reason") == "NamespaceTerminating" for c in _causes(answer)):
        message = f"namespace {subject.namespace} is being deleted"
        return _error(message, subject, "transient", "it is tried again")
    missing = RBAC.search(text)
    if missing is None:
        refused = text.partition("is forbidden: ")[2] or text
        return _error(refused, subject, "denied", _mend(refused))
    resource = ".".join(part for part in (missing["resource"], missing["group"]) if part)
    within = missing["namespace"] if missing["resource"] != "namespaces" else None  # names itself
    place = f"in namespace {within}" if within else "cluster-wide"
    right = f"{missing['verb']} {resource} {place}"
    return _error(
        f"no right to {right} (as {missing['user']})",
        subject,
        "forbidden",
        f"grant it: verb {missing['verb']}, resource {resource}, {place}",
    )


def _mend(refused: str) -> str:
    """What to do about a refusal by admission."""
    if refused.startswith("exceeded quota"):
        return "ask for less, or raise the quota"
    return "change the manifest, or what refuses it"


def _not_found(answer: Mapping[str, Any], text: str, subject: Subject) -> ClusterError:
    details = _details(answer)
    name = str(details.get("name") or "")
    if not name:  # plain text, or "the server could not find the requested resource"
        return _error(
            f"the cluster does not serve {subject.resource}",
            subject,
            "unknown-kind",
            "install its CRD, or write the manifest for a served version",
        )
    if details.get("kind") == "namespaces" and subject.kind != "Namespace":
        return _error(
            f"namespace {name} does not exist",
            subject,
            "namespace-missing",
            "add the Namespace, or set CreateNamespace=true",
        )
    return _error(text or "it does not exist", subject, "not-found", "it is not in the cluster")


def _conflict(answer: Mapping[str, Any], text: str, subject: Subject) -> ClusterError:
    if answer.get("reason") == "AlreadyExists":
        return _error("it already exists", subject, "conflict", "it is planned again")
    return _error(text, subject, "conflict", "it changed meanwhile and is planned again")


def _unprocessable(answer: Mapping[str, Any], text: str, subject: Subject) -> ClusterError:
    if not _details(answer):  # a JSON patch whose test failed, or whose path is not there
        message = "the patch does not fit the object as it is now"
        return _error(message, subject, "conflict", "it changed meanwhile and is planned again")
    causes = _causes(answer)
    if any(c.get("field") in {"metadata.uid", "metadata.resourceVersion"} for c in causes):
        return _error(text, subject, "conflict", "it is another object of that name")
    lines = [f"{c.get('field')}: {c.get('message')}" for c in causes if c.get("field")]
    message = clean("; ".join(lines), subject) if lines else text
    if IMMUTABLE.search(message):
        remedy = "keep the field, or let the object be replaced (Replace=true,Force=true)"
        return _error(message, subject, "immutable", remedy)
    return _error(message, subject, "invalid", "correct the manifest")


def _gone(_answer: Mapping[str, Any], text: str, subject: Subject) -> ClusterError:
    return _error(text, subject, "expired", "the list is read again")


def _internal(answer: Mapping[str, Any], text: str, subject: Subject) -> ClusterError:
    if MANIFEST_FAULT.match(str(answer.get("message") or "")):
        return _error(text, subject, "invalid", "correct the manifest")
    if "denied the request" in text:
        return _error(text, subject, "invalid", "correct the manifest, or the webhook")
    return _error(text or "the API server failed", subject, "transient", "it is tried again")


def _other(answer: Mapping[str, Any], text: str, subject: Subject) -> ClusterError:
    code = answer.get("code")
    if isinstance(code, int) and code >= 500:  # noqa: PLR2004 - HTTP's own boundary
        return _internal(answer, text, subject)
    return _error(text or "the API server refused", subject, "invalid", "correct the manifest")


Explain = Callable[[Mapping[str, Any], str, Subject], ClusterError]

STATUSES: Final[Mapping[int, Explain]] = {
    400: _bad_request,
    401: _unauthorized,
    403: _forbidden,
    404: _not_found,
    409: _conflict,
    410: _gone,
    422: _unprocessable,
    429: _internal,
    500: _internal,
    502: _internal,
    503: _internal,
    504: _internal,
}
