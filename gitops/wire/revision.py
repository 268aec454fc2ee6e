"""Revisions, their outcomes, triggers, commits and pins as JSON.

`history_row` is a line of `gitops history`; `revision_to_wire` is what `gitops show` prints and
what the trail keeps, from which `revision_from_wire` gives the same revision again.
"""

from collections.abc import Mapping
from typing import Any

from gitops.model.health import HealthStatus
from gitops.model.revision import (
    Commit,
    Outcome,
    OutcomeKind,
    Pin,
    Revision,
    RevisionKind,
    RevisionState,
    Selection,
    Trigger,
    TriggerKind,
)
from gitops.wire.values import (
    JsonObject,
    identity_from_wire,
    identity_to_wire,
    optional_time_from_wire,
    optional_time_to_wire,
    time_from_wire,
    time_to_wire,
)


def history_row(revision: Revision) -> JsonObject:
    """`{number, kind, trigger, actor, commit, digest, state, health, startedAt, finishedAt, …}`.

    `trigger` is a word, `commit` a full sha; beside the contract: `subject` (the first line of the
    commit's message), `message` (how it ended, for people), `healthy`, `count` and `selection`.
    """
    commit = revision.commit
    return {
        "number": revision.number,
        "kind": revision.kind.value,
        "trigger": revision.trigger.kind.value,
        "actor": revision.trigger.actor,
        "commit": None if commit is None else commit.sha,
        "digest": revision.digest or None,
        "state": revision.state.value,
        "health": None if revision.health is None else revision.health.value,
        "startedAt": time_to_wire(revision.started_at),
        "finishedAt": optional_time_to_wire(revision.finished_at),
        "source": revision.source,
        "partial": revision.partial,
        "subject": None if commit is None else commit.subject,
        "message": revision.message,
        "healthy": revision.healthy,
        "count": revision.count,
        "selection": selection_to_wire(revision.selection),
    }


def revision_to_wire(revision: Revision, *, outcomes: bool = True) -> JsonObject:
    """A history row with `application, evidence, commitDetails, summary, outcomes, attempts, …`.

    `manifests`, `diff` and `live` are addresses in the content store. `outcomes=False` leaves the
    outcomes out.
    """
    value = history_row(revision) | {
        "application": revision.application,
        "evidence": revision.trigger.evidence,
        "commitDetails": None if revision.commit is None else commit_to_wire(revision.commit),
        "summary": dict(revision.summary),
        "attempts": revision.attempts,
        "manifests": revision.manifests,
        "diff": revision.diff,
        "live": revision.live,
    }
    if outcomes:
        value["outcomes"] = [outcome_to_wire(outcome) for outcome in revision.outcomes]
    return value


def revision_from_wire(value: Mapping[str, Any]) -> Revision:
    """The revision that `revision_to_wire` wrote; without outcomes where it has none."""
    commit, health = value["commitDetails"], value["health"]
    return Revision(
        application=value["application"],
        number=value["number"],
        kind=RevisionKind(value["kind"]),
        trigger=trigger_from_wire(value),
        state=RevisionState(value["state"]),
        started_at=time_from_wire(value["startedAt"]),
        digest=value["digest"] or "",
        commit=None if commit is None else commit_from_wire(commit),
        summary=dict(value["summary"]),
        outcomes=tuple(outcome_from_wire(outcome) for outcome in value.get("outcomes", ())),
        health=None if health is None else HealthStatus(health),
        healthy=value["healthy"],
        message=value["message"],
        finished_at=optional_time_from_wire(value["finishedAt"]),
        source=value["source"],
        partial=value["partial"],
        manifests=value["manifests"],
        diff=value["diff"],
        attempts=value["attempts"],
        count=value["count"],
        live=value.get("live"),
        selection=selection_from_wire(value.get("selection")),
    )


def selection_to_wire(selection: Selection | None) -> JsonObject | None:
    """`{resources, labels}`, as somebody wrote them; null where nobody chose."""
    if selection is None:
        return None
    return {"resources": list(selection.resources), "labels": list(selection.labels)}


def selection_from_wire(value: Mapping[str, Any] | None) -> Selection | None:
    """The selection that `selection_to_wire` wrote."""
    if value is None:
        return None
    return Selection(tuple(value["resources"]), tuple(value["labels"]))


def outcome_to_wire(outcome: Outcome) -> JsonObject:
    """`{group, kind, namespace, name, action, outcome, message, phase, wave, changes}`."""
    return identity_to_wire(outcome.id) | {
        "action": outcome.action,
        "outcome": outcome.outcome.value,
        "message": outcome.message,
        "phase": outcome.phase,
        "wave": outcome.wave,
        "changes": list(outcome.changes),
    }


def outcome_from_wire(value: Mapping[str, Any]) -> Outcome:
    """The outcome that `outcome_to_wire` wrote."""
    return Outcome(
        id=identity_from_wire(value),
        action=value["action"],
        outcome=OutcomeKind(value["outcome"]),
        message=value["message"],
        phase=value["phase"],
        wave=value["wave"],
        changes=tuple(value["changes"]),
    )


def trigger_to_wire(trigger: Trigger) -> JsonObject:
    """`{trigger, actor, evidence}`."""
    return {"trigger": trigger.kind.value, "actor": trigger.actor, "evidence": trigger.evidence}


def trigger_from_wire(value: Mapping[str, Any]) -> Trigger:
    """The trigger that `trigger_to_wire` wrote."""
    return Trigger(TriggerKind(value["trigger"]), value["actor"], value["evidence"])


def commit_to_wire(commit: Commit) -> JsonObject:
    """`{sha, author, message, authoredAt, signature}`."""
    return {
        "sha": commit.sha,
        "author": commit.author,
        "message": commit.message,
        "authoredAt": optional_time_to_wire(commit.authored_at),
        "signature": commit.signature,
    }


def commit_from_wire(value: Mapping[str, Any]) -> Commit:
    """The commit that `commit_to_wire` wrote."""
    return Commit(
        sha=value["sha"],
        author=value["author"],
        message=value["message"],
        authored_at=optional_time_from_wire(value["authoredAt"]),
        signature=value["signature"],
    )


def pin_to_wire(pin: Pin) -> JsonObject:
    """`{revision, actor, at, digest, reason, automatic}`; `digest` null holds until `unpin`."""
    return {
        "revision": pin.revision,
        "actor": pin.actor,
        "at": time_to_wire(pin.at),
        "digest": pin.digest,
        "reason": pin.reason,
        "automatic": pin.automatic,
    }


def pin_from_wire(value: Mapping[str, Any]) -> Pin:
    """The pin that `pin_to_wire` wrote."""
    return Pin(
        revision=value["revision"],
        actor=value["actor"],
        at=time_from_wire(value["at"]),
        digest=value["digest"],
        reason=value["reason"],
        automatic=value["automatic"],
    )
