"""What an application owns, Git no longer has, and nobody pruned: it requires pruning.

As in Argo CD, such an application is OutOfSync until its objects go, and is not synced again for
it; an object annotated `compare-options: IgnoreExtraneous` is shown and does not count. What is
left is not healed either. Called by the reconciler, the healer and the status.
"""

from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256
from typing import Any

from gitops.core.planning.guards import Allowed, GuardContext, pruning_is_off
from gitops.core.planning.sync_options import is_extraneous_by_wish
from gitops.engine.facts.children import is_child
from gitops.engine.facts.desired import Desired
from gitops.engine.facts.registry import Runtime
from gitops.engine.lanes.parts import Parts
from gitops.model.application import Application
from gitops.model.diff import ActionKind
from gitops.model.objects import Manifest, ObjectId
from gitops.model.plan import Action, Plan
from gitops.ports import Claim


class Leftovers:
    """Keeps `Runtime.left`: objects with the reason why they were not pruned."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def claims(self, runtime: Runtime, desired: Desired) -> list[Claim]:
        """What the application owns and Git no longer has, in order of identity."""
        owned = self._parts.inventory.of(runtime.name)
        if not owned or not desired.address or self._nothing_is_left(owned, desired):
            return []
        wanted = {manifest.id for manifest in self._parts.loader.documents.load(desired.address)}
        return [claim for claim in owned if claim.id not in wanted]

    def _nothing_is_left(self, owned: Sequence[Claim], desired: Desired) -> bool:
        """Whether the sync that applied this has found all in Git, and nothing was claimed since.

        Spares a restart the manifests of every application.
        """
        state = self._parts.states.get(owned[0].application)
        return state.synced_digest == desired.digest and state.owned == _digest(owned)

    def synced(self, runtime: Runtime, desired: Desired) -> dict[str, Any]:
        """What an application's state says of a full sync that ended well."""
        left = self.claims(runtime, desired)
        owned = "" if left else _digest(self._parts.inventory.of(runtime.name))
        return {"synced_digest": desired.digest, "owned": owned}

    def take(self, runtime: Runtime, desired: Desired, plan: Plan) -> None:
        """Note what a full sync has left, with the reasons that its plan gave."""
        told = {a.id: a.held or "" for a in plan.actions if a.kind is ActionKind.DELETE}
        self._note(runtime, desired, told)

    def recount(self, runtime: Runtime) -> None:
        """Leave out what a selective sync has pruned of what was left."""
        owned = {claim.id for claim in self._parts.inventory.of(runtime.name)}
        if runtime.left is not None:
            runtime.left = {i: why for i, why in runtime.left.items() if i in owned}

    def see(self, runtime: Runtime, desired: Desired) -> None:
        """Note what is left of what stands as desired; give up what somebody else deleted."""
        state = self._parts.states.get(runtime.name)
        if desired.digest != state.synced_digest or state.pin is not None:
            runtime.left = None
            return
        if runtime.left is None:
            self._note(runtime, desired, {})
        gone = self._gone(runtime)
        if gone:
            self._parts.inventory.release(runtime.name, gone)
            self._note(runtime, desired, runtime.left or {})
            self._parts.judge.survey(runtime)

    def _note(self, runtime: Runtime, desired: Desired, told: dict[ObjectId, str]) -> None:
        why = _policy(runtime.application)
        left = self.claims(runtime, desired)
        runtime.left = {claim.id: told.get(claim.id) or why for claim in left}
        runtime.drifted.difference_update(runtime.left)

    def _gone(self, runtime: Runtime) -> list[ObjectId]:
        """What is left no more; a GET tells where the watch alone cannot."""
        actual = self._parts.actual
        left = [
            claim
            for claim in self._parts.inventory.of(runtime.name)
            if claim.id in (runtime.left or ()) and not is_child(claim.id)
        ]
        actual.settle({claim.id: claim.api_version for claim in left})
        return [
            claim.id
            for claim in left
            if actual.get(claim.id) is None and actual.is_listed(claim.id.group_kind)
        ]

    def is_lost(self, runtime: Runtime, changed: Collection[ObjectId]) -> bool:
        """Whether something that was left may be gone now."""
        if not runtime.left:
            return False
        actual = self._parts.actual
        left = set(runtime.left) & set(changed)
        return any(actual.get(i) is None or actual.is_suspect(i) for i in left)


def counted(parts: Parts, runtime: Runtime) -> Mapping[ObjectId, str]:
    """What is left and makes the application OutOfSync: all but what asks not to count."""
    return {i: why for i, why in (runtime.left or {}).items() if not _is_ignored(parts, i)}


def _is_ignored(parts: Parts, identity: ObjectId) -> bool:
    live = parts.actual.get(identity)
    return live is not None and is_extraneous_by_wish(Manifest(identity, live.decode()))


def _digest(owned: Sequence[Claim]) -> str:
    """Names which objects these are."""
    return sha256("\n".join(str(claim.id) for claim in owned).encode()).hexdigest()[:32]


def _policy(application: Application) -> str:
    """Why an application's policy prunes nothing, or ""."""
    prune = Action(ActionKind.DELETE, ObjectId("", "", "", ""), "")
    verdict = pruning_is_off(prune, GuardContext(application))
    return "" if isinstance(verdict, Allowed) else verdict.reason
