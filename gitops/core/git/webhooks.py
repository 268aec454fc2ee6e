"""Webhooks of Git servers: who sent one, whether the signature is right, what was pushed.

Headers (names in lower case) and the raw body come in from `api/webhooks.py`; values go out. The
headers are those that the servers really send.
"""

import base64
import binascii
import hmac
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from urllib.parse import parse_qs, quote

from gitops.core.git.references import HEADS, TAGS
from gitops.core.git.repo_url import parse, split_credentials
from gitops.core.git.semver import parse_constraint
from gitops.errors import InputError

Headers = Mapping[str, str]

_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_DELIVERY = re.compile(r"[\x21-\x7e]{1,128}")
_LONGEST: Final = {"url": 2048, "ref": 1024, "name": 100}
FORM: Final = "application/x-www-form-urlencoded"
_URLS: Final = (
    "clone_url", "ssh_url", "git_http_url", "git_ssh_url", "http_url", "git_url", "html_url",
    "web_url", "homepage", "url",
)  # fmt: skip
"""Where payloads spell a repository's URL; every spelling counts."""


class Provider(StrEnum):
    """Senders, by the name of their secret's setting."""

    GITEA = "gitea"
    GITHUB = "github"
    GITLAB = "gitlab"
    BITBUCKET = "bitbucket"
    AZURE = "azure"
    GENERIC = "generic"


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends, what it says that happened, and its id for the delivery ("" where it gives none).

    `signature` is what the headers carry: a hex HMAC made with `algorithm`, GitLab's token, or
    Azure's user and password.
    """

    provider: Provider
    event: str
    delivery: str
    signature: str
    algorithm: str = "sha256"


@dataclass(frozen=True, slots=True)
class Push:
    """References moved: `repositories` are the URL's spellings, `ref` is full ("" when unknown).

    `after` is a commit, or "" where the reference was deleted or it was not told.
    """

    repositories: tuple[str, ...]
    ref: str
    after: str
    actor: str
    default_branch: str = ""
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Ping:
    """The sender tests the connection."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """An event that moves no reference."""

    event: str


Payload = Push | Ping | Ignored


def recognise(headers: Headers) -> Sender | None:
    """Who sent it; None for nobody we know. Gitea's family first: it sends GitHub's headers too."""
    for find in (_azure, _gitea, _github, _gitlab, _bitbucket, _generic):
        sender = find(headers)
        if sender is not None:
            return sender
    return None


def _first(headers: Headers, *names: str) -> str:
    return next((headers[name].strip() for name in names if headers.get(name)), "")


def _gitea(headers: Headers) -> Sender | None:
    event = _first(headers, "x-gitea-event", "x-forgejo-event", "x-gogs-event")
    if not event:
        return None
    signature = _first(
        headers,
        "x-gitea-signature",
        "x-forgejo-signature",
        "x-gogs-signature",
        "x-hub-signature-256",
    )
    names = ("x-gitea-delivery", "x-forgejo-delivery", "x-gogs-delivery", "x-github-delivery")
    # Gogs tells of a new tag by "create" alone; Gitea and Forgejo send "push" besides
    if event == "create" and not _first(headers, "x-gitea-event", "x-forgejo-event"):
        event = "push"
    return Sender(Provider.GITEA, event, _delivery(headers, *names), _hex(signature))


def _github(headers: Headers) -> Sender | None:
    event = _first(headers, "x-github-event")
    if not event:
        return None
    signature = _first(headers, "x-hub-signature-256")
    signature = _hex(signature) if signature.startswith("sha256=") else ""
    return Sender(Provider.GITHUB, event, _delivery(headers, "x-github-delivery"), signature)


def _gitlab(headers: Headers) -> Sender | None:
    event = _first(headers, "x-gitlab-event")
    if not event:
        return None
    delivery = _delivery(headers, "idempotency-key", "x-gitlab-event-uuid")
    return Sender(Provider.GITLAB, event, delivery, headers.get("x-gitlab-token", ""))


def _bitbucket(headers: Headers) -> Sender | None:
    """Bitbucket Cloud, Server and Data Center."""
    event = _first(headers, "x-event-key")
    if not event:
        return None
    signature = _first(headers, "x-hub-signature")
    signature = _hex(signature) if signature.startswith("sha256=") else ""
    event = {"diagnostics:ping": "ping"}.get(event, event)
    delivery = _delivery(headers, "x-request-uuid", "x-request-id")
    return Sender(Provider.BITBUCKET, event, delivery, signature)


def _azure(headers: Headers) -> Sender | None:
    """Azure DevOps: basic authentication, the event in the body, another id for each attempt."""
    if not _first(headers, "x-vss-activityid"):
        return None
    scheme, _, credentials = _first(headers, "authorization").partition(" ")
    try:
        plain = base64.b64decode(credentials, validate=True) if scheme.lower() == "basic" else b""
    except binascii.Error:
        plain = b""
    return Sender(Provider.AZURE, "push", "", plain.decode("utf-8", "replace"))


def _generic(headers: Headers) -> Sender | None:
    signature = _first(headers, "x-signature")
    if not signature:
        return None
    delivery = _delivery(headers, "x-delivery")
    algorithm, _, code = signature.partition("=")
    if algorithm not in {"sha256", "sha512"}:
        return Sender(Provider.GENERIC, "push", delivery, "")
    return Sender(Provider.GENERIC, "push", delivery, code.lower(), algorithm)


def _hex(signature: str) -> str:
    return signature.removeprefix("sha256=").lower()


def _delivery(headers: Headers, *names: str) -> str:
    found = _first(headers, *names)
    return found if _DELIVERY.fullmatch(found) else ""


def is_genuine(sender: Sender, body: bytes, secret: str) -> bool:
    """Whether the sender knows the secret; False for an empty one. Takes the same time always."""
    if not secret or not sender.signature:
        return False
    if sender.provider in (Provider.GITLAB, Provider.AZURE):
        return hmac.compare_digest(sender.signature.encode(), secret.encode())
    expected = hmac.new(secret.encode(), body, sender.algorithm).hexdigest()
    return hmac.compare_digest(sender.signature.encode(), expected.encode())


# --- what was pushed ------------------------------------------------------------------------------


def read_payload(sender: Sender, content_type: str, body: bytes) -> Payload:
    """What a body tells; raises InputError where it cannot be read."""
    if sender.event == "ping":
        return Ping()
    value = _decode(content_type, body)
    return READERS[sender.provider](sender, value)


def _decode(content_type: str, body: bytes) -> Mapping[str, Any]:
    kind = content_type.partition(";")[0].strip().lower()
    try:
        text = body.decode("utf-8")
        # curl says that it sends a form whatever it sends: only GitHub's begins like this
        if kind == FORM and text.startswith("payload="):
            text = parse_qs(text, strict_parsing=True, max_num_fields=16)["payload"][0]
        value = json.loads(text)
    except (ValueError, KeyError, RecursionError) as error:
        raise _unreadable("it is not JSON") from error
    if not isinstance(value, dict):
        raise _unreadable("it is no JSON object")
    return value


def _unreadable(why: str) -> InputError:
    return InputError(
        f"the webhook's body cannot be read: {why}",
        remedy="send application/json, or GitHub's form with `payload=`",
        reason="payload",
    )


def _read_github(sender: Sender, value: Mapping[str, Any]) -> Payload:
    if sender.event != "push":
        return Ignored(sender.event)
    pusher, by = _map(value, "pusher"), _map(value, "sender")
    actor = _text(by, "login", "username") or _text(pusher, "login", "username", "name")
    return _push(value, actor, _map(value, "repository"))


def _read_gitea(sender: Sender, value: Mapping[str, Any]) -> Payload:
    if sender.event != "push":
        return Ignored(sender.event)
    ref = _text(value, "ref", limit="ref")
    if ref and not ref.startswith("refs/"):
        kind = TAGS if _text(value, "ref_type") == "tag" else HEADS
        value = {**value, "ref": kind + ref}
    pusher, by = _map(value, "pusher"), _map(value, "sender")
    actor = _text(pusher, "login", "username") or _text(by, "login", "username")
    return _push(value, actor, _map(value, "repository"))


def _read_gitlab(sender: Sender, value: Mapping[str, Any]) -> Payload:
    event = _text(value, "event_name", "object_kind")
    if event not in ("push", "tag_push"):
        return Ignored(event or sender.event)
    actor = _text(value, "user_username") or _text(value, "user_name", "user_email")
    return _push(value, actor, _map(value, "project"), _map(value, "repository"))


def _read_bitbucket(sender: Sender, value: Mapping[str, Any]) -> Payload:
    """A push of several references names none of them: whoever follows one is looked at."""
    if sender.event not in ("repo:push", "repo:refs_changed"):
        return Ignored(sender.event)
    found = _map(value, "push").get("changes") or value.get("changes")
    changes = [
        item for item in (found if isinstance(found, list) else []) if isinstance(item, dict)
    ]
    moved = [_bitbucket_change(change) for change in changes]
    repository, by = _map(value, "repository"), _map(value, "actor")
    links = _map(repository, "links")
    clones = links.get("clone")
    listed = [
        link for link in (clones if isinstance(clones, list) else []) if isinstance(link, dict)
    ]
    hrefs = [*listed, _map(links, "html")]
    main = {"default_branch": _map(repository, "mainbranch").get("name")}
    urls = [{"url": _text(link, "href", limit="url")} for link in hrefs]
    return _push(
        moved[0] if len(moved) == 1 else {},
        _text(by, "nickname", "name", "display_name"),
        main,
        *urls,
    )


def _bitbucket_change(change: Mapping[str, Any]) -> dict[str, Any]:
    """One change of Cloud (`new`, `old`) or of Server (`ref`, `toHash`), as others tell a push."""
    if "new" in change or "old" in change:
        new = _map(change, "new")
        moved = new or _map(change, "old")
        kind = TAGS if moved.get("type") == "tag" else HEADS
        name = _text(moved, "name", limit="ref")
        after = _map(new, "target").get("hash")
        return {"ref": kind + name if name else "", "after": after, "deleted": not new}
    ref = _text(_map(change, "ref"), "id", limit="ref") or change.get("refId")
    deleted = change.get("type") == "DELETE"
    return {"ref": ref, "after": change.get("toHash"), "deleted": deleted}


def _read_azure(sender: Sender, value: Mapping[str, Any]) -> Payload:
    """As for Bitbucket, a push of several references names none of them."""
    event = _text(value, "eventType")
    if event != "git.push":
        return Ignored(event or sender.event)
    resource = _map(value, "resource")
    repository, by = _map(resource, "repository"), _map(resource, "pushedBy")
    found = resource.get("refUpdates")
    moved = [one for one in (found if isinstance(found, list) else []) if isinstance(one, dict)]
    only = moved[0] if len(moved) == 1 else {}
    branch = _text(repository, "defaultBranch", limit="ref").removeprefix(HEADS)
    return _push(
        {"ref": only.get("name"), "after": only.get("newObjectId")},
        _text(by, "uniqueName", "displayName"),
        {"url": repository.get("remoteUrl"), "default_branch": branch},
        {"url": repository.get("sshUrl")},
    )


def _read_generic(sender: Sender, value: Mapping[str, Any]) -> Payload:
    del sender
    repository = _text(value, "repository", limit="url")
    if not repository:
        raise _unreadable("`repository` is missing")
    return _push(value, _text(value, "actor"), {"url": repository})


READERS: Final[Mapping[Provider, Callable[[Sender, Mapping[str, Any]], Payload]]] = {
    Provider.GITEA: _read_gitea,
    Provider.GITHUB: _read_github,
    Provider.GITLAB: _read_gitlab,
    Provider.BITBUCKET: _read_bitbucket,
    Provider.AZURE: _read_azure,
    Provider.GENERIC: _read_generic,
}


def _push(value: Mapping[str, Any], actor: str, *repositories: Mapping[str, Any]) -> Push:
    urls = tuple(dict.fromkeys(url for one in repositories for url in _spellings(one)))
    if not urls:
        raise _unreadable("it names no repository")
    after = _text(value, "after", "checkout_sha").lower()
    deleted = value.get("deleted") is True or (bool(after) and not after.strip("0"))
    branches = [_text(one, "default_branch", "master_branch", limit="ref") for one in repositories]
    return Push(
        urls,
        _full(_text(value, "ref", limit="ref")),
        after if _SHA.fullmatch(after) and not deleted else "",
        actor,
        next((branch for branch in branches if branch), ""),
        deleted,
    )


def _full(ref: str) -> str:
    """The full name of a reference; a generic sender may write a branch."""
    return ref if not ref or ref.startswith("refs/") else HEADS + ref


def _spellings(repository: Mapping[str, Any]) -> Iterator[str]:
    for key in _URLS:
        text = _text(repository, key, limit="url")
        url = split_credentials(text)[0] if parse(text) else ""
        if " " in url:  # a path of this machine; a delivery keeps its URLs in one line
            url = "file://" + quote(url)
        if url:
            yield url


def _map(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def _text(value: Mapping[str, Any], *keys: str, limit: str = "name") -> str:
    """The first of these that is text: printable, cut to its limit; else ""."""
    for key in keys:
        found = value.get(key)
        if isinstance(found, str) and found.strip():
            return "".join(c for c in found.strip() if c.isprintable())[: _LONGEST[limit]]
    return ""


# --- whom it concerns -----------------------------------------------------------------------------


def follows(revision: str, ref: str, default_branch: str = "") -> bool:
    """Whether what follows `revision` may move when `ref` does; True where it cannot be told.

    Branches and tags by name, HEAD when the default branch moves, version constraints when a tag
    does; a commit's hash never moves.
    """
    if not ref:
        return True
    revision = revision or "HEAD"
    if revision == "HEAD":
        return ref.startswith(HEADS) and ref.removeprefix(HEADS) == (
            default_branch or ref.removeprefix(HEADS)
        )
    if ref in (revision, HEADS + revision, TAGS + revision, f"refs/{revision}"):
        return True
    return ref.startswith(TAGS) and parse_constraint(revision) is not None
