import base64
import hashlib
import hmac
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops.core.git.repo_url import same_repository
from gitops.core.git.webhooks import (
    Ignored,
    Ping,
    Provider,
    Push,
    Sender,
    follows,
    is_genuine,
    read_payload,
    recognise,
)
from gitops.errors import InputError
from tests.helpers.webhooks import (
    AFTER,
    AZURE_PUSH,
    BEFORE,
    BITBUCKET_CLOUD_PUSH,
    BITBUCKET_SERVER_PUSH,
    GITEA_PUSH,
    GITHUB_PUSH,
    GITHUB_TAG,
    GITLAB_PUSH,
    GITLAB_TAG,
    GOGS_CREATE,
    ZEROS,
)

JSON = "application/json"
HUB = "sha256=Ab"


def read(provider: Provider, event: str, value: Any) -> Any:
    return read_payload(Sender(provider, event, "", ""), JSON, json.dumps(value).encode())


# --- who sent it ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (
            {"x-github-event": "push", "x-github-delivery": "d1", "x-hub-signature-256": HUB},
            Sender(Provider.GITHUB, "push", "d1", "ab"),
        ),
        (
            {
                "x-gitea-event": "push",
                "x-gitea-delivery": "d2",
                "x-gitea-signature": "ab",
                "x-github-event": "push",
                "x-gogs-event": "push",
                "x-hub-signature-256": "sha256=cd",
            },
            Sender(Provider.GITEA, "push", "d2", "ab"),
        ),
        (
            {"x-forgejo-event": "push", "x-forgejo-delivery": "d3", "x-hub-signature-256": HUB},
            Sender(Provider.GITEA, "push", "d3", "ab"),
        ),
        (
            {"x-gogs-event": "create", "x-gogs-delivery": "d4", "x-gogs-signature": "ab"},
            Sender(Provider.GITEA, "push", "d4", "ab"),
        ),
        (
            {"x-gitea-event": "create", "x-gogs-event": "create", "x-gitea-signature": "ab"},
            Sender(Provider.GITEA, "create", "", "ab"),
        ),
        (
            {
                "x-gitlab-event": "Push Hook",
                "x-gitlab-token": " t ",
                "idempotency-key": "d5",
                "x-gitlab-event-uuid": "other",
            },
            Sender(Provider.GITLAB, "Push Hook", "d5", " t "),
        ),
        (
            {"x-gitlab-event": "System Hook", "x-gitlab-event-uuid": "d6"},
            Sender(Provider.GITLAB, "System Hook", "d6", ""),
        ),
        (
            {"x-signature": "sha256=AB", "x-delivery": "d7"},
            Sender(Provider.GENERIC, "push", "d7", "ab"),
        ),
        (
            {"x-signature": "sha512=AB", "x-delivery": "d7"},
            Sender(Provider.GENERIC, "push", "d7", "ab", "sha512"),
        ),
        ({"x-signature": "sha1=ab"}, Sender(Provider.GENERIC, "push", "", "")),
        ({"x-signature": "ab"}, Sender(Provider.GENERIC, "push", "", "")),
        (
            {"x-github-event": "push", "x-hub-signature": "sha1=ab"},
            Sender(Provider.GITHUB, "push", "", ""),
        ),
        (
            {
                "x-event-key": "repo:push",
                "x-hook-uuid": "{e1}",
                "x-request-uuid": "d8",
                "x-hub-signature": HUB,
            },
            Sender(Provider.BITBUCKET, "repo:push", "d8", "ab"),
        ),
        (
            {"x-event-key": "diagnostics:ping", "x-request-id": "d9", "x-hub-signature": "sha1=ab"},
            Sender(Provider.BITBUCKET, "ping", "d9", ""),
        ),
        ({"x-hook-uuid": "{e1}"}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_senders_are_known_by_their_headers(headers: dict[str, str], expected: Sender) -> None:
    assert recognise(headers) == expected


@pytest.mark.parametrize("delivery", ["a b", "ä", "x" * 200, "a\nb"])
def test_an_id_that_no_sender_gives_is_none(delivery: str) -> None:
    sender = recognise({"x-github-event": "push", "x-github-delivery": delivery})
    assert sender is not None
    assert sender.delivery == ""


@pytest.mark.parametrize(
    "provider", [Provider.GITHUB, Provider.GITEA, Provider.BITBUCKET, Provider.GENERIC]
)
def test_a_signature_is_over_the_raw_body(provider: Provider) -> None:
    body = b'{"a": 1}'
    signature = hmac.new(b"secret", body, hashlib.sha256).hexdigest()
    sender = Sender(provider, "push", "", signature)
    assert is_genuine(sender, body, "secret")
    assert not is_genuine(sender, body + b" ", "secret")
    assert not is_genuine(sender, body, "other")
    assert not is_genuine(Sender(provider, "push", "", ""), body, "secret")
    assert not is_genuine(Sender(provider, "push", "", "ä"), body, "secret")
    empty = hmac.new(b"", body, hashlib.sha256).hexdigest()
    assert not is_genuine(Sender(provider, "push", "", empty), body, "")


def test_a_signature_may_be_of_sha512() -> None:
    code = hmac.new(b"secret", b"{}", hashlib.sha512).hexdigest()
    sender = recognise({"x-signature": f"sha512={code}"})
    assert sender is not None
    assert is_genuine(sender, b"{}", "secret")
    assert not is_genuine(sender, b"{} ", "secret")
    mixed = recognise({"x-signature": f"sha256={code}"})
    assert mixed is not None
    assert not is_genuine(mixed, b"{}", "secret")


def test_gitlab_shows_its_token() -> None:
    sender = Sender(Provider.GITLAB, "Push Hook", "", "token")
    assert is_genuine(sender, b"", "token")
    assert not is_genuine(sender, b"", "Token")
    assert not is_genuine(Sender(Provider.GITLAB, "Push Hook", "", ""), b"", "")


# --- what was pushed ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("provider", "event", "payload", "ref", "actor"),
    [
        (Provider.GITHUB, "push", GITHUB_PUSH, "refs/heads/main", "octocat"),
        (Provider.GITHUB, "push", GITHUB_TAG, "refs/tags/v1.2.0", "octocat"),
        (Provider.GITLAB, "Push Hook", GITLAB_PUSH, "refs/heads/main", "jsmith"),
        (Provider.GITLAB, "System Hook", GITLAB_PUSH, "refs/heads/main", "jsmith"),
        (Provider.GITLAB, "Tag Push Hook", GITLAB_TAG, "refs/tags/v1.0.0", "jsmith"),
        (Provider.GITEA, "push", GITEA_PUSH, "refs/heads/develop", "gitea"),
        (Provider.GITEA, "push", GOGS_CREATE, "refs/tags/v2", "unknwon"),
        (Provider.BITBUCKET, "repo:push", BITBUCKET_CLOUD_PUSH, "refs/heads/main", "emma"),
        (
            Provider.BITBUCKET,
            "repo:refs_changed",
            BITBUCKET_SERVER_PUSH,
            "refs/heads/master",
            "admin",
        ),
    ],
)
def test_pushes_tell_ref_and_pusher(
    provider: Provider, event: str, payload: Any, ref: str, actor: str
) -> None:
    push = read(provider, event, payload)
    assert isinstance(push, Push)
    assert (push.ref, push.actor, push.deleted) == (ref, actor, False)


def test_every_spelling_of_the_repository_counts() -> None:
    push = read(Provider.GITHUB, "push", GITHUB_PUSH)
    assert push.after == AFTER
    assert push.default_branch == "main"
    assert push.repositories == (
        "https://github.com/octo/shop.git",
        "git@github.com:octo/shop.git",
        "https://github.com/octo/shop",
    )


def test_gitlab_spells_it_in_two_places() -> None:
    push = read(Provider.GITLAB, "Push Hook", GITLAB_PUSH)
    assert "https://gitlab.example.com/mike/diaspora.git" in push.repositories
    assert "git@gitlab.example.com:mike/diaspora.git" in push.repositories
    assert len(push.repositories) == len(set(push.repositories))


def test_bitbucket_links_to_its_repository() -> None:
    push = read(Provider.BITBUCKET, "repo:refs_changed", BITBUCKET_SERVER_PUSH)
    assert push.after == AFTER
    assert push.repositories == (
        "https://bitbucket.example.com/scm/proj/shop.git",
        "ssh://git@bitbucket.example.com:7999/proj/shop.git",
    )
    cloud = read(Provider.BITBUCKET, "repo:push", BITBUCKET_CLOUD_PUSH)
    assert (cloud.after, cloud.repositories) == (AFTER, ("https://bitbucket.org/team/shop",))


def test_bitbucket_tells_of_deletions_tags_and_several_references() -> None:
    old = {"type": "tag", "name": "v1", "target": {"hash": BEFORE}}
    gone = {"push": {"changes": [{"new": None, "old": old}]}}
    push = read(Provider.BITBUCKET, "repo:push", BITBUCKET_CLOUD_PUSH | gone)
    assert (push.ref, push.after, push.deleted) == ("refs/tags/v1", "", True)
    change = BITBUCKET_SERVER_PUSH["changes"][0] | {"type": "DELETE", "toHash": ZEROS}
    push = read(
        Provider.BITBUCKET, "repo:refs_changed", BITBUCKET_SERVER_PUSH | {"changes": [change]}
    )
    assert (push.ref, push.after, push.deleted) == ("refs/heads/master", "", True)
    several = BITBUCKET_SERVER_PUSH | {"changes": [change, change]}
    push = read(Provider.BITBUCKET, "repo:refs_changed", several)
    assert (push.ref, push.after, push.deleted) == ("", "", False)
    assert read(Provider.BITBUCKET, "pr:opened", {}) == Ignored("pr:opened")


@pytest.mark.parametrize("change", [{"after": ZEROS}, {"deleted": True, "after": AFTER}])
def test_deletions_have_no_commit(change: dict[str, Any]) -> None:
    push = read(Provider.GITHUB, "push", GITHUB_PUSH | change)
    assert push.deleted
    assert push.after == ""


def test_a_generic_sender_says_three_things() -> None:
    value = {"repository": "https://git.example/shop.git", "ref": "main", "after": AFTER.upper()}
    assert read(Provider.GENERIC, "push", value) == Push(
        ("https://git.example/shop.git",), "refs/heads/main", AFTER, ""
    )


def test_a_path_with_a_space_stays_one_spelling() -> None:
    value = {"repository": "file:///srv/my repositories/shop.git"}
    push = read(Provider.GENERIC, "push", value)
    assert push.repositories == ("file:///srv/my%20repositories/shop.git",)
    assert same_repository(push.repositories[0], value["repository"])


def test_texts_without_anything_in_them_do_not_count() -> None:
    value = {"repository": "https://git.example/a", "ref": "  ", "actor": "\n", "after": 7}
    assert read(Provider.GENERIC, "push", value) == Push(("https://git.example/a",), "", "", "")


def test_github_may_send_a_form() -> None:
    body = urlencode({"payload": json.dumps(GITHUB_PUSH)}).encode()
    sender = Sender(Provider.GITHUB, "push", "", "")
    push = read_payload(sender, "application/x-www-form-urlencoded; charset=utf-8", body)
    assert isinstance(push, Push)
    assert push.ref == "refs/heads/main"


def test_curl_says_that_json_is_a_form() -> None:
    body = b'{"repository": "https://git.example/a", "ref": "main"}'
    sender = Sender(Provider.GENERIC, "push", "", "")
    push = read_payload(sender, "application/x-www-form-urlencoded", body)
    assert isinstance(push, Push)
    assert push.ref == "refs/heads/main"


@pytest.mark.parametrize(
    ("provider", "event", "value", "expected"),
    [
        (Provider.GITHUB, "ping", {"zen": "Keep it simple"}, Ping()),
        (Provider.GITHUB, "issues", {}, Ignored("issues")),
        (Provider.GITEA, "create", {"ref": "v1", "ref_type": "tag"}, Ignored("create")),
        (Provider.GITLAB, "System Hook", {"event_name": "user_create"}, Ignored("user_create")),
        (Provider.GITLAB, "Note Hook", {"object_kind": 7}, Ignored("Note Hook")),
    ],
)
def test_other_events_move_nothing(
    provider: Provider, event: str, value: Any, expected: object
) -> None:
    assert read(provider, event, value) == expected


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", JSON),
        (b"{", JSON),
        (b"[]", JSON),
        (b'"push"', JSON),
        (b"\xff\xfe", JSON),
        (b"[" * 100_000, JSON),
        (b"{}", JSON),
        (b'{"repository": {"clone_url": 7}, "ref": "refs/heads/main"}', JSON),
        (b'{"repository": "https://git.example/a", "ref": "refs/heads/main"}', JSON),
        (b'{"repository": {"clone_url": "ext::sh -c x"}}', JSON),
        (b"a=b", "application/x-www-form-urlencoded"),
        (b"payload", "application/x-www-form-urlencoded"),
        (b"payload=", "application/x-www-form-urlencoded"),
        (b"payload=%ff", "application/x-www-form-urlencoded"),
        (b"payload=1&x", "application/x-www-form-urlencoded"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(body: bytes, kind: str) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_payload(Sender(Provider.GITHUB, "push", "", ""), kind, body)


def test_a_generic_sender_has_to_name_the_repository() -> None:
    with pytest.raises(InputError, match="`repository` is missing"):
        read(Provider.GENERIC, "push", {"ref": "main"})


def test_credentials_in_a_payload_are_dropped() -> None:
    value = {"repository": "https://user:hunter22@git.example/shop.git"}
    assert read(Provider.GENERIC, "push", value).repositories == ("https://git.example/shop.git",)


def test_names_are_printable_and_bounded() -> None:
    value = {
        "repository": "https://git.example/a",
        "actor": "a\x1b[31m\n" + "b" * 500,
        "ref": "\x00x",
    }
    push = read(Provider.GENERIC, "push", value)
    assert push.actor.startswith("a[31mb")
    assert len(push.actor) == 100
    assert push.ref == "refs/heads/x"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["repository", "project", "ref", "after", "pusher", "sender", "clone_url",
                         "event_name", "user_name", "deleted", "ref_type", "url"]),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@given(st.sampled_from(Provider), st.sampled_from(["push", "create", "Push Hook"]), json_values)
def test_any_payload_is_read_or_refused(provider: Provider, event: str, value: Any) -> None:
    try:
        answer = read(provider, event, value)
    except InputError:
        return
    assert isinstance(answer, Push | Ignored)


# --- whom it concerns -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("revision", "ref", "default", "expected"),
    [
        ("main", "refs/heads/main", "", True),
        ("main", "refs/heads/develop", "", False),
        ("main", "refs/tags/main", "", True),
        ("refs/heads/main", "refs/heads/main", "", True),
        ("heads/main", "refs/heads/main", "", True),
        ("feature/a", "refs/heads/feature/a", "", True),
        ("HEAD", "refs/heads/main", "main", True),
        ("HEAD", "refs/heads/develop", "main", False),
        ("HEAD", "refs/heads/develop", "", True),
        ("HEAD", "refs/tags/v1", "", False),
        ("", "refs/heads/main", "main", True),
        ("v1.2.3", "refs/tags/v1.2.3", "", True),
        ("1.x", "refs/tags/v1.4.0", "", True),
        ("1.x", "refs/heads/main", "", False),
        ("v1.2.3", "refs/tags/v1.4.0", "", False),
        ("0123456789012345678901234567890123456789", "refs/heads/main", "", False),
        ("main", "", "", True),
    ],
)
def test_who_follows_a_ref(revision: str, ref: str, default: str, *, expected: bool) -> None:
    assert follows(revision, ref, default) is expected


# --- Azure DevOps ---------------------------------------------------------------------------------


def azure(authorization: str) -> Sender | None:
    return recognise({"x-vss-activityid": "a1", "authorization": authorization})


@pytest.mark.parametrize(
    ("authorization", "genuine"),
    [
        ("Basic " + base64.b64encode(b"hook:s3cret").decode(), True),
        ("basic " + base64.b64encode(b"hook:s3cret").decode(), True),
        ("Basic " + base64.b64encode(b"hook:other").decode(), False),
        ("Basic hook:s3cret", False),
        ("Bearer s3cret", False),
        ("", False),
    ],
)
def test_azure_shows_a_user_and_a_password(authorization: str, *, genuine: bool) -> None:
    sender = azure(authorization)
    assert sender is not None
    assert (sender.provider, sender.event, sender.delivery) == (Provider.AZURE, "push", "")
    assert is_genuine(sender, b"{}", "hook:s3cret") is genuine


def test_a_push_of_azure_names_its_branch_and_repository() -> None:
    push = read(Provider.AZURE, "push", AZURE_PUSH)
    urls = ("https://dev.azure.com/octo/team/_git/shop",)
    assert push == Push(urls, "refs/heads/main", AFTER, "ann@example.com", "main")


def test_a_push_of_azure_may_delete_a_branch_or_move_several() -> None:
    resource = AZURE_PUSH["resource"]
    gone = [{"name": "refs/heads/old", "newObjectId": ZEROS}]
    push = read(Provider.AZURE, "push", {**AZURE_PUSH, "resource": resource | {"refUpdates": gone}})
    assert (push.ref, push.after, push.deleted) == ("refs/heads/old", "", True)
    two = [*gone, *resource["refUpdates"]]
    for updates in (two, [], None):
        moved = {**AZURE_PUSH, "resource": resource | {"refUpdates": updates}}
        assert (read(Provider.AZURE, "push", moved).ref) == ""


def test_what_else_azure_tells_moves_nothing() -> None:
    assert read(Provider.AZURE, "push", {"eventType": "build.complete"}) == Ignored(
        "build.complete"
    )
    assert read(Provider.AZURE, "push", {}) == Ignored("push")
