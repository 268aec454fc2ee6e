"""Approval by annotation: an Application says since when what asks for confirmation may go.

In: an application and what was held. Out: whether the annotation speaks of it. As Argo CD has
`deletion-approved`: a time counts for what was held before it, and for nothing later. Called by
the reconciler.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Final

from gitops.core.planning.sync_options import ARGO, OURS
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
