"""What a CustomResourceDefinition says of its kind: versions, subresources, schema.

In: the `spec` of a CRD. Out: served versions and OpenAPI schemas. Called by `core.shapes`.
"""

from collections.abc import Mapping
from typing import Any, Final

from gitops.core.schema.schema import OBJECT_META, Schema, is_open


def crd_versions(spec: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The served versions of a CRD's spec, the storage version first."""
    declared = spec.get("versions")
    listed = declared if isinstance(declared, list) else [{"name": spec.get("version")}]
    versions = [v for v in listed if isinstance(v, Mapping) and isinstance(v.get("name"), str)]
    served = [version for version in versions if version.get("served", True)]
    return sorted(served, key=lambda version: version.get("storage") is not True)


def has_status_subresource(spec: Mapping[str, Any], version: Mapping[str, Any]) -> bool:
    """Whether `status` is a subresource at this version, and so not ours to write."""
    subresources = version.get("subresources") or spec.get("subresources")
    return isinstance(subresources, Mapping) and isinstance(subresources.get("status"), Mapping)


def crd_schema(spec: Mapping[str, Any], version: Mapping[str, Any]) -> Schema:
    """The schema of a custom resource: the CRD's, with what every object has."""
    holder = version.get("schema") or spec.get("validation")
    schema = holder.get("openAPIV3Schema") if isinstance(holder, Mapping) else None
    if not isinstance(schema, Mapping):
        schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    if spec.get("preserveUnknownFields") is True:
        schema = {**schema, "x-kubernetes-preserve-unknown-fields": True}
    return _closed({**schema, "x-kubernetes-embedded-resource": True})


def _closed(schema: Schema) -> Schema:
    """The schema with the rules of CRDs written out.

    An object without fields drops every field unless it preserves unknown ones; an embedded
    resource has apiVersion, kind and metadata.
    """
    made = dict(schema)
    properties = made.pop("properties", None)
    if isinstance(properties, Mapping):
        made["properties"] = {
            name: _closed(child) for name, child in properties.items() if isinstance(child, Mapping)
        }
    for word in ("items", "additionalProperties"):
        if isinstance(made.get(word), Mapping):
            made[word] = _closed(made[word])
    bare = "properties" not in made and "additionalProperties" not in made
    if made.get("type") == "object" and bare and not is_open(made):
        made["properties"] = {}
    if made.get("x-kubernetes-embedded-resource") is True:
        made["properties"] = {**made.get("properties", {}), **_OBJECT_FIELDS}
    return made


_OBJECT_FIELDS: Final[Schema] = {
    "apiVersion": {"type": "string"},
    "kind": {"type": "string"},
    "metadata": {"$ref": OBJECT_META},
}

UNKNOWN_KIND: Final[Schema] = {
    "type": "object",
    "properties": _OBJECT_FIELDS,
    "additionalProperties": True,
}
"""What is known of any object, whatever its kind."""
