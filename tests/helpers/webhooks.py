"""Payloads as the Git servers send them, with signatures; written after their documentation."""

import hashlib
import hmac
import json
from typing import Any

AFTER = "9fceb02d0ae598e95dc970b74767f19372d61af8"
BEFORE = "6113728f27ae82c7b1a177c8d03f9e96e0adf246"
ZEROS = "0" * 40

GITHUB_PUSH: dict[str, Any] = {
    "ref": "refs/heads/main",
    "before": BEFORE,
    "after": AFTER,
    "created": False,
    "deleted": False,
    "forced": False,
    "repository": {
        "id": 186853002,
        "name": "shop",
        "full_name": "octo/shop",
        "private": True,
        "owner": {"name": "octo", "login": "octo", "email": "octo@example.com"},
        "html_url": "https://github.com/octo/shop",
        "url": "https://github.com/octo/shop",
        "git_url": "git://github.com/octo/shop.git",
        "ssh_url": "git@github.com:octo/shop.git",
        "clone_url": "https://github.com/octo/shop.git",
        "default_branch": "main",
        "master_branch": "main",
    },
    "pusher": {"name": "octocat", "email": "octocat@example.com"},
    "sender": {"login": "octocat", "id": 21031067, "type": "User"},
    "head_commit": {"id": AFTER, "message": "Scale the shop", "added": [], "modified": ["a.yaml"]},
    "commits": [],
}
GITHUB_TAG = GITHUB_PUSH | {"ref": "refs/tags/v1.2.0", "before": ZEROS, "created": True}

AZURE_PUSH: dict[str, Any] = {
    "eventType": "git.push",
    "publisherId": "tfs",
    "resource": {
        "commits": [{"commitId": AFTER, "comment": "Scale the shop"}],
        "refUpdates": [{"name": "refs/heads/main", "oldObjectId": BEFORE, "newObjectId": AFTER}],
        "repository": {
            "id": "278d5cd2",
            "name": "shop",
            "url": "https://dev.azure.com/octo/_apis/git/repositories/278d5cd2",
            "defaultBranch": "refs/heads/main",
            "remoteUrl": "https://octo@dev.azure.com/octo/team/_git/shop",
        },
        "pushedBy": {"displayName": "Ann Lee", "uniqueName": "ann@example.com"},
        "pushId": 14,
    },
}

GITLAB_PUSH: dict[str, Any] = {
    "object_kind": "push",
    "event_name": "push",
    "before": BEFORE,
    "after": AFTER,
    "ref": "refs/heads/main",
    "checkout_sha": AFTER,
    "user_id": 4,
    "user_name": "John Smith",
    "user_username": "jsmith",
    "user_email": "john@example.com",
    "project_id": 15,
    "project": {
        "id": 15,
        "name": "Diaspora",
        "web_url": "https://gitlab.example.com/mike/diaspora",
        "git_ssh_url": "git@gitlab.example.com:mike/diaspora.git",
        "git_http_url": "https://gitlab.example.com/mike/diaspora.git",
        "path_with_namespace": "mike/diaspora",
        "default_branch": "main",
        "homepage": "https://gitlab.example.com/mike/diaspora",
        "url": "git@gitlab.example.com:mike/diaspora.git",
    },
    "repository": {
        "name": "Diaspora",
        "url": "git@gitlab.example.com:mike/diaspora.git",
        "homepage": "https://gitlab.example.com/mike/diaspora",
        "git_http_url": "https://gitlab.example.com/mike/diaspora.git",
        "git_ssh_url": "git@gitlab.example.com:mike/diaspora.git",
    },
    "commits": [],
    "total_commits_count": 1,
}
GITLAB_TAG = GITLAB_PUSH | {
    "object_kind": "tag_push",
    "event_name": "tag_push",
    "ref": "refs/tags/v1.0.0",
    "before": ZEROS,
}

GITEA_PUSH: dict[str, Any] = {
    "ref": "refs/heads/develop",
    "before": BEFORE,
    "after": AFTER,
    "compare_url": "http://gitea.example:3000/gitea/webhooks/compare/a...b",
    "commits": [],
    "repository": {
        "id": 140,
        "name": "webhooks",
        "full_name": "gitea/webhooks",
        "html_url": "http://gitea.example:3000/gitea/webhooks",
        "ssh_url": "ssh://gitea@gitea.example:2222/gitea/webhooks.git",
        "clone_url": "http://gitea.example:3000/gitea/webhooks.git",
        "default_branch": "master",
    },
    "pusher": {"id": 1, "login": "gitea", "username": "gitea", "full_name": "Gitea"},
    "sender": {"id": 1, "login": "gitea", "username": "gitea"},
}
GOGS_CREATE: dict[str, Any] = {
    "ref": "v2",
    "ref_type": "tag",
    "sha": AFTER,
    "default_branch": "master",
    "repository": {
        "html_url": "https://gogs.example/unknwon/shop",
        "clone_url": "https://gogs.example/unknwon/shop.git",
        "default_branch": "master",
    },
    "sender": {"login": "unknwon", "username": "unknwon"},
}
BITBUCKET_SERVER_PUSH: dict[str, Any] = {
    "eventKey": "repo:refs_changed",
    "date": "2026-03-01T09:30:00+1100",
    "actor": {"name": "admin", "emailAddress": "admin@example.com", "displayName": "Admin"},
    "repository": {
        "slug": "shop",
        "id": 84,
        "name": "shop",
        "scmId": "git",
        "project": {"key": "PROJ", "id": 84, "name": "project", "public": False},
        "links": {
            "clone": [
                {"href": "https://bitbucket.example.com/scm/proj/shop.git", "name": "http"},
                {"href": "ssh://git@bitbucket.example.com:7999/proj/shop.git", "name": "ssh"},
            ],
            "self": [{"href": "https://bitbucket.example.com/projects/PROJ/repos/shop/browse"}],
        },
    },
    "changes": [
        {
            "ref": {"id": "refs/heads/master", "displayId": "master", "type": "BRANCH"},
            "refId": "refs/heads/master",
            "fromHash": BEFORE,
            "toHash": AFTER,
            "type": "UPDATE",
        }
    ],
}
BITBUCKET_CLOUD_PUSH: dict[str, Any] = {
    "push": {
        "changes": [
            {
                "new": {
                    "type": "branch",
                    "name": "main",
                    "target": {"type": "commit", "hash": AFTER},
                },
                "old": {
                    "type": "branch",
                    "name": "main",
                    "target": {"type": "commit", "hash": BEFORE},
                },
                "created": False,
                "closed": False,
                "forced": False,
            }
        ]
    },
    "repository": {
        "type": "repository",
        "full_name": "team/shop",
        "name": "shop",
        "uuid": "{673a6070-3421-46c9-9d48-90745f7bfe8e}",
        "links": {
            "self": {"href": "https://api.bitbucket.org/2.0/repositories/team/shop"},
            "html": {"href": "https://bitbucket.org/team/shop"},
        },
    },
    "actor": {"type": "user", "nickname": "emma", "display_name": "Emma"},
}


def sign(secret: str, body: bytes) -> str:
    """The hex HMAC-SHA256 of a body."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def generic(
    secret: str, repository: str, ref: str = "refs/heads/main", after: str = AFTER
) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a generic sender's webhook."""
    body = json.dumps({"repository": repository, "ref": ref, "after": after}).encode()
    return body, {"X-Signature": f"sha256={sign(secret, body)}", "Content-Type": "application/json"}
