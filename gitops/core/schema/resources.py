"""Kinds as an OpenAPI specification's paths tell them: scope, plural, status, served versions.

In: `paths` of a swagger v2 or OpenAPI v3 document. Out: one `KindInfo` a kind. Called by
`gitops.openapi.reduce` and by whoever has a specification but no discovery.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from gitops.model.objects import GroupKind, KindInfo

_PATH: Final = re.compile(
    r"^/(?:api|apis/(?P<group>[^/{}]+))/(?P<version>[^/{}]+)"
    r"(?P<namespaced>/namespaces/\{namespace\})?/(?P<plural>[^/{}]+)"
    r"(?:/\{name\}(?P<status>/status)?)?/?$"
)
_METHODS: Final[Mapping[str, str]] = {
    "get": "get", "put": "update", "post": "create", "patch": "patch", "delete": "delete",
}  # fmt: skip


def kinds_of_paths(paths: Mapping[str, Mapping[str, Any]]) -> list[KindInfo]:
    """Every kind that can be read by name, in order of group and kind."""
    found: dict[GroupKind, dict[str, Any]] = {}
    for path, item in paths.items():
        match = _PATH.match(path)
        kind = _kind(item) if match else None
        if match and kind:
            _note(found.setdefault(GroupKind(match["group"] or "", kind), {}), match, item)
    return [
        KindInfo(
            group_kind.group,
            group_kind.kind,
            tuple(sorted(facts["versions"], key=version_rank)),
            facts["plural"],
            namespaced=facts["namespaced"],
            has_status=facts["status"],
            verbs=frozenset(facts["verbs"]),
        )
        for group_kind, facts in sorted(found.items())
        if "plural" in facts
    ]


def _note(facts: dict[str, Any], match: re.Match[str], item: Mapping[str, Any]) -> None:
    """Add what one path says. Scope and plural are read off the path of a single object."""
    facts.setdefault("status", False)
    facts.setdefault("versions", set()).add(match["version"])
    verbs = facts.setdefault("verbs", set())
    if match["status"]:
        facts["status"] = True
        return
    verbs.update(verb for method, verb in _METHODS.items() if method in item)
    if match["plural"] and "{name}" in match.string:
        verbs.add("watch")
        facts["plural"] = match["plural"]
        facts["namespaced"] = bool(match["namespaced"])
    elif "get" in item:
        verbs.add("list")


def _kind(item: Mapping[str, Any]) -> str | None:
    """The kind that a path's operations act on; None for what is no object of its own."""
    for method in ("get", "post", "put", "patch", "delete"):
        operation = item.get(method)
        stated = operation.get("x-kubernetes-group-version-kind") if operation else None
        if isinstance(stated, Mapping) and stated.get("kind"):
            return str(stated["kind"])
    return None


def version_rank(version: str) -> tuple[int, int, int, str]:
    """Sorts as Kubernetes does: v2, v1, v1beta2, v1beta1, v1alpha1, then others by name."""
    match = re.fullmatch(r"v(\d+)(?:(alpha|beta)(\d+))?", version)
    if not match:
        return (3, 0, 0, version)
    stage = {None: 0, "beta": 1, "alpha": 2}[match[2]]
    return (stage, -int(match[1]), -int(match[3] or 0), version)


def kind_row(info: KindInfo) -> dict[str, Any]:
    """A kind as JSON, as the packaged data file keeps it."""
    return {
        "group": info.group,
        "kind": info.kind,
        "versions": list(info.versions),
        "plural": info.plural,
        "namespaced": info.namespaced,
        "status": info.has_status,
        "verbs": sorted(info.verbs),
    }


def kinds_of_rows(rows: Iterable[Mapping[str, Any]]) -> list[KindInfo]:
    """What `kind_row` wrote."""
    return [
        KindInfo(
            row["group"],
            row["kind"],
            tuple(row["versions"]),
            row["plural"],
            namespaced=row["namespaced"],
            has_status=row["status"],
            verbs=frozenset(row["verbs"]),
        )
        for row in rows
    ]
