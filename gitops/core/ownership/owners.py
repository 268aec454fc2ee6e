"""Whose each field of a live object is, and what was applied to it last.

In: an actual body with `metadata.managedFields`. Out: `Owners`, which answers by path, and
`LastApplied`, by which a removal is decided. Called by diff and plan.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from gitops.core.ownership.fields import ElementPath, FieldSet
from gitops.core.ownership.ownership import CLEARED, MANAGER, last_applied, taken_entries
from gitops.model.objects import Body

OURS: Final = "ours"
DEFAULTED: Final = "defaulted"
CONTROLLERS: Final = frozenset({
    "kube-controller-manager", "cloud-controller-manager", "kube-scheduler", "kubelet",
})  # fmt: skip
"""Managers whose fields are not removed because Git dropped them: an autoscaler's replicas."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of `managedFields`."""

    manager: str
    operation: str
    subresource: str
    fields: FieldSet

    @property
    def ours(self) -> bool:
        """Whether it is what we applied."""
        return self.manager == MANAGER and self.operation == "Apply" and not self.subresource


@dataclass(frozen=True, slots=True)
class Owners:
    """All entries of one object."""

    entries: tuple[Entry, ...] = ()

    @classmethod
    def of(cls, body: Body | None) -> Self:
        """Read `metadata.managedFields`; malformed entries are left out."""
        metadata = (body or {}).get("metadata")
        rows = metadata.get("managedFields") if isinstance(metadata, Mapping) else None
        read = (_entry(row) for row in (rows if isinstance(rows, list) else ()))
        return cls(tuple(entry for entry in read if entry is not None))

    @property
    def ours(self) -> FieldSet | None:
        """What we applied; None where we never did."""
        return next((entry.fields for entry in self.entries if entry.ours), None)

    def others(self, *, without: Iterable[str] = ()) -> FieldSet:
        """What is owned by any manager but us, and but those named."""
        left_out = {CLEARED, *without}
        return _union(e for e in self.entries if not e.ours and e.manager not in left_out)

    @property
    def everything(self) -> FieldSet:
        """What any manager owns."""
        return _union(self.entries)

    def of_managers(self, managers: Iterable[str]) -> FieldSet:
        """What the named managers own."""
        named = frozenset(managers)
        return _union(entry for entry in self.entries if entry.manager in named)

    def held_by_controllers(self) -> FieldSet:
        """What controllers own, status left out."""
        return _union(
            entry
            for entry in self.entries
            if entry.manager in CONTROLLERS and entry.subresource != "status"
        )

    def owner(self, path: ElementPath) -> str | None:
        """The one manager to name: another's name before `ours`; None where nobody owns it."""
        found = [
            OURS if entry.ours else entry.manager or entry.operation
            for entry in self.entries
            if entry.fields.touches(path)
        ]
        return next((name for name in found if name != OURS), found[0] if found else None)


def _entry(row: Any) -> Entry | None:
    """An entry of managedFields; None where it is malformed."""
    fields = FieldSet.read(row.get("fieldsV1") or {}) if isinstance(row, Mapping) else None
    if fields is None:
        return None
    return Entry(
        str(row.get("manager") or ""),
        str(row.get("operation") or ""),
        str(row.get("subresource") or ""),
        fields,
    )


def _union(entries: Iterable[Entry]) -> FieldSet:
    result = FieldSet()
    for entry in entries:
        result = result.union(entry.fields) if result else entry.fields
    return result


@dataclass(frozen=True, slots=True)
class LastApplied:
    """What we applied last: a manifest, a field set, or both (their union).

    `by` names managers whose ownership counts as ours, because the manifest is theirs.
    """

    manifest: Body | None = None
    fields: FieldSet | None = None
    by: frozenset[str] = frozenset()

    @classmethod
    def of(cls, actual: Body | None, manifest: Body | None = None) -> Self:
        """The manifest that we applied and our managedFields entry on the live object.

        Where there is no entry of ours, what the managers declared that we take over.
        """
        return cls.known(Owners.of(actual), actual, manifest)

    @classmethod
    def known(cls, owners: Owners, actual: Body | None, manifest: Body | None = None) -> Self:
        """The same, of an object whose entries were read already."""
        fields = owners.ours
        if fields is not None or actual is None:
            return cls(manifest, fields)
        taken = taken_entries(actual)
        by = frozenset(str(entry.get("manager") or "") for entry in taken)
        if manifest is not None:
            return cls(manifest, by=by)
        annotated = last_applied(actual)
        declared = _union(
            entry
            for row in taken
            if (annotated is None or row.get("operation") == "Apply")
            and (entry := _entry(row)) is not None
        )
        return cls(annotated, declared or None, by)

    def __bool__(self) -> bool:
        return self.manifest is not None or bool(self.fields)
