"""Who owns the fields of a live object, and how we take over from another tool; pure.

In: a full live body, with every managedFields entry. Out: a JSON patch, names, the object that
kubectl applied last. Called where an object that we never applied is planned. Server-side apply
removes only what we alone own, so another tool's entry has to become ours first (seen on a real API
server; https://kubernetes.io/docs/reference/using-api/server-side-apply/#upgrading-from-client-side-apply).
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from gitops.core.ownership.field_sets import (
    Fields,
    declared,
    difference,
    has,
    is_field_set,
    union,
    without,
)
from gitops.model.objects import Body, string_map

MANAGER: Final = "gitops"
LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
ANNOTATION_PATH: Final = ("f:metadata", "f:annotations", f"f:{LAST_APPLIED}")
CLEARED: Final = "before-first-apply"
"""Whom the server makes the owner of everything after somebody emptied managedFields."""

DECLARING: Final = frozenset(
    {
        "kubectl-client-side-apply",
        "kubectl-last-applied",
        "kubectl-create",
        "kubectl-replace",
        "kubectl-run",
        "kubectl-expose",
        "kubectl-autoscale",
        "helm",
        "argocd-controller",
        "argocd-application-controller",
        "kustomize-controller",
        "helm-controller",
        "flux",
    }
)
"""Managers that write whole objects from a declaration.

Not `kubectl-edit`, `-patch`, `-set`, `-label`, `-annotate`, `-scale`, `-rollout`: those are a
person's single changes, and what Git does not speak of stays theirs.
"""


def take_over(body: Body, manager: str = MANAGER) -> tuple[dict[str, Any], ...]:
    """The JSON patch that moves other tools' entries into one Apply entry of ours.

    To be sent once, guarded by resourceVersion, before the first apply. Empty where there is
    nothing to take. Entries for a subresource, of controllers, and those recorded under another
    apiVersion than ours will be stay as they are: what they own is removed by a patch of its own.
    """
    entries = managed_fields(body)
    ours = [entry for entry in entries if _is_apply_of(entry, manager)]
    taken = taken_entries(body, manager)
    api_version = _version(body, tuple(ours) or taken)
    taken = tuple(entry for entry in taken if entry.get("apiVersion") == api_version)
    merged = (*(e for e in ours if e.get("apiVersion") == api_version), *taken)
    fields: dict[str, Any] = {}
    for entry in merged:
        fields = union(fields, _fields(entry))
    annotated = has(fields, ANNOTATION_PATH)
    cleared = [e for e in entries if _is_cleared(e) and e.get("apiVersion") == api_version]
    for entry in cleared:
        stated = declared(_fields(entry), last_applied(body) or {})
        annotated = annotated or bool(stated)
        fields = union(fields, stated)
    fields = without(fields, ANNOTATION_PATH)
    rests = [_left(entry, fields, annotated=annotated) for entry in cleared]
    if not taken and rests == cleared:
        return ()
    kept = [entry for entry in entries if entry not in merged and entry not in cleared]
    result = [*kept, *(entry for entry in rests if _fields(entry))]
    if fields:
        result.append(_entry(manager, api_version, fields, merged))
    return _patch(body, result, drop_annotation=annotated)


def taken_entries(body: Body, manager: str = MANAGER) -> tuple[Mapping[str, Any], ...]:
    """The entries of managedFields that `take_over` makes ours, in their order."""
    return tuple(e for e in managed_fields(body) if _is_declaration(e, manager))


def foreign_managers(body: Body, manager: str = MANAGER) -> tuple[str, ...]:
    """Who else owns fields, by name; owners of the status alone do not count."""
    names = {
        str(entry.get("manager") or "")
        for entry in managed_fields(body)
        if entry.get("manager") != manager and entry.get("subresource") != "status"
    }
    return tuple(sorted(names - {""}))


def last_applied(body: Body) -> dict[str, Any] | None:
    """What kubectl's annotation holds; None where there is none or it is malformed."""
    text = string_map(body, "annotations").get(LAST_APPLIED)
    if not text:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def managed_fields(body: Body) -> tuple[Mapping[str, Any], ...]:
    """The entries of managedFields that can be read."""
    metadata = body.get("metadata")
    entries = metadata.get("managedFields") if isinstance(metadata, Mapping) else None
    if not isinstance(entries, list):
        return ()
    return tuple(
        entry
        for entry in entries
        if isinstance(entry, Mapping) and is_field_set(entry.get("fieldsV1") or {})
    )


def _fields(entry: Mapping[str, Any]) -> Fields:
    fields = entry.get("fieldsV1")
    return fields if isinstance(fields, Mapping) else {}


def _is_apply_of(entry: Mapping[str, Any], manager: str) -> bool:
    return (
        entry.get("manager") == manager
        and entry.get("operation") == "Apply"
        and not entry.get("subresource")
    )


def _is_cleared(entry: Mapping[str, Any]) -> bool:
    return entry.get("manager") == CLEARED and not entry.get("subresource")


def _is_declaration(entry: Mapping[str, Any], manager: str) -> bool:
    """Whether an entry was written from a whole declaration that we replace."""
    name, operation = str(entry.get("manager") or ""), entry.get("operation")
    if entry.get("subresource") or _is_apply_of(entry, manager) or name == CLEARED:
        return False
    if name in DECLARING or name == manager:
        return True
    if name == "kubectl" and operation == "Apply":  # kubectl apply --server-side
        return True
    # kubectl apply --field-manager=…, and kubectl before 1.19, which wrote as `kubectl`
    person = name.startswith("kubectl-") or name == "kube-controller-manager"
    return operation == "Update" and not person and has(_fields(entry), ANNOTATION_PATH)


def _version(body: Body, entries: tuple[Mapping[str, Any], ...]) -> str:
    """The apiVersion of our entry: the body's if any entry has it, else the newest entry's."""
    stated = str(body.get("apiVersion") or "")
    versions = [(str(e.get("time") or ""), str(e.get("apiVersion") or "")) for e in entries]
    if not versions or stated in {version for _, version in versions}:
        return stated
    return max(versions)[1]


def _left(entry: Mapping[str, Any], fields: Fields, *, annotated: bool) -> Mapping[str, Any]:
    """What an entry still owns when ours has `fields`."""
    left = difference(_fields(entry), fields)
    if annotated:
        left = without(left, ANNOTATION_PATH)
    return {**entry, "fieldsV1": left}


def _entry(
    manager: str, api_version: str, fields: Fields, merged: tuple[Mapping[str, Any], ...]
) -> dict[str, Any]:
    times = [str(entry["time"]) for entry in merged if entry.get("time")]
    return {
        "manager": manager,
        "operation": "Apply",
        "apiVersion": api_version,
        **({"time": max(times)} if times else {}),
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }


def _patch(
    body: Body, result: list[Mapping[str, Any]], *, drop_annotation: bool
) -> tuple[dict[str, Any], ...]:
    value = [dict(entry) for entry in result]
    operations: list[dict[str, Any]] = [
        {"op": "replace", "path": "/metadata/managedFields", "value": value}
    ]
    if drop_annotation and LAST_APPLIED in string_map(body, "annotations"):
        path = f"/metadata/annotations/{LAST_APPLIED.replace('/', '~1')}"
        operations.append({"op": "remove", "path": path})
    return tuple(operations)
