"""Carry out a plan, stage by stage; one object's failure is an outcome, not an exception.

A stage is a run of actions of one phase and wave, deletions apart. Each stage is written in batches
by kind, recorded with its claims, and waited for until healthy. Called by `engine/syncing/sync.py`;
nothing is decided here that the plan has not decided.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import groupby
from math import inf
from typing import Final

from gitops.core.manifests.scope import CRD, NAMESPACE
from gitops.core.planning.gate import Limits, WaitEnd, deadline_for
from gitops.core.planning.order import kind_rank
from gitops.core.planning.retry import AWAY, may_pass
from gitops.engine.facts.actual import Actual
from gitops.engine.planning.sentences import tell, tell_faults, tell_unstable
from gitops.engine.syncing.wait import Blocked, Waited, Waiter
from gitops.engine.syncing.writes import Writer, Written
from gitops.model.application import KindDeadline
from gitops.model.diff import ActionKind
from gitops.model.health import Health, HealthStatus
from gitops.model.objects import ObjectId
from gitops.model.plan import Action, Phase, Plan
from gitops.model.revision import Outcome, OutcomeKind
from gitops.ports import Claim, Clock

PASSING: Final = AWAY | {"conflict", "forbidden"}
"""Reasons for which a write is tried again; rights are unknown to a server that just started."""


class End(StrEnum):
    """How carrying out a plan ended."""

    DONE = "done"
    FAILED = "failed"
    RETRY = "retry"
    """The cluster was busy, unreachable or changed under us: plan again, then try again."""
    UNHEALTHY = "unhealthy"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"
    STOPPING = "stopping"
    CLOSED = "closed"
    """A sync window closed meanwhile: the rest goes on once one opens."""


BAD: Final = frozenset({End.FAILED, End.UNHEALTHY, End.RETRY})
"""Ends by which a sync has failed."""


@dataclass(frozen=True, slots=True)
class Run:
    """How one plan is carried out: limits on the monotonic clock, and who is told.

    `called_off` answers "" to go on, else the `End` to take; `record` takes outcomes, the
    claims they changed and the identities to release, before the next stage starts. With
    `best_effort` what is refused of one object stops no other one of its phase. For `grace_s` after
    writes Degraded is no failure; `stable_s` is how long all has to be healthy without a break.
    """

    deadline: float
    health_deadline_s: float
    called_off: Callable[[], str]
    record: Callable[[Sequence[Outcome], Sequence[Claim], Sequence[ObjectId]], None]
    excused: frozenset[ObjectId] = frozenset()
    wait_for_health: bool = True
    best_effort: bool = False
    grace_s: float = 0.0
    stable_s: float = 0.0
    proved: Callable[[Sequence[ObjectId]], None] = lambda _gone: None
    """Told what was deleted, once it is really gone."""
    blocked: Blocked = lambda _blocked: None
    deadlines: tuple[KindDeadline, ...] = ()
    """Kinds that have another deadline than `health_deadline_s`."""


@dataclass(slots=True)
class Applied:
    """What came of it; `unhealthy` names the objects that stood in the way, with their health.

    `forbidden` says that a right to write was missing, which no dry-run had told: worth some
    retries, and then for somebody to grant.
    `refused` is what was passed over so far, under best effort. Until `grace_until` the stage that
    was written last may be Degraded.
    """

    end: End = End.DONE
    message: str = ""
    forbidden: bool = False
    outcomes: list[Outcome] = field(default_factory=list)
    unhealthy: dict[ObjectId, Health] = field(default_factory=dict)
    refused: list[Written] = field(default_factory=list)
    grace_until: float = -inf

    def correct(self, plan: Plan | None, *, stopping: bool) -> None:
        """Make the end the one that counts: what was done beside faults has not succeeded.

        `plan` is masked, and None where its faults are told elsewhere.
        """
        if self.end is End.RETRY and stopping:
            self.end = End.STOPPING
        elif self.end is End.RETRY and self.forbidden:
            self.end = End.FAILED
        elif self.end is End.DONE and plan is not None and plan.faults:
            self.end = End.RETRY if may_pass(plan.faults) else End.FAILED
            self.message = tell_faults(plan.faults)


class Applier:
    """Runs plans on one cluster."""

    def __init__(self, writer: Writer, actual: Actual, waiter: Waiter, clock: Clock) -> None:
        self._writer = writer
        self._actual = actual
        self._waiter = waiter
        self._clock = clock

    def run(self, plan: Plan, run: Run) -> Applied:
        """Carry out every stage but the SyncFail hooks."""
        applied = Applied()
        self._actual.watch({a.id.group_kind for a in plan.actions if a.desired is not None})
        main = [a for a in plan.actions if a.phase is not Phase.SYNC_FAIL]
        for name, phase in groupby(main, key=lambda action: action.phase):
            actions = list(phase)
            last = last_deletions(actions) if name is Phase.SYNC and run.stable_s else 0
            self._phase(actions[: len(actions) - last], plan, run, applied)
            if name is Phase.SYNC and applied.end is End.DONE:
                self._prove(actions, run, applied)
            if last and applied.end is End.DONE:
                self._phase(actions[-last:], plan, run, applied)
            if applied.refused and applied.end in (End.DONE, End.FAILED):
                self._fail(applied.refused, applied)
            if applied.end is not End.DONE:
                break
        return applied

    def sync_fail(self, plan: Plan, run: Run) -> list[Outcome]:
        """Run the SyncFail hooks of a plan that came to no good end."""
        applied = Applied()
        self._phase([a for a in plan.actions if a.phase is Phase.SYNC_FAIL], plan, run, applied)
        return applied.outcomes

    def rest(self, until: float, called_off: Callable[[], str]) -> End | None:
        """Wait before a plan is tried again; None: try it, else what called off."""
        called = self._waiter.rest(until, called_off)
        return End(called) if called else None

    def _phase(self, actions: Sequence[Action], plan: Plan, run: Run, applied: Applied) -> None:
        """One phase; its hooks go at its end, since later waves may rest on earlier hooks."""
        for stage in stages(actions):
            called_off = run.called_off()
            if called_off:
                applied.end = End(called_off)
                break
            self._stage(stage, plan, run, applied)
            if applied.end is not End.DONE:
                break
        over = (End.DONE, End.FAILED, End.UNHEALTHY)
        if applied.end in over and any(action.hook is not None for action in actions):
            self._writer.hooks.clean(actions, succeeded=applied.end is End.DONE)

    def _stage(self, stage: Sequence[Action], plan: Plan, run: Run, applied: Applied) -> None:
        """One phase and wave: validate what was deferred, write, record, wait."""
        todo = [a for a in stage if a.changes_cluster]
        faults = self._writer.validate(todo)
        if faults:
            self._record([failed(w) for w in faults], [], [], run, applied)
            if not self._passes_over(faults, run, applied):
                self._fail(faults, applied)
                return
            told = {w.action.id for w in faults}
            todo = [a for a in todo if a.id not in told]
        if applied.refused:
            todo = [a for a in todo if a.kind is not ActionKind.DELETE]
        written: list[Written] = []
        try:
            batches = [list(batch) for _, batch in groupby(todo, key=_rank)]
            alone = [[batch] for batch in batches]
            for flight in alone if run.best_effort else self._writer.flights(batches):
                actions = [action for batch in flight for action in batch]
                self._writer.clear_way(actions, run.deadline, lambda: bool(run.called_off()))
                written += self._writer.write(flight, plan)
                bad = [one for one in written if one.error is not None]
                if bad and not (run.best_effort and all(w.action.hook is None for w in bad)):
                    break
        finally:
            self._take_in(written, run, applied)
        if applied.end is End.DONE:
            self._settle(stage, todo, run, applied)

    def _take_in(self, written: Sequence[Written], run: Run, applied: Applied) -> None:
        good = [w for w in written if w.error is None]
        bad = [w for w in written if w.error is not None]
        outcomes = [w.outcome for w in good] + [failed(w) for w in bad]
        claims = [w.claim for w in good if w.claim is not None]
        released = [w.action.id for w in good if w.action.kind is ActionKind.DELETE]
        self._record(outcomes, claims, released, run, applied)
        if not self._passes_over(bad, run, applied):
            self._fail([*applied.refused, *bad], applied)

    def _passes_over(self, bad: Sequence[Written], run: Run, applied: Applied) -> bool:
        """Whether what was refused of these stops no other object; a hook's failure always does."""
        if not run.best_effort or any(w.action.hook is not None for w in bad):
            return False
        applied.refused += bad
        return True

    def _record(
        self,
        outcomes: Sequence[Outcome],
        claims: Sequence[Claim],
        released: Sequence[ObjectId],
        run: Run,
        applied: Applied,
    ) -> None:
        applied.outcomes += outcomes
        if outcomes or claims or released:
            run.record(outcomes, claims, released)

    def _fail(self, bad: Sequence[Written], applied: Applied) -> None:
        if not bad:
            return
        errors = [(w.action.id.title, w.error) for w in bad if w.error is not None]
        passing = all(error.reason in PASSING for _, error in errors)
        applied.end = End.RETRY if passing else End.FAILED
        applied.forbidden = any(
            w.error is not None and w.error.reason == "forbidden"
            for w in bad
            if w.action.kind is not ActionKind.DELETE or w.action.hook is not None
        )
        applied.message = "; ".join(f"{title}: {tell(error)}" for title, error in errors)

    def _settle(
        self, stage: Sequence[Action], todo: Sequence[Action], run: Run, applied: Applied
    ) -> None:
        """Wait for what the stage wrote, and for what it holds unchanged."""
        gone = {a.id: a.api_version for a in todo if a.kind is ActionKind.DELETE}
        present = self._present(stage, applied)
        hooks = any(a.hook is not None for a in stage)
        applied.grace_until = self._clock.monotonic() + run.grace_s
        waited = Waited(WaitEnd.HEALTHY, {})
        if gone:
            limit, off = self._limit(run), lambda: self._off(run, hooks)
            waited = self._waiter.wait_gone(gone, limit, off, run.blocked)
            run.proved([i for i in gone if self._actual.get(i) is None])
        elif run.wait_for_health or hooks:
            final = frozenset(a.id for a in stage if a.hook is not None)
            limits = replace(self._limits(present, run, applied), final=final)
            waited = self._waiter.wait(present, limits, lambda: self._off(run, hooks))
        self._judge(waited, run, applied)
        if hooks and applied.end is not End.STOPPING:
            self._writer.hooks.let_go(stage)
        if hooks and applied.end is End.CANCELLED:
            self._writer.hooks.end([a for a in stage if a.id in waited.unhealthy])

    def _present(self, actions: Sequence[Action], applied: Applied) -> dict[ObjectId, str]:
        """What of these has to be there, and healthy, with its apiVersion."""
        refused = {w.action.id for w in applied.refused}
        there = (a for a in actions if a.kind is not ActionKind.DELETE and a.id not in refused)
        return {a.id: a.api_version for a in there if self._counts(a)}

    def _prove(self, actions: Sequence[Action], run: Run, applied: Applied) -> None:
        """Wait until all that a sync applies was healthy for long enough without a break."""
        lasting = self._present([a for a in actions if a.hook is None], applied)
        if not (run.stable_s and run.wait_for_health and lasting):
            return
        limits = replace(self._limits(lasting, run, applied), stable_s=run.stable_s)
        waited = self._waiter.wait(lasting, limits, lambda: self._off(run, hooks=False))
        if waited.unhealthy or waited.end is WaitEnd.HEALTHY:
            self._judge(waited, run, applied)
        elif waited.end is WaitEnd.CALLED_OFF:
            applied.end = End(run.called_off() or End.SUPERSEDED)
        else:
            applied.end, applied.unhealthy = End.UNHEALTHY, dict(waited.broke)
            applied.message = tell_unstable(run.stable_s, waited.broke)

    def _off(self, run: Run, hooks: bool) -> bool:  # noqa: FBT001 - a fact of the stage
        """A hook is never left by a newer commit, only when somebody cancels, and by a stop."""
        called_off = run.called_off()
        return bool(called_off) and not (hooks and called_off == End.SUPERSEDED)

    def _limits(self, ids: Iterable[ObjectId], run: Run, applied: Applied) -> Limits:
        now, own = self._clock.monotonic(), {}
        for identity in ids:
            length = deadline_for(run.deadlines, identity)
            if length is not None:
                own[identity] = min(run.deadline, now + length.total_seconds())
        end, grace = self._limit(run), applied.grace_until
        return Limits(end, 0.0, grace, run.excused, own=own)

    def _limit(self, run: Run) -> float:
        return min(run.deadline, self._clock.monotonic() + run.health_deadline_s)

    def _counts(self, action: Action) -> bool:
        """Whether a wave waits for the object: what is held, or nobody's yet, does not count."""
        if action.held is not None or self._writer.is_child(action.id):
            return False
        ignored = action.desired.annotations if action.desired else {}
        return not any(
            ignored.get(f"{prefix}/ignore-healthcheck") == "true"
            for prefix in ("gitops.dev", "argocd.argoproj.io")
        )

    def _judge(self, waited: Waited, run: Run, applied: Applied) -> None:
        match waited.end:
            case WaitEnd.HEALTHY:
                return
            case WaitEnd.CALLED_OFF:
                applied.end = End(run.called_off() or End.SUPERSEDED)
            case WaitEnd.DEGRADED | WaitEnd.DEADLINE:
                applied.end = End.RETRY if self._is_away(waited) else End.UNHEALTHY
        applied.unhealthy = dict(waited.unhealthy)
        first, verdict = next(iter(waited.unhealthy.items()))
        status = verdict.status or HealthStatus.UNKNOWN
        late = " when its deadline passed" if waited.end is WaitEnd.DEADLINE else ""
        detail = f": {verdict.message}" if verdict.message else ""
        applied.message = f"{first.title} was {status}{late}{detail}"

    def _is_away(self, waited: Waited) -> bool:
        """Whether nobody can tell how anything stands, because the API server does not answer."""
        errors = [self._actual.unseen(identity.group_kind) for identity in waited.unhealthy]
        return all(error is not None and error.reason in AWAY for error in errors)


def last_deletions(actions: Sequence[Action]) -> int:
    """How many deletions a phase ends with, after something else."""
    kinds = [action.kind is ActionKind.DELETE for action in actions]
    return 0 if all(kinds) else kinds[::-1].index(False)


def failed(written: Written) -> Outcome:
    """The outcome of an action that the cluster refused."""
    outcome = written.outcome
    return Outcome(
        outcome.id,
        outcome.action,
        OutcomeKind.FAILED,
        written.error.message if written.error else "",
        outcome.phase,
        outcome.wave,
        outcome.changes,
    )


def fault_outcomes(plan: Plan) -> list[Outcome]:
    """One outcome an object with faults, for which a plan has no action; `plan` is masked."""
    told: dict[ObjectId, list[str]] = {}
    for fault in plan.faults:
        if fault.id is not None:
            told.setdefault(fault.id, []).append(fault.message)
    kind, sync = str(ActionKind.NONE), Phase.SYNC.title
    return [Outcome(i, kind, OutcomeKind.FAILED, "; ".join(m), sync) for i, m in told.items()]


def all_outcomes(found: Sequence[Outcome], plan: Plan) -> list[Outcome]:
    """One outcome an action, in the plan's order: the last found, else what it was left as.

    `plan` is masked.
    """
    last = {(o.id, o.phase): o for o in found}
    for action in plan.actions:
        key = (action.id, action.phase.title)
        if key in last:
            continue
        kind = OutcomeKind.SKIPPED
        if action.waits:
            kind = OutcomeKind.HELD
        elif action.kind is ActionKind.NONE:
            kind = OutcomeKind.UNCHANGED
        why = action.held or action.reason
        last[key] = Outcome(action.id, str(action.kind), kind, why, key[1], action.wave)
    order = {(a.id, a.phase.title): n for n, a in enumerate(plan.actions)}
    return [last[key] for key in sorted(last, key=lambda k: (order.get(k, 0), k))]


def stages(actions: Sequence[Action]) -> Iterator[list[Action]]:
    """Runs of one phase and wave in the plan's order; deletions, namespaces and CRDs apart.

    Namespaces and CRDs make room for others of their wave, which are dry-run only after them.
    """
    for _, run in groupby(actions, key=_stage_key):
        yield list(run)


def _stage_key(action: Action) -> tuple[Phase, int, bool, bool]:
    deletes = action.kind is ActionKind.DELETE
    makes_room = action.id.group_kind in (CRD, NAMESPACE) and not deletes
    return action.phase, action.wave, deletes, makes_room


def _rank(action: Action) -> tuple[int, bool]:
    return kind_rank(action.id.group_kind), action.kind is ActionKind.DELETE
