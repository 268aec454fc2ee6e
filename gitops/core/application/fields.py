# ruff: noqa: E501 - the table reads best with one row a line
"""The one table of an Application's fields: name, type, both defaults, support and meaning.

In: nothing. Out: `FIELDS`, from which `core/application/spec.py` reads and refuses, and
`core/application/doc.py` writes `docs/reference/application.md`. A new field is a row here.

`[]` after a name says that the value is a list of such objects. A default is written as a user
would write it; None means that nothing is set. `argo` is the default under
`apiVersion: argoproj.io/v1alpha1`; it is the same unless it is given.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Literal


class Support(StrEnum):
    """What we do with a field."""

    YES = "yes"
    SILENT = "accepted"
    """Has no meaning here and cannot change what is applied; many files carry it."""
    IGNORED = "ignored with a warning"
    NOT_YET = "not supported yet"


class Same(StrEnum):
    """The mark of a default that Argo CD shares."""

    SAME = "same"


SAME: Final = Same.SAME

FieldType = Literal[
    "object", "objects", "string", "boolean", "integer", "duration", "strings", "string map", "map",
    "any", "integer or string",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Field:
    """One row. `choices` limits a string; `least` is the smallest integer (or duration, in s)."""

    path: str
    type: FieldType
    doc: str
    default: Any = None
    argo: Any = SAME
    support: Support = Support.YES
    required: bool = False
    choices: tuple[str, ...] = ()
    least: int | None = None
    empty_matters: bool = False
    """For NOT_YET: whether even an empty value changes what would be applied."""

    @property
    def name(self) -> str:
        """The last part of the path: `spec.sources[]` -> `sources`."""
        return self.path.rpartition(".")[2].removesuffix("[]")

    def default_for(self, *, argo: bool) -> Any:
        """The default under Argo CD's apiVersion, or under ours."""
        return self.argo if argo and self.argo is not SAME else self.default


def _ignored(path: str, doc: str, kind: FieldType = "any") -> Field:
    return Field(path, kind, doc, support=Support.IGNORED)


def _silent(path: str, doc: str) -> Field:
    return Field(path, "any", doc, support=Support.SILENT)


def _not_yet(path: str, doc: str, *, empty_matters: bool = False) -> Field:
    return Field(path, "any", doc, support=Support.NOT_YET, empty_matters=empty_matters)


SERVER_SET = "Written by an API server; of no meaning here."

METADATA: Final = (
    Field("apiVersion", "string", "`gitops.dev/v1alpha1`, or `argoproj.io/v1alpha1` with Argo CD's defaults.", required=True),
    Field("kind", "string", "`Application`.", required=True, choices=("Application",)),
    Field("metadata", "object", "Name, labels and annotations.", required=True),
    Field("metadata.name", "string", "The application's name, unique in an installation.", required=True),
    Field("metadata.labels", "string map", "Labels to select applications by.", {}),
    Field("metadata.annotations", "string map", "Annotations.", {}),
    Field("metadata.finalizers", "strings", "With `resources-finalizer.argocd.argoproj.io` (also `/background`, `/foreground`), removing the Application deletes what it runs.", []),
    _silent("metadata.namespace", "Where Argo CD keeps the object; names are unique in an installation here."),
    _silent("metadata.uid", SERVER_SET),
    _silent("metadata.resourceVersion", SERVER_SET),
    _silent("metadata.generation", SERVER_SET),
    _silent("metadata.creationTimestamp", SERVER_SET),
    _silent("metadata.managedFields", SERVER_SET),
    _silent("metadata.selfLink", SERVER_SET),
    _silent("metadata.ownerReferences", SERVER_SET),
    _ignored("status", "What Argo CD observed."),
    _ignored("operation", "A sync asked of Argo CD; use `gitops sync`."),
)  # fmt: skip


def _source(prefix: str) -> tuple[Field, ...]:
    """The fields of one source; `spec.source` and `spec.sources[]` share them."""
    return (
        Field(f"{prefix}.repoURL", "string", "The Git repository: HTTP(S), SSH, scp form, or a file path.", required=True),
        Field(f"{prefix}.path", "string", "Folder in the repository. A source with `ref` and no path gives value files only.", "."),
        Field(f"{prefix}.targetRevision", "string", "Branch, tag, SHA (also short), `HEAD`, a full reference, or a semver constraint on tags.", "HEAD"),
        Field(f"{prefix}.ref", "string", "Name under which other sources read this one: `$name/path` in `helm.valueFiles`.", ""),
        Field(f"{prefix}.name", "string", "Name of the source, for people.", ""),
        _not_yet(f"{prefix}.tagPrefix", "Prefix of the tags that a semver constraint matches."),
        _not_yet(f"{prefix}.chart", "A chart of a Helm repository."),
        _not_yet(f"{prefix}.plugin", "A config management plugin.", empty_matters=True),
        Field(f"{prefix}.directory", "object", "Plain YAML and JSON; without a tool given, the folder's content decides."),
        Field(f"{prefix}.directory.recurse", "boolean", "Also read folders below.", default=False),
        Field(f"{prefix}.directory.include", "string", "Glob of the files to read: `*`, `**`, `{a,b}`.", ""),
        Field(f"{prefix}.directory.exclude", "string", "Glob of the files to leave out; it wins over include.", ""),
        _not_yet(f"{prefix}.directory.jsonnet", "Jsonnet variables and libraries."),
        *_kustomize(f"{prefix}.kustomize"),
        *_helm(f"{prefix}.helm"),
    )  # fmt: skip


def _kustomize(prefix: str) -> tuple[Field, ...]:
    return (
        Field(prefix, "object", "Overrides laid over a kustomization."),
        Field(f"{prefix}.namePrefix", "string", "Prefix of every name.", ""),
        Field(f"{prefix}.nameSuffix", "string", "Suffix of every name.", ""),
        Field(f"{prefix}.namespace", "string", "Namespace of every namespaced object.", ""),
        Field(f"{prefix}.images", "strings", "Image overrides: `old=new:tag`, `name:tag`, `name@digest`.", []),
        Field(f"{prefix}.replicas[]", "objects", "Replica counts by name.", []),
        Field(f"{prefix}.replicas[].name", "string", "Name of the workload.", required=True),
        Field(f"{prefix}.replicas[].count", "integer or string", "Replicas.", required=True),
        Field(f"{prefix}.commonLabels", "string map", "Labels for every object.", {}),
        Field(f"{prefix}.labelWithoutSelector", "boolean", "Keep common labels out of selectors.", default=False),
        Field(f"{prefix}.labelIncludeTemplates", "boolean", "With labelWithoutSelector: label pod templates too.", default=False),
        Field(f"{prefix}.forceCommonLabels", "boolean", "Overwrite labels that exist.", default=False),
        Field(f"{prefix}.commonAnnotations", "string map", "Annotations for every object.", {}),
        Field(f"{prefix}.forceCommonAnnotations", "boolean", "Overwrite annotations that exist.", default=False),
        Field(f"{prefix}.commonAnnotationsEnvsubst", "boolean", "Put build variables (`$ARGOCD_APP_NAME`) into common annotations.", default=False),
        Field(f"{prefix}.components", "strings", "Components to add.", []),
        Field(f"{prefix}.ignoreMissingComponents", "boolean", "Leave out components that do not exist.", default=False),
        Field(f"{prefix}.patches[]", "objects", "Patches, as in a kustomization.", []),
        Field(f"{prefix}.patches[].patch", "string", "The patch itself."),
        Field(f"{prefix}.patches[].path", "string", "A file that holds the patch."),
        Field(f"{prefix}.patches[].target", "map", "What it patches."),
        Field(f"{prefix}.patches[].options", "map", "Options of the patch."),
        Field(f"{prefix}.kubeVersion", "string", "Kubernetes version for inflated charts; the cluster's when empty.", ""),
        Field(f"{prefix}.apiVersions", "strings", "API versions for inflated charts; the cluster's when empty.", []),
        _not_yet(f"{prefix}.version", "Another version of the tool."),
    )  # fmt: skip


def _helm(prefix: str) -> tuple[Field, ...]:
    return (
        Field(prefix, "object", "How a chart is templated."),
        Field(f"{prefix}.releaseName", "string", "Name of the release; the application's name when empty.", ""),
        Field(f"{prefix}.namespace", "string", "Namespace of the release; the destination's when empty.", ""),
        Field(f"{prefix}.valueFiles", "strings", "Value files, later ones win.", []),
        Field(f"{prefix}.ignoreMissingValueFiles", "boolean", "Leave out value files that do not exist.", default=False),
        Field(f"{prefix}.values", "string", "Values as YAML text; they win over value files.", ""),
        Field(f"{prefix}.valuesObject", "map", "Values as a map; they win over `values`."),
        Field(f"{prefix}.parameters[]", "objects", "Single values (`--set`); they win over all values.", []),
        Field(f"{prefix}.parameters[].name", "string", "Path of the value.", required=True),
        Field(
            f"{prefix}.parameters[].value",
            "string",
            "The value. Texts are in no argument of Helm, whole numbers are: see `forceString`.",
            "",
        ),
        Field(f"{prefix}.parameters[].forceString", "boolean", "Read the value as a string (`--set-string`).", default=False),
        Field(f"{prefix}.fileParameters[]", "objects", "Values read from files (`--set-file`).", []),
        Field(f"{prefix}.fileParameters[].name", "string", "Path of the value.", required=True),
        Field(f"{prefix}.fileParameters[].path", "string", "The file.", required=True),
        Field(f"{prefix}.skipCrds", "boolean", "Leave out the chart's `crds/`.", default=False),
        Field(f"{prefix}.skipTests", "boolean", "Leave out test hooks.", default=False),
        Field(f"{prefix}.skipSchemaValidation", "boolean", "Do not check values against the chart's schema.", default=False),
        Field(f"{prefix}.kubeVersion", "string", "Kubernetes version that templates see; the cluster's when empty.", ""),
        Field(f"{prefix}.apiVersions", "strings", "API versions that templates see; the cluster's when empty.", []),
        _ignored(f"{prefix}.version", "Helm's major version; there is one."),
        _ignored(f"{prefix}.passCredentials", "For chart repositories only."),
    )  # fmt: skip


POLICY: Final = (
    Field("spec.syncPolicy", "object", "How and when the application is synced.", {}),
    Field("spec.syncPolicy.automated", "object", "Sync by itself. Without it, under Argo CD's apiVersion, syncs are made by hand.", {}, argo=None),
    Field("spec.syncPolicy.automated.enabled", "boolean", "Whether to sync by itself.", default=True),
    Field("spec.syncPolicy.automated.prune", "boolean", "Delete what Git no longer holds.", default=True, argo=False),
    Field("spec.syncPolicy.automated.selfHeal", "boolean", "Undo drift; otherwise it is reported.", default=True, argo=False),
    Field("spec.syncPolicy.automated.allowEmpty", "boolean", "Let a sync delete everything.", default=False),
    Field("spec.syncPolicy.pruneBudget", "object", "How much may be deleted without approval. Under a budget, Namespaces, CustomResourceDefinitions, PersistentVolumes and PersistentVolumeClaims always wait.", {}, argo=None),
    Field("spec.syncPolicy.pruneBudget.maxObjects", "integer", "Objects a sync; -1 is no limit.", 10, least=-1),
    Field("spec.syncPolicy.pruneBudget.maxPercent", "integer", "Percent of the application's objects, counted from 10 objects on; -1 is no limit.", 20, least=-1),
    Field("spec.syncPolicy.rollback", "object", "What follows a failed sync.", {}),
    Field("spec.syncPolicy.rollback.automatic", "boolean", "Go back to the last healthy revision when a sync fails.", default=False),
    Field("spec.syncPolicy.healthDeadline", "duration", "How long a wave, and the whole, may take to become healthy.", "5m", least=1),
    Field("spec.syncPolicy.health", "object", "When a revision counts as healthy.", {}),
    Field("spec.syncPolicy.health.stableFor", "duration", "How long all that was applied must have been Healthy without a break; shorter than `healthDeadline` and `timeout`.", "0s", least=0),
    Field("spec.syncPolicy.health.grace", "duration", "How long after its writes a wave may be Degraded without having failed; shorter than `healthDeadline` and `timeout`.", "0s", least=0),
    Field("spec.syncPolicy.health.deadlines[]", "objects", "Kinds with another deadline than `healthDeadline`, hooks among them; the first that matches an object counts.", []),
    Field("spec.syncPolicy.health.deadlines[].group", "string", "API group; globs are allowed.", "*"),
    Field("spec.syncPolicy.health.deadlines[].kind", "string", "Kind; globs are allowed.", required=True),
    Field("spec.syncPolicy.health.deadlines[].deadline", "duration", "How long an object of it may take to become healthy after its wave's writes; no longer than `timeout`.", required=True, least=1),
    Field("spec.syncPolicy.timeout", "duration", "How long a sync may take.", "10m", least=1),
    Field("spec.syncPolicy.onNewRevision", "string", "What a newer commit does to a running sync.", "supersede", choices=("supersede", "queue")),
    Field("spec.syncPolicy.adopt", "string", "What happens to an object that exists already and is nobody's.", "approve", argo="auto", choices=("auto", "approve", "never")),
    Field("spec.syncPolicy.drift", "string", "What is done about what people change by hand: it is repaired (`heal`), only told (`report`), or told and repaired by `gitops approve` (`approve`). Without it `automated.selfHeal` decides between the first two.", choices=("heal", "report", "approve")),
    Field("spec.syncPolicy.failurePolicy", "string", "What is applied where objects have faults: nothing (`atomic`), the waves before them (`perWave`), all but them (`bestEffort`). Every fault is told, and nothing is deleted meanwhile.", "atomic", choices=("atomic", "perWave", "bestEffort")),
    Field("spec.syncPolicy.retry", "object", "Attempts after a failed one.", {}, argo={"limit": 5}),
    Field("spec.syncPolicy.retry.limit", "integer", "How many; -1 is no end, 0 none.", 5, argo=0, least=-1),
    Field("spec.syncPolicy.retry.backoff", "object", "The pause between attempts.", {}),
    Field("spec.syncPolicy.retry.backoff.duration", "duration", "The first pause.", "5s", least=0),
    Field("spec.syncPolicy.retry.backoff.factor", "integer", "What each pause is multiplied by.", 2, least=1),
    Field("spec.syncPolicy.retry.backoff.maxDuration", "duration", "The longest pause.", "3m", least=0),
    Field("spec.syncPolicy.retry.refresh", "boolean", "Retry what Git has then: a newer commit ends the attempts at an older one, also where `onNewRevision` is `queue`, or hooks have run.", default=False),
    Field("spec.syncPolicy.syncOptions", "strings", "Options as `Name=value`.", []),
    Field("spec.syncPolicy.managedNamespaceMetadata", "object", "For the namespace of `CreateNamespace=true`, also where it exists; what others set there stays.", {}),
    Field("spec.syncPolicy.managedNamespaceMetadata.labels", "string map", "Its labels.", {}),
    Field("spec.syncPolicy.managedNamespaceMetadata.annotations", "string map", "Its annotations.", {}),
)  # fmt: skip

SPEC: Final = (
    Field("spec", "object", "What is declared.", required=True),
    Field("spec.project", "string", "The project that it belongs to.", "default"),
    Field("spec.source", "object", "One place in Git."),
    *_source("spec.source"),
    Field("spec.sources[]", "objects", "Several places in Git. Of equal objects the last is taken under `argoproj.io`; otherwise they are a fault.", []),
    *_source("spec.sources[]"),
    _not_yet("spec.sourceHydrator", "Rendering into another branch."),
    Field("spec.destination", "object", "Where to.", {}),
    Field("spec.destination.name", "string", "The cluster's name; `in-cluster` when neither name nor server is given.", ""),
    Field("spec.destination.server", "string", "The cluster's address, instead of its name; `https://kubernetes.default.svc` is `in-cluster`.", ""),
    Field("spec.destination.namespace", "string", "The namespace of objects that name none.", ""),
    Field("spec.dependsOn[]", "objects", "Applications that must be healthy first.", []),
    Field("spec.dependsOn[].name", "string", "The application's name.", required=True),
    Field("spec.takesOver[]", "objects", "Applications whose objects go over to this one, and are not deleted, once they no longer hold them in Git or are gone themselves.", []),
    Field("spec.takesOver[].name", "string", "The application's name.", required=True),
    *POLICY,
    Field("spec.ignoreDifferences[]", "objects", "Differences that do not count.", []),
    Field("spec.ignoreDifferences[].group", "string", "API group; `*`, `?`, `[a-z]`, `{a,b}`.", ""),
    Field("spec.ignoreDifferences[].kind", "string", "Kind; `*`, `?`, `[a-z]`, `{a,b}`.", required=True),
    Field("spec.ignoreDifferences[].name", "string", "Name; all when empty.", ""),
    Field("spec.ignoreDifferences[].namespace", "string", "Namespace; all when empty.", ""),
    Field("spec.ignoreDifferences[].jsonPointers", "strings", "Paths as RFC 6901 has them.", []),
    Field("spec.ignoreDifferences[].jqPathExpressions", "strings", "Paths as jq has them.", []),
    Field("spec.ignoreDifferences[].managedFieldsManagers", "strings", "Fields that these managers own.", []),
    Field("spec.maskRules[]", "objects", "Values that never show, as those of Secrets; see [masking.md](masking.md).", []),
    Field("spec.maskRules[].group", "string", "API group; globs are allowed.", ""),
    Field("spec.maskRules[].kind", "string", "Kind; globs are allowed.", required=True),
    Field("spec.maskRules[].name", "string", "Name; all when empty.", ""),
    Field("spec.maskRules[].namespace", "string", "Namespace; all when empty.", ""),
    Field("spec.maskRules[].jsonPointers", "strings", "Paths as RFC 6901 has them; `*` is any one name or index.", []),
    Field("spec.maskRules[].jqPathExpressions", "strings", "Paths as jq has them.", []),
    Field("spec.healthCheckExprs[]", "objects", "Health checks in CEL, as a Flux Kustomization has them; they win over the installation's.", []),
    Field("spec.healthCheckExprs[].apiVersion", "string", "Group and version; the version does not count.", required=True),
    Field("spec.healthCheckExprs[].kind", "string", "Kind; every kind of the group when empty.", ""),
    Field("spec.healthCheckExprs[].inProgress", "string", "True while the object is Progressing; asked first.", ""),
    Field("spec.healthCheckExprs[].failed", "string", "True when the object is Degraded; asked next.", ""),
    Field("spec.healthCheckExprs[].current", "string", "True when the object is Healthy; else it is Progressing.", required=True),
    _ignored("spec.info", "Notes for Argo CD's pages."),
    _ignored("spec.revisionHistoryLimit", "The history limit of Argo CD; ours is a setting."),
)  # fmt: skip

FIELDS: Final[tuple[Field, ...]] = (*METADATA, *SPEC)

SYNC_OPTIONS: Final[dict[str, str]] = {
    "ApplyOutOfSyncOnly": "apply only what differs; always so here, `false` changes nothing",
    "ClientSideApplyMigration": "`false` leaves what kubectl, Helm, Argo CD or Flux own on an adopted object to them",
    "CreateNamespace": "make the destination's namespace where it does not exist; it is never deleted",
    "CreateOnly": "create the object where it is missing, and never change it",
    "Delete": "`false` keeps the object, without our marks, when its application is deleted; with `confirm` the deletion waits, all of it, for `gitops approve`",
    "FailOnSharedResource": "refuse objects of other applications; always so here, `false` changes nothing",
    "Force": "as `Replace`",
    "Prune": "`false` keeps an object that Git no longer holds, `confirm` waits for `gitops approve` or for the application's annotation `deletion-approved`",
    "PruneLast": "delete after everything else is applied and healthy",
    "PrunePropagationPolicy": "`foreground` (the default), `background` or `orphan`",
    "Reconcile": "`false` leaves the object as it is: it is not applied, and not deleted",
    "Replace": "delete and create where a field cannot be changed in place; never a Namespace or a CustomResourceDefinition",
    "RespectIgnoreDifferences": "apply the live values of ignored fields, where the object exists",
    "ServerSideApply": "always so here, `false` changes nothing",
    "SkipDryRunOnMissingResource": "check objects of an unknown kind only when their wave comes",
    "Validate": "`false` leaves out fields that the object's kind does not have",
}
"""Sync options of an application and, in an annotation, of an object."""
