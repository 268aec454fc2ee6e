"""Application: what a user declares. Parsed by `core/application/spec.py`, the one table of fields.

Field names follow Argo CD's `spec` in Python's spelling; durations are `timedelta`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class DirectorySource:
    """Plain YAML and JSON; globs as Argo CD has them (`{a,b}`, `*`, `**`)."""

    recurse: bool = False
    include: str = ""
    exclude: str = ""


@dataclass(frozen=True, slots=True)
class KustomizeSource:
    """Overrides laid over a kustomization (Argo CD's `spec.source.kustomize`)."""

    name_prefix: str = ""
    name_suffix: str = ""
    namespace: str = ""
    images: tuple[str, ...] = ()
    replicas: tuple[Mapping[str, Any], ...] = ()
    common_labels: Mapping[str, str] = field(default_factory=dict)
    label_without_selector: bool = False
    label_include_templates: bool = False
    force_common_labels: bool = False
    common_annotations: Mapping[str, str] = field(default_factory=dict)
    force_common_annotations: bool = False
    common_annotations_envsubst: bool = False
    components: tuple[str, ...] = ()
    ignore_missing_components: bool = False
    patches: tuple[Mapping[str, Any], ...] = ()
    kube_version: str = ""
    api_versions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HelmSource:
    """How a chart is templated (Argo CD's `spec.source.helm`).

    `parameters` and `file_parameters` are maps with `name`, `value` or `path`, `forceString`.
    """

    release_name: str = ""
    namespace: str = ""
    value_files: tuple[str, ...] = ()
    ignore_missing_value_files: bool = False
    values: str = ""
    values_object: Mapping[str, Any] | None = None
    parameters: tuple[Mapping[str, Any], ...] = ()
    file_parameters: tuple[Mapping[str, Any], ...] = ()
    skip_crds: bool = False
    skip_tests: bool = False
    skip_schema_validation: bool = False
    kube_version: str = ""
    api_versions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """One place in Git. At most one of directory, kustomize, helm is set; None means: detect.

    `path` "" (with a `ref`) renders nothing: the source only gives value files to others.
    """

    repo_url: str
    path: str = "."
    target_revision: str = "HEAD"
    directory: DirectorySource | None = None
    kustomize: KustomizeSource | None = None
    helm: HelmSource | None = None
    ref: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Destination:
    """A cluster by name (`in-cluster`) and the namespace for objects that name none ("": none)."""

    name: str = "in-cluster"
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class Automated:
    """Automatic sync; `prune` off keeps stale objects, `self_heal` off reports drift only."""

    enabled: bool = True
    prune: bool = True
    self_heal: bool = True
    allow_empty: bool = False


@dataclass(frozen=True, slots=True)
class PruneBudget:
    """How much may be deleted without approval; the percentage counts from 10 objects on.

    -1 is no limit.
    """

    max_objects: int = 10
    max_percent: int = 20


@dataclass(frozen=True, slots=True)
class Retry:
    """Attempts after a failed one; `limit` -1 means no end, 0 none.

    With `refresh` a newer commit ends the attempts at an older one.
    """

    limit: int = 5
    duration: timedelta = timedelta(seconds=5)
    factor: int = 2
    max_duration: timedelta = timedelta(minutes=3)
    refresh: bool = False


@dataclass(frozen=True, slots=True)
class KindDeadline:
    """How long objects of some kinds may take to become healthy; group and kind may be globs."""

    kind: str
    deadline: timedelta
    group: str = "*"


class Adopt(StrEnum):
    """What to do with an object that exists and is nobody's."""

    AUTO = "auto"
    APPROVE = "approve"
    NEVER = "never"


class Drift(StrEnum):
    """What is done about what people change by hand."""

    HEAL = "heal"
    REPORT = "report"
    APPROVE = "approve"
    """It is reported, and repaired when somebody approves that."""


class FailurePolicy(StrEnum):
    """What a fault of one object means for the others."""

    ATOMIC = "atomic"
    """Everything is validated first; one fault, and nothing is written."""
    PER_WAVE = "perWave"
    """Waves before it are applied; its own and those after it are not."""
    BEST_EFFORT = "bestEffort"
    """Every other object is applied."""


@dataclass(frozen=True, slots=True)
class SyncPolicy:
    """How and when an application is synced. `automated` None means: by hand only."""

    automated: Automated | None = field(default_factory=Automated)
    prune_budget: PruneBudget | None = field(default_factory=PruneBudget)
    automatic_rollback: bool = False
    health_deadline: timedelta = timedelta(minutes=5)
    stable_for: timedelta = timedelta(0)
    health_grace: timedelta = timedelta(0)
    health_deadlines: tuple[KindDeadline, ...] = ()
    """Kinds with another deadline than `health_deadline`; the first that matches counts."""
    timeout: timedelta = timedelta(minutes=10)
    on_new_revision: Literal["supersede", "queue"] = "supersede"
    adopt: Adopt = Adopt.APPROVE
    failure_policy: FailurePolicy = FailurePolicy.ATOMIC
    drift: Drift | None = None
    """None: as `automated.self_heal` says."""
    retry: Retry = field(default_factory=Retry)
    sync_options: frozenset[str] = frozenset()
    managed_namespace_labels: Mapping[str, str] = field(default_factory=dict)
    managed_namespace_annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PathRule:
    """Places of some objects, as an entry of `spec.maskRules` names them.

    Group and kind may be globs; "" as name or namespace matches all.
    """

    group: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""
    json_pointers: tuple[str, ...] = ()
    jq_path_expressions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IgnoreRule(PathRule):
    """One entry of `spec.ignoreDifferences`."""

    managed_fields_managers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HealthExpressions:
    """One entry of `spec.healthCheckExprs`: CEL; without a kind for every kind of the group."""

    api_version: str
    current: str
    kind: str = ""
    in_progress: str = ""
    failed: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an application was declared: `file`, `git` (by the application named) or `api`."""

    kind: Literal["file", "git", "api"]
    where: str


@dataclass(frozen=True, slots=True)
class Application:
    """A declared application; equal values mean that nothing has to be done about it.

    `takes_over` names applications whose objects become its own once they let them go.
    """

    name: str
    sources: tuple[Source, ...]
    destination: Destination = field(default_factory=Destination)
    project: str = "default"
    depends_on: tuple[str, ...] = ()
    takes_over: tuple[str, ...] = ()
    sync_policy: SyncPolicy = field(default_factory=SyncPolicy)
    ignore_differences: tuple[IgnoreRule, ...] = ()
    mask_rules: tuple[PathRule, ...] = ()
    health_expressions: tuple[HealthExpressions, ...] = ()
    api_version: str = "gitops.dev/v1alpha1"
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    finalize: bool = False
    """Whether removal of the Application deletes what it runs (Argo CD's resources-finalizer)."""

    @property
    def may_repeat_objects(self) -> bool:
        """Whether of equal objects the last is taken, as Argo CD has it, instead of a fault."""
        return self.api_version.startswith("argoproj.io/")

    def option(self, name: str, *, default: bool = False) -> bool:
        """Whether the sync option `name=true` (or `name=false`) is set."""
        if f"{name}=true" in self.sync_policy.sync_options:
            return True
        if f"{name}=false" in self.sync_policy.sync_options:
            return False
        return default
