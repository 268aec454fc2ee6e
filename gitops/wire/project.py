"""Projects as JSON: what `gitops project list` and `show` print."""

from collections.abc import Sequence
from dataclasses import asdict

from gitops.core.durations import format_duration
from gitops.model.application import Origin
from gitops.model.project import KindPattern, Orphan, Project, SyncWindow
from gitops.wire.values import JsonObject, versioned_to_wire


def project_to_wire(
    project: Project, origin: Origin | None, warnings: Sequence[str], applications: Sequence[str]
) -> JsonObject:
    """`{name, description, origin, applications, warnings, spec}`; `spec` as an AppProject has it.

    `origin` is null for the `default` that nobody declared.
    """
    only = project.namespace_resource_whitelist
    return {
        "name": project.name,
        "description": project.description,
        "origin": None if origin is None else {"kind": origin.kind, "where": origin.where},
        "applications": list(applications),
        "warnings": list(warnings),
        "spec": {
            "sourceRepos": list(project.source_repos),
            "destinations": [asdict(entry) for entry in project.destinations],
            "clusterResourceWhitelist": _kinds(project.cluster_resource_whitelist),
            "clusterResourceBlacklist": _kinds(project.cluster_resource_blacklist),
            "namespaceResourceWhitelist": None if only is None else _kinds(only),
            "namespaceResourceBlacklist": _kinds(project.namespace_resource_blacklist),
            "destinationServiceAccounts": [
                {
                    "server": entry.server,
                    "namespace": entry.namespace,
                    "defaultServiceAccount": entry.account,
                }
                for entry in project.destination_service_accounts
            ],
            "orphanedResources": {
                "warn": project.warns_of_orphans,
                "ignore": _kinds(project.orphans_ignored),
            },
            "syncWindows": [window_to_wire(window) for window in project.sync_windows],
        },
    }


def orphans_to_wire(
    project: Project, namespaces: Sequence[str], found: Sequence[Orphan], unseen: Sequence[str]
) -> JsonObject:
    """`{project, warn, namespaces, unseen, orphans: [{kind, name, …, created, managers}]}`."""
    return {
        "project": project.name,
        "warn": project.warns_of_orphans,
        "namespaces": list(namespaces),
        "unseen": list(unseen),
        "orphans": [
            versioned_to_wire(one.id, one.api_version)
            | {"created": one.created or None, "managers": list(one.managers)}
            for one in found
        ],
    }


def window_to_wire(window: SyncWindow) -> JsonObject:
    """A sync window as an AppProject has it."""
    return {
        "kind": window.kind,
        "schedule": window.schedule,
        "duration": format_duration(window.duration),
        "timeZone": window.time_zone,
        "applications": list(window.applications),
        "namespaces": list(window.namespaces),
        "clusters": list(window.clusters),
        "andOperator": window.and_operator,
        "manualSync": window.manual_sync,
        "syncOverrun": window.sync_overrun,
        "description": window.description,
    }


def _kinds(patterns: Sequence[KindPattern]) -> list[JsonObject]:
    return [asdict(pattern) for pattern in patterns]
