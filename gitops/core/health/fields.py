"""Typed reads from JSON bodies for the rules: absent and null give Go's zero value.

In: a JSON value and a key. Out: the value, or `MalformedError` where the type is another, as Argo
CD's conversion to a typed object fails. Called by the rules of this package only.
"""

from collections.abc import Mapping
from typing import Any


class MalformedError(Exception):
    """A field has a type that Kubernetes could not have stored; `health` answers Unknown."""


def mapping(body: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """The map at a path; empty where any part is absent."""
    for key in path:
        value = body.get(key)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise MalformedError(f"{'.'.join(path)} is not a map")
        body = value
    return body


def text(body: Mapping[str, Any], key: str) -> str:
    """A string; "" where it is absent."""
    value = body.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise MalformedError(f"{key} is not a string")
    return value


def number(body: Mapping[str, Any], key: str) -> int | None:
    """An integer; None where it is absent. 3.0 is 3, as in JSON."""
    value = body.get(key)
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise MalformedError(f"{key} is not an integer")
    return value


def count(body: Mapping[str, Any], key: str) -> int:
    """An integer; 0 where it is absent."""
    return number(body, key) or 0


def flag(body: Mapping[str, Any], key: str) -> bool:
    """A boolean; False where it is absent."""
    value = body.get(key)
    if value is not None and not isinstance(value, bool):
        raise MalformedError(f"{key} is not true or false")
    return bool(value)


def maps(body: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """A list of maps; empty where it is absent."""
    value = body.get(key)
    if value is None:
        return []
    if not isinstance(value, list | tuple) or not all(isinstance(v, Mapping) for v in value):
        raise MalformedError(f"{key} is not a list of maps")
    return list(value)


def condition(status: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """The condition of a type; None where there is none."""
    return next((c for c in maps(status, "conditions") if text(c, "type") == name), None)
