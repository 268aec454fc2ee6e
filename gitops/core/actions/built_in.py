"""The actions that kinds of Kubernetes have: one table, one small function each.

In: an object as it lives, and what was given. Out: why an action cannot be run now, and the object
as it is to be. Called by `engine/orders/acting.py`. Names and effects are those of `kubectl
rollout`, `kubectl scale` and `kubectl create job --from`, and of Argo CD's own actions.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gitops.core.pointers import value_at
from gitops.errors import InputError
from gitops.model.acting import Effect, Given, Offer
from gitops.model.objects import Body, GroupKind

RESTARTED_AT: Final = "kubectl.kubernetes.io/restartedAt"
INSTANTIATE: Final = "cronjob.kubernetes.io/instantiate"
REPLICAS: Final = ("spec", "replicas")
MAX_NAME: Final = 63
"""Letters of a Job's name, which its pods carry as a label."""
INT32: Final = 2**31


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """One action: `why_not` tells why it cannot be run now, "" where it can; `run` makes it."""

    name: str
    run: Callable[[Body, Given], Effect]
    why_not: Callable[[Body], str] = lambda _body: ""
    params: tuple[str, ...] = ()

    def offer(self, body: Body) -> Offer:
        """The action as an object has it now."""
        return Offer(self.name, self.why_not(body), self.params)


def built_in(kind: GroupKind, replicas: Sequence[str] = ()) -> Mapping[str, BuiltIn]:
    """The actions of a kind by name.

    `replicas` is where a custom kind with a scale subresource keeps its count; () for the others.
    """
    if replicas:
        return {"scale": scaling(tuple(replicas))}
    return {action.name: action for action in _TABLE.get(kind, ())}


# --- workloads ------------------------------------------------------------------------------------


def scaling(path: tuple[str, ...]) -> BuiltIn:
    """The action that sets a count of replicas at a path."""

    def scale(body: Body, given: Given) -> Effect:
        return Effect(placed(body, path, _count(given.params["replicas"])))

    return BuiltIn("scale", scale, params=("replicas",))


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text[:11]) < INT32 and len(text) <= 11):  # noqa: PLR2004 - digits of a number of 32 bits, with one to spare
        raise InputError(
            f'"{text[:40]}" is no number of replicas', remedy="write --param replicas=3"
        )
    return int(text)


def _restart(body: Body, given: Given) -> Effect:
    path = ("spec", "template", "metadata", "annotations", RESTARTED_AT)
    return Effect(placed(body, path, _moment(given)))


def _moment(given: Given) -> str:
    return given.now.strftime("%Y-%m-%dT%H:%M:%SZ")


def _is_on(body: Body, path: Sequence[str]) -> bool:
    return value_at(body, path) is True


def _already(path: Sequence[str], word: str) -> Callable[[Body], str]:
    """Why something cannot be switched on: it is."""
    return lambda body: f"it is {word} already" if _is_on(body, path) else ""


def _not_yet(path: Sequence[str], word: str) -> Callable[[Body], str]:
    """Why something cannot be switched off: it is not on."""
    return lambda body: "" if _is_on(body, path) else f"it is not {word}"


_PAUSED: Final = ("spec", "paused")
_paused_already, _not_paused = _already(_PAUSED, "paused"), _not_yet(_PAUSED, "paused")


def _while_paused(body: Body) -> str:
    why = "it is paused, and a rollout would wait; resume it first"
    return why if _is_on(body, _PAUSED) else ""


def _pause(body: Body, _given: Given) -> Effect:
    return Effect(placed(body, _PAUSED, value=True))


def _unpause(body: Body, _given: Given) -> Effect:
    return Effect(without(body, _PAUSED))


# --- jobs -----------------------------------------------------------------------------------------

_ENDS: Final = frozenset({"Complete", "Failed", "FailureTarget", "SuccessCriteriaMet"})
"""Conditions of a Job that has ended, or is about to (`batchv1.JobConditionType`)."""


_SUSPENDED: Final = ("spec", "suspend")
_suspended_already = _already(_SUSPENDED, "suspended")
_not_suspended = _not_yet(_SUSPENDED, "suspended")


def _ended(body: Body) -> str:
    conditions = value_at(body, ("status", "conditions"))
    for condition in conditions if isinstance(conditions, list) else ():
        ends = isinstance(condition, Mapping) and condition.get("type") in _ENDS
        if ends and condition.get("status") == "True":
            return "it has ended"
    return ""


def _suspend(body: Body, _given: Given) -> Effect:
    return Effect(placed(body, _SUSPENDED, value=True))


def _resume(body: Body, _given: Given) -> Effect:
    return Effect(placed(body, _SUSPENDED, value=False))


def _terminate(body: Body, given: Given) -> Effect:
    """What Kubernetes takes for a Job that must fail: its pods are ended, then it is Failed."""
    known = value_at(body, ("status", "conditions"))
    condition = {
        "type": "FailureTarget",
        "status": "True",
        "reason": "ManuallyTerminated",
        "message": "Job was terminated by hand",
        "lastTransitionTime": _moment(given),
    }
    conditions = [*(known if isinstance(known, list) else ()), condition]
    return Effect(placed(body, ("status", "conditions"), conditions), waits=False)


def _create_job(body: Body, given: Given) -> Effect:
    """A Job as `kubectl create job --from=cronjob/NAME` makes it, owned by the CronJob."""
    template = value_at(body, ("spec", "jobTemplate"))
    template = template if isinstance(template, Mapping) else {}
    metadata = body["metadata"]
    stamp = given.now.strftime("-%y%m%d%H%M%S")
    owner = {
        "apiVersion": body["apiVersion"],
        "kind": body["kind"],
        "name": metadata["name"],
        "uid": metadata.get("uid", ""),
        "controller": True,
        "blockOwnerDeletion": True,
    }
    labels = value_at(template, ("metadata", "labels"))
    annotations = value_at(template, ("metadata", "annotations")) or {}
    made = {
        "name": metadata["name"][: MAX_NAME - len(stamp)].rstrip("-.") + stamp,
        "namespace": metadata.get("namespace", ""),
        **({"labels": labels} if labels else {}),
        "annotations": {**annotations, INSTANTIATE: "manual"},
        "ownerReferences": [owner],
    }
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": made, "spec": template.get("spec")}
    return Effect(body, (job,))


# --- the table ------------------------------------------------------------------------------------

_RESTART: Final = BuiltIn("restart", _restart)
_SCALE: Final = scaling(REPLICAS)
_TABLE: Final[Mapping[GroupKind, tuple[BuiltIn, ...]]] = {
    GroupKind("apps", "Deployment"): (
        BuiltIn("restart", _restart, _while_paused),
        BuiltIn("pause", _pause, _paused_already),
        BuiltIn("resume", _unpause, _not_paused),
        _SCALE,
    ),
    GroupKind("apps", "StatefulSet"): (_RESTART, _SCALE),
    GroupKind("apps", "DaemonSet"): (_RESTART,),
    GroupKind("apps", "ReplicaSet"): (_SCALE,),
    GroupKind("", "ReplicationController"): (_SCALE,),
    GroupKind("batch", "CronJob"): (
        BuiltIn("create-job", _create_job),
        BuiltIn("suspend", _suspend, _suspended_already),
        BuiltIn("resume", _resume, _not_suspended),
    ),
    GroupKind("batch", "Job"): (
        BuiltIn("suspend", _suspend, lambda body: _ended(body) or _suspended_already(body)),
        BuiltIn("resume", _resume, lambda body: _ended(body) or _not_suspended(body)),
        BuiltIn("terminate", _terminate, _ended),
    ),
}


def scale_path(definition: Body, version: str) -> tuple[str, ...]:
    """Where a custom kind keeps its count of replicas, by its definition; () without a scale.

    The API server takes a path in dots without brackets (`.spec.replicas`).
    """
    versions = value_at(definition, ("spec", "versions"))
    for one in versions if isinstance(versions, list) else ():
        if isinstance(one, Mapping) and one.get("name") == version:
            path = value_at(one, ("subresources", "scale", "specReplicasPath"))
            return tuple(path.strip(".").split(".")) if isinstance(path, str) else ()
    return ()


# --- bodies ---------------------------------------------------------------------------------------


def placed(body: Any, path: Sequence[str], value: Any) -> dict[str, Any]:
    """A copy with a value at a path of keys; what is missing on the way is made."""
    found = body if isinstance(body, Mapping) else {}
    key, *rest = path
    return {**found, key: placed(found.get(key), rest, value) if rest else value}


def without(body: Any, path: Sequence[str]) -> dict[str, Any]:
    """A copy without what is at a path of keys."""
    found = body if isinstance(body, Mapping) else {}
    key, *rest = path
    if not rest:
        return {name: inner for name, inner in found.items() if name != key}
    return {**found, key: without(found[key], rest)} if key in found else dict(found)
