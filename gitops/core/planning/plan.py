"""From one object's desired, actual and last-applied to the action that a plan holds. Pure.

`engine/planning/compare.py` gathers subjects, asks the server what cannot be decided here, and lets
these functions decide. The ways in order: what is remembered of the last apply, the local three-way
diff, the answer to a dry-run.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from gitops.core.autoscaling import owns_replicas
from gitops.core.diff.admission import is_answered, overruled
from gitops.core.diff.diff import compare, diff, is_equal, removals
from gitops.core.diff.ignore import DiffOptions
from gitops.core.diff.unchanged import without_unchanged
from gitops.core.manifests.scope import CRD, NAMESPACE
from gitops.core.ownership.marks import is_marked, tracked_by
from gitops.core.ownership.owners import LastApplied
from gitops.core.ownership.ownership import take_over
from gitops.core.ownership.projection import own_entry
from gitops.core.planning.hooks import wave_of
from gitops.core.planning.sync_options import is_left_alone, is_on, merge_options, options_of
from gitops.core.schema.shapes import Shapes
from gitops.model.diff import ActionKind, Diff
from gitops.model.objects import Body, Live, Manifest, ObjectId
from gitops.model.plan import Action, Fault, Found, Hold, Hook, Phase

UNCLAIMED = "gitops.dev/unclaimed"
"""An option of ours: the object is created and then nobody's, as CreateNamespace=true has it."""

IN_PLACE = frozenset({NAMESPACE, CRD})
"""Kinds that are never deleted to be created again: everything in them would go too."""

MAX_MANAGER = 128
"""Characters that the API server takes as a field manager's name."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered of an object's last apply; digests are "" where there was none.

    `address` is where the manifests applied last lie; `manifest` is this object's, once it is read.
    `uid` is that of the object applied to: another object of the name has to be looked at.
    """

    desired_digest: str = ""
    answer_digest: str = ""
    contested: str = ""
    address: str = ""
    uid: str = ""
    manifest: Body | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """One desired object with all that is known of it.

    `stamped` is what apply would send, `digest` its digest. `live` is None where the object is not
    known to exist; `live_digest` is the digest of what we own on it. `child` is an Application;
    `resumed` is a hook that an interrupted sync started for the same desired state.
    """

    manifest: Manifest
    stamped: Body
    digest: str
    live: Live | None = None
    live_digest: str = ""
    memory: Memory | None = None
    phase: Phase = Phase.SYNC
    wave: int = 0
    hook: Hook | None = None
    options: frozenset[str] = frozenset()
    deferred: str = ""
    autoscaler: str = ""
    child: bool = False
    resumed: bool = False

    @property
    def id(self) -> ObjectId:
        """The object's identity."""
        return self.manifest.id

    def comparing(self, options: DiffOptions) -> DiffOptions:
        """An application's options; replicas are an autoscaler's where the object has one."""
        replicas = bool(self.autoscaler)
        known = options.ignore_replicas == replicas
        return options if known else replace(options, ignore_replicas=replicas)

    def action(self, kind: ActionKind, **facts: Any) -> Action:
        """An action on this object."""
        return Action(
            kind,
            self.id,
            self.manifest.api_version,
            self.wave,
            self.phase,
            desired=replace(self.manifest, body=self.stamped),
            hook=self.hook,
            options=self.options,
            digest=self.digest,
            **facts,
        )


def settle_by_memory(subject: Subject) -> Action | None:
    """None unless what was applied last is still desired and still stands."""
    memory, live = subject.memory, subject.live
    if memory is None or live is None or live.deleting:
        return None
    if memory.contested:
        reason = f"contested: {memory.contested} keeps changing it"
        if memory.desired_digest == subject.digest:
            return subject.action(ActionKind.NONE, reason=reason, found=Found.REMEMBERED)
        return None
    same = memory.desired_digest == subject.digest and memory.answer_digest == subject.live_digest
    if not (same and memory.answer_digest and memory.uid in ("", live.uid)):
        return None
    return subject.action(ActionKind.NONE, found=Found.REMEMBERED, uid=live.uid)


def settle_by_wish(subject: Subject, live: Body | None) -> Action | None:
    """None unless the object is to be left as it is; `live` is what stands there.

    `Reconcile=false` counts on the manifest and on the live object, `CreateOnly=true` where there
    is one.
    """
    if subject.hook is not None or subject.child:
        return None
    if "Reconcile=false" in subject.options:
        held = "it is left alone (Reconcile=false)"
        return subject.action(ActionKind.NONE, reason=held, held=held, hold=Hold.SKIPPED)
    if live is None or (live.get("metadata") or {}).get("deletionTimestamp"):
        return None
    if is_left_alone(Manifest(subject.id, live)):
        reason = "an annotation of the live object leaves it alone"
    elif is_on(subject.options, "CreateOnly"):
        reason = "it exists, and is never changed (CreateOnly=true)"
    else:
        return None
    facts: dict[str, Any] = {"reason": reason, "uid": (live.get("metadata") or {}).get("uid")}
    if tracked_by(live) != _application(subject):  # nobody waits for the health of what is not ours
        facts |= {"held": reason, "hold": Hold.SKIPPED}
    return subject.action(ActionKind.NONE, **facts)


def settle_locally(subject: Subject, shapes: Shapes, options: DiffOptions) -> Action | None:
    """None unless a three-way diff that the live object's own entry decides finds nothing."""
    live = subject.live
    if live is None or live.deleting or subject.hook is not None:
        return None
    body = live.decode()
    last = last_applied(subject, body)
    if own_entry(body) is None or live.api_version != subject.manifest.api_version:
        return None
    if not is_marked(body, subject.stamped):
        return None
    options = subject.comparing(options)
    desired, actual = _to_compare(subject, body, options)
    if not is_equal(desired, actual, last, shapes, options):
        return None
    return subject.action(
        ActionKind.NONE, found=Found.LOCAL, uid=live.uid, resource_version=live.resource_version
    )


def _to_compare(subject: Subject, live: Body, options: DiffOptions) -> tuple[Body, Body]:
    """Desired and actual as far as they can differ: rules may look at any field."""
    memory = subject.memory
    if memory is None or memory.manifest is None or options.matching(subject.id, subject.stamped):
        return subject.stamped, live
    if not memory.answer_digest or memory.answer_digest != subject.live_digest:
        return subject.stamped, live
    return without_unchanged(subject.stamped, live, memory.manifest)


def last_applied(subject: Subject, actual: Body) -> LastApplied:
    """What we applied last: our entry on the live object and the stored manifest, united."""
    return LastApplied.of(actual, subject.memory.manifest if subject.memory else None)


def create(subject: Subject, predicted: Body | None, shapes: Shapes) -> Action:
    """A creation; `predicted` is the dry-run's answer, None where it was deferred."""
    found = Found.DRY_RUN if predicted is not None else Found.DEFERRED
    shown = diff(subject.stamped, None, None, shapes)
    reason = subject.deferred or ("never applied" if subject.memory is None else "missing")
    return subject.action(ActionKind.CREATE, reason=reason, found=found, diff=shown)


def change_later(subject: Subject, live: Live, shapes: Shapes, options: DiffOptions) -> Action:
    """A change that the server cannot foresee before an earlier part of the same sync is made."""
    body = live.decode()
    last, options = last_applied(subject, body), subject.comparing(options)
    shown = diff(subject.stamped, body, last, shapes, options)
    kind = shown.action if shown.modified else ActionKind.CONFIGURE
    return subject.action(
        kind,
        reason=subject.deferred,
        found=Found.DEFERRED,
        diff=shown,
        uid=live.uid,
        last_applied=last,
        comparing=options,
        keep_replicas=bool(subject.autoscaler) and owns_replicas(body),
    )


def later(subject: Subject, shapes: Shapes, options: DiffOptions) -> Action:
    """What is decided of an object when its wave comes: a creation, or a change."""
    if subject.live is None:
        return create(subject, None, shapes)
    return change_later(subject, subject.live, shapes, options)


def settle_by_answer(
    subject: Subject, live: Body, answer: Body, shapes: Shapes, options: DiffOptions
) -> Action:
    """The action that a dry-run's answer stands for, removals that apply cannot do included."""
    last = last_applied(subject, live)
    options = subject.comparing(options)
    gone = removals(subject.stamped, answer, last, shapes, options)
    found = compare(live, answer, last, shapes, options, gone)
    metadata = live.get("metadata") or {}
    facts = {
        "uid": metadata.get("uid"),
        "resource_version": metadata.get("resourceVersion"),
        "found": Found.DRY_RUN,
        "diff": found,
    }
    given = _given_by(subject, live)
    if not given and (subject.memory is None or not subject.memory.desired_digest):
        return _adoption(subject, live, found, facts | {"comparing": options})
    if not given and not found.modified:
        same = is_answered(subject.stamped, answer)
        otherwise = "" if same else overruled(subject.stamped, answer, shapes)
        return subject.action(ActionKind.NONE, reason=otherwise, **facts)
    kind = found.action if found.modified else ActionKind.CONFIGURE
    reason = given or ("desired has changed" if _is_new(subject) else "drifted")
    keeps = bool(subject.autoscaler) and owns_replicas(live)
    return subject.action(kind, reason=reason, removals=gone, keep_replicas=keeps, **facts)


def _given_by(subject: Subject, live: Body) -> str:
    """That another application has handed the object over, as a sentence; "" where none has.

    It is claimed, was not applied since, and is the same object: not another one of its name.
    """
    memory, owner = subject.memory, tracked_by(live)
    if memory is None or memory.desired_digest or owner == _application(subject):
        return ""
    if not memory.uid or memory.uid != (live.get("metadata") or {}).get("uid"):
        return ""
    return (f'the application "{owner}"' if owner else "another application") + " handed it over"


def _is_new(subject: Subject) -> bool:
    return subject.memory is None or subject.memory.desired_digest != subject.digest


def _adoption(subject: Subject, live: Body, found: Diff, facts: dict[str, Any]) -> Action:
    """An object that exists and was never applied by us."""
    owner = tracked_by(live)
    if owner is not None and _application(subject) == owner:
        kind = found.action if found.modified else ActionKind.NONE
        return subject.action(kind, reason="applied before, and not remembered", **facts)
    facts["diff"] = replace(found, action=ActionKind.ADOPT)
    migrates = is_on(subject.options, "ClientSideApplyMigration", default=True)
    return subject.action(
        ActionKind.ADOPT,
        reason="exists already and is not managed",
        take_over=tuple(take_over(live)) if migrates else (),
        last_applied=last_applied(subject, live) if migrates else None,
        keep_replicas=bool(subject.autoscaler),
        **facts,
    )


def _application(subject: Subject) -> str:
    return tracked_by(subject.stamped) or ""


def replacement(subject: Subject, live: Body, error_message: str) -> Action | Fault:
    """What an immutable field means: a replacement where the manifest allows it, else a fault."""
    allowed = {"Replace=true", "Force=true"} & subject.options
    in_place = subject.id.group_kind in IN_PLACE
    if in_place or not allowed:
        remedy = (
            f"a {subject.id.kind} is never deleted for it, with all that it holds"
            if in_place
            else "delete the object, or annotate it with "
            '"gitops.dev/sync-options: Replace=true" to have it deleted and created again'
        )
        message = f"{error_message}; {remedy}"
        return Fault("immutable", message, subject.id, subject.manifest.place)
    metadata = live.get("metadata") or {}
    return subject.action(
        ActionKind.REPLACE,
        reason=f"a field that cannot be changed in place ({min(allowed)})",
        uid=metadata.get("uid"),
        resource_version=metadata.get("resourceVersion"),
        found=Found.DRY_RUN,
    )


def deletion(identity: ObjectId, live: Live, reason: str, options: Iterable[str] = ()) -> Action:
    """The deletion of an object that is no longer desired; `options` are its application's."""
    found = Diff(
        identity,
        live.api_version,
        ActionKind.DELETE,
        (),
        ({"op": "remove", "path": ""},),
        (f"delete {identity.title}",),
        None,
    )
    manifest = Manifest(identity, live.decode())
    return Action(
        ActionKind.DELETE,
        identity,
        live.api_version,
        wave_of(manifest),
        reason=reason,
        options=merge_options(options_of(manifest), options),
        diff=found,
        uid=live.uid,
        resource_version=live.resource_version,
    )


def is_claimed(action: Action) -> bool:
    """Whether an object becomes the application's own: hooks and `UNCLAIMED` ones do not."""
    return action.hook is None and UNCLAIMED not in action.options


def unclaimed_manager(application: str) -> str:
    """The field manager of what an application changes on objects that stay nobody's."""
    return f"gitops-{application}"[:MAX_MANAGER]


def remark(action: Action) -> str:
    """What people should know of an action besides its changes, or ""."""
    changes = action.diff.changes if action.diff else ()
    renews = any(change.startswith("image ") for change in changes)
    exists = action.uid is not None and action.kind is not ActionKind.REPLACE
    if action.id.group == "" and action.id.kind == "ReplicationController" and renews and exists:
        return "existing pods keep the old image until replaced"
    return ""
