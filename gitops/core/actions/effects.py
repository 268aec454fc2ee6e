"""What an action would change on a live object, and what of that Git decides.

In: an object before and after, with all of its managedFields, and what was applied to it last. Out:
a `Diff` for people, and the fields that a heal would set back. Called by `engine/orders/acting.py`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from gitops.core.diff.changes import find_changes, make_patch
from gitops.core.diff.diff import DiffOptions
from gitops.core.diff.ignore import ignored_pointers
from gitops.core.diff.summary import name_changes
from gitops.core.diff.trace import states
from gitops.core.manifests.normalize import SERVER_METADATA
from gitops.core.ownership.owners import DEFAULTED, LastApplied, Owners
from gitops.core.pointers import Pointer, format_pointer
from gitops.core.schema.shapes import Shapes
from gitops.core.wording import dotted
from gitops.model.diff import ActionKind, Diff, FieldChange
from gitops.model.objects import Body, identify

STATUS: Final = "/status"


def difference(before: Body, after: Body, shapes: Shapes) -> Diff:
    """What an action changes; `kind` none where nothing."""
    owners = Owners.of(before)
    found = find_changes(before, after, shapes.root(before), fields=owners.everything)
    fields = tuple(
        FieldChange(
            format_pointer(change.pointer),
            change.op,
            change.before,
            change.after,
            owners.owner(change.path) or DEFAULTED,
        )
        for change in found
    )
    kind, changes = name_changes(before, after, fields)
    patch = make_patch(before, after) if found else ()
    version = str(before.get("apiVersion") or "")
    return Diff(identify(before), version, kind, fields, patch, changes, after)


def stated(
    before: Body, after: Body, last: LastApplied, shapes: Shapes, options: DiffOptions
) -> list[str]:
    """The fields that an action changes and Git states, but for those that rules ignore.

    Fields are named as people write them: `spec.replicas`.
    """
    owners = Owners.of(before)
    found = find_changes(before, after, shapes.root(before), fields=owners.everything)
    rules = options.matching(identify(before), before)
    ignored = [p for places in ignored_pointers([before, after], rules, options) for p in places]
    return [
        dotted(change.pointer)
        for change in found
        if not _is_below(change.pointer, ignored)
        and (
            (last.fields is not None and last.fields.touches(change.path))
            or states(last.manifest, change.path)
        )
    ]


def _is_below(pointer: Pointer, ignored: Sequence[Pointer]) -> bool:
    return any(pointer[: len(place)] == place for place in ignored)


def operations(diff: Diff, *, has_status: bool) -> Iterator[tuple[str, tuple[dict[str, Any], ...]]]:
    """The patches of an action by subresource: `status` of its own where the kind has one."""
    of_status = [op for op in diff.patch if has_status and _is_status(op)]
    rest = [op for op in diff.patch if op not in of_status]
    if rest:
        yield "", tuple(rest)
    if of_status:
        yield "status", tuple(of_status)


def _is_status(operation: Mapping[str, Any]) -> bool:
    path = str(operation["path"])
    return path == STATUS or path.startswith(f"{STATUS}/")


def with_own_metadata(after: Body, before: Body) -> dict[str, Any]:
    """What an action answered with the server's own metadata as it is: nobody else sets it."""
    metadata = {k: v for k, v in after["metadata"].items() if k not in SERVER_METADATA}
    live = before["metadata"]
    metadata |= {key: live[key] for key in SERVER_METADATA & live.keys()}
    return {**after, "metadata": metadata}


def changes_something(diff: Diff) -> bool:
    """Whether there is anything to write."""
    return diff.action is not ActionKind.NONE
