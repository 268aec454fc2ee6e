# ruff: noqa: E501 - the table reads best with one row a line
"""The one table of an AppProject's fields, as `core/application/fields.py` is an Application's.

In: nothing. Out: `FIELDS`, from which `core/projects/spec.py` reads and refuses, and
`core/projects/doc.py` writes `docs/reference/projects.md`. A new field is a row here.
"""

from typing import Final

from gitops.core.application.fields import METADATA as OF_APPLICATIONS
from gitops.core.application.fields import Field, Support


def _silent(path: str) -> Field:
    return Field(path, "any", "For people.", support=Support.SILENT)


def _unused(path: str, doc: str) -> Field:
    return Field(path, "any", doc, support=Support.IGNORED)


def _not_yet(path: str, doc: str) -> Field:
    return Field(path, "any", doc, support=Support.NOT_YET)


METADATA: Final = (
    Field("apiVersion", "string", "`gitops.dev/v1alpha1` or `argoproj.io/v1alpha1`; they mean the same.", required=True),
    Field("kind", "string", "`AppProject`.", required=True, choices=("AppProject",)),
    Field("metadata", "object", "Its name.", required=True),
    Field("metadata.name", "string", "The project's name, as applications give it in `spec.project`.", required=True),
    _silent("metadata.labels"),
    _silent("metadata.annotations"),
    _silent("metadata.finalizers"),
    *(row for row in OF_APPLICATIONS if row.path.startswith("metadata.") and row.support is Support.SILENT),
    _unused("status", "What Argo CD observed."),
)  # fmt: skip


def _kinds(path: str, doc: str, *, default: object, named: bool = False) -> tuple[Field, ...]:
    rows = (
        Field(f"{path}[]", "objects", doc, default),
        Field(f"{path}[].group", "string", 'API group, a glob; "" is the core group.', ""),
        Field(f"{path}[].kind", "string", "Kind, a glob.", required=True),
    )
    if not named:
        return rows
    return (*rows, Field(f"{path}[].name", "string", "Name, a glob; every name when empty.", ""))


WINDOWS: Final = (
    Field("spec.syncWindows[]", "objects", "When applications are synced, and when not.", []),
    Field("spec.syncWindows[].kind", "string", "`allow`: syncs are made within it and, with any such window, not outside; `deny`: none is made within it, whatever else allows it.", required=True, choices=("allow", "deny")),
    Field("spec.syncWindows[].schedule", "string", "When it begins: cron's five fields.", required=True),
    Field("spec.syncWindows[].duration", "duration", "How long it lasts.", required=True, least=1),
    Field("spec.syncWindows[].timeZone", "string", "The schedule's time zone, as `Europe/Berlin`.", "UTC"),
    Field("spec.syncWindows[].applications", "strings", "Names of applications that it is for, as globs.", []),
    Field("spec.syncWindows[].namespaces", "strings", "Destination namespaces that it is for, as globs.", []),
    Field("spec.syncWindows[].clusters", "strings", "Names or addresses of clusters that it is for, as globs.", []),
    Field("spec.syncWindows[].andOperator", "boolean", "Every list that is given has to match; otherwise one is enough.", default=False),
    Field("spec.syncWindows[].manualSync", "boolean", "Let through what people ask for.", default=False),
    Field("spec.syncWindows[].syncOverrun", "boolean", "Let a sync that began while it was allowed go on to its end.", default=False),
    Field("spec.syncWindows[].description", "string", "For people.", ""),
)  # fmt: skip

SPEC: Final = (
    Field("spec", "object", "What applications of the project may use.", {}),
    Field("spec.description", "string", "For people.", ""),
    Field("spec.sourceRepos", "strings", "Repositories, as globs: `*` stays between two slashes, `**` does not, `*` alone is every repository. `!` before one denies it.", []),
    Field("spec.destinations[]", "objects", "Where applications may write; an entry matches by its server or its name, and by its namespace.", []),
    Field("spec.destinations[].server", "string", "The cluster's address, a glob; with `!` before it, every other one.", ""),
    Field("spec.destinations[].name", "string", "The cluster's name, a glob; with `!` before it, every other one.", ""),
    Field("spec.destinations[].namespace", "string", "The namespace, a glob; with `!` before it, every other one.", ""),
    *_kinds("spec.clusterResourceWhitelist", "Kinds without a namespace that may be written; none when empty.", default=[], named=True),
    *_kinds("spec.clusterResourceBlacklist", "Kinds without a namespace that may not be written, whatever the whitelist says.", default=[], named=True),
    *_kinds("spec.namespaceResourceWhitelist", "Kinds with a namespace that may be written; every kind when absent, none when `[]`.", default=None),
    *_kinds("spec.namespaceResourceBlacklist", "Kinds with a namespace that may not be written, whatever the whitelist says.", default=[]),
    *WINDOWS,
    Field("spec.destinationServiceAccounts[]", "objects", "In whose name objects are written, where the setting `cluster.impersonate` is on: the first entry that matches.", []),
    Field("spec.destinationServiceAccounts[].server", "string", "The cluster's address, a glob.", required=True),
    Field("spec.destinationServiceAccounts[].namespace", "string", "The application's destination namespace, a glob.", ""),
    Field("spec.destinationServiceAccounts[].defaultServiceAccount", "string", "The ServiceAccount: `name` of the destination's namespace, or `namespace:name`.", required=True),
    _not_yet("spec.permitOnlyProjectScopedClusters", "Clusters that belong to one project."),
    Field("spec.orphanedResources", "object", "What counts as an orphan: an object without an application.", {}),
    Field("spec.orphanedResources.warn", "boolean", "`gitops project orphans` exits with 3 where there are any.", default=False),
    Field("spec.orphanedResources.ignore[]", "objects", "Objects that are no orphans.", []),
    Field("spec.orphanedResources.ignore[].group", "string", 'API group, a glob; "" is the core group.', ""),
    Field("spec.orphanedResources.ignore[].kind", "string", "Kind, a glob; every kind when empty.", ""),
    Field("spec.orphanedResources.ignore[].name", "string", "Name, a glob; every name when empty.", ""),
    _unused("spec.roles", "Not used yet: who may do what is not decided by project."),
    _unused("spec.signatureKeys", "Not used yet: signatures of commits are not verified."),
    _unused("spec.sourceIntegrity", "Not used yet: signatures of commits are not verified."),
    _unused("spec.sourceNamespaces", "Not used yet: applications have no namespace here."),
)  # fmt: skip

FIELDS: Final[tuple[Field, ...]] = (*METADATA, *SPEC)
