"""Object identity and manifests: what every layer passes around.

A body is a JSON value as Kubernetes has it (dict, list, str, int, float, bool, None) and is never
changed in place: whoever needs another body makes one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import orjson

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True, order=True)
class GroupKind:
    """A kind without its version; the core group is ""."""

    group: str
    kind: str

    def __str__(self) -> str:
        return f"{self.group}/{self.kind}" if self.group else self.kind


@dataclass(frozen=True, slots=True, order=True)
class ObjectId:
    """Identity of an object; versions are views of the same object, so there is none here.

    `namespace` is "" for a cluster-scoped object, and for a manifest that names none.
    The text form is `<group>/<Kind>:<namespace>/<name>`, as in Argo CD's tracking id.
    """

    group: str
    kind: str
    namespace: str
    name: str

    @property
    def group_kind(self) -> GroupKind:
        """The kind without its version."""
        return GroupKind(self.group, self.kind)

    def __str__(self) -> str:
        return f"{self.group}/{self.kind}:{self.namespace}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read the text form; None where it is not one."""
        kind_part, colon, name_part = text.partition(":")
        group, slash, kind = kind_part.partition("/")
        namespace, slash2, name = name_part.partition("/")
        if not (colon and slash and slash2 and kind and name):
            return None
        return cls(group, kind, namespace, name)

    @property
    def title(self) -> str:
        """How a person names it: `Deployment nohi/myblog`."""
        return (
            f"{self.kind} {self.namespace}/{self.name}"
            if self.namespace
            else (f"{self.kind} {self.name}")
        )


def split_api_version(api_version: str) -> tuple[str, str]:
    """`apps/v1` -> ("apps", "v1"); `v1` -> ("", "v1")."""
    group, slash, version = api_version.rpartition("/")
    return (group, version) if slash else ("", api_version)


def identify(body: Body) -> ObjectId:
    """The identity that a body states; missing parts are ""."""
    metadata = body.get("metadata")
    metadata = metadata if isinstance(metadata, (dict, Mapping)) else {}
    group, _ = split_api_version(str(body.get("apiVersion") or ""))
    return ObjectId(
        group,
        str(body.get("kind") or ""),
        str(metadata.get("namespace") or ""),
        str(metadata.get("name") or ""),
    )


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands: a path relative to its root, line and column counted from 1."""

    path: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class Manifest:
    """A desired object: its body, its identity, and where it was written (None when unknown)."""

    id: ObjectId
    body: Body
    place: Place | None = None

    @classmethod
    def of(cls, body: Body, place: Place | None = None) -> Self:
        """A manifest whose identity is what the body states."""
        return cls(identify(body), body, place)

    @property
    def api_version(self) -> str:
        """`apps/v1`."""
        return str(self.body.get("apiVersion") or "")

    @property
    def annotations(self) -> Mapping[str, str]:
        """`metadata.annotations`; empty where there are none or they are malformed."""
        return string_map(self.body, "annotations")

    @property
    def labels(self) -> Mapping[str, str]:
        """`metadata.labels`; empty where there are none or they are malformed."""
        return string_map(self.body, "labels")


def string_map(body: Body, field: str) -> Mapping[str, str]:
    """`metadata.<field>` as a map of strings; what is not a string is left out."""
    metadata = body.get("metadata")
    values = metadata.get(field) if isinstance(metadata, (dict, Mapping)) else None
    if not isinstance(values, (dict, Mapping)):
        return {}
    for value in values.values():
        if type(value) is not str:
            break
    else:
        return values  # as it nearly always is
    return {str(k): v for k, v in values.items() if isinstance(v, str)}


@dataclass(frozen=True, slots=True)
class KindInfo:
    """What discovery says of a kind.

    `versions` are served versions, the preferred one first; `plural` is the resource name.
    """

    group: str
    kind: str
    versions: tuple[str, ...]
    plural: str
    namespaced: bool
    has_status: bool
    verbs: frozenset[str] = frozenset()

    @property
    def group_kind(self) -> GroupKind:
        """The kind without its version."""
        return GroupKind(self.group, self.kind)


@dataclass(frozen=True, slots=True)
class Live:
    """An object as the API server has it, kept as compact JSON bytes.

    `body` has no managedFields but our own Apply entry (see `cluster/watch.py`);
    `replicas_manager` is the manager that last wrote `spec.replicas` through the scale
    subresource, or None; `deleting` says that it has a deletionTimestamp. `touched` is the other
    manager that wrote last beside the status, and when, where that was not before our last apply.
    """

    id: ObjectId
    api_version: str
    uid: str
    resource_version: str
    body: bytes
    replicas_manager: str | None = None
    deleting: bool = False
    touched: tuple[str, str] | None = None

    def decode(self) -> dict[str, Any]:
        """The body as a JSON value; a new one at each call."""
        value: dict[str, Any] = orjson.loads(self.body)
        return value
