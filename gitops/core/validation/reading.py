"""Walking a body that may hold anything: what is not of the wanted form counts as absent.

The schema check tells of wrong forms; the rules that use this look at what is there.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from gitops.core.wording import Path

_EMPTY: Final[Mapping[str, Any]] = {}


def at(value: Any, *keys: str) -> Any:
    """The value at a path of keys, or None."""
    for key in keys:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def mapping_at(value: Any, *keys: str) -> Mapping[str, Any]:
    """The mapping at a path; an empty one where there is none."""
    found = at(value, *keys)
    return found if isinstance(found, Mapping) else _EMPTY


def rows(value: Any, *keys: str) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """The mappings in the list at a path, each with its path."""
    found = at(value, *keys)
    for index, item in enumerate(found if isinstance(found, list) else []):
        if isinstance(item, Mapping):
            yield (*keys, index), item


def strings(value: Any) -> Mapping[str, str]:
    """The entries of a map whose values are strings."""
    if not isinstance(value, Mapping):
        return {}
    return {key: item for key, item in value.items() if isinstance(item, str)}
