"""What is ours on a live object, and its digest: remembered from each apply, compared with watches.

The shapes of lists come from our own managedFields entry (`k:` by keys, `v:` by value, a leaf is
atomic: KEP-555 and `structured-merge-diff`), so that no schema is needed. Items keep the order that
they have on the object, which is content for `env` and the like.
"""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

import orjson

from gitops.model.objects import Body, Live

MANAGER: Final = "gitops"
ALGORITHM: Final = "a1"
MOST_KEPT_BYTES: Final = 16384
"""The largest body whose digest is kept beside it for a while."""


def own_entry(body: Body) -> Mapping[str, Any] | None:
    """Our Apply entry of managedFields, or None where somebody cleared it or we never applied."""
    metadata = body.get("metadata")
    entries = metadata.get("managedFields") if isinstance(metadata, Mapping) else None
    for entry in entries if isinstance(entries, list) else ():
        if (
            isinstance(entry, Mapping)
            and entry.get("manager") == MANAGER
            and entry.get("operation") == "Apply"
            and not entry.get("subresource")
        ):
            return entry
    return None


def answer_digest(body: Body) -> str:
    """Digest of what we own on an object; "" where we own nothing.

    The apiVersion of our entry counts: fields recorded under another one are orphans.
    """
    entry = own_entry(body)
    fields = entry.get("fieldsV1") if entry else None
    if entry is None or not isinstance(fields, Mapping):
        return ""
    kept = [entry.get("apiVersion"), owned(body, _as_stored(body, fields))]
    return f"{ALGORITHM}:{sha256(_encode(kept).encode()).hexdigest()}"


def live_digest(live: Live) -> str:
    """`answer_digest` of a live object: an answer, and the watch after it, are digested once."""
    known = len(live.body) <= MOST_KEPT_BYTES
    return _digest_of_bytes(live.body) if known else answer_digest(live.decode())


@lru_cache(maxsize=256)
def _digest_of_bytes(body: bytes) -> str:
    return answer_digest(orjson.loads(body))


_encode: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def _as_stored(body: Body, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields where the server keeps them: a Secret's stringData is written into its data.

    The entry names what was sent, so `f:stringData` stays where no such field is.
    """
    strings, data = fields.get("f:stringData"), fields.get("f:data", {})
    is_secret = (body.get("apiVersion"), body.get("kind")) == ("v1", "Secret")
    if not (is_secret and isinstance(strings, Mapping) and isinstance(data, Mapping)):
        return fields
    kept = {name: below for name, below in fields.items() if name != "f:stringData"}
    return kept | {"f:data": {**data, **strings}}


def owned(value: Any, fields: Any) -> Any:
    """The part of a value that a FieldsV1 set names; a leaf, or no set, takes the whole value."""
    if not isinstance(fields, dict) or not fields:
        return value
    if isinstance(value, dict):  # what is only present (`.`) is ours without what is in it
        return {
            key: owned(value[key], below) if below else value[key]
            for name, below in fields.items()
            if name[:2] == "f:" and (key := name[2:]) in value
        }
    return _items(value, fields) if isinstance(value, list) else value


def _items(value: Sequence[Any], fields: Mapping[str, Any]) -> list[Any]:
    keyed = [(_value(n), fields[n]) for n in fields if n.startswith("k:")]
    values = [_value(n) for n in fields if n.startswith("v:")]
    kept = []
    for index, item in enumerate(value):
        below = fields.get(f"i:{index}")
        if below is None and isinstance(item, dict):
            below = next((f for keys, f in keyed if _has(item, keys)), None)
        if below is not None:
            kept.append(owned(item, below))
        elif item in values:
            kept.append(item)
    return kept


@lru_cache(maxsize=1024)
def _value(name: str) -> Any:
    """The JSON value behind `k:` or `v:`; what is none equals nothing."""
    try:
        return json.loads(name[2:])
    except (ValueError, RecursionError):
        return _NOTHING


_NOTHING: Final = object()


def _has(item: Mapping[str, Any], keys: Any) -> bool:
    return isinstance(keys, dict) and all(item.get(k) == v for k, v in keys.items())
