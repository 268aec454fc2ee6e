"""Resource actions: one guarded write on an object of an application, recorded as a revision.

Called by `engine/operations.py` in the application's lane, and by `engine/service.py` before that,
so that what cannot be is refused at once. An action never changes what an application is synced to.
"""

from dataclasses import dataclass, replace
from typing import Final

from gitops.core.actions.effects import (
    changes_something,
    difference,
    operations,
    stated,
    with_own_metadata,
)
from gitops.core.actions.targets import find, find_one
from gitops.core.diff.diff import DiffOptions, LastApplied, diff
from gitops.core.diff.drift import drift_policy
from gitops.core.durations import format_duration
from gitops.core.masking.mask import Masker
from gitops.core.ownership.marks import tracked_by
from gitops.core.ownership.owners import Owners
from gitops.core.planning.gate import Limits, WaitEnd
from gitops.core.wording import did_you_mean, listed
from gitops.engine.children import is_child
from gitops.engine.following import MOVED
from gitops.engine.offering import Offering
from gitops.engine.parts import Parts
from gitops.engine.registry import Runtime
from gitops.engine.request import SyncResult
from gitops.engine.sentences import tell
from gitops.engine.wait import Waiter
from gitops.errors import ConflictError, GitopsError, InputError, NotFoundError
from gitops.model.acting import Effect, Given, Offer, Offered, Order, Wish, told
from gitops.model.application import Drift
from gitops.model.diff import ActionKind, Diff
from gitops.model.health import HealthStatus
from gitops.model.objects import Body, ObjectId, identify
from gitops.model.plan import Action, Plan
from gitops.model.revision import Outcome, OutcomeKind, RecordKind, Revision, RevisionState, Trigger
from gitops.ports import ActionScripts, Answer, Claim, Create, Patch, Read

ACTION: Final = "action"
MANAGER: Final = "gitops-action"
"""Owns what actions set: never what Git states, so that nothing of it is drift or removed."""
TRIES: Final = 5
"""How often an action is made again where somebody wrote the object in between."""
GOOD: Final = (None, HealthStatus.HEALTHY, HealthStatus.SUSPENDED)


@dataclass(frozen=True, slots=True)
class ActionOptions:
    """What to do, and whether to wait for the object's health."""

    order: Order
    wait: bool = True


@dataclass(frozen=True, slots=True)
class Prepared:
    """An action on the object as it is now: what it changes, as a plan, and the same for people.

    `differs` names fields that Git states otherwise, and nothing sets back by itself.
    """

    live: Body
    effect: Effect
    diff: Diff
    plan: Plan
    masked: Plan
    masker: Masker
    differs: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write."""
        return not changes_something(self.diff) and not self.effect.creates


class Acting:
    """Carries out resource actions."""

    def __init__(self, parts: Parts, comparing: DiffOptions, scripts: ActionScripts) -> None:
        self._parts = parts
        self._comparing = comparing
        self._offering = Offering(parts, scripts)
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

    # --- what it would do -------------------------------------------------------------------------

    def prepare(self, name: str, order: Order) -> Prepared:
        """What an action would change now; raises GitopsError where it cannot be made."""
        runtime = self._parts.registry.get(name)
        if self._parts.states.get(name).deleting:
            raise ConflictError("the application is being deleted", where=name)
        claim = self._parts.inventory.get(order.target)
        if claim is None or claim.application != name:
            raise NotFoundError(f"the application has no {order.target.title}", where=name)
        (answer,) = self._parts.cluster.send([Read(order.target, claim.api_version)])
        if answer.body is None:
            raise answer.error or _gone(order)
        body = answer.body
        if tracked_by(body) not in (None, name):
            raise ConflictError(
                f'{order.target.title} carries the marks of the application "{tracked_by(body)}"',
                where=name,
            )
        try:
            effect = self._effect(order, body)
        except InputError as error:  # the words of a script
            said = self._parts.masks.around(name, [body]).mask_text(error.message)
            raise InputError(said, where=error.where, remedy=error.remedy) from error
        written = (order.target, *map(identify, effect.creates))
        self._parts.projects.allow(runtime.application, *written)
        shapes = self._parts.comparer.shapes([body, *effect.creates])
        found = difference(body, effect.after, shapes)
        options = self._comparing.with_rules(runtime.application.ignore_differences)
        last = LastApplied(self._manifest(claim), Owners.of(body).ours)
        differs = tuple(stated(body, effect.after, last, shapes, options))
        if differs and self._heals(runtime, claim):
            raise _set_back(order, differs, name)
        diffs = [found] if changes_something(found) else []
        diffs += [diff(made, None, None, shapes) for made in effect.creates]
        plan = Plan(name, "", tuple(_planned(order, one, body) for one in diffs))
        masker = self._parts.masks.around(name, [body, *effect.creates])
        return Prepared(body, effect, found, plan, masker.mask_plan(plan), masker, differs)

    def _effect(self, order: Order, body: Body) -> Effect:
        """What the action makes of its object; raises GitopsError where it cannot be run."""
        ((live, actions),) = self._offering.built_in([self._parts.cluster.live(body)])
        offered = self._offering.offered(live, actions)
        if offered.problem:
            raise InputError(offered.problem)
        offers = {offer.name: offer for offer in offered.offers}
        offer = offers.get(order.action)
        if offer is None:
            raise _unknown(order, list(offers))
        if offer.refused:
            raise ConflictError(f"{order.target.title}: {offer.refused}")
        _check_params(order, offer)
        given = Given(order.params, self._parts.clock.now())
        effect = self._offering.effect(offer, body, actions, given)
        if effect is None:
            raise NotFoundError(
                f'nothing defines the action "{order.action}" that {order.target.title} offers',
                remedy="add it to the definitions beside its discovery script",
            )
        return replace(effect, after=with_own_metadata(effect.after, body))

    def _manifest(self, claim: Claim) -> Body | None:
        """What Git had of an object when it was applied last."""
        if not claim.manifest:
            return None
        known = self._parts.loader.documents.load(claim.manifest)
        return next((manifest.body for manifest in known if manifest.id == claim.id), None)

    def _heals(self, runtime: Runtime, claim: Claim) -> bool:
        """Whether what differs from Git would be set back by itself."""
        suspended = self._parts.states.get(runtime.name).suspended
        heals = drift_policy(runtime.application) is Drift.HEAL
        return heals and not suspended and not claim.contested

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
        closed = recorder.close(self._judged(revision, state), state, told)
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
        state, message = self._wait(revision.application, options.order.target, before)
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
        self, name: str, target: ObjectId, before: HealthStatus | None
    ) -> tuple[RevisionState, str]:
        """Wait for the object's health; a newer commit goes first."""
        runtime, dispatcher = self._parts.registry.get(name), self._parts.dispatcher
        patience = runtime.application.sync_policy.health_deadline
        excused = frozenset({target} if before is HealthStatus.DEGRADED else ())

        def moved() -> bool:
            return dispatcher.superseded(name, frozenset({MOVED}))

        waited = self._waiter.wait(
            [target],
            Limits(self._parts.clock.monotonic() + patience.total_seconds(), excused=excused),
            lambda: bool(runtime.cancelled) or dispatcher.stopping.is_set() or moved(),
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

    def _judged(self, revision: Revision, state: RevisionState) -> Revision:
        health = self._parts.judge.health_of(revision.application).status
        healthy = state is RevisionState.SUCCEEDED and health in GOOD
        return replace(revision, health=health or HealthStatus.HEALTHY, healthy=healthy)


def _unknown(order: Order, names: list[str]) -> NotFoundError:
    has = f"it has {listed(names)}" if names else "this kind has none"
    return NotFoundError(
        f'{order.target.title} has no action "{order.action}"{did_you_mean(order.action, names)}',
        remedy=has,
    )


def _check_params(order: Order, offer: Offer) -> None:
    """Every parameter is given, and no other; raises InputError."""
    known = offer.params
    unknown = sorted(order.params.keys() - set(known))
    if unknown and (known or not offer.scripted):
        takes = f"it takes {listed(known)}" if known else "it takes none"
        raise InputError(
            f'{order.action} has no parameter "{unknown[0]}"{did_you_mean(unknown[0], known)}',
            where=order.target.title,
            remedy=takes,
        )
    missing = [name for name in known if name not in order.params]
    if missing:
        raise InputError(
            f'{order.action} needs the parameter "{missing[0]}"',
            where=order.target.title,
            remedy=f"give --param {missing[0]}=VALUE",
        )


def _gone(order: Order) -> NotFoundError:
    return NotFoundError(f"{order.target.title} is not there")


def _set_back(order: Order, fields: tuple[str, ...], name: str) -> ConflictError:
    return ConflictError(
        f"{order.action} changes {listed(fields)}, which Git states: it would be set back at once",
        where=order.target.title,
        remedy=f"change it in Git, leave it out there, name it in spec.ignoreDifferences, "
        f"or `gitops suspend {name}` first",
    )


def _differs(fields: tuple[str, ...]) -> str:
    """What people should know where nothing sets the fields back by itself."""
    return f"it differs from Git in {', '.join(fields)} until the next sync" if fields else ""


def _planned(order: Order, found: Diff, live: Body) -> Action:
    """What happens to one object, as plans tell it."""
    creates = found.action is ActionKind.CREATE
    metadata = live["metadata"]
    return Action(
        found.action,
        found.id,
        found.api_version,
        reason=order.sentence,
        diff=found,
        uid=None if creates else metadata.get("uid"),
        resource_version=None if creates else metadata.get("resourceVersion"),
    )


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
