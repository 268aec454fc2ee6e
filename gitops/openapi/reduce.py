"""Reduce Kubernetes' API specification to the one data file that the offline commands read.

    python -m gitops.openapi.reduce SWAGGER OUT

In: `api/openapi-spec/swagger.json` of the k8s.io/kubernetes module as Go's module cache holds it;
the OpenAPI v3 documents beside it are read for defaults, the type declarations of the sibling
modules for omitted zero values, enums and defaults. Out: compressed JSON with definitions (without
descriptions), kinds, omitted zero values and defaulted fields; equal input gives equal bytes.
Called by hand when the pinned version of Kubernetes changes; a test compares its output.
"""

import gzip
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from gitops.core.schema.resources import kind_row, kinds_of_paths
from gitops.openapi.gotypes import GoTypes

KEPT: Final = frozenset({
    "type", "format", "required", "enum", "default", "nullable", "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys", "x-kubernetes-map-type", "x-kubernetes-patch-strategy",
    "x-kubernetes-patch-merge-key", "x-kubernetes-int-or-string", "x-kubernetes-embedded-resource",
    "x-kubernetes-preserve-unknown-fields", "x-kubernetes-group-version-kind",
})  # fmt: skip
SCALARS: Final = frozenset({"string", "integer", "number", "boolean"})
META_KINDS: Final = re.compile(r"\.meta\.v1\.(DeleteOptions|WatchEvent)$")


def reduce_specification(swagger: Path) -> bytes:
    """The packaged data file for the specification at `swagger`."""
    documents = [orjson.loads(swagger.read_bytes())]
    beside = sorted((swagger.parent / "v3").glob("*_openapi.json"))
    documents += [orjson.loads(path.read_bytes()) for path in beside]
    raw: dict[str, Any] = {}
    paths: dict[str, Any] = {}
    for document in documents:
        raw.update(document.get("definitions") or document.get("components", {}).get("schemas", {}))
        paths.update(document.get("paths", {}))
    types = _go_types(swagger)
    definitions = {name: _definition(name, raw[name], types) for name in _reachable(raw)}
    zeros = {name: _zeros(name, definitions, types) for name in definitions}
    defaulted = {name: types.defaulted(name) for name in definitions}
    data = {
        "definitions": definitions,
        "kinds": [kind_row(info) for info in kinds_of_paths(paths)],
        "omitsZero": {name: fields for name, fields in zeros.items() if fields},
        "defaulted": {name: fields for name, fields in defaulted.items() if fields},
    }
    text = orjson.dumps(data, option=orjson.OPT_SORT_KEYS)
    return gzip.compress(text, compresslevel=9, mtime=0)


def _go_types(swagger: Path) -> GoTypes:
    """The staging modules beside the module that holds the specification."""
    module = swagger.resolve().parents[2]
    version = module.name.partition("@")[2].replace("v1.", "v0.", 1)
    return GoTypes(module.parent, version)


def _reachable(raw: Mapping[str, Any]) -> list[str]:
    """Definitions that a kind needs, sorted by name."""
    todo = [name for name, schema in raw.items() if _is_kind(name, schema)]
    seen: set[str] = set()
    while todo:
        name = todo.pop()
        if name not in seen and name in raw:
            seen.add(name)
            todo.extend(_references(raw[name]))
    return sorted(seen)


def _is_kind(name: str, schema: Mapping[str, Any]) -> bool:
    return "x-kubernetes-group-version-kind" in schema and not META_KINDS.search(name)


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        ref = value.get("$ref")
        if isinstance(ref, str):
            yield ref.rpartition("/")[2]
        for child in value.values():
            yield from _references(child)
    elif isinstance(value, list):
        for child in value:
            yield from _references(child)


def _definition(name: str, raw: Mapping[str, Any], types: GoTypes) -> dict[str, Any]:
    made = _schema(raw)
    for field, values in types.enums(name).items():
        schema = made.get("properties", {}).get(field)
        if schema and schema.get("type") == "string":
            schema["enum"] = values
    return made


def _schema(raw: Mapping[str, Any]) -> dict[str, Any]:
    """One schema without what is for people; a reference is written as `$ref` alone."""
    made = {key: value for key, value in raw.items() if key in KEPT}
    if made.get("default") == {}:
        del made["default"]
    refs = list(_references({"$ref": raw.get("$ref"), "allOf": raw.get("allOf")}))
    if refs:
        made["$ref"] = refs[0].rpartition("/")[2]
    if "oneOf" in raw and not made.get("type"):
        made["type"] = "string"
    if "properties" in raw:
        made["properties"] = {key: _schema(value) for key, value in raw["properties"].items()}
    for word in ("items", "additionalProperties"):
        if isinstance(raw.get(word), dict):
            made[word] = _schema(raw[word])
    return made


def _zeros(name: str, definitions: Mapping[str, Any], types: GoTypes) -> list[str]:
    """Fields whose zero value (of a struct: {}) the server cannot tell from nothing."""
    properties = definitions[name].get("properties", {})
    scalars = {key for key, schema in properties.items() if schema.get("type") in SCALARS}
    structs = {
        key
        for key, schema in properties.items()
        if definitions.get(schema.get("$ref", ""), {}).get("type") == "object"
    }
    return sorted((types.omits_zero(name) & scalars) | (types.plain(name) & structs))


def main(arguments: list[str]) -> int:
    """Write the data file; prints its size."""
    if len(arguments) != 2:  # noqa: PLR2004 - SWAGGER and OUT
        sys.stderr.write("usage: python -m gitops.openapi.reduce SWAGGER OUT\n")
        return 2
    packed = reduce_specification(Path(arguments[0]))
    Path(arguments[1]).write_bytes(packed)
    sys.stdout.write(f"{arguments[1]}: {len(packed)} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
