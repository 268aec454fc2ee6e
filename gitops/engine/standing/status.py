"""How an application stands: sync status, health and why, from what is in memory.

Asks nobody, but for what the history keeps of single objects.
"""

from collections.abc import Mapping
from dataclasses import replace

from gitops.core.diff.drift import drift_policy
from gitops.core.health import aggregate
from gitops.engine.facts.contests import contested
from gitops.engine.facts.desired import Desired
from gitops.engine.facts.judging import BAD
from gitops.engine.facts.registry import Runtime
from gitops.engine.lanes.following import LANE
from gitops.engine.lanes.parts import Parts
from gitops.engine.planning.sentences import tell_going
from gitops.engine.standing.deletion_order import tell_order
from gitops.engine.standing.leftovers import counted
from gitops.engine.standing.overruling import overruled_of
from gitops.engine.standing.windows import windows_of
from gitops.model.application import Drift
from gitops.model.health import GOOD, Health
from gitops.model.objects import ObjectId
from gitops.model.status import ApplicationStatus, ObjectStatus
from gitops.ports import ApplicationState


def sync_status(parts: Parts, runtime: Runtime) -> tuple[str, str]:
    """`Synced`, `OutOfSync` or `Unknown`, and the sentence that explains it."""
    state = parts.states.get(runtime.name)
    if state.deleting:
        return "OutOfSync", _tell_deletion(parts, runtime)
    unknown = _why_unknown(parts, runtime)
    if runtime.desired is None or unknown:
        return "Unknown", unknown
    why = _why_out(parts, runtime, runtime.desired, state)
    return ("OutOfSync", why) if why else ("Synced", "")


def _tell_deletion(parts: Parts, runtime: Runtime) -> str:
    """What a deletion waits for: others, finalizers, or what ended its last attempt."""
    if runtime.waiting_for:
        return f"is being deleted: {tell_order(runtime.waiting_for)}"
    held = f": {runtime.held}" if runtime.held else ""
    blocked = parts.actual.blocked(claim.id for claim in parts.inventory.of(runtime.name))
    if not blocked:
        return f"is being deleted{held}"
    first, more = next(iter(blocked)), len(blocked) - 1
    others = f" (and {more} more)" if more else ""
    return f"is being deleted: {first.title} is {blocked[first]}{others}"


def _tell_drift(runtime: Runtime) -> str:
    """What drifted first; before it what cannot be repaired, with the reason."""
    first = min(runtime.drifted, key=lambda identity: (identity not in runtime.refusals, identity))
    refusal = runtime.refusals.get(first)
    if refusal is not None:
        return f"{first.title} drifted, and stays so: {refusal.message}"
    more = f" and {len(runtime.drifted) - 1} more" if len(runtime.drifted) > 1 else ""
    note = runtime.drift_notes.get(first)
    waits = drift_policy(runtime.application) is Drift.APPROVE
    remedy = f"; `gitops approve {runtime.name}` repairs it" if waits else ""
    return f"{first.title}{more} drifted" + (f": {note}" if note else "") + remedy


def _tell_left(left: Mapping[ObjectId, str]) -> str:
    first = min(left)
    more = f" and {len(left) - 1} more" if len(left) > 1 else ""
    verb = "require" if more else "requires"
    return f"{first.title}{more} {verb} pruning" + (f": {left[first]}" if left[first] else "")


def _why_out(parts: Parts, runtime: Runtime, desired: Desired, state: ApplicationState) -> str:
    """Why what runs is not what Git wants; "" where it is."""
    if state.pin is not None:
        return f"pinned to revision {state.pin.revision}"
    if desired.digest != state.synced_digest or not desired.digest:
        waits = "waits for " + ", ".join(runtime.waiting_for) if runtime.waiting_for else ""
        return waits or runtime.held or "desired is not applied yet"
    if runtime.drifted:
        return "; ".join(part for part in (_tell_drift(runtime), runtime.closed) if part)
    left = counted(parts, runtime)
    return _tell_left(left) if left else ""


def _why_unknown(parts: Parts, runtime: Runtime) -> str:
    if runtime.desired is None or runtime.trouble is not None:
        return str(runtime.trouble or "not compared yet")
    for claim in parts.inventory.of(runtime.name):
        why = parts.actual.unseen(claim.id.group_kind)
        if why is not None:
            return str(why)
    return ""


def app_health(runtime: Runtime) -> Health:
    """The worst health of an application's own objects."""
    if not runtime.explained:
        return aggregate(runtime.health.items())
    return aggregate(
        (identity, replace(health, message=_why_bad(runtime, identity, health) or health.message))
        for identity, health in list(runtime.health.items())
    )


def _why_bad(runtime: Runtime, identity: ObjectId, health: Health) -> str:
    """The reason of bad health, as long as it is bad."""
    return runtime.explained.get(identity, "") if health.status in BAD else ""


def is_ready(parts: Parts, runtime: Runtime) -> bool:
    """Whether dependants may go on: Git's newest state is applied, and healthy."""
    state = parts.states.get(runtime.name)
    desired = runtime.desired
    return (
        desired is not None
        and desired.digest != ""
        and desired.digest == state.synced_digest
        and state.pin is None
        and not runtime.syncing
        and app_health(runtime).status in GOOD
    )


def describe(parts: Parts, runtime: Runtime, *, objects: bool = False) -> ApplicationStatus:
    """Everything that a list or a page shows of an application.

    Whether it is at rest is asked first: what is told then is at least as new.
    """
    busy = _is_busy(parts, runtime)
    state = parts.states.get(runtime.name)
    sync, message = sync_status(parts, runtime)
    health = app_health(runtime)
    out = runtime.desired is not None and runtime.desired.digest != state.synced_digest
    shared = shared_with_others(parts, runtime)
    found = ApplicationStatus(
        application=runtime.application,
        origin=runtime.origin,
        sync=sync,
        health=health,
        message=message or health.message or next(iter(shared.values()), ""),
        commit=runtime.commit,
        revision=runtime.revision,
        pin=state.pin,
        suspended=state.suspended,
        held_back=runtime.commit if out else None,
        waiting_for=runtime.waiting_for,
        warnings=(*runtime.warnings, *shared.values()),
        busy=busy,
        objects=_objects(parts, runtime) if objects else (),
        windows=windows_of(parts, runtime) if objects else None,
    )
    return parts.masks.status(found)


def shared_with_others(parts: Parts, runtime: Runtime) -> dict[ObjectId, str]:
    """What an application holds and another one declares too, with the sentence about each."""
    wanted = parts.inventory.contests.of(runtime.name)
    return {i: contested(i, runtime.name, wanted[i]) for i in sorted(wanted)}


def _is_busy(parts: Parts, runtime: Runtime) -> bool:
    """Whether something runs or waits for the application, or its repositories are looked at."""
    lanes = [LANE + source.repo_url for source in runtime.application.sources]
    return parts.dispatcher.busy(runtime.name, *lanes)


def _objects(parts: Parts, runtime: Runtime) -> tuple[ObjectStatus, ...]:
    found = []
    shared, otherwise = shared_with_others(parts, runtime), overruled_of(parts, runtime)
    owned = parts.inventory.of(runtime.name)
    blocked = parts.actual.blocked(claim.id for claim in owned)
    for claim in owned:
        left = runtime.left or {}
        out = claim.id in runtime.drifted or claim.id in left
        health = runtime.health.get(claim.id, Health(None))
        reason = _why_bad(runtime, claim.id, health) or runtime.remarks.get(claim.id, "")
        if claim.id in otherwise and not out:
            bad = health.message if health.status in BAD else ""
            reason = "; ".join(filter(None, (reason or bad, otherwise[claim.id])))
        if claim.id in left:
            reason = ": ".join(part for part in ("requires pruning", left[claim.id]) if part)
        if claim.id in shared:
            reason = shared[claim.id]
        if claim.contested:
            reason = f"contested by {claim.contested}"
        if claim.id in blocked:
            reason = tell_going(blocked[claim.id])
        found.append(
            ObjectStatus(
                claim.id,
                claim.api_version,
                "OutOfSync" if out else "Synced",
                health,
                reason,
            )
        )
    return tuple(found)
