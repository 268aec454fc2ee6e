"""Drift as people read it: which fields, by which manager, since when; and what is done about it.

In: an application's policy; an object as desired and as it is, with all of its managedFields. Out:
values. Called by the decision, the healer and the drift log.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gitops.core.ownership.owners import DEFAULTED, OURS
from gitops.core.ownership.ownership import managed_fields
from gitops.model.application import Application, Drift
from gitops.model.diff import FieldChange
from gitops.model.objects import Body

MARKS = "our label or annotation"
SHOWN = 3
"""How many fields a sentence names."""


def drift_policy(application: Application) -> Drift:
    """What is done about drift: `syncPolicy.drift`, else what `automated` says of it.

    `drift: heal` repairs what was applied even where nothing new is synced by itself.
    """
    policy = application.sync_policy
    if policy.drift is not None:
        return policy.drift
    automated = policy.automated
    heals = automated is not None and automated.enabled and automated.self_heal
    return Drift.HEAL if heals else Drift.REPORT


@dataclass(frozen=True, slots=True)
class Note:
    """One entry of the drift log; `managers` are those who own the fields, "" time is unknown."""

    fields: tuple[str, ...]
    managers: tuple[str, ...]
    since: str = ""

    @property
    def sentence(self) -> str:
        """`data.word by kubectl-patch since 2026-11-20T18:00:00Z`."""
        if not self.fields:
            return "it is gone"
        more = f" and {len(self.fields) - SHOWN} more" if len(self.fields) > SHOWN else ""
        touch = f" {self.touch}" if self.touch else ""
        return f"{', '.join(self.fields[:SHOWN])}{more}{touch}"

    @property
    def touch(self) -> str:
        """`by kubectl-patch since 2026-11-20T18:00:00Z`, as far as it is known."""
        by = f"by {', '.join(self.managers)}" if self.managers else ""
        since = f"since {self.since}" if self.since else ""
        return " ".join(part for part in (by, since) if part)


def note_of_repair(
    changes: Iterable[FieldChange], touched: tuple[str, str] | None, *, gone: bool
) -> Note:
    """What of an object drifted and was repaired, by whoever has touched it last and when."""
    if gone:
        return Note((), ())
    manager, since = touched or ("", "")
    fields = tuple(map(name_field, changes)) or (MARKS,)
    return Note(fields, (manager,) if manager else (), since)


def note_of(changes: Iterable[FieldChange], live: Body | None) -> Note:
    """What of an object drifted; `live` is None where it is gone."""
    if live is None:
        return Note((), ())
    given = tuple(changes)
    if not given:
        return Note((MARKS,), (), max(map(_time, managed_fields(live)), default=""))
    fields = tuple(map(name_field, given))
    found = {change.owner for change in given} - {OURS, DEFAULTED}
    managers = tuple(sorted(found))
    entries = [e for e in managed_fields(live) if not found or e.get("manager") in found]
    return Note(fields, managers, max((_time(e) for e in entries), default=""))


def name_field(change: FieldChange) -> str:
    """`spec.replicas`, as people write a path."""
    return change.path.strip("/").replace("/", ".").replace("~1", "/")


def _time(entry: Mapping[str, Any]) -> str:
    return str(entry.get("time") or "")
