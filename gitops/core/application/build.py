"""Checks between fields, and the Application itself, from values that the table has read.

In: the nested values of `core/application/spec.py` (a dict an object, None where nothing is set).
Out: sentences about what does not fit together, and the model's `Application`.
"""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cache
from typing import Any, Final

from gitops.core.application.fields import SYNC_OPTIONS
from gitops.core.globs import is_glob
from gitops.core.path_rules import rule_fault
from gitops.model.application import (
    Adopt,
    Application,
    Automated,
    Destination,
    DirectorySource,
    Drift,
    FailurePolicy,
    HealthExpressions,
    HelmSource,
    IgnoreRule,
    KindDeadline,
    KustomizeSource,
    PathRule,
    PruneBudget,
    Retry,
    Source,
    SyncPolicy,
)
from gitops.model.objects import split_api_version

Values = Mapping[str, Any]

IN_CLUSTER: Final = "in-cluster"
IN_CLUSTER_SERVER: Final = "https://kubernetes.default.svc"
FINALIZER: Final = "resources-finalizer.argocd.argoproj.io"
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_REF: Final = re.compile(r"[A-Za-z0-9_-]+")
_UPPER: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


# --- What does not fit together -----------------------------------------------------------------


def conflicts(values: Values, body: Values, *, argo: bool) -> Iterator[tuple[str, str]]:
    """Code and sentence of every fault between fields; values may be incomplete.

    `body` is the manifest as written: what is there with a wrong type is not called missing.
    """
    name = (values.get("metadata") or {}).get("name")
    if name and (len(name) > 253 or not _NAME.fullmatch(name)):  # noqa: PLR2004  (RFC 1123)
        yield (
            "bad-value",
            (f"metadata.name {name!r} must be lower-case letters, digits, '-', '.' (253 at most)"),
        )
    spec = values.get("spec") or {}
    if not spec:
        return
    written = [body["spec"].get(name) for name in ("source", "sources")]
    yield from _source_conflicts(spec, argo=argo, wrong=any(written))
    destination = spec.get("destination") or {}
    if destination.get("name") and destination.get("server"):
        yield (
            "conflict",
            "spec.destination has both name and server; one of them says which cluster",
        )
    for field in ("dependsOn", "takesOver"):
        for i, other in enumerate(spec.get(field) or ()):
            if other and name and other.get("name") == name:
                yield "conflict", f"spec.{field}[{i}] names the application itself"
    yield from _limits_beyond_limits(spec.get("syncPolicy") or {})
    yield from _repeated_expressions(spec.get("healthCheckExprs") or ())
    yield from _mask_faults(spec.get("maskRules") or ())


def _mask_faults(entries: Sequence[Values]) -> Iterator[tuple[str, str]]:
    for i, entry in enumerate(entries):
        is_read = entry and None not in (entry["jsonPointers"], entry["jqPathExpressions"])
        fault = rule_fault(_fill(PathRule, entry)) if is_read else ""
        if fault:
            yield "bad-value", f"spec.maskRules[{i}] {fault}"


def _limits_beyond_limits(policy: Values) -> Iterator[tuple[str, str]]:
    """Times that could never pass, because another one always ends them first."""
    for name in ("stableFor", "grace"):
        length = (policy.get("health") or {}).get(name)
        for other in ("healthDeadline", "timeout"):
            end = policy.get(other)
            if length and end and length >= end:
                told = f"spec.syncPolicy.health.{name} must be shorter than {other}"
                yield "conflict", f"{told}, which ends every wait"
    for i, entry in enumerate((policy.get("health") or {}).get("deadlines") or ()):
        yield from _deadline_faults(f"spec.syncPolicy.health.deadlines[{i}]", entry or {}, policy)


def _deadline_faults(path: str, entry: Values, policy: Values) -> Iterator[tuple[str, str]]:
    for name in ("group", "kind"):
        if entry.get(name) and not is_glob(entry[name]):
            told = f"{path}.{name} is {entry[name]!r}, which is no glob"
            yield "bad-value", f"{told}: a bracket or a brace is not closed"
    length, end = entry.get("deadline"), policy.get("timeout")
    if length and end and length > end:
        yield "conflict", f"{path}.deadline must not be longer than timeout, which ends every wait"


def _repeated_expressions(entries: Sequence[Values]) -> Iterator[tuple[str, str]]:
    seen: set[tuple[str, str]] = set()
    for i, entry in enumerate(entries):
        group = split_api_version((entry or {}).get("apiVersion") or "")[0]
        key = (group, (entry or {}).get("kind") or "")
        if key in seen:
            yield (
                "conflict",
                f"spec.healthCheckExprs[{i}] is for a kind that has expressions already",
            )
        seen.add(key)


def _source_conflicts(spec: Values, *, argo: bool, wrong: bool) -> Iterator[tuple[str, str]]:
    if spec.get("source") and spec.get("sources") and not argo:
        yield "conflict", "spec has both source and sources; keep one of them"
    if not spec.get("source") and not spec.get("sources") and not wrong:
        yield "missing-field", "spec.source is missing"
    refs: set[str] = set()
    for path, source in sources(spec):
        yield from source_conflicts(path, source)
        ref = source.get("ref")
        if ref and not _REF.fullmatch(ref):
            yield "bad-value", f"{path}.ref {ref!r} must be letters, digits, '-' and '_'"
        if ref and ref in refs:
            yield "conflict", f"{path}.ref {ref!r} is another source's too"
        refs.add(ref or "")


def source_conflicts(path: str, source: Values) -> Iterator[tuple[str, str]]:
    """What does not fit together in one source that stands at `path`."""
    tools = [tool for tool in _TOOLS if _tool(source, tool) is not None]
    if len(tools) > 1:
        yield "conflict", f"{path} has settings of {' and '.join(tools)}; keep one tool's"
    folder = source.get("path")
    if isinstance(folder, str) and folder.startswith("/"):
        yield "bad-value", f"{path}.path {folder!r} must be relative to the repository's root"
    elif isinstance(folder, str) and _normal(folder) is None:
        yield "bad-value", f"{path}.path {folder!r} leads out of the repository"
    if str(source.get("repoURL") or "").startswith("oci://"):
        yield "not-supported-yet", f"{path}.repoURL names an OCI registry: not supported yet"


def sources(spec: Values) -> list[tuple[str, Values]]:
    """The sources that count, with their paths: `sources` where it is set, as Argo CD has it."""
    several = spec.get("sources") or ()
    if several:
        return [(f"spec.sources[{i}]", source) for i, source in enumerate(several) if source]
    return [("spec.source", spec["source"])] if spec.get("source") else []


def remarks(values: Values) -> Iterator[tuple[str, str]]:
    """Code and sentence of what is accepted and has no effect."""
    spec = values["spec"]
    if spec["source"] and spec["sources"]:
        yield "ignored-field", "spec.source has no effect beside spec.sources"
    for i, option in enumerate(spec["syncPolicy"]["syncOptions"]):
        name, _, value = option.partition("=")
        if name not in SYNC_OPTIONS or not value:
            nearest = difflib.get_close_matches(name, SYNC_OPTIONS, n=1, cutoff=0.0)[0]
            said = f"spec.syncPolicy.syncOptions[{i}] {option!r} is not known and has no effect"
            yield "unknown-option", f"{said}; the nearest is {nearest}=…"


def _normal(path: str) -> str | None:
    """A relative path without `.`, `..` and empty parts; None where it leads out of its root."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts) or "."


# --- The application ----------------------------------------------------------------------------


def build(api_version: str, values: Values) -> Application:
    """The application that faultless values declare."""
    metadata, spec = values["metadata"], values["spec"]
    return Application(
        name=metadata["name"],
        sources=tuple(_source(source) for _, source in sources(spec)),
        destination=_destination(spec["destination"]),
        project=spec["project"],
        depends_on=tuple(dict.fromkeys(item["name"] for item in spec["dependsOn"])),
        takes_over=tuple(dict.fromkeys(item["name"] for item in spec["takesOver"])),
        sync_policy=_policy(spec["syncPolicy"]),
        ignore_differences=tuple(_fill(IgnoreRule, rule) for rule in spec["ignoreDifferences"]),
        mask_rules=tuple(_fill(PathRule, rule) for rule in spec["maskRules"]),
        health_expressions=tuple(_fill(HealthExpressions, e) for e in spec["healthCheckExprs"]),
        api_version=api_version,
        labels=metadata["labels"],
        annotations=metadata["annotations"],
        finalize=any(name.partition("/")[0] == FINALIZER for name in metadata["finalizers"]),
    )


@cache
def _snake(name: str) -> str:
    return _UPPER.sub("_", name).lower()


def _fill(of: Any, values: Values) -> Any:
    """A model class from a table's object: camelCase becomes snake_case, None the default."""
    given = {_snake(k): v for k, v in values.items() if v is not None}
    known = of.__dataclass_fields__
    return of(**{name: _plain(value) for name, value in given.items() if name in known})


def _plain(value: Any) -> Any:
    """Entries of lists of objects keep only what was set."""
    if isinstance(value, tuple):
        return tuple(
            {k: v for k, v in item.items() if v is not None} if isinstance(item, dict) else item
            for item in value
        )
    return value


_TOOLS: Final[dict[str, Any]] = {
    "directory": DirectorySource,
    "kustomize": KustomizeSource,
    "helm": HelmSource,
}


def _tool(source: Values, tool: str) -> Any:
    """A tool's settings; None where nothing is set that differs from its defaults."""
    values = source.get(tool)
    settings = _fill(_TOOLS[tool], values) if values else None
    return None if settings == _TOOLS[tool]() else settings


def tool_settings(source: Source) -> dict[str, Any]:
    """The tools' settings as a user would write them; the inverse of `with_tools`."""
    return {
        tool: {_camel(name): value for name, value in asdict(given).items() if value}
        for tool in _TOOLS
        if (given := getattr(source, tool)) is not None
    }


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)


def with_tools(source: Source, values: Values) -> Source:
    """The source with other settings of its tools, as the table has read them."""
    return replace(
        source,
        directory=_tool(values, "directory"),
        kustomize=_tool(values, "kustomize"),
        helm=_tool(values, "helm"),
    )


def _source(source: Values) -> Source:
    only_values = source["ref"] and source["path"] == "."
    return Source(
        repo_url=source["repoURL"],
        path="" if only_values else _normal(source["path"]) or ".",
        target_revision=source["targetRevision"] or "HEAD",
        directory=_tool(source, "directory"),
        kustomize=_tool(source, "kustomize"),
        helm=_tool(source, "helm"),
        ref=source["ref"],
        name=source["name"],
    )


def _destination(destination: Values) -> Destination:
    server = destination["server"].rstrip("/")
    name = IN_CLUSTER if server in {"", IN_CLUSTER_SERVER} else server
    return Destination(destination["name"] or name, destination["namespace"])


def _policy(policy: Values) -> SyncPolicy:
    automated, budget = policy["automated"], policy["pruneBudget"]
    retry, namespace = policy["retry"], policy["managedNamespaceMetadata"]
    backoff = retry["backoff"]
    return SyncPolicy(
        automated=None if automated is None else _fill(Automated, automated),
        prune_budget=None if budget is None else _fill(PruneBudget, budget),
        automatic_rollback=policy["rollback"]["automatic"],
        health_deadline=policy["healthDeadline"],
        stable_for=policy["health"]["stableFor"],
        health_grace=policy["health"]["grace"],
        health_deadlines=tuple(_fill(KindDeadline, one) for one in policy["health"]["deadlines"]),
        timeout=policy["timeout"],
        on_new_revision=policy["onNewRevision"],
        adopt=Adopt(policy["adopt"]),
        failure_policy=FailurePolicy(policy["failurePolicy"]),
        drift=Drift(policy["drift"]) if policy["drift"] else None,
        retry=Retry(
            retry["limit"],
            backoff["duration"],
            backoff["factor"],
            backoff["maxDuration"],
            retry["refresh"],
        ),
        sync_options=frozenset(policy["syncOptions"]),
        managed_namespace_labels=namespace["labels"],
        managed_namespace_annotations=namespace["annotations"],
    )
