"""Differences as JSON: what `gitops diff` prints, and the part of a plan's action that it shares.

The values are shown as they are given: whoever shows a diff masks it first (`masking/mask.py`).
"""

from collections.abc import Mapping
from typing import Any

from gitops.model.diff import ABSENT, ActionKind, Diff, FieldChange
from gitops.wire.values import JsonObject, versioned_from_wire, versioned_to_wire


def field_to_wire(change: FieldChange) -> JsonObject:
    """`{path, op, from, to, owner}`; a side on which the field is absent is a missing key."""
    value: JsonObject = {"path": change.path, "op": change.op}
    if change.before is not ABSENT:
        value["from"] = change.before
    if change.after is not ABSENT:
        value["to"] = change.after
    value["owner"] = change.owner
    return value


def field_from_wire(value: Mapping[str, Any]) -> FieldChange:
    """The change that `field_to_wire` wrote."""
    return FieldChange(
        path=value["path"],
        op=value["op"],
        before=value.get("from", ABSENT),
        after=value.get("to", ABSENT),
        owner=value["owner"],
    )


def changes_to_wire(diff: Diff | None) -> JsonObject:
    """`{changes, fields, patch}`; empty lists where there is no diff."""
    if diff is None:
        return {"changes": [], "fields": [], "patch": []}
    return {
        "changes": list(diff.changes),
        "fields": [field_to_wire(change) for change in diff.fields],
        "patch": list(diff.patch),
    }


def diff_to_wire(diff: Diff) -> JsonObject:
    """`{apiVersion, kind, namespace, name, action, modified, changes, fields, patch}`."""
    value = versioned_to_wire(diff.id, diff.api_version)
    value |= {"action": diff.action.value, "modified": diff.modified}
    return value | changes_to_wire(diff)


def diff_from_wire(value: Mapping[str, Any]) -> Diff:
    """The diff that `diff_to_wire` wrote, without `predicted`."""
    identity, api_version = versioned_from_wire(value)
    return Diff(
        id=identity,
        api_version=api_version,
        action=ActionKind(value["action"]),
        fields=tuple(field_from_wire(change) for change in value["fields"]),
        patch=tuple(value["patch"]),
        changes=tuple(value["changes"]),
        predicted=None,
    )
