"""An object as we keep it: compact bytes without other managers' entries; pure.

In: a body as the API server gave it. Out: `Live`. Called by `watch` for what comes in and by
`client` for what writes answered. A Secret's data stays, in memory only: it has to be compared.
"""

from collections.abc import Mapping
from sys import intern
from typing import Any, Final

import orjson

from gitops.model.objects import Live, identify

MANAGER: Final = "gitops"
LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"


def compact(body: Mapping[str, Any]) -> Live:
    """Keep our own Apply entry alone of managedFields.

    The kubectl annotation goes where we have an entry: only objects that we never applied are
    compared with it.
    """
    metadata = dict(body.get("metadata") or {})
    entries = [e for e in metadata.pop("managedFields", None) or () if isinstance(e, Mapping)]
    ours = [entry for entry in entries if is_ours(entry)]
    if ours:
        metadata["managedFields"] = ours
        annotations = metadata.get("annotations")
        if isinstance(annotations, Mapping) and LAST_APPLIED in annotations:
            metadata["annotations"] = {k: v for k, v in annotations.items() if k != LAST_APPLIED}
    return Live(
        id=identify(body),
        api_version=str(body.get("apiVersion") or ""),
        uid=str(metadata.get("uid") or ""),
        resource_version=str(metadata.get("resourceVersion") or ""),
        # a copy: what orjson gives holds on to the kilobytes of its buffer that it did not need
        body=bytes(memoryview(orjson.dumps({**body, "metadata": metadata}))),
        replicas_manager=replicas_manager(entries),
        deleting="deletionTimestamp" in metadata,
        touched=touched(entries, ours),
    )


def is_ours(entry: Mapping[str, Any]) -> bool:
    """Whether an entry of managedFields is what our server-side apply owns."""
    return (
        entry.get("manager") == MANAGER
        and entry.get("operation") == "Apply"
        and not entry.get("subresource")
    )


def touched(
    entries: list[Mapping[str, Any]], ours: list[Mapping[str, Any]]
) -> tuple[str, str] | None:
    """Who else wrote last, beside the status, and when; None where we have written since.

    The API server's times are in seconds of one format, so that they compare as they are.
    """
    applied = max((str(entry.get("time") or "") for entry in ours), default="")
    others = [
        (str(entry.get("time") or ""), str(entry.get("manager") or ""))
        for entry in entries
        if entry not in ours and entry.get("subresource") != "status" and entry.get("manager")
    ]
    time, manager = max(others, default=("", ""))
    return (intern(manager), time) if ours and time and time >= applied else None


def replicas_manager(entries: list[Mapping[str, Any]]) -> str | None:
    """Who last wrote `spec.replicas` through the scale subresource."""
    scalers = [
        (str(entry.get("time") or ""), str(entry.get("manager") or ""))
        for entry in entries
        if entry.get("subresource") == "scale" and _owns_replicas(entry.get("fieldsV1"))
    ]
    return max(scalers)[1] if scalers else None


def _owns_replicas(fields: Any) -> bool:
    spec = fields.get("f:spec") if isinstance(fields, Mapping) else None
    return isinstance(spec, Mapping) and "f:replicas" in spec
