"""From actions to requests and back to outcomes: the only place that writes to a cluster.

Called by `engine/syncing/apply.py` with batches of one kind. Batches that need one apply an object
are one `Cluster.send` together; of others each step is one, however many objects they hold.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from gitops.core.diff.admission import is_answered, overruled
from gitops.core.diff.diff import removals
from gitops.core.manifests.normalize import manifest_digest
from gitops.core.ownership.ownership import MANAGER
from gitops.core.ownership.projection import live_digest
from gitops.core.planning.plan import is_claimed, remark, unclaimed_manager
from gitops.core.planning.resting import may_rest_on
from gitops.core.planning.sync_options import propagation
from gitops.engine.facts.actual import Actual
from gitops.engine.facts.children import Children
from gitops.engine.syncing.hookruns import HookRuns
from gitops.engine.syncing.wait import Waiter
from gitops.errors import ClusterError
from gitops.model.diff import ActionKind
from gitops.model.objects import Body, Live, ObjectId
from gitops.model.plan import Action, Found, Plan
from gitops.model.revision import Outcome, OutcomeKind
from gitops.ports import Answer, Apply, Claim, Cluster, Create, Delete, Patch, Request

KEEPER: Final = "gitops-keep"
"""The second manager under which a live value is applied before it leaves our set."""

OUTCOMES: Final = {
    ActionKind.CREATE: OutcomeKind.CREATED,
    ActionKind.ADOPT: OutcomeKind.ADOPTED,
    ActionKind.SCALE: OutcomeKind.CONFIGURED,
    ActionKind.IMAGE: OutcomeKind.CONFIGURED,
    ActionKind.CONFIGURE: OutcomeKind.CONFIGURED,
    ActionKind.REPLACE: OutcomeKind.REPLACED,
    ActionKind.DELETE: OutcomeKind.DELETED,
    ActionKind.NONE: OutcomeKind.UNCHANGED,
}


@dataclass(frozen=True, slots=True)
class Written:
    """What one action came to: its outcome, the claim to keep, or the error."""

    action: Action
    outcome: Outcome
    claim: Claim | None = None
    error: ClusterError | None = None


def outcome_of(action: Action, kind: OutcomeKind, message: str = "") -> Outcome:
    """An outcome of an action."""
    changes = action.diff.changes if action.diff else ()
    return Outcome(
        action.id, str(action.kind), kind, message, action.phase.title, action.wave, changes
    )


class Writer:
    """Writes one application's actions; knows marks, claims and hooks."""

    def __init__(
        self, cluster: Cluster, actual: Actual, waiter: Waiter, children: Children
    ) -> None:
        self._cluster = cluster
        self._actual = actual
        self._waiter = waiter
        self._children = children
        self.hooks = HookRuns(cluster, actual)

    def is_child(self, identity: ObjectId) -> bool:
        """Whether an object is an Application, which is registered and not applied."""
        return self._children.is_child(identity)

    def validate(self, actions: Sequence[Action]) -> list[Written]:
        """Dry-run what the plan deferred; returns those that the server refuses.

        What may rest on another of these actions is judged when it is written, after that one.
        """
        deferred = [
            a for a in actions if a.found is Found.DEFERRED and a.desired and a.hook is None
        ]
        making = [a.id for a in actions if a.desired is not None]
        requests = [Apply(a.id, self._body(a), dry_run=True) for a in deferred]
        answers = self._cluster.send(requests)
        return [
            self._failed(action, answer.error)
            for action, answer in zip(deferred, answers, strict=True)
            if answer.error is not None
            and not _replaceable(action, answer.error)
            and not may_rest_on(action.id, answer.error.reason, making)
        ]

    def clear_way(
        self, actions: Sequence[Action], deadline: float, called_off: Callable[[], bool]
    ) -> None:
        """Delete what must go before a create: replaced objects and earlier runs of hooks."""
        gone: dict[ObjectId, str] = {}
        requests: list[Request] = []
        earlier: list[Live] = []
        for action in actions:
            live = self._actual.get(action.id)
            if live is None or not self._must_go(action, live):
                continue
            gone[action.id] = live.api_version
            if action.hook is not None:
                earlier.append(live)
            if not live.deleting:
                requests.append(Delete(action.id, live.api_version, uid=live.uid))
        self.hooks.release(earlier)
        if requests:
            self._cluster.send(requests)
        if gone:
            self._waiter.wait_gone(gone, deadline, called_off)

    def _must_go(self, action: Action, live: Live) -> bool:
        if live.deleting and action.kind is not ActionKind.DELETE:
            return True
        if action.kind is ActionKind.REPLACE:
            return True
        return action.hook is not None and action.kind is ActionKind.CREATE

    def flights(self, batches: Iterable[Sequence[Action]]) -> Iterator[list[Sequence[Action]]]:
        """Runs of batches that are sent in one go: each write in them stands by itself."""
        for plain, run in groupby(batches, key=lambda batch: all(map(self._is_plain, batch))):
            if plain:
                yield list(run)
            else:
                yield from ([batch] for batch in run)

    def _is_plain(self, action: Action) -> bool:
        """Whether one apply is all that there is to do."""
        live = self._actual.get(action.id)
        before = action.take_over or action.keep_replicas or (live and self._must_go(action, live))
        after = action.removals or action.last_applied is not None
        applies = action.kind is not ActionKind.DELETE and not self.is_child(action.id)
        return applies and not before and not after

    def write(self, flight: Sequence[Sequence[Action]], plan: Plan) -> list[Written]:
        """Carry out batches one after the other, until something fails in one; in their order."""
        actions = [action for batch in flight for action in batch]
        children = self._children.in_order([a for a in actions if self.is_child(a.id)])
        results = {a.id: self._write_child(a, plan) for a in children}
        results |= self._prepare([a for a in actions if a.id not in results])
        todo = [[a for a in batch if a.id not in results] for batch in flight]
        requests = ([self._request(a, plan.application) for a in batch] for batch in todo)
        answers = self._cluster.send(*requests)
        sent = (action for batch in todo for action in batch)
        pairs = self._remove(list(zip(sent, answers, strict=False)))
        results |= {a.id: self._read(a, answer, plan) for a, answer in pairs}
        return [results[a.id] for a in actions if a.id in results]

    def _write_child(self, action: Action, plan: Plan) -> Written:
        error = self._children.carry_out(action, plan.application)
        if error is not None:
            return self._failed(action, ClusterError(error.message, reason="invalid"))
        claim = None
        if action.desired is not None:
            digest = manifest_digest(action.desired.body)
            claim = Claim(action.id, plan.application, action.api_version, desired_digest=digest)
        return Written(action, outcome_of(action, OUTCOMES[action.kind]), claim)

    def _prepare(self, actions: Sequence[Action]) -> dict[ObjectId, Written]:
        """Take over what others own, keep replicas that an autoscaler owns, let go of old hooks."""
        gone = [self._actual.get(a.id) for a in actions if a.kind is ActionKind.DELETE]
        self.hooks.release(live for live in gone if live is not None)
        taken: list[tuple[Action, Request]] = [
            (a, Patch(a.id, a.api_version, a.take_over, a.resource_version))
            for a in actions
            if a.take_over
        ]
        refused = self._send_steps(taken)
        kept: list[tuple[Action, Request]] = [
            (a, _keep_replicas(a, live))
            for a in actions
            if a.keep_replicas and a.id not in refused and (live := self._actual.get(a.id))
        ]
        return refused | self._send_steps(kept)

    def _send_steps(self, steps: Sequence[tuple[Action, Request]]) -> dict[ObjectId, Written]:
        answers = self._cluster.send([request for _, request in steps])
        return {
            action.id: self._failed(action, answer.error)
            for (action, _), answer in zip(steps, answers, strict=True)
            if answer.error is not None
        }

    def _request(self, action: Action, application: str) -> Request:
        if action.kind is ActionKind.DELETE:
            how = propagation(action.options)
            return Delete(action.id, action.api_version, uid=action.uid, propagation=how)
        body = self._body(action)
        if action.hook is not None:
            return Create(action.id, body)
        fresh = action.kind in (ActionKind.CREATE, ActionKind.REPLACE)
        manager = MANAGER if is_claimed(action) else unclaimed_manager(application)
        return Apply(action.id, body, manager=manager, uid=None if fresh else action.uid)

    def _body(self, action: Action) -> Body:
        """What the plan stamped; a deletion has none."""
        if action.desired is None:
            raise TypeError(action.id)
        return action.desired.body

    def _remove(self, pairs: list[tuple[Action, Answer]]) -> list[tuple[Action, Answer]]:
        """Remove what apply could not, guarded by what it answered."""
        todo: list[tuple[int, Action, Patch]] = []
        for index, (action, answer) in enumerate(pairs):
            operations = self._left_over(action, answer)
            if operations and answer.body is not None:
                version = str(answer.body["metadata"].get("resourceVersion"))
                patch = Patch(action.id, action.api_version, operations, version)
                todo.append((index, action, patch))
        answers = self._cluster.send([patch for _, _, patch in todo])
        for (index, action, _), answer in zip(todo, answers, strict=True):
            pairs[index] = (action, answer)
        return pairs

    def _left_over(self, action: Action, answer: Answer) -> tuple[dict[str, Any], ...]:
        """The plan's removals; where it could not know them, what apply has left."""
        if action.last_applied is None or action.desired is None or answer.body is None:
            return action.removals
        shapes = self._cluster.shapes({action.api_version})
        last, options = action.last_applied, action.comparing
        return removals(action.desired.body, answer.body, last, shapes, options)

    def _read(self, action: Action, answer: Answer, plan: Plan) -> Written:
        error = answer.error
        if error is not None:
            vanished = action.kind is ActionKind.DELETE and error.reason == "not-found"
            if not vanished:
                return self._failed(action, error)
            self._actual.gone(action.id)
        if action.kind is ActionKind.DELETE:
            return Written(action, outcome_of(action, OutcomeKind.DELETED))
        if answer.body is None:
            raise TypeError(action.id)
        live = self._cluster.live(answer.body)
        self._actual.put(live)
        claim = self.claim_of(action, live, plan) if is_claimed(action) else None
        said = "; ".join(filter(None, (remark(action), self._overruled(action, answer.body))))
        return Written(action, outcome_of(action, OUTCOMES[action.kind], said), claim)

    def _overruled(self, action: Action, answer: Body) -> str:
        """What of it the cluster made otherwise, or ""; what took more steps is not looked at."""
        applied = self._body(action)
        if action.hook is not None or action.removals or is_answered(applied, answer):
            return ""
        return overruled(applied, answer, self._cluster.shapes({action.api_version}))

    def claim_of(self, action: Action, live: Live, plan: Plan) -> Claim:
        """What is remembered of an object that stands as desired."""
        return Claim(
            action.id,
            plan.application,
            live.api_version,
            live.uid,
            action.digest or manifest_digest(self._body(action)),
            live_digest(live),
        )

    def _failed(self, action: Action, error: ClusterError | None) -> Written:
        return Written(action, outcome_of(action, OutcomeKind.FAILED), error=error)


def _replaceable(action: Action, error: ClusterError) -> bool:
    return action.kind is ActionKind.REPLACE and error.reason in ("immutable", "conflict")


def _keep_replicas(action: Action, live: Live) -> Apply:
    body = live.decode()
    kept = {
        "apiVersion": action.api_version,
        "kind": action.id.kind,
        "metadata": {
            key: body["metadata"][key] for key in ("name", "namespace") if key in body["metadata"]
        },
        "spec": {"replicas": body.get("spec", {}).get("replicas", 1)},
    }
    return Apply(action.id, kept, manager=KEEPER, uid=live.uid)
