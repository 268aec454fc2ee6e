"""Project: what the applications that name it may use. Parsed by `core/projects/spec.py`.

Field names follow Argo CD's `AppProject` in Python's spelling.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from gitops.model.objects import ObjectId

DEFAULT: Final = "default"
"""The project that exists without being declared."""


@dataclass(frozen=True, slots=True)
class ProjectDestination:
    """Where to; each part is a glob, and `!` before it denies what it matches."""

    server: str = ""
    name: str = ""
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class KindPattern:
    """Kinds by glob; `name` "" stands for every name."""

    group: str = ""
    kind: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """In whose name the objects of a destination are written; server and namespace are globs.

    `account` is `name`, of the destination's namespace, or `namespace:name`.
    """

    server: str
    namespace: str
    account: str


@dataclass(frozen=True, slots=True)
class SyncWindow:
    """When syncs are allowed or denied: from each moment of a cron schedule on, for a while.

    It is for the applications that one of the lists of globs names, or with `and_operator` all.
    """

    kind: Literal["allow", "deny"]
    schedule: str
    duration: timedelta
    applications: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    clusters: tuple[str, ...] = ()
    time_zone: str = ""
    and_operator: bool = False
    manual_sync: bool = False
    sync_overrun: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True)
class Project:
    """A declared project; equal values allow the same.

    `namespace_resource_whitelist` None means every kind, () none. `orphans_ignored` and
    `warns_of_orphans` are its `orphanedResources`.
    """

    name: str
    description: str = ""
    source_repos: tuple[str, ...] = ()
    destinations: tuple[ProjectDestination, ...] = ()
    cluster_resource_whitelist: tuple[KindPattern, ...] = ()
    cluster_resource_blacklist: tuple[KindPattern, ...] = ()
    namespace_resource_whitelist: tuple[KindPattern, ...] | None = None
    namespace_resource_blacklist: tuple[KindPattern, ...] = ()
    sync_windows: tuple[SyncWindow, ...] = ()
    destination_service_accounts: tuple[ServiceAccount, ...] = ()
    orphans_ignored: tuple[KindPattern, ...] = ()
    warns_of_orphans: bool = False


UNLIMITED: Final = Project(
    DEFAULT,
    source_repos=("*",),
    destinations=(ProjectDestination("*", "*", "*"),),
    cluster_resource_whitelist=(KindPattern("*", "*"),),
)
"""What `default` is unless it is declared."""


@dataclass(frozen=True, slots=True)
class Orphan:
    """An object without an application; `managers` are those that wrote it, `created` RFC 3339."""

    id: ObjectId
    api_version: str
    created: str
    managers: tuple[str, ...]
