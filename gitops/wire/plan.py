"""Plans as JSON: what `gitops plan`, a dry run and the API show, and what a held plan is kept as.

`plan_to_wire` gives the contract: what is shown. It holds no bodies, and cannot be carried out.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from gitops.model.diff import ActionKind, Diff
from gitops.model.plan import Action, Fault, Found, Phase, Plan
from gitops.wire.diff import changes_to_wire, field_from_wire
from gitops.wire.values import (
    JsonObject,
    canonical,
    identity_to_wire,
    place_to_wire,
    versioned_from_wire,
    versioned_to_wire,
)

PHASES: dict[str, Phase] = {phase.title: phase for phase in Phase}


def plan_to_wire(plan: Plan) -> JsonObject:
    """`{application, commit, digest, actions, faults, warnings}`; actions in execution order."""
    return {
        "application": plan.application,
        "commit": plan.commit,
        "digest": plan.digest or None,
        "actions": [action_to_wire(action) for action in plan.actions],
        "faults": [fault_to_wire(fault) for fault in plan.faults],
        "warnings": list(plan.warnings),
    }


def plan_digest(plan: Plan) -> str:
    """What an approval binds to: 64 hex digits.

    Equal for plans that would do the same things, in the same order, to the same live objects at
    the same resourceVersions. Whether an action is held does not count, for that is what an
    approval changes; neither do objects that nothing happens to.
    """
    actions = [
        [
            action.kind.value,
            str(action.id),
            action.api_version,
            action.phase.title,
            action.wave,
            action.uid,
            action.resource_version,
        ]
        for action in plan.pending
    ]
    return hashlib.sha256(canonical([plan.application, plan.digest, actions])).hexdigest()


def action_to_wire(action: Action) -> JsonObject:
    """`{action, apiVersion, kind, namespace, name, wave, phase, reason, held, changes, fields, …}`.

    Beside the contract: `uid`, `resourceVersion` (null where there is no live object) and `found`,
    the way by which the action was found.
    """
    value: JsonObject = {"action": action.kind.value}
    value |= versioned_to_wire(action.id, action.api_version)
    value |= {
        "wave": action.wave,
        "phase": action.phase.title,
        "reason": action.reason,
        "held": action.held,
    }
    value |= changes_to_wire(action.diff)
    value |= {
        "uid": action.uid,
        "resourceVersion": action.resource_version,
        "found": action.found.value,
    }
    return value


def action_from_wire(value: Mapping[str, Any]) -> Action:
    """The action that `action_to_wire` wrote, as far as it is shown."""
    identity, api_version = versioned_from_wire(value)
    kind = ActionKind(value["action"])
    return Action(
        kind=kind,
        id=identity,
        api_version=api_version,
        wave=value["wave"],
        phase=PHASES[value["phase"]],
        reason=value["reason"],
        held=value["held"],
        diff=Diff(
            id=identity,
            api_version=api_version,
            action=kind,
            fields=tuple(field_from_wire(change) for change in value["fields"]),
            patch=tuple(value["patch"]),
            changes=tuple(value["changes"]),
            predicted=None,
        ),
        uid=value["uid"],
        resource_version=value["resourceVersion"],
        found=Found(value["found"]),
    )


def fault_to_wire(fault: Fault) -> JsonObject:
    """`{path, line, column, code, message, object}`; `object` is null where none could be named."""
    return place_to_wire(fault.place) | {
        "code": fault.code,
        "message": fault.message,
        "object": None if fault.id is None else identity_to_wire(fault.id),
    }
