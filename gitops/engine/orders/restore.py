"""Going back: rollbacks by hand and by itself, and the pins that keep an application there.

A rollback is a sync whose desired state is a past revision's stored manifests; nothing is rendered.
Called by the reconciler after a failed sync, and by `engine/operations.py` for people.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from gitops.core.planning.decide import rollback_target
from gitops.core.planning.served import tell_unserved
from gitops.engine.facts.children import is_child
from gitops.engine.facts.desired import Desired
from gitops.engine.facts.registry import Runtime
from gitops.engine.lanes.parts import Parts
from gitops.engine.planning.compare import PlanRequest
from gitops.engine.syncing.apply import End
from gitops.engine.syncing.recorder import RECENT
from gitops.engine.syncing.request import SyncRequest, SyncResult
from gitops.errors import ConflictError, GitopsError
from gitops.model.revision import (
    Pin,
    RecordKind,
    Revision,
    RevisionKind,
    RevisionState,
    Trigger,
    TriggerKind,
)
from gitops.ports import ApplicationState, TrailQuery

PINNING = frozenset({RevisionKind.ROLLBACK, RevisionKind.UNDELETE})
"""What brings an application somewhere where it stays."""


class Restorer:
    """Brings past revisions back and pins applications to them."""

    def __init__(self, parts: Parts, after: Callable[[Runtime, SyncResult], None]) -> None:
        self._parts = parts
        self._after = after

    def roll_back(self, runtime: Runtime, failed: Revision) -> None:
        """Go back by itself to the newest healthy revision that never failed, and stay."""
        number = failed.number
        bad = self._parts.states.get(runtime.name).quarantine | {failed.digest}
        target = rollback_target(self._parts.store.revisions(runtime.name), bad)
        if target is None:
            self._tell_impossible(runtime, number, "there is no healthy revision to go back to")
            return
        evidence = f"revision {number} failed: {failed.message}"
        trigger = Trigger(TriggerKind.HEALTH, "gitops", evidence)
        try:
            result = self.restore(runtime, target, trigger, failed=failed.digest)
        except GitopsError as error:
            self._tell_impossible(runtime, number, f"the rollback failed: {error}")
            return
        if not result.good:
            said = result.revision.message if result.revision else ""
            self._tell_impossible(runtime, number, f"the rollback failed too: {said}")

    def _tell_impossible(self, runtime: Runtime, number: int, why: str) -> None:
        runtime.held = f"revision {number} failed and {why}"
        self._parts.events.publish(
            runtime.name, "rollback-failed", runtime.held, revision=number or None
        )

    def resume(self, runtime: Runtime, desired: Desired) -> bool:
        """Go on where the process ended in, or right before, a rollback; False: nothing to do."""
        state = self._parts.states.get(runtime.name)
        pin, goes_back = state.pin, runtime.application.sync_policy.automatic_rollback
        stays = desired.digest == state.failed or not self._parts.states.follows(runtime)
        if pin is None and not (goes_back and state.failed and stays):
            return False
        history = self._parts.store.revisions(runtime.name, limit=RECENT)
        if pin is not None:
            cut_off = is_cut_off(pin, history) and not self._is_cancelled(runtime.name, pin)
            if pin.digest not in (None, desired.digest) or not cut_off:
                return False
            target = self._parts.store.revision(runtime.name, pin.revision)
            evidence = f"the rollback to revision {target.number} was interrupted"
            trigger = Trigger(TriggerKind.STARTUP, pin.actor, evidence)
            self._bring_back(runtime, target, trigger, automatic=pin.automatic)
            return True
        last = next((r for r in history if r.kind is not RevisionKind.ACTION), history[0])
        cut_off = last.kind is RevisionKind.SYNC and last.state is RevisionState.FAILED
        if not cut_off or last.partial or last.digest != state.failed:
            return False
        self.roll_back(runtime, last)
        return True

    def _is_cancelled(self, name: str, pin: Pin) -> bool:
        """Whether somebody wanted an end of what has run since the pin."""
        query = TrailQuery(application=name, kind=RecordKind.CANCEL, since=pin.at, limit=1)
        return next(iter(self._parts.store.trail(query)), None) is not None

    def restore(
        self, runtime: Runtime, target: Revision, trigger: Trigger, *, failed: str = ""
    ) -> SyncResult:
        """Bring a past revision back from its stored manifests, as a pin.

        `failed` is the digest of the attempt that an automatic rollback follows.
        Raises StoreError where the manifests cannot be read, ConflictError where the cluster no
        longer serves what they hold, ClusterError before any write.
        """
        self._parts.projects.check(runtime.application)
        self._refuse_unserved(target, automatic=bool(failed))
        self.pin(runtime, target, trigger, failed=failed)
        return self._bring_back(runtime, target, trigger, automatic=bool(failed))

    def _refuse_unserved(self, target: Revision, *, automatic: bool) -> None:
        """Ask the server anew: what was served when the revision was made may be gone."""
        stored = self._parts.loader.documents.load(target.manifests or "")
        objects = [manifest for manifest in stored if not is_child(manifest.id)]
        kinds = self._parts.cluster.kinds(fresh=True)
        unserved = tell_unserved(objects, kinds, automatic=automatic)
        if unserved:
            raise ConflictError(
                f"the cluster no longer serves {'; '.join(unserved)}",
                where=f"revision {target.number} of {target.application}",
                remedy="choose a later revision, or push manifests of a served version",
            )

    def _bring_back(
        self, runtime: Runtime, target: Revision, trigger: Trigger, *, automatic: bool
    ) -> SyncResult:
        manifests = self._parts.loader.documents.load(target.manifests or "")
        plan = PlanRequest(
            runtime.application,
            manifests,
            target.digest,
            target.commit.sha if target.commit else None,
            hooks=not automatic,
            rollback=automatic,
            prune=None if automatic else True,
        )
        result = self._parts.run(
            runtime,
            SyncRequest(
                plan,
                RevisionKind.ROLLBACK,
                trigger,
                target.manifests or "",
                target.commit,
                target.number,
                called_off=self._called_off,
                conclude=lambda end: self._conclude(runtime, target, end),
            ),
        )
        self._after(runtime, result)
        return result

    def _conclude(self, runtime: Runtime, target: Revision, end: End) -> ApplicationState | None:
        if end is not End.DONE:
            return None
        return replace(self._parts.states.get(runtime.name), synced_digest=target.digest)

    def _called_off(self) -> str:
        return "stopping" if self._parts.dispatcher.stopping.is_set() else ""

    def pin(
        self,
        runtime: Runtime,
        target: Revision,
        trigger: Trigger,
        *,
        failed: str = "",
        at: datetime | None = None,
    ) -> None:
        """Record that the application stays where it is brought, until desired changes.

        `failed` is the digest that was tried before, which need not be Git's; it is tried by itself
        no more. `at` is when it began, where that is over.
        """
        state = self._parts.states.get(runtime.name)
        held_back = state.digest or None
        pin = Pin(
            target.number,
            trigger.actor,
            at or self._parts.clock.now(),
            held_back,
            trigger.evidence,
            bool(failed),
        )
        quarantine = state.quarantine | {failed} if failed else state.quarantine
        self._record(
            replace(state, pin=pin, quarantine=quarantine),
            RecordKind.PIN,
            trigger.actor,
            {"digest": held_back, "automatic": pin.automatic, "reason": trigger.evidence},
        )
        self._parts.events.publish(
            runtime.name, "pin", f"pinned to revision {target.number}", revision=target.number
        )

    def unpin(self, runtime: Runtime, actor: str, reason: str) -> ApplicationState:
        """End the pin; by hand, what was quarantined may be tried again."""
        state = self._parts.states.get(runtime.name)
        changed = replace(state, pin=None)
        if actor != "gitops":
            changed = replace(changed, quarantine=frozenset(), failed="")
        self._record(changed, RecordKind.UNPIN, actor, {"reason": reason})
        self._parts.events.publish(runtime.name, "unpin", f"no longer pinned: {reason}")
        return changed

    def _record(
        self, state: ApplicationState, kind: RecordKind, actor: str, payload: dict[str, object]
    ) -> None:
        self._parts.store.append(
            kind,
            actor=actor,
            application=state.name,
            revision=state.pin.revision if state.pin else None,
            payload=payload,
            state=state,
        )
        self._parts.states.take(state)


def is_cut_off(pin: Pin, history: Sequence[Revision]) -> bool:
    """Whether what was pinned, by history (newest first), never began or never ended.

    Nothing else follows it before it has ended: where all that is looked at is newer, it did.
    """
    if len(history) >= RECENT and history[-1].started_at > pin.at:
        return False
    since = [r for r in history if r.kind in PINNING and r.started_at >= pin.at]
    return not since or since[0].state is RevisionState.INTERRUPTED
