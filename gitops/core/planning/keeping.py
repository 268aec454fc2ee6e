"""What keeps an object that is being deleted: its finalizers, and what is left in a namespace.

In: a live body with a deletionTimestamp. Out: what follows `it is`. Called by
`engine/facts/actual.py`, for waits and statuses.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from gitops.model.objects import Body

REMAINING: Final = frozenset({
    "NamespaceDeletionContentFailure", "NamespaceDeletionDiscoveryFailure",
    "NamespaceDeletionGroupVersionParsingFailure", "NamespaceContentRemaining",
    "NamespaceFinalizersRemaining",
})  # fmt: skip
"""Conditions by which the namespace controller tells why a Namespace stays (Kubernetes'
`pkg/controller/namespace/deletion/status_condition_utils.go`)."""


def what_keeps(body: Body) -> str:
    """`kept by the finalizer example.com/x`; "" where nothing keeps it.

    A Namespace says itself what is left in it.
    """
    conditions = list(_conditions(body))
    if conditions:
        return f"kept: {'; '.join(conditions)}"
    names = sorted(_finalizers(body, "metadata") | _finalizers(body, "spec"))
    if not names:
        return ""
    return f"kept by the finalizer{'s' * (len(names) > 1)} {', '.join(names)}"


def _finalizers(body: Body, place: str) -> set[str]:
    """A Namespace has some in its spec too."""
    part = body.get(place)
    found = part.get("finalizers") if isinstance(part, Mapping) else None
    named = found if isinstance(found, list) else []
    if place == "spec" and body.get("kind") != "Namespace":
        return set()
    return {str(name) for name in named}


def _conditions(body: Body) -> Iterator[str]:
    status = body.get("status")
    found = status.get("conditions") if isinstance(status, Mapping) else None
    for one in found if isinstance(found, list) else []:
        if isinstance(one, Mapping) and one.get("type") in REMAINING:
            told = str(one.get("message") or "").strip().rstrip(".")
            if one.get("status") == "True" and told:
                yield told
