"""Applications from manifests, by the one table of fields.

In: one parsed manifest. Out: an `Application` with every default filled in, or every fault found;
warnings for what has no effect here. Called for files, for what Git declares, and by the API.
"""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gitops.core.application.build import (
    build,
    conflicts,
    remarks,
    source_conflicts,
    tool_settings,
    with_tools,
)
from gitops.core.application.fields import FIELDS, Field, Support
from gitops.core.durations import parse_duration
from gitops.core.schema.values import merge_patch
from gitops.errors import ApplicationError
from gitops.model.application import Application, Source
from gitops.model.objects import Manifest, Place
from gitops.model.plan import Fault

OURS: Final = "gitops.dev/v1alpha1"
ARGO: Final = "argoproj.io/v1alpha1"


@dataclass(frozen=True, slots=True)
class ApplicationResult:
    """What reading gave: an application, or None with at least one fault."""

    application: Application | None
    faults: tuple[Fault, ...]
    warnings: tuple[Fault, ...]


def parse_application(manifest: Manifest) -> Application:
    """The application that a manifest declares; raises ApplicationError with every fault."""
    result = read_application(manifest)
    if result.application is not None:
        return result.application
    name = manifest.id.name or "without a name"
    faults = "; ".join(fault.message for fault in result.faults)
    count = f"{len(result.faults)} faults: " if len(result.faults) > 1 else ""
    raise ApplicationError(
        f"Application {name}: {count}{faults}",
        where=str(manifest.place) if manifest.place else None,
        remedy="docs/reference/application.md lists every field",
    )


def read_application(manifest: Manifest) -> ApplicationResult:
    """Read a manifest strictly; never raises for what a user wrote."""
    reader = Reader(manifest, argo=manifest.api_version == ARGO)
    other = unsupported_kind(manifest)
    if other is not None:
        reader.fault("not-supported-yet", other)
        return reader.result(None)
    if manifest.api_version not in {OURS, ARGO}:
        reader.fault("api-version", f"apiVersion is {manifest.api_version!r}, not {OURS} or {ARGO}")
        return reader.result(None)
    values = reader.object(ROOT, manifest.body, "")
    for code, sentence in conflicts(values, manifest.body, argo=reader.argo):
        reader.fault(code, sentence)
    if reader.faults:
        return reader.result(None)
    for code, sentence in remarks(values):
        reader.warn(code, sentence)
    return reader.result(build(manifest.api_version, values))


def override_source(source: Source, patch: Mapping[str, Any], place: Place) -> Source:
    """A source with a merge patch over its tools' settings, as Argo CD lays one over it.

    What says where the source lies stays. Raises ApplicationError with every fault.
    """
    kept = {name: value for name, value in patch.items() if name not in _WHERE}
    written = merge_patch(tool_settings(source), kept)
    reader = Reader(Manifest.of({}, place), argo=True)
    node = ROOT.children["spec"].children["source"]
    values = reader.object(node, {**written, "repoURL": source.repo_url}, "")
    for code, sentence in source_conflicts("the source", values):
        reader.fault(code, sentence)
    if reader.faults:
        raise ApplicationError(
            "; ".join(fault.message for fault in reader.faults),
            where=str(place),
            remedy="docs/reference/application.md lists a source's fields",
        )
    return with_tools(source, values)


_WHERE: Final = frozenset({"repoURL", "path", "targetRevision", "chart", "ref", "name"})


def is_application(manifest: Manifest) -> bool:
    """Whether a manifest declares an application of ours or of Argo CD's."""
    return manifest.id.kind == "Application" and manifest.id.group in {
        OURS.partition("/")[0],
        ARGO.partition("/")[0],
    }


def unsupported_kind(manifest: Manifest) -> str | None:
    """What to say of Argo CD's other kinds; None for all else."""
    is_argo = manifest.id.group == ARGO.partition("/")[0]
    return _OTHER_KINDS.get(manifest.id.kind) if is_argo else None


_OTHER_KINDS: Final[Mapping[str, str]] = {
    "ApplicationSet": (
        "an ApplicationSet is not supported yet; write out the Applications that it generates"
    ),
}


# --- The table as a tree, and the reader that walks it ------------------------------------------


@dataclass(frozen=True, slots=True)
class Node:
    """A row with the rows below it."""

    row: Field
    children: dict[str, "Node"] = field(default_factory=dict)
    defaults: dict[bool, Any] = field(default_factory=dict, compare=False, repr=False)
    """What its default, and Argo CD's, read as; nobody changes a value in place."""


def tree(rows: Sequence[Field]) -> Node:
    """The rows of a table by their paths; each follows the row that it stands below."""
    root = Node(Field("", "object", ""))
    nodes = {"": root}
    for row in rows:
        node = nodes[row.path] = Node(row)
        nodes[row.path.rpartition(".")[0]].children[row.name] = node
    return root


ROOT: Final = tree(FIELDS)
_MISSING: Final = object()


class Reader:
    """Collects faults and warnings while values are read."""

    def __init__(self, manifest: Manifest, *, argo: bool, root: Node = ROOT) -> None:
        self.manifest = manifest
        self.argo = argo
        self.root = root
        self.faults: list[Fault] = []
        self.warnings: list[Fault] = []

    def fault(self, code: str, message: str) -> None:
        """Note what keeps the manifest from being used."""
        self.faults.append(Fault(code, message, self.manifest.id, self.manifest.place))

    def warn(self, code: str, message: str) -> None:
        """Note what is accepted and has no effect."""
        self.warnings.append(Fault(code, message, self.manifest.id, self.manifest.place))

    def result(self, application: Application | None) -> ApplicationResult:
        """What was read, with everything noted."""
        return ApplicationResult(application, tuple(self.faults), tuple(self.warnings))

    def object(self, node: Node, value: Any, path: str) -> dict[str, Any]:
        """Read a map by a node's children; absent ones get their default."""
        given = {str(key): item for key, item in value.items()}
        for key in sorted(given.keys() - node.children.keys()):
            self.fault("unknown-field", _unknown(self.root, node, path, key))
        return {
            name: self.child(child, given.get(name), _join(path, name))
            for name, child in node.children.items()
        }

    def child(self, node: Node, value: Any, path: str) -> Any:
        """Read one field; null is absent, as in Kubernetes."""
        row = node.row
        if row.support is not Support.YES:
            self.unsupported(row, value, path)
            return None
        if value is None and row.required:
            self.fault("missing-field", f"{path} is missing")
            return None
        return self.absent(node, path) if value is None else self.typed(node, value, path)

    def absent(self, node: Node, path: str) -> Any:
        """A field's default, read once for all: a default holds nothing to complain about."""
        if self.argo not in node.defaults:
            value = node.row.default_for(argo=self.argo)
            node.defaults[self.argo] = None if value is None else self.typed(node, value, path)
        return node.defaults[self.argo]

    def unsupported(self, row: Field, value: Any, path: str) -> None:
        """Refuse or mention a field that has no effect here."""
        if row.support is Support.SILENT or value is None or (not value and not row.empty_matters):
            return
        if row.support is Support.IGNORED:
            self.warn("ignored-field", f"{path} has no effect here: {_sentence(row.doc)}")
        else:
            self.fault("not-supported-yet", f"{path} is not supported yet: {_sentence(row.doc)}")

    def typed(self, node: Node, value: Any, path: str) -> Any:
        """Check a value against its row's type and limits."""
        row = node.row
        if row.type == "object" and isinstance(value, Mapping):
            return self.object(node, value, path)
        if row.type == "objects" and isinstance(value, list | tuple):
            return tuple(self.item(node, v, f"{path}[{i}]") for i, v in enumerate(value))
        checked = _MISSING if row.type in {"object", "objects"} else TYPES[row.type][0](value)
        if checked is _MISSING:
            self.fault("wrong-type", f"{path} {_wrong(row, value)}")
            return None
        self.limits(row, checked, value, path)
        return checked

    def item(self, node: Node, value: Any, path: str) -> dict[str, Any] | None:
        """Read one entry of a list of objects."""
        if not isinstance(value, Mapping):
            self.fault("wrong-type", f"{path} must be a map, not {_typename(value)}")
            return None
        return self.object(node, value, path)

    def limits(self, row: Field, checked: Any, value: Any, path: str) -> None:
        """Check choices and the least value."""
        if row.choices and checked not in row.choices:
            self.fault("bad-value", f"{path} is {value!r}; it must be {' or '.join(row.choices)}")
        if row.required and checked == "":
            self.fault("missing-field", f"{path} is empty")
        seconds = checked.total_seconds() if row.type == "duration" else checked
        if row.least is not None and seconds < row.least:
            unit = "s" if row.type == "duration" else ""
            self.fault("bad-value", f"{path} is {value}; it must be at least {row.least}{unit}")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _sentence(doc: str) -> str:
    """A row's doc as part of a sentence."""
    return doc[:1].lower() + doc[1:].rstrip(".")


def _rows(node: Node) -> Iterator[Field]:
    """Every row below a node, in the order of the table."""
    for child in node.children.values():
        yield child.row
        yield from _rows(child)


def _unknown(root: Node, node: Node, path: str, key: str) -> str:
    """Name an unknown field and the nearest known one: a sibling, else one anywhere."""
    close = difflib.get_close_matches(key, node.children, n=1, cutoff=0.6)
    if close:
        nearest = _join(path, close[0])
    else:
        by_name = {row.name.lower(): row.path for row in reversed([*_rows(root)])}
        name = difflib.get_close_matches(key.lower(), by_name, n=1, cutoff=0.0)[0]
        nearest = by_name[name]
    return f"{_join(path, key)} is not a known field; the nearest is {nearest}"


# --- Types --------------------------------------------------------------------------------------


def _string(value: Any) -> Any:
    return value if isinstance(value, str) else _MISSING


def _boolean(value: Any) -> Any:
    return value if isinstance(value, bool) else _MISSING


def _integer(value: Any) -> Any:
    return value if isinstance(value, int) and not isinstance(value, bool) else _MISSING


def _integer_or_string(value: Any) -> Any:
    return value if isinstance(value, str) else _integer(value)


def _duration(value: Any) -> Any:
    parsed = parse_duration(value) if isinstance(value, str) else None
    return _MISSING if parsed is None else parsed


def _strings(value: Any) -> Any:
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return tuple(value)
    return _MISSING


def _string_map(value: Any) -> Any:
    if isinstance(value, Mapping) and all(
        isinstance(k, str) and isinstance(v, str) for k, v in value.items()
    ):
        return dict(value)
    return _MISSING


def _map(value: Any) -> Any:
    return value if isinstance(value, Mapping) else _MISSING


TYPES: Final = {
    "string": (_string, "a string"),
    "boolean": (_boolean, "true or false"),
    "integer": (_integer, "an integer"),
    "integer or string": (_integer_or_string, "an integer or a string"),
    "duration": (_duration, "a duration such as 90s, 5m or 1h30m"),
    "strings": (_strings, "a list of strings"),
    "string map": (_string_map, "a map of strings"),
    "map": (_map, "a map"),
    "object": (_map, "a map"),
    "objects": (_map, "a list of maps"),
}


def _wrong(row: Field, value: Any) -> str:
    """`must be an integer, not the string '3'`, with a hint where one helps."""
    said = f"the string {value!r}" if isinstance(value, str) else _typename(value)
    hint = ""
    if row.type == "object" and isinstance(value, bool) and row.name == "automated":
        hint = f"; write {{enabled: {str(value).lower()}}}"
    return f"must be {TYPES[row.type][1]}, not {said}{hint}"


def _typename(value: Any) -> str:
    if isinstance(value, Mapping):
        return "a map"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, str):
        return "a string"
    return "null" if value is None else str(value).lower()
