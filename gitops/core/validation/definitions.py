"""CustomResourceDefinitions: names, versions, and that their schemas are structural.

In: the spec of a definition, or a schema inside it, and its path. Out: flaws that the API server
would find too (apiextensions `validation` and `schema`). Called through `validation/structs.py`.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from gitops.core.manifests.metadata import Flaw
from gitops.core.validation.formats import label_1035_flaw
from gitops.core.validation.reading import at, mapping_at, rows
from gitops.core.wording import Path, did_you_mean, dotted, kind_of, listed, shorten

_TYPES: Final = ("array", "boolean", "integer", "number", "object", "string")
_REFUSED: Final = ("$ref", "definitions", "dependencies", "deprecated", "id", "patternProperties")
_LOGIC: Final = ("allOf", "anyOf", "oneOf")
_NOT_IN_LOGIC: Final = ("type", "default", "additionalProperties", "nullable", "description")
_MAX_DEPTH: Final = 64


def check_definition(spec: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    """`spec` of a definition."""
    yield from _names(mapping_at(spec, "names"), (*path, "names"))
    if spec.get("preserveUnknownFields") is True:
        where = (*path, "preserveUnknownFields")
        message = f"{dotted(where)} cannot be true; write x-kubernetes-preserve-unknown-fields"
        yield Flaw("bad-value", f"{message} in the schema", where)
    conversion = mapping_at(spec, "conversion")
    if (
        conversion.get("strategy") == "Webhook"
        and at(conversion, "webhook", "clientConfig") is None
    ):
        where = (*path, "conversion")
        message = f"{dotted(where)}.webhook.clientConfig is missing, which strategy Webhook needs"
        yield Flaw("missing-field", message, where, of_key=True)
    seen: set[str] = set()
    for place, version in rows(spec, "versions"):
        where = (*path, *place)
        name = version.get("name")
        if isinstance(name, str) and name:
            yield from _word(name, (*where, "name"))
            if name in seen:
                message = f'{dotted((*path, "versions"))} holds the name "{shorten(name)}" twice'
                yield Flaw("duplicate-entry", message, (*where, "name"))
            seen.add(name)
        yield from _paths(version, where)
        schema = at(version, "schema", "openAPIV3Schema")
        if isinstance(schema, Mapping):
            yield from _root(schema, (*where, "schema", "openAPIV3Schema"))


def _paths(version: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    """JSON paths of columns and of the scale subresource."""
    found: list[tuple[Path, Any, str]] = [
        ((*place, "jsonPath"), column.get("jsonPath"), ".")
        for place, column in rows(version, "additionalPrinterColumns")
    ]
    for name, start in (("specReplicasPath", ".spec."), ("statusReplicasPath", ".status.")):
        value = at(version, "subresources", "scale", name)
        found.append((("subresources", "scale", name), value, start))
    for keys, value, start in found:
        if isinstance(value, str) and value and not value.startswith(start):
            where = (*path, *keys)
            message = f'{dotted(where)} "{shorten(value)}" must begin with "{start}"'
            yield Flaw("bad-value", message, where)


def _names(names: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    for key, check in (
        ("plural", _word),
        ("singular", _word),
        ("kind", _kind),
        ("listKind", _kind),
    ):
        given = names.get(key)
        if isinstance(given, str) and given:
            yield from check(given, (*path, key))
    for key in ("shortNames", "categories"):
        found = names.get(key)
        for index, name in enumerate(found if isinstance(found, list) else []):
            if isinstance(name, str):
                yield from _word(name, (*path, key, index))


def _kind(name: str, path: Path) -> Iterator[Flaw]:
    wrong = label_1035_flaw(name.lower())
    if wrong is not None:
        said = wrong.replace("lower case letters", "letters")
        yield Flaw("invalid-name", f'{dotted(path)} "{shorten(name)}" {said}', path)


def _word(name: str, path: Path) -> Iterator[Flaw]:
    wrong = label_1035_flaw(name)
    if wrong is not None:
        yield Flaw("invalid-name", f'{dotted(path)} "{shorten(name)}" {wrong}', path)


def _root(schema: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    if schema.get("nullable") is True:
        yield _refused((*path, "nullable"), "cannot be true at the root")
    if schema.get("additionalProperties") is not None:
        yield _refused((*path, "additionalProperties"), "must not be used at the root")
    metadata = mapping_at(schema, "properties", "metadata", "properties")
    if set(metadata) - {"name", "generateName"}:
        where = (*path, "properties", "metadata", "properties")
        yield _refused(where, "must hold nothing but name and generateName")
    yield from _schema(schema, path, 0)


def _refused(path: Path, wrong: str) -> Flaw:
    return Flaw("bad-value", f"{dotted(path)} {wrong}", path, of_key=True)


def _schema(schema: Mapping[str, Any], path: Path, depth: int) -> Iterator[Flaw]:
    """One schema and everything below it."""
    if depth > _MAX_DEPTH:
        return
    yield from _own(schema, path)
    yield from _logic(schema, path, depth)
    properties = mapping_at(schema, "properties")
    below: list[tuple[Path, Any]] = [((*path, "properties", n), properties[n]) for n in properties]
    below += [((*path, key), schema.get(key)) for key in ("items", "additionalProperties")]
    for where, inner in below:
        if isinstance(inner, Mapping):
            yield from _schema(inner, where, depth + 1)
        elif inner is not None and not isinstance(inner, bool):
            message = f"{dotted(where)} is {kind_of(inner)}, but must be a mapping"
            yield Flaw("wrong-type", message, where)


def _own(schema: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    yield from _type(schema, path)
    for name in _REFUSED:
        if schema.get(name):
            yield _refused((*path, name), "is not supported")
    for name, (value, wrong) in _VALUES.items():
        if schema.get(name) is value:
            yield _refused((*path, name), wrong)
    if schema.get("properties") and schema.get("additionalProperties"):
        yield _refused((*path, "additionalProperties"), "must not stand beside properties")
    yield from _keys(schema, path)
    yield from _default(schema, path)


def _keys(schema: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    """A list by keys: each key is a property of its items, and always there."""
    keys, kind = schema.get("x-kubernetes-list-map-keys"), schema.get("x-kubernetes-list-type")
    where = (*path, "x-kubernetes-list-map-keys")
    if kind is not None and kind not in ("atomic", "set", "map"):
        yield _refused((*path, "x-kubernetes-list-type"), "must be atomic, set or map")
    if kind == "map" and not keys:
        message = f"{dotted(where)} is missing, which list-type map needs"
        yield Flaw("missing-field", message, (*path, "x-kubernetes-list-type"), of_key=True)
    elif keys and kind != "map":
        yield _refused(where, "needs x-kubernetes-list-type: map")
    items = mapping_at(schema, "items")
    needed = items.get("required")
    for key in keys if kind == "map" and isinstance(keys, list) else ():
        found = mapping_at(items, "properties").get(key) if isinstance(key, str) else None
        if not isinstance(found, Mapping):
            yield _refused(where, f'"{shorten(str(key))}" is no property of the items')
        elif "default" not in found and key not in (needed if isinstance(needed, list) else ()):
            yield _refused(where, f'"{shorten(key)}" must be required, or have a default')


_VALUES: Final = {
    "uniqueItems": (True, "cannot be true; write x-kubernetes-list-type: set"),
    "x-kubernetes-preserve-unknown-fields": (False, "must be true or absent"),
}


def _type(schema: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    kind = schema.get("type")
    is_free = any(
        schema.get(f"x-kubernetes-{name}") is True
        for name in ("int-or-string", "preserve-unknown-fields")
    )
    if not kind and not is_free and path[-1] != "openAPIV3Schema":  # the root's is told elsewhere
        yield Flaw("missing-field", f"{dotted(path)}.type is missing", path, of_key=True)
    elif kind and not isinstance(kind, str):
        where = (*path, "type")
        yield Flaw("wrong-type", f"{dotted(where)} is {kind_of(kind)}, but must be a string", where)
    elif kind and kind not in _TYPES:
        meant = did_you_mean(kind, _TYPES) or f"; write {listed(_TYPES)}"
        where = (*path, "type")
        yield Flaw("bad-value", f'{dotted(where)} cannot be "{shorten(kind)}"{meant}', where)
    if kind == "array" and schema.get("items") is None:
        yield Flaw("missing-field", f"{dotted(path)}.items is missing", path, of_key=True)


_JSON_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "array": (list,), "boolean": (bool,), "integer": (int,), "number": (int, float),
    "object": (dict,), "string": (str,),
}  # fmt: skip


def _default(schema: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    kind, value, enum = schema.get("type"), schema.get("default"), schema.get("enum")
    if value is None or not isinstance(kind, str) or kind not in _JSON_TYPES:
        return
    if isinstance(enum, list) and value not in enum:
        yield _refused((*path, "default"), "is none of enum")
    is_bool = isinstance(value, bool)
    if not isinstance(value, _JSON_TYPES[kind]) or (is_bool and kind != "boolean"):
        where = (*path, "default")
        yield Flaw("bad-value", f"{dotted(where)} is not of type {kind}", where)


def _logic(schema: Mapping[str, Any], path: Path, depth: int) -> Iterator[Flaw]:
    """What stands below allOf, anyOf, oneOf and not may restrict values and say no types."""
    is_either = schema.get("x-kubernetes-int-or-string") is True
    inner = [((*path, *place), item) for key in _LOGIC for place, item in rows(schema, key)]
    if isinstance(schema.get("not"), Mapping):
        inner.append(((*path, "not"), schema["not"]))
    for where, item in inner:
        yield from _restriction(item, where, depth + 1, is_either=is_either)


def _restriction(
    schema: Mapping[str, Any], path: Path, depth: int, *, is_either: bool
) -> Iterator[Flaw]:
    if depth > _MAX_DEPTH:
        return
    for name in _NOT_IN_LOGIC:
        if schema.get(name) and not (is_either and name == "type"):
            yield _refused((*path, name), "must not be set below allOf, anyOf, oneOf or not")
    inner = [
        ((*path, "properties", name), item)
        for name, item in mapping_at(schema, "properties").items()
    ]
    inner += [((*path, *place), item) for key in _LOGIC for place, item in rows(schema, key)]
    inner += [((*path, key), schema.get(key)) for key in ("items", "not")]
    for where, item in inner:
        if isinstance(item, Mapping):
            yield from _restriction(item, where, depth + 1, is_either=is_either)
