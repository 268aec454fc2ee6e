"""Custom resources beside the limits of their CRD's schema: pattern, length, range, count.

Types, required and unknown fields and enums are `core/validation/schema.py`'s, as for any kind.
In: a value and the raw schema. Out: flaws. Called by `core/validation/validate.py`.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from gitops.core.linear import compiled, encoded
from gitops.core.manifests.metadata import Flaw
from gitops.core.schema.crd import crd_schema, crd_versions
from gitops.core.schema.schema import Schema
from gitops.core.wording import Path, dotted, shorten
from gitops.model.objects import Body


def schemas_of(crd: Body) -> Iterator[tuple[tuple[str, str], Schema]]:
    """(apiVersion, kind) and schema of each version that a CRD serves."""
    spec = crd.get("spec")
    names = spec.get("names") if isinstance(spec, Mapping) else None
    if not isinstance(spec, Mapping) or not isinstance(names, Mapping):
        return
    for version in crd_versions(spec):
        api_version = f"{spec.get('group')}/{version['name']}"
        yield (api_version, str(names.get("kind"))), crd_schema(spec, version)


def check_limits(value: Any, schema: Schema, path: Path = ()) -> Iterator[Flaw]:
    """Flaws of a value and of all below it."""
    for word, limit in schema.items():
        rule = _RULES.get(word)
        wrong = rule(value, limit, schema) if rule is not None else None
        if wrong is not None:
            yield Flaw("bad-value", f"{dotted(path)} {wrong}", path)
    if isinstance(value, Mapping):
        yield from _check_fields(value, schema, path)
    elif isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        for index, item in enumerate(value):
            yield from check_limits(item, schema["items"], (*path, index))


def _check_fields(value: Mapping[str, Any], schema: Schema, path: Path) -> Iterator[Flaw]:
    properties, others = schema.get("properties"), schema.get("additionalProperties")
    known = properties if isinstance(properties, Mapping) else {}
    for key, item in value.items():
        child = known.get(key, others)
        if isinstance(child, Mapping) and not (path == () and key in _OWN):
            yield from check_limits(item, child, (*path, key))


_OWN: Final = frozenset({"apiVersion", "kind", "metadata", "status"})


def _pattern(value: Any, limit: Any, _: Schema) -> str | None:
    if not isinstance(value, str) or not isinstance(limit, str):
        return None
    pattern = compiled(limit)
    if pattern is None or pattern.search(encoded(value)):
        return None
    return f'"{shorten(value)}" does not match {shorten(limit)}'


def _number(value: Any) -> float | int | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _minimum(value: Any, limit: Any, schema: Schema) -> str | None:
    number, bound = _number(value), _number(limit)
    if number is None or bound is None:
        return None
    if schema.get("exclusiveMinimum") is True and number == bound:
        return f"is {number}, but must be more than {bound}"
    return f"is {number}, but must be at least {bound}" if number < bound else None


def _maximum(value: Any, limit: Any, schema: Schema) -> str | None:
    number, bound = _number(value), _number(limit)
    if number is None or bound is None:
        return None
    if schema.get("exclusiveMaximum") is True and number == bound:
        return f"is {number}, but must be less than {bound}"
    return f"is {number}, but must be at most {bound}" if number > bound else None


def _count(kind: type, noun: str, *, least: bool) -> Callable[[Any, Any, Schema], str | None]:
    def check(value: Any, limit: Any, _: Schema) -> str | None:
        bound = _number(limit)
        if not isinstance(value, kind) or bound is None:
            return None
        size = len(value)  # type: ignore[arg-type] # str, list or dict: all have a length
        if size < bound if least else size > bound:
            return f"has {size} {noun}, but must have at {'least' if least else 'most'} {bound}"
        return None

    return check


_RULES: Final[Mapping[str, Callable[[Any, Any, Schema], str | None]]] = {
    "pattern": _pattern,
    "minimum": _minimum,
    "maximum": _maximum,
    "minLength": _count(str, "characters", least=True),
    "maxLength": _count(str, "characters", least=False),
    "minItems": _count(list, "items", least=True),
    "maxItems": _count(list, "items", least=False),
    "minProperties": _count(dict, "entries", least=True),
    "maxProperties": _count(dict, "entries", least=False),
}
