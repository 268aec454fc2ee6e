"""Resource actions: one guarded write on an object of an application, recorded as a revision.

Called by `engine/operations.py` in the application's lane, and by `engine/service.py` before that,
so that what cannot be is refused at once. An action never changes what an application is synced to.
"""

from dataclasses import dataclass, replace
from typing import Final

from gitops.core.actions.effects import changes_something, operations
from gitops.core.actions.targets import find, find_one
from gitops.core.diff.diff import DiffOptions
from gitops.core.durations import format_duration
from gitops.core.planning.gate import Limits, WaitEnd, deadline_for
from gitops.engine.facts.children import is_child
from gitops.engine.facts.registry import Runtime
from gitops.engine.lanes.following import MOVED
from gitops.engine.lanes.parts import Parts
from gitops.engine.orders.offering import Offering
from gitops.engine.orders.preparing import Prepared, Preparer
from gitops.engine.planning.sentences import tell
from gitops.engine.syncing.request import SyncResult
from gitops.engine.syncing.wait import Waiter
from gitops.errors import GitopsError
from gitops.model.acting import Offered, Order, Wish, told
from gitops.model.diff import ActionKind, Diff
from gitops.model.health import HealthStatus
from gitops.model.objects import Body, ObjectId, identify
from gitops.model.plan import Plan
from gitops.model.revision import Outcome, OutcomeKind, RecordKind, Revision, RevisionState, Trigger
from gitops.ports import ActionScripts, Answer, Create, Patch

ACTION: Final = "action"
MANAGER: Final = "gitops-action"
"""Owns what actions set: never what Git states, so that nothing of it is drift or removed."""
TRIES: Final = 5
"""How often an action is made again where somebody wrote the object in between."""


RESUME: Final = "resume"
"""The action after which Suspended may be what was true before it."""


@dataclass(frozen=True, slots=True)
class ActionOptions:
    """What to do, and whether to wait for the object's health."""

    order: Order
    wait: bool = True


class Acting:
    """Carries out resource actions."""

    def __init__(self, parts: Parts, comparing: DiffOptions, scripts: ActionScripts) -> None:
        self._parts = parts
        self._offering = Offering(parts, scripts)
        self._preparer = Preparer(parts, comparing, self._offering)
        self._waiter = Waiter(parts.actual, parts.clock)

    def offered(self, name: str, text: str = "", namespace: str = "") -> list[Offered]:
        """The actions of an application's objects, of those that have any; raises NotFoundError."""
        ids = self._objects(name)
        if text:
            find_one(text, namespace, ids, name)
        chosen = find(text, namespace, ids) if text else ids
        lives = [live for one in chosen if (live := self._parts.actual.get(one)) is not None]
        found = [one for one in self._offering.of(lives) if text or one.offers or one.problem]
        return [replace(one, problem=self._parts.masks.text(name, one.problem)) for one in found]

    def order(self, name: str, wish: Wish) -> Order:
        """What somebody asks for, with the object that they name; raises GitopsError."""
        target = find_one(wish.object, wish.namespace, self._objects(name), name)
        return Order(wish.action, target, wish.params)

    def prepare(self, name: str, order: Order) -> Prepared:
        """What an action would change now; raises GitopsError where it cannot be made."""
        return self._preparer.prepare(name, order)

    def check(self, name: str, wish: Wish, trigger: Trigger) -> Order:
        """The same, where it can be done now; what cannot is recorded as refused, and raised."""
        said = told(wish.action, wish.object, wish.params)
        try:
            order = self.order(name, wish)
            self.prepare(name, order)
        except GitopsError as error:
            self._refuse(name, said, trigger, error)
            raise
        return order

    def _objects(self, name: str) -> list[ObjectId]:
        self._parts.registry.get(name)
        claims = self._parts.inventory.of(name)
        return [claim.id for claim in claims if not is_child(claim.id)]

    # --- doing it ---------------------------------------------------------------------------------

    def _refuse(self, name: str, said: str, trigger: Trigger, error: GitopsError) -> None:
        """Record an action that was asked for and not begun."""
        masker = self._parts.masks.around(name, ())
        message = masker.mask_text(str(error))
        what = masker.mask_text(f"action {said}")
        self._parts.store.append(
            RecordKind.REFUSED,
            actor=trigger.actor,
            application=self._parts.registry.get(name).name,
            payload={"what": what, "code": error.code, "message": message},
        )

    def act(
        self, runtime: Runtime, options: ActionOptions, trigger: Trigger
    ) -> tuple[SyncResult | None, str]:
        """Carry an action out; what is refused before its write is recorded so, and raised."""
        order = options.order
        try:
            prepared = self.prepare(runtime.name, order)
        except GitopsError as error:
            self._refuse(runtime.name, order.sentence, trigger, error)
            raise
        if prepared.empty:
            return None, f"nothing to {order.sentence}: it is so already"
        said = prepared.masker.mask_text(order.sentence)
        cause = replace(trigger, evidence=", ".join(p for p in (said, trigger.evidence) if p))
        recorder = self._parts.syncer.recorder
        revision = recorder.open_action(prepared.masked, cause)
        try:
            with self._parts.at_work(runtime, trigger):
                revision, state, message = self._carry_out(revision, prepared, options)
        except GitopsError as error:
            recorder.close_failed(revision, prepared.masker.mask_text(str(error)))
            raise
        told = ": ".join(part for part in (said, prepared.masker.mask_text(message)) if part)
        judged = self._parts.judge.judged(revision, done=state is RevisionState.SUCCEEDED)
        closed = recorder.close(judged, state, told)
        return SyncResult(closed, prepared.masked), ""

    def _carry_out(
        self, revision: Revision, prepared: Prepared, options: ActionOptions
    ) -> tuple[Revision, RevisionState, str]:
        """Write, record how that went, and wait; a state and what to say besides."""
        live = self._parts.actual.get(options.order.target)
        before = self._parts.actual.verdicts.of(live).status if live else None
        answers = self._write(prepared, options.order)
        error = next((answer.error for answer in answers if answer.error), None)
        masker = prepared.masker
        outcomes = [
            replace(outcome, message=masker.mask_text(outcome.message))
            for outcome in _outcomes(prepared.masked, options.order, answers)
        ]
        revision = replace(revision, outcomes=tuple(outcomes))
        recorder = self._parts.syncer.recorder
        self._parts.store.record_outcomes(revision, outcomes, [])
        recorder.tell(revision, outcomes)
        if error is not None:
            return revision, RevisionState.FAILED, tell(error)
        note = _differs(prepared.differs)
        if not (options.wait and prepared.effect.waits):
            return revision, RevisionState.SUCCEEDED, note
        resumes = options.order.action == RESUME and before is HealthStatus.SUSPENDED
        written = answers[0].body if resumes and answers else None
        stale = self._parts.cluster.live(written).decode() if written else None
        state, message = self._wait(revision.application, prepared.diff, before, stale)
        return revision, state, "; ".join(part for part in (message, note) if part)

    def _write(self, prepared: Prepared, order: Order) -> list[Answer]:
        """One answer an action of the plan; made anew where the object was written meanwhile."""
        name = prepared.plan.application
        answer = self._patch(prepared, order.target)
        for _ in range(TRIES - 1):
            if answer.error is None or answer.error.reason != "conflict":
                break
            prepared = self.prepare(name, order)
            answer = self._patch(prepared, order.target)
        answers = [answer] if changes_something(prepared.diff) else []
        if answer.error is not None:
            return answers
        creates = [Create(identify(made), made) for made in prepared.effect.creates]
        return answers + self._parts.cluster.send(creates)

    def _patch(self, prepared: Prepared, target: ObjectId) -> Answer:
        """Patch the object, then its status; each guarded by uid and resourceVersion."""
        info = self._parts.cluster.kinds().get(target.group_kind)
        answer, live = Answer(), prepared.live
        parts = operations(prepared.diff, has_status=info is not None and info.has_status)
        for subresource, patch in parts:
            metadata = live["metadata"]
            same = {"op": "test", "path": "/metadata/uid", "value": metadata["uid"]}
            request = Patch(
                target,
                prepared.diff.api_version,
                (same, *patch),
                str(metadata["resourceVersion"]),
                manager=MANAGER,
                subresource=subresource,
            )
            (answer,) = self._parts.cluster.send([request])
            if answer.body is None:
                return answer
            live = answer.body
            self._parts.actual.put(self._parts.cluster.live(live))
        return answer

    def _wait(
        self, name: str, written: Diff, before: HealthStatus | None, stale: Body | None
    ) -> tuple[RevisionState, str]:
        """Wait for the health of the object written; a newer commit goes first.

        What is resumed is Suspended still while its status is that of the `stale` answer: its
        controller has not seen the change.
        """
        target = written.id
        runtime, dispatcher = self._parts.registry.get(name), self._parts.dispatcher
        policy = runtime.application.sync_policy
        patience = deadline_for(policy.health_deadlines, target) or policy.health_deadline
        excused = frozenset({target} if before is HealthStatus.DEGRADED else ())

        def moved() -> bool:
            return dispatcher.superseded(name, frozenset({MOVED}))

        waited = self._waiter.wait(
            {target: written.api_version},
            Limits(
                self._parts.clock.monotonic() + patience.total_seconds(),
                excused=excused,
                final=frozenset({target}),
            ),
            lambda: bool(runtime.cancelled) or dispatcher.stopping.is_set() or moved(),
            {} if stale is None else {target: stale},
        )
        if waited.end is WaitEnd.HEALTHY:
            return RevisionState.SUCCEEDED, ""
        if waited.end is WaitEnd.CALLED_OFF:
            if runtime.cancelled:
                return RevisionState.FAILED, f"cancelled by {runtime.cancelled}"
            if dispatcher.stopping.is_set():
                return RevisionState.INTERRUPTED, "the service stopped before its health was known"
            return RevisionState.SUCCEEDED, "its health was not waited for: a newer commit came"
        health = waited.unhealthy[target]
        reason = self._parts.judge.explain(target) or health.message
        why = f" ({reason})" if reason else ""
        late = f" after {format_duration(patience)}" if waited.end is WaitEnd.DEADLINE else ""
        return RevisionState.FAILED, f"{target.title} is {health.status}{why}{late}"


def _differs(fields: tuple[str, ...]) -> str:
    """What people should know where nothing sets the fields back by itself."""
    return f"it differs from Git in {', '.join(fields)} until the next sync" if fields else ""


def _outcomes(masked: Plan, order: Order, answers: list[Answer]) -> list[Outcome]:
    """How each object's action ended; what was not sent is skipped."""
    found = []
    known = [*answers, *[None] * (len(masked.actions) - len(answers))]
    for action, answer in zip(masked.actions, known, strict=True):
        creates = action.kind is ActionKind.CREATE
        kind, message = OutcomeKind.CREATED if creates else OutcomeKind.CONFIGURED, ""
        if answer is None:
            kind, message = OutcomeKind.SKIPPED, "what came before it failed"
        elif answer.error is not None:
            kind, message = OutcomeKind.FAILED, tell(answer.error)
        changes = action.diff.changes if action.diff else ()
        found.append(Outcome(action.id, order.action, kind, message, changes=changes))
    return found
