"""The sections of the settings: every setting with type, unit, default and reason.

Read by `load.py`. Keys are written `pollInterval` or `poll_interval`. Durations are written as Go
does (`90s`, `5m`). `docs/reference/settings.md` is made from the descriptions below.
"""

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasGenerator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic.alias_generators import to_camel
from pydantic_settings import NoDecode

from gitops.core.durations import parse_duration


def _duration(value: Any) -> Any:
    if isinstance(value, str):
        found = parse_duration(value)
        if found is None:
            raise ValueError("write a duration as 90s, 5m or 1h30m")
        return found
    return value


def _words(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("["):
        return json.loads(value)  # a ValueError is told as one of the field
    if isinstance(value, str):
        return tuple(word.strip() for word in value.split(",") if word.strip())
    return value


def _paths(value: Any) -> Any:
    return value.split(os.pathsep) if isinstance(value, str) and value else value or ()


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)]
"""A list; in the environment its words are separated by commas."""
Paths = Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_paths)]
"""A list of paths; in the environment separated as in PATH."""


class Section(BaseModel):
    """One section; an unknown key is an error that names it."""

    model_config = ConfigDict(
        extra="forbid",
        populate_by_name=True,
        alias_generator=AliasGenerator(validation_alias=to_camel),
        frozen=True,
    )


class ServerSection(Section):
    """Where the service listens, and who may talk to it."""

    host: str = Field(
        "127.0.0.1", description="Address to listen on; another than loopback needs a token."
    )
    port: int = Field(8080, ge=0, le=65535, description="TCP port; 0 picks a free one.")
    token: SecretStr = Field(
        SecretStr(""),
        description="Bearer token that every API request must carry; empty: none, loopback only.",
    )
    token_file: Path | None = Field(
        None, description="File with the token, so that it needs no environment variable."
    )
    allowed_hosts: Words = Field(
        (),
        description="Host names accepted in Host and Origin besides loopback's own and `host`; "
        "a page on another site can then not talk to the service (DNS rebinding).",
    )
    max_body_bytes: int = Field(
        2 * 1024 * 1024, ge=1024, description="Bytes that a request may hold, webhooks included."
    )
    stop_timeout: Duration = Field(
        timedelta(seconds=20),
        description="How long a stop lets running syncs reach a safe point; Kubernetes kills "
        "after 30 s.",
    )


class ClusterSection(Section):
    """The cluster that is kept in step."""

    kubeconfig: Path | None = Field(
        None,
        description="Kubeconfig file; else KUBECONFIG, else the pod's own service account, else "
        "~/.kube/config.",
    )
    context: str | None = Field(None, description="Context of the kubeconfig; else its current.")
    exec_programs: Words = Field(
        (),
        description="Programs that the kubeconfig may start for credentials; none by default, "
        "because a kubeconfig from elsewhere could run anything.",
    )
    impersonate: bool = Field(
        default=False,
        description="Whether objects are written in the name of the ServiceAccount that an "
        "application's project gives in `destinationServiceAccounts`; where it gives none, nothing "
        "is written.",
    )


class GitCredential(Section):
    """What opens the repositories below a URL prefix."""

    url_prefix: str = Field(description="`https://git.example.com/team`, `ssh://git@example.com`.")
    username: str = Field("", description="User for HTTP basic authentication.")
    password: SecretStr = Field(SecretStr(""), description="Password or token.")
    password_file: Path | None = Field(None, description="File with the password or token.")
    bearer: SecretStr = Field(SecretStr(""), description="Token for an Authorization header.")
    ssh_key_file: Path | None = Field(None, description="Private key for SSH.")
    known_hosts_file: Path | None = Field(
        None, description="Host keys that are trusted; SSH refuses all others."
    )
    ca_file: Path | None = Field(None, description="Certificate authorities for this server.")


class GitSection(Section):
    """How repositories are followed."""

    poll_interval: Duration = Field(
        timedelta(seconds=60),
        description="Time between two looks at a repository, one `ls-remote` each; 0 leaves it to "
        "webhooks.",
    )
    poll_jitter_percent: int = Field(
        10, ge=0, le=100, description="Spread of the interval, so that polls do not bunch."
    )
    poll_timeout: Duration = Field(
        timedelta(seconds=30), description="Limit of one look; a hanging server holds a worker."
    )
    fetch_timeout: Duration = Field(
        timedelta(minutes=10), description="Limit of one fetch; the first of a large repository."
    )
    credentials: tuple[GitCredential, ...] = Field(
        (), description="Credentials by URL prefix; the longest prefix wins."
    )
    submodule_prefixes: Words = Field(
        (), description="URL prefixes that submodules may come from besides their parent's host."
    )
    local_repositories: bool = Field(
        default=True,
        description="Whether `file://` and paths may be read; turn it off where others declare "
        "applications.",
    )


class RenderSection(Section):
    """Limits of Kustomize and Helm."""

    timeout: Duration = Field(timedelta(seconds=60), description="Wall time of one render.")
    memory_bytes: int = Field(
        1024 * 1024 * 1024, ge=64 * 1024 * 1024, description="Resident memory of one render."
    )
    output_bytes: int = Field(50 * 1024 * 1024, ge=1024, description="What one render may print.")
    allow_remote: bool = Field(
        default=False,
        description="Whether kustomizations and charts may fetch over the network; such renders "
        "depend on more than the commit.",
    )


class SyncSection(Section):
    """How syncs run."""

    workers: int = Field(
        32, ge=1, le=512, description="Applications that are worked on at the same time."
    )


class HealthSection(Section):
    """Health checks besides the rules of kinds; read at start."""

    checks: Paths = Field(
        (),
        description="Folders with `<group>/<kind>/health.lua`, `argocd-cm` ConfigMaps, files with "
        "`healthCheckExprs`; what comes first wins.",
    )
    customizations: dict[str, str] = Field(
        default_factory=dict,
        description="Keys as in `argocd-cm`: `resource.customizations.health.<group>_<kind>` with "
        "a script in Lua; they win over `checks`.",
    )


class ActionsSection(Section):
    """Resource actions besides those of kinds; read at start."""

    scripts: Paths = Field(
        (),
        description="Folders with `<group>/<kind>/actions/discovery.lua` and `<name>/action.lua` "
        "beside it, `argocd-cm` ConfigMaps; what comes first wins.",
    )
    customizations: dict[str, str] = Field(
        default_factory=dict,
        description="Keys as in `argocd-cm`: `resource.customizations.actions.<group>_<kind>` with "
        "YAML: `discovery.lua`, `definitions`, `mergeBuiltinActions`; they win over `scripts`.",
    )


class DiffSection(Section):
    """What is left out of every comparison; read at start."""

    customizations: dict[str, str] = Field(
        default_factory=dict,
        description="Keys as in `argocd-cm`: `resource.customizations.ignoreDifferences."
        "<group>_<kind>`, or `.all`, with YAML: `jsonPointers`, `jqPathExpressions`, "
        "`managedFieldsManagers`.",
    )


class MaskRule(Section):
    """Values that never show."""

    group: str = Field("", description="API group; globs are allowed.")
    kind: str = Field(description="Kind; globs are allowed.")
    name: str = Field("", description="Name; all when empty.")
    namespace: str = Field("", description="Namespace; all when empty.")
    json_pointers: tuple[str, ...] = Field(
        (), description="Paths as RFC 6901 has them; `*` is any one name or index."
    )
    jq_path_expressions: tuple[str, ...] = Field((), description="Paths as jq has them.")


class MaskingSection(Section):
    """What never shows besides the data of Secrets; read at start."""

    rules: tuple[MaskRule, ...] = Field(
        (), description="Places of objects whose values are masked wherever they would show."
    )
    customizations: dict[str, str] = Field(
        default_factory=dict,
        description="Keys as in `argocd-cm`: `resource.sensitive.mask.annotations` with the names "
        "of annotations that are masked on every kind, with commas between.",
    )


class WebhookSection(Section):
    """Secrets of the senders; a sender without a secret is refused."""

    github: SecretStr = Field(SecretStr(""), description="Secret of GitHub's webhooks.")
    gitlab: SecretStr = Field(SecretStr(""), description="Secret token of GitLab's webhooks.")
    gitea: SecretStr = Field(SecretStr(""), description="Secret of Gitea's, Forgejo's and Gogs'.")
    bitbucket: SecretStr = Field(SecretStr(""), description="Secret of Bitbucket's, any edition.")
    azure: SecretStr = Field(SecretStr(""), description="`USER:PASSWORD` of Azure DevOps.")
    generic: SecretStr = Field(
        SecretStr(""), description="Key of `X-Signature: sha256=<hex>` or `sha512=<hex>`."
    )


class LogSection(Section):
    """The log on standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least severe level that is written."
    )
    format: Literal["auto", "json", "text"] = Field(
        "auto", description="`auto` is text on a terminal, JSON lines elsewhere."
    )
