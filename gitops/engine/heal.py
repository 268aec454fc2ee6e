"""Drift: found from watch events, repaired at once, then ever more slowly, then left contested.

`Healer.on_changed` runs on the watch thread and only judges; repairs are jobs of the dispatcher.
"""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial

from gitops.core.diff.drift import drift_policy
from gitops.core.planning.retry import HEAL_WINDOW, heal_backoff, is_contested
from gitops.engine.declaring.deleting import DELETE, DeleteOptions, may_end
from gitops.engine.facts.registry import Refusal, Runtime
from gitops.engine.lanes.parts import Parts
from gitops.engine.planning.compare import PlanRequest
from gitops.engine.planning.sentences import fault_text, tell_touched
from gitops.engine.standing.drifting import DriftLog
from gitops.engine.standing.explaining import Explainer
from gitops.engine.standing.leftovers import Leftovers
from gitops.engine.syncing.request import SyncRequest, SyncResult
from gitops.model.application import Drift
from gitops.model.objects import ObjectId
from gitops.model.revision import Revision, RevisionKind, RevisionState, Trigger, TriggerKind

CHECK = "check"


class Healer:
    """Finds and repairs drift of objects that an application owns."""

    def __init__(
        self,
        parts: Parts,
        called_off: Callable[[Runtime], Callable[[], str]],
        after: Callable[[Runtime, SyncResult], None],
    ) -> None:
        self._parts = parts
        self._called_off = called_off
        self._after = after
        self.explainer = Explainer(parts)
        self.leftovers = Leftovers(parts)
        self.log = DriftLog(parts)

    def on_changed(self, identities: Collection[ObjectId]) -> None:
        """Judge objects that changed; ask for a heal where one drifted."""
        touched: dict[str, Runtime] = {}
        for identity in identities:
            claim = self._parts.inventory.get(identity)
            runtime = self._parts.registry.find(claim.application) if claim else None
            if claim is None or runtime is None:
                continue
            self._parts.judge.judge(runtime, claim)
            touched[runtime.name] = runtime
        for runtime in touched.values():
            self._tell(runtime)
            self.explainer.notice(runtime, identities)
            if not runtime.syncing:
                self.schedule(runtime)
            if self.leftovers.is_lost(runtime, identities):
                trigger = Trigger(TriggerKind.DRIFT, evidence="what required pruning is gone")
                self._parts.dispatcher.request(runtime.name, CHECK, trigger)
            if may_end(self._parts, runtime):
                trigger = Trigger(TriggerKind.DRIFT, evidence="what kept it from going is gone")
                self._parts.dispatcher.request(
                    runtime.name, DELETE, trigger, options=DeleteOptions()
                )

    def _tell(self, runtime: Runtime) -> None:
        """Tell a new health; whoever depends on the application looks again."""
        if not self._parts.judge.tell(runtime):
            return
        trigger = Trigger(TriggerKind.DEPENDENCY, evidence=runtime.name)
        for other in self._parts.registry.dependants(runtime.name):
            self._parts.dispatcher.request(other.name, CHECK, trigger)

    def schedule(self, runtime: Runtime) -> None:
        """Ask for the repair of what drifted, at once or after its back-off."""
        heals = drift_policy(runtime.application) is Drift.HEAL
        news = self.log.has_news(runtime)
        if not runtime.drifted or not (heals or news):
            return
        if self._parts.states.get(runtime.name).suspended:
            return
        now = self._parts.clock.monotonic()
        due = min(self._due(runtime, i, now) for i in runtime.drifted) if heals else 0.0
        evidence = ", ".join(i.title for i in sorted(runtime.drifted))
        self._parts.dispatcher.request(
            runtime.name,
            CHECK,
            Trigger(TriggerKind.DRIFT, evidence=evidence),
            delay_s=max(0.0, due),
        )

    def _due(self, runtime: Runtime, identity: ObjectId, now: float) -> float:
        """Seconds until an object may be healed again; 0 or less is now."""
        window = HEAL_WINDOW.total_seconds()
        heals = [t for t in runtime.heals.get(identity, []) if now - t < window]
        runtime.heals[identity] = heals
        times = [*heals, *runtime.refusals.get(identity, Refusal()).times]
        if not times:
            return 0.0
        return max(times) + heal_backoff(len(times) - 1).total_seconds() - now

    def heal(self, runtime: Runtime, trigger: Trigger) -> SyncResult | None:
        """Repair drift of single objects; never a full sync, no hooks.

        What the API server refuses of it stops no other, and is tried again ever more slowly.
        None where nothing is due.
        """
        now = self._parts.clock.monotonic()
        due = {i for i in runtime.drifted if self._due(runtime, i, now) <= 0}
        due -= self._contest(runtime, due)
        address, due = self._one_address(due)
        if not due:
            return None
        if trigger.kind is not TriggerKind.DRIFT:
            evidence = ", ".join(i.title for i in sorted(due))
            trigger = Trigger(TriggerKind.DRIFT, trigger.actor, evidence)
        plan = PlanRequest(
            runtime.application,
            self._parts.loader.documents.load(address),
            self._parts.states.get(runtime.name).synced_digest,
            None,
            only=frozenset(due),
        )
        actual = self._parts.actual
        before = {i: live for i in due if (live := actual.get(i)) is not None}
        notes = partial(self.log.notes, before=before)
        result = self._parts.run(
            runtime,
            SyncRequest(
                plan,
                RevisionKind.HEAL,
                trigger,
                address,
                called_off=self._called_off(runtime),
                wait_for_health=False,
                join=self._joinable(runtime, due),
                seen=lambda found, number: self.log.keep_repairs(
                    runtime.name, notes(found), number
                ),
                remark=lambda found: tell_touched(notes(found)),
            ),
        )
        number = result.revision.number if result.revision else None
        self.log.tell_repairs(runtime.name, notes(result.plan), number)
        refused = self._refuse(runtime, result, now)
        for identity in due - refused:
            runtime.refusals.pop(identity, None)
            runtime.heals.setdefault(identity, []).append(now)
        self._after(runtime, result)
        return result

    def _refuse(self, runtime: Runtime, result: SyncResult, now: float) -> set[ObjectId]:
        """Note what the API server refused to have repaired; told once a reason."""
        window = HEAL_WINDOW.total_seconds()
        found = {fault.id: fault_text(fault) for fault in result.plan.faults if fault.id}
        for identity, message in found.items():
            known = runtime.refusals.get(identity, Refusal())
            times = (*(t for t in known.times if now - t < window), now)
            runtime.refusals[identity] = Refusal(message, times)
            if message != known.message:
                self._parts.events.publish(runtime.name, "problem", message, object=str(identity))
        return set(found)

    def _one_address(self, due: set[ObjectId]) -> tuple[str, set[ObjectId]]:
        """Those of the drifted objects that were applied from one stored list of manifests."""
        addresses = {}
        for identity in due:
            claim = self._parts.inventory.get(identity)
            if claim is not None and claim.manifest:
                addresses[identity] = claim.manifest
        if not addresses:
            return "", set()
        address = Counter(sorted(addresses.values())).most_common(1)[0][0]
        return address, {i for i, a in addresses.items() if a == address}

    def _contest(self, runtime: Runtime, due: set[ObjectId]) -> set[ObjectId]:
        """Objects that somebody keeps changing: named, and no longer healed."""
        tired = {i for i in due if is_contested(len(runtime.heals.get(i, [])))}
        for identity in sorted(tired):
            claim = self._parts.inventory.get(identity)
            if claim is None or claim.contested:
                continue
            manager = self._parts.judge.rival(identity) or "somebody else"
            self._parts.inventory.keep([replace(claim, contested=manager)])
            runtime.drifted.discard(identity)
            self._parts.events.publish(
                runtime.name,
                "contested",
                f"{identity.title} is changed by {manager} again and again; it is left alone",
                object=str(identity),
            )
        return tired

    def _joinable(self, runtime: Runtime, due: set[ObjectId]) -> Revision | None:
        """The newest revision, if it is a heal of the same objects within the window."""
        newest = self._parts.store.revisions(runtime.name, limit=1)
        if not newest or newest[0].kind is not RevisionKind.HEAL:
            return None
        last = self._parts.store.revision(runtime.name, newest[0].number)
        recent = (
            last.finished_at is not None
            and self._parts.clock.now() - last.finished_at < HEAL_WINDOW
        )
        same = {outcome.id for outcome in last.outcomes} == due
        return last if recent and same and last.state is RevisionState.SUCCEEDED else None
