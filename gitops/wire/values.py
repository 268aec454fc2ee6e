"""What all shapes share: times, canonical JSON, object identity, places.

Called by the other modules of this package, by the trail (canonical JSON is what its links are
made of) and by whoever prints a time.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from gitops.model.objects import ObjectId, Place, split_api_version

JsonObject = dict[str, Any]


def time_to_wire(moment: datetime) -> str:
    """`2026-03-01T09:30:00.000000Z`: always six digits, so that text order is time order.

    Raises ValueError for a time without a zone.
    """
    if moment.tzinfo is None:
        raise ValueError("a time without a zone cannot be written")
    utc = moment.astimezone(UTC).replace(tzinfo=None)
    return f"{utc.isoformat(timespec='microseconds')}Z"


def time_from_wire(text: str) -> datetime:
    """Any RFC 3339 time, as aware UTC; raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no zone")
    return moment.astimezone(UTC)


def optional_time_to_wire(moment: datetime | None) -> str | None:
    """A time, or null."""
    return None if moment is None else time_to_wire(moment)


def optional_time_from_wire(text: str | None) -> datetime | None:
    """A time, or None."""
    return None if text is None else time_from_wire(text)


def canonical(value: Any) -> bytes:
    """The one text of a JSON value: sorted keys, no spaces, ASCII; equal values, equal bytes.

    Raises ValueError for NaN and infinities, TypeError for what is not JSON.
    """
    return _CANONICAL.encode(value).encode("ascii")


_CANONICAL: Final = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
)


def versioned_to_wire(identity: ObjectId, api_version: str) -> JsonObject:
    """`{apiVersion, kind, namespace, name}`: how a manifest names itself."""
    return {
        "apiVersion": api_version,
        "kind": identity.kind,
        "namespace": identity.namespace or None,
        "name": identity.name,
    }


def versioned_from_wire(value: Mapping[str, Any]) -> tuple[ObjectId, str]:
    """The identity and the apiVersion."""
    api_version = value["apiVersion"]
    group, _ = split_api_version(api_version)
    return ObjectId(group, value["kind"], value["namespace"] or "", value["name"]), api_version


def identity_to_wire(identity: ObjectId) -> JsonObject:
    """`{group, kind, namespace, name}`: an object whatever its version."""
    return {
        "group": identity.group,
        "kind": identity.kind,
        "namespace": identity.namespace or None,
        "name": identity.name,
    }


def identity_from_wire(value: Mapping[str, Any]) -> ObjectId:
    """The identity that `identity_to_wire` wrote."""
    return ObjectId(value["group"], value["kind"], value["namespace"] or "", value["name"])


def place_to_wire(place: Place | None) -> JsonObject:
    """`{path, line, column}`, each null where the place is unknown."""
    if place is None:
        return {"path": None, "line": None, "column": None}
    return {"path": place.path, "line": place.line, "column": place.column}
