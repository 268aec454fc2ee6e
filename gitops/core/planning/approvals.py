"""Approvals: what is approved by hand, and since when an annotation lets go what asks for it.

In: an application and what was held. Out: whether the annotation speaks of it, and whether what is
held is a part that somebody chose. As Argo CD has `deletion-approved`: a time counts for what was
held before it, and for nothing later. Called by the reconciler and the service.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Final

from gitops.core.planning.sync_options import ARGO, OURS
from gitops.errors import ConflictError
from gitops.model.application import Application
from gitops.model.revision import Revision, RevisionKind, RevisionState

APPROVED: Final = "deletion-approved"


def approved_at(application: Application) -> datetime | None:
    """The time of `gitops.dev/deletion-approved`, else of Argo CD's; None where it is none."""
    for prefix in (OURS, ARGO):
        text = application.annotations.get(f"{prefix}{APPROVED}")
        if text is not None:
            return _read(text)
    return None


def _read(text: str) -> datetime | None:
    """An ISO 8601 time; one without an offset is UTC."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def is_confirmed(application: Application, history: Callable[[], Iterable[Revision]]) -> bool:
    """Whether what the newest full sync holds was approved since.

    `history` gives revisions, newest first; it is asked only where something is approved.
    """
    since = approved_at(application)
    if since is None:
        return False
    newest = next((r for r in history() if r.kind is RevisionKind.SYNC and not r.partial), None)
    return newest is not None and newest.state is RevisionState.HELD and since >= newest.started_at


def refuse_a_part(name: str, newest: Revision | None) -> None:
    """Raise ConflictError where the newest sync holds what somebody chose, not all that there is.

    Who approves without saying what would approve more than the sync has told of.
    """
    if newest is None or newest.state is not RevisionState.HELD or newest.selection is None:
        return
    raise ConflictError(
        f"revision {newest.number} holds a part that was chosen ({newest.message})",
        where=name,
        remedy=f"to approve the whole plan, `gitops approve {name} --plan` with its planDigest",
    )
