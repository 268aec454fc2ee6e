"""Fields of custom resources that are made of Kubernetes' own types, as Argo CD's users tell it.

In: the data of an `argocd-cm` (`resource.customizations.knownTypeFields.<group>_<kind>`: a list of
`field` and `type`; the same under `knownTypeFields` of a kind in `resource.customizations`). Out:
schemas of kinds that have none, in which quantities, durations and pod templates are compared by
value. Called by the offline `diff`.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from gitops.core.schema.schema import Schema
from gitops.core.yaml.customizations import customized
from gitops.core.yaml.reader import read_documents
from gitops.errors import InputError
from gitops.model.objects import GroupKind

_NAMED: Final[Mapping[str, str]] = {
    "core/Quantity": "io.k8s.apimachinery.pkg.api.resource.Quantity",
    "meta/v1/Duration": "io.k8s.apimachinery.pkg.apis.meta.v1.Duration",
}
_CORE: Final = "core/v1/"
ROLLOUT: Final = GroupKind("argoproj.io", "Rollout")
KnownFields = Mapping[GroupKind, Iterable[tuple[str, str]]]
"""(field, type) of each kind: ("spec.template.spec", "core/v1/PodSpec")."""
BUILT_IN: Final[KnownFields] = {ROLLOUT: (("spec.template.spec", "core/v1/PodSpec"),)}
"""What Argo CD knows without being told."""


def known_fields(data: Mapping[str, Any], where: str) -> dict[GroupKind, list[tuple[str, str]]]:
    """What a ConfigMap's data says, its other keys passed over; raises InputError."""
    found: dict[GroupKind, list[tuple[str, str]]] = {}
    for named, text, place in customized(data, "knownTypeFields", where):
        group, _, kind = named.rpartition("/")
        fields = [_field(entry, place) for entry in _entries(text, place)]
        found.setdefault(GroupKind(group, kind), fields)
    return found


def _entries(text: Any, where: str) -> list[Any]:
    """A list, or the YAML text of one."""
    documents = list(read_documents(text)) if isinstance(text, str) else []
    for fault in (fault for document in documents for fault in document.faults):
        raise InputError(f"line {fault.line} is no YAML: {fault.message}", where=where)
    value = documents[0].value if documents else text
    if not isinstance(value, list):
        raise InputError("it is no list", where=where, remedy="write - field: … with its type")
    return value


def _field(entry: Any, where: str) -> tuple[str, str]:
    field, kind = (
        (entry.get("field"), entry.get("type")) if isinstance(entry, Mapping) else (None, None)
    )
    if not isinstance(field, str) or not isinstance(kind, str) or not _definition(kind):
        raise InputError(
            f"{entry!r} is no field of a known type",
            where=where,
            remedy="types are core/Quantity, meta/v1/Duration and core/v1/<type>",
        )
    return field, kind


def _definition(kind: str) -> str:
    if kind.startswith(_CORE):
        return f"io.k8s.api.core.v1.{kind.removeprefix(_CORE)}"
    return _NAMED.get(kind, "")


def schema_of_fields(fields: Iterable[tuple[str, str]]) -> Schema:
    """A schema that knows these fields, through lists too, and takes everything else as it is."""
    root: dict[str, Any] = {}
    for path, kind in fields:
        node = root
        names = path.split(".")
        for name in names[:-1]:
            node = node.setdefault(name, {})
        node[names[-1]] = _definition(kind)
    return _node({**root, "status": {}})


def _node(fields: Mapping[str, Any] | str) -> Schema:
    if isinstance(fields, str):
        return {"$ref": fields, "items": {"$ref": fields}}
    node = {
        "properties": {name: _node(inner) for name, inner in fields.items()},
        "additionalProperties": True,
    }
    return {**node, "items": node}
