"""Plans as JSON: what `gitops plan`, a dry run and the API show, and what a held plan is kept as.

`plan_to_wire` gives the contract. `full` adds what carrying it out needs (bodies, patches, hooks);
that is for the store only, for it holds the bodies as they will be sent, Secrets included.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from gitops.model.diff import ActionKind, Diff
from gitops.model.objects import Manifest, ObjectId
from gitops.model.plan import Action, DeletePolicy, Fault, Found, Hook, Phase, Plan
from gitops.wire.diff import changes_to_wire, field_from_wire
from gitops.wire.values import (
    JsonObject,
    canonical,
    identity_from_wire,
    identity_to_wire,
    place_from_wire,
    place_to_wire,
    versioned_from_wire,
    versioned_to_wire,
)

PHASES: dict[str, Phase] = {phase.title: phase for phase in Phase}


def plan_to_wire(plan: Plan, *, full: bool = False) -> JsonObject:
    """`{application, commit, digest, actions, faults, warnings}`; actions in execution order."""
    return {
        "application": plan.application,
        "commit": plan.commit,
        "digest": plan.digest or None,
        "actions": [action_to_wire(action, full=full) for action in plan.actions],
        "faults": [fault_to_wire(fault) for fault in plan.faults],
        "warnings": list(plan.warnings),
    }


def plan_from_wire(value: Mapping[str, Any]) -> Plan:
    """The plan that `plan_to_wire` wrote; it can be carried out where it was written in full."""
    return Plan(
        application=value["application"],
        digest=value["digest"] or "",
        actions=tuple(action_from_wire(action) for action in value["actions"]),
        commit=value["commit"],
        faults=tuple(fault_from_wire(fault) for fault in value["faults"]),
        warnings=tuple(value["warnings"]),
    )


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


def action_to_wire(action: Action, *, full: bool = False) -> JsonObject:
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
    return value | _execution_to_wire(action) if full else value


def action_from_wire(value: Mapping[str, Any]) -> Action:
    """The action that `action_to_wire` wrote."""
    identity, api_version = versioned_from_wire(value)
    return Action(
        kind=ActionKind(value["action"]),
        id=identity,
        api_version=api_version,
        wave=value["wave"],
        phase=PHASES[value["phase"]],
        reason=value["reason"],
        held=value["held"],
        diff=_diff_from_wire(value, identity, api_version),
        desired=_manifest_from_wire(value.get("desired")),
        uid=value["uid"],
        resource_version=value["resourceVersion"],
        hook=_hook_from_wire(value.get("hook")),
        found=Found(value["found"]),
        removals=tuple(value.get("removals", ())),
        take_over=tuple(value.get("takeOver", ())),
        keep_replicas=value.get("keepReplicas", False),
        options=frozenset(value.get("options", ())),
        digest=value.get("desiredDigest", ""),
    )


def fault_to_wire(fault: Fault) -> JsonObject:
    """`{path, line, column, code, message, object}`; `object` is null where none could be named."""
    return place_to_wire(fault.place) | {
        "code": fault.code,
        "message": fault.message,
        "object": None if fault.id is None else identity_to_wire(fault.id),
    }


def fault_from_wire(value: Mapping[str, Any]) -> Fault:
    """The fault that `fault_to_wire` wrote."""
    identity = value["object"]
    return Fault(
        code=value["code"],
        message=value["message"],
        id=None if identity is None else identity_from_wire(identity),
        place=place_from_wire(value),
    )


def _execution_to_wire(action: Action) -> JsonObject:
    diff, hook = action.diff, action.hook
    return {
        "diff": None if diff is None else _diff_rest(diff),
        "desired": None if action.desired is None else _manifest_to_wire(action.desired),
        "hook": None if hook is None else _hook_to_wire(hook),
        "removals": list(action.removals),
        "takeOver": list(action.take_over),
        "keepReplicas": action.keep_replicas,
        "options": sorted(action.options),
        "desiredDigest": action.digest,
    }


def _diff_rest(diff: Diff) -> JsonObject:
    return {"action": diff.action.value, "predicted": diff.predicted}


def _diff_from_wire(value: Mapping[str, Any], identity: ObjectId, api_version: str) -> Diff | None:
    kept = value.get("diff", {"action": value["action"], "predicted": None})
    if kept is None:
        return None
    return Diff(
        id=identity,
        api_version=api_version,
        action=ActionKind(kept["action"]),
        fields=tuple(field_from_wire(change) for change in value["fields"]),
        patch=tuple(value["patch"]),
        changes=tuple(value["changes"]),
        predicted=kept["predicted"],
    )


def _manifest_to_wire(manifest: Manifest) -> JsonObject:
    return {
        "id": identity_to_wire(manifest.id),
        "body": manifest.body,
        **place_to_wire(manifest.place),
    }


def _manifest_from_wire(value: Mapping[str, Any] | None) -> Manifest | None:
    if value is None:
        return None
    return Manifest(identity_from_wire(value["id"]), value["body"], place_from_wire(value))


def _hook_to_wire(hook: Hook) -> JsonObject:
    return {
        "phases": [phase.title for phase in hook.phases],
        "deletePolicies": [policy.value for policy in hook.delete_policies],
    }


def _hook_from_wire(value: Mapping[str, Any] | None) -> Hook | None:
    if value is None:
        return None
    return Hook(
        tuple(PHASES[phase] for phase in value["phases"]),
        tuple(DeletePolicy(policy) for policy in value["deletePolicies"]),
    )
