"""The record of one attempt: opened before the first write, closed on every path.

Called by whatever makes a revision: syncs, resource actions, transfers, faults in what is desired.
What happens is kept in the store and told as an event.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256

import orjson

from gitops.core.planning.retry import may_pass
from gitops.engine.facts.desired import Desired
from gitops.engine.facts.events import EventLog
from gitops.engine.facts.inventory import Inventory, wanted
from gitops.engine.facts.masks import remember_rules
from gitops.engine.facts.states import States
from gitops.engine.planning.compare import Comparison
from gitops.engine.planning.sentences import summarise, tell_faults
from gitops.engine.syncing.copies import Copies
from gitops.engine.syncing.request import SyncRequest
from gitops.errors import ConflictError, StoreError
from gitops.model.objects import ObjectId
from gitops.model.plan import Plan
from gitops.model.revision import Outcome, Revision, RevisionKind, RevisionState, Trigger
from gitops.ports import ApplicationState, Claim, Clock, Store
from gitops.wire.plan import plan_to_wire

RECENT = 50
"""How many revisions are looked at for an attempt that was cut off."""


class Recorder:
    """Keeps revisions; one instance serves every application."""

    def __init__(
        self,
        keeping: tuple[Store, States, Inventory, Copies],
        events: EventLog,
        clock: Clock,
    ) -> None:
        self._store, self._states, self._inventory, self._copies = keeping
        self._events = events
        self._clock = clock
        self._left: dict[str, list[tuple[Revision, str]]] = {}

    def open(self, request: SyncRequest, comparison: Comparison) -> Revision:
        """Open the revision before the first write, with its plan and manifests kept."""
        plan = comparison.plan
        draft = Revision(
            application=plan.application,
            number=0,
            kind=request.kind,
            trigger=request.trigger,
            state=RevisionState.RUNNING,
            started_at=self._clock.now(),
            digest=plan.digest,
            commit=request.commit,
            summary=summarise(plan),
            source=request.source,
            partial=request.plan.only is not None and request.kind is RevisionKind.SYNC,
            selection=request.plan.selection,
            manifests=request.manifests or None,
        )
        with self._store.together():
            writes = not comparison.held and not comparison.refused
            draft = replace(draft, live=self._copies.keep(plan) if writes else None)
            remember_rules(self._store, request.plan.application, request.trigger.actor)
            revision = self._store.open_revision(self._with_plan(draft, comparison.masked))
            request.seen(comparison.masked, revision.number)
            if writes:
                with suppress(ConflictError):  # the attempt meets it again, and tells
                    self._inventory.take(plan.application, wanted(plan))
        return self._tell_opened(revision)

    def open_bare(self, name: str, kind: RevisionKind, trigger: Trigger) -> Revision:
        """Open a revision of which no plan is made."""
        draft = Revision(name, 0, kind, trigger, RevisionState.RUNNING, self._clock.now())
        return self._tell_opened(self._store.open_revision(draft))

    def open_action(self, masked: Plan, trigger: Trigger) -> Revision:
        """Open the revision of a resource action, with what it changes; it desires nothing."""
        draft = Revision(
            application=masked.application,
            number=0,
            kind=RevisionKind.ACTION,
            trigger=trigger,
            state=RevisionState.RUNNING,
            started_at=self._clock.now(),
            summary=summarise(masked),
        )
        with self._store.together():
            revision = self._store.open_revision(self._with_plan(draft, masked))
        return self._tell_opened(revision)

    def _with_plan(self, draft: Revision, masked: Plan) -> Revision:
        return replace(draft, diff=self._store.put(orjson.dumps(plan_to_wire(masked))))

    def _tell_opened(self, revision: Revision) -> Revision:
        self._events.publish(
            revision.application,
            "revision-opened",
            f"revision {revision.number} ({revision.kind}) by {revision.trigger.kind}",
            revision=revision.number,
            revision_kind=str(revision.kind),
        )
        return revision

    def close(
        self,
        revision: Revision,
        state: RevisionState,
        message: str,
        kept: ApplicationState | None = None,
    ) -> Revision:
        """Close the revision, and keep the application's new state, in one transaction."""
        revision = replace(revision, state=state, message=message, finished_at=self._clock.now())
        self._store.close_revision(revision, kept)
        if kept is not None:
            self._states.take(kept)
        self.tell_closed(revision)
        return revision

    def keep_ended(self, ended: Revision, kept: ApplicationState | None = None) -> Revision:
        """Open and close in one transaction what carries nothing out; returns it with its number.

        Nothing is told of it: the transaction may be part of another one.
        """
        draft = replace(ended, state=RevisionState.RUNNING, outcomes=(), message="")
        with self._store.together():
            number = self._store.open_revision(draft).number
            closed = replace(ended, number=number, finished_at=ended.started_at)
            self._store.close_revision(closed, kept)
        if kept is not None:
            self._states.take(kept)
        return closed

    def keep_fault(self, name: str, desired: Desired, message: str, trigger: Trigger) -> None:
        """A fault in desired is one failed revision for that content and error, not one a look."""
        commit, state = desired.commit, self._states.get(name)
        content = desired.reference or (commit.sha if commit else "")
        mark = "fault:" + sha256(f"{content}:{message}".encode()).hexdigest()
        if state.failed == mark:
            return
        now, failed = self._clock.now(), RevisionState.FAILED
        ended = Revision(name, 0, RevisionKind.SYNC, trigger, failed, now)
        ended = replace(ended, commit=commit, message=message)
        self.tell_closed(self.keep_ended(ended, replace(state, failed=mark)))

    def tell_closed(self, revision: Revision) -> None:
        """Tell how a revision ended, as an event."""
        state, message = revision.state, revision.message
        self._events.publish(
            revision.application,
            "revision-closed",
            f"revision {revision.number} {state}" + (f": {message}" if message else ""),
            revision=revision.number,
            state=str(state),
            revision_kind=str(revision.kind),
        )

    def close_failed(self, revision: Revision, message: str) -> None:
        """Close what ended in an error; where the store is full, later."""
        try:
            self.close(revision, RevisionState.FAILED, message)
        except StoreError:
            self._left.setdefault(revision.application, []).append((revision, message))

    def close_left(self, application: str) -> None:
        """Close what the store had no room to close; raises StoreError while it still has none."""
        left = self._left.get(application, [])
        while left:
            self.close(left[0][0], RevisionState.FAILED, left[0][1])
            left.pop(0)

    def failed_before(self, request: SyncRequest) -> Revision | None:
        """The newest attempt of this kind, where it has failed; else None."""
        last = self._store.newest_revision(request.plan.application.name, request.kind)
        return last if last is not None and last.state is RevisionState.FAILED else None

    def repeat(self, failed: Revision) -> Revision:
        """Count another attempt that ended, or would end, as this failed one did."""
        repeated = replace(failed, count=failed.count + 1, finished_at=self._clock.now())
        self._store.join_revision(repeated)
        return repeated

    def told(self, request: SyncRequest, comparison: Comparison) -> Revision | None:
        """The attempt in which the same refusal was recorded already, or None."""
        last = self.failed_before(request)
        if last is None:
            return None
        now = (comparison.plan.digest, tell_faults(comparison.masked.faults))
        same = now == (last.digest, last.message) and may_pass(comparison.plan.faults)
        return last if same else None

    def keep_learnt(self, request: SyncRequest, comparison: Comparison) -> None:
        """Keep what comparing has found out: what stands already, and what is gone already."""
        learnt = [replace(claim, manifest=request.manifests) for claim in comparison.learnt]
        if learnt:
            self._inventory.keep(learnt)
        self._inventory.release(comparison.plan.application, comparison.released)

    def keep_copies(self, revision: Revision, plan: Plan) -> Revision:
        """Keep what an attempt deletes that an earlier one did not."""
        live = self._copies.keep(plan, revision.live)
        if live == revision.live:
            return revision
        revision = replace(revision, live=live)
        self._store.amend_revision(revision)
        return revision

    def keep_outcomes(
        self,
        revision: Revision,
        request: SyncRequest,
        outcomes: Sequence[Outcome],
        claims: Sequence[Claim],
    ) -> None:
        """Keep how a stage ended; of a heal that joins another only what it claims."""
        kept = [replace(claim, manifest=request.manifests) for claim in claims]
        if request.join is None:
            self._store.record_outcomes(revision, outcomes, kept)
            self._inventory.remember(kept)
        else:
            self._inventory.keep(kept)

    def tell(self, revision: Revision, outcomes: Sequence[Outcome]) -> None:
        """Tell how actions ended, as events."""
        for outcome in outcomes:
            changes = f" ({', '.join(outcome.changes)})" if outcome.changes else ""
            detail = f": {outcome.message}" if outcome.message else ""
            self._events.publish(
                revision.application,
                "outcome",
                f"{outcome.id.title} {outcome.outcome}{changes}{detail}",
                revision=revision.number,
                object=str(outcome.id),
                outcome=str(outcome.outcome),
            )

    def tell_blocked(self, revision: Revision, blocked: Mapping[ObjectId, str]) -> None:
        """Tell what keeps objects from going, as one event."""
        told = "; ".join(f"{i.title} is {why}" for i, why in blocked.items())
        self._events.publish(revision.application, "blocked", told, revision=revision.number)

    def join(self, revision: Revision, request: SyncRequest, plan: Plan) -> Revision:
        """Count a repeat of a heal in the revision that it joined; `plan` is masked."""
        joined = replace(
            revision, count=revision.count + 1, finished_at=self._clock.now(), attempts=1
        )
        with self._store.together():
            self._store.join_revision(joined)
            request.seen(plan, joined.number)
        return joined
