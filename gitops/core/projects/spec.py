"""Projects from manifests, by their one table of fields.

In: one parsed manifest. Out: a `Project`, with warnings for what has no effect; raises
ApplicationError with every fault. Called for files and by the API.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from gitops.core.application.spec import ARGO, OURS, Reader, tree
from gitops.core.globs import is_glob
from gitops.core.projects.cron import parse_schedule
from gitops.core.projects.fields import FIELDS
from gitops.core.projects.windows import zone_of
from gitops.errors import ApplicationError
from gitops.model.objects import Manifest
from gitops.model.plan import Fault
from gitops.model.project import (
    KindPattern,
    Project,
    ProjectDestination,
    ServiceAccount,
    SyncWindow,
)

KIND: Final = "AppProject"
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_LABEL: Final = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_ACCOUNT: Final = re.compile(rf"({_LABEL}:)?{_NAME.pattern}")
_ROOT: Final = tree(FIELDS)

Values = Mapping[str, Any]


def is_project(manifest: Manifest) -> bool:
    """Whether a manifest declares a project of ours or of Argo CD's."""
    return manifest.id.kind == KIND and manifest.api_version in (OURS, ARGO)


def parse_project(manifest: Manifest) -> tuple[Project, tuple[str, ...]]:
    """The project that a manifest declares, with warnings; raises ApplicationError."""
    project, faults, warnings = read_project(manifest)
    if project is None:
        name = manifest.id.name or "without a name"
        raise ApplicationError(
            f"{KIND} {name}: " + "; ".join(fault.message for fault in faults),
            where=str(manifest.place) if manifest.place else None,
            remedy="docs/reference/projects.md lists every field",
        )
    return project, tuple(warning.message for warning in warnings)


def read_project(
    manifest: Manifest,
) -> tuple[Project | None, Sequence[Fault], Sequence[Fault]]:
    """The project, or None with at least one fault; and warnings. Never raises."""
    reader = Reader(manifest, argo=manifest.api_version == ARGO, root=_ROOT)
    values = reader.object(_ROOT, manifest.body, "")
    if not reader.faults:
        for sentence in _flaws(values):
            reader.fault("bad-value", sentence)
    project = None if reader.faults else _build(values)
    return project, reader.faults, reader.warnings


def _flaws(values: Values) -> Iterator[str]:
    """What has the right type and no meaning."""
    name = values["metadata"]["name"]
    if not _NAME.fullmatch(name):
        yield f"metadata.name {name!r} must be lower-case letters, digits, '-', '.' (253 at most)"
    for path, pattern in _globs(values["spec"]):
        if pattern == "!*":
            yield f"{path} is '!*', which denies everything; leave the entry out"
        elif not is_glob(pattern.removeprefix("!")):
            yield f"{path} {pattern!r} is not a glob that can be read"
    for i, entry in enumerate(values["spec"]["destinationServiceAccounts"]):
        account = entry["defaultServiceAccount"]
        if not _ACCOUNT.fullmatch(account):
            path = f"spec.destinationServiceAccounts[{i}].defaultServiceAccount"
            yield f"{path} {account!r} must be a name, or namespace:name"
    for i, window in enumerate(values["spec"]["syncWindows"]):
        yield from (f"spec.syncWindows[{i}]{flaw}" for flaw in _window_flaws(window))


def _window_flaws(window: Values) -> Iterator[str]:
    """What is wrong with one window, as the ends of sentences."""
    schedule = parse_schedule(window["schedule"])
    if isinstance(schedule, str):
        yield f".schedule {schedule}"
    elif not schedule.happens:
        yield f".schedule {window['schedule']!r} is a day that no year has"
    try:
        zone_of(window["timeZone"])
    except (ValueError, OSError, KeyError):
        yield f".timeZone {window['timeZone']!r} is not known; write it as Europe/Berlin"
    if not any(window[name] for name in ("applications", "namespaces", "clusters")):
        yield " is for nothing; give applications, namespaces or clusters ('*' is all of them)"


def _globs(spec: Values) -> Iterator[tuple[str, str]]:
    for i, pattern in enumerate(spec["sourceRepos"]):
        yield f"spec.sourceRepos[{i}]", pattern
    places = ("server", "name", "namespace")
    for path, entries, parts in (
        ("destinations", spec["destinations"], places),
        ("destinationServiceAccounts", spec["destinationServiceAccounts"], places),
        (
            "orphanedResources.ignore",
            spec["orphanedResources"]["ignore"],
            ("group", "kind", "name"),
        ),
    ):
        for i, entry in enumerate(entries):
            for part in parts:
                yield f"spec.{path}[{i}].{part}", entry.get(part, "")
    for i, window in enumerate(spec["syncWindows"]):
        for part in ("applications", "namespaces", "clusters"):
            for j, pattern in enumerate(window[part]):
                yield f"spec.syncWindows[{i}].{part}[{j}]", pattern


def _build(values: Values) -> Project:
    spec = values["spec"]
    only = spec["namespaceResourceWhitelist"]
    return Project(
        name=values["metadata"]["name"],
        description=spec["description"],
        source_repos=spec["sourceRepos"],
        destinations=tuple(ProjectDestination(**entry) for entry in spec["destinations"]),
        cluster_resource_whitelist=_kinds(spec["clusterResourceWhitelist"]),
        cluster_resource_blacklist=_kinds(spec["clusterResourceBlacklist"]),
        namespace_resource_whitelist=None if only is None else _kinds(only),
        namespace_resource_blacklist=_kinds(spec["namespaceResourceBlacklist"]),
        sync_windows=tuple(_window(window) for window in spec["syncWindows"]),
        destination_service_accounts=tuple(
            ServiceAccount(entry["server"], entry["namespace"], entry["defaultServiceAccount"])
            for entry in spec["destinationServiceAccounts"]
        ),
        orphans_ignored=_kinds(spec["orphanedResources"]["ignore"]),
        warns_of_orphans=spec["orphanedResources"]["warn"],
    )


def _window(values: Values) -> SyncWindow:
    return SyncWindow(
        values["kind"],
        values["schedule"],
        values["duration"],
        values["applications"],
        values["namespaces"],
        values["clusters"],
        values["timeZone"],
        and_operator=values["andOperator"],
        manual_sync=values["manualSync"],
        sync_overrun=values["syncOverrun"],
        description=values["description"],
    )


def _kinds(entries: Sequence[Values]) -> tuple[KindPattern, ...]:
    return tuple(KindPattern(**entry) for entry in entries)
