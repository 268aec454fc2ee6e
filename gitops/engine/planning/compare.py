"""Gather desired, actual and last-applied of one application and let the core make the plan.

Called by the syncer before a write, and for `gitops plan`. Reads and dry-runs only; the requests it
makes are the ones of the table of costs: nothing for what is as it was left, one dry-run for what
changed, one read more for an object never applied before.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gitops.core.diff.ignore import DiffOptions
from gitops.core.masking.mask import Masker
from gitops.core.planning.failure import carry_on
from gitops.core.planning.guards import GuardContext, guard
from gitops.core.planning.hooks import DELETION
from gitops.core.planning.order import RUN_BY_DELETION, RUN_BY_ROLLBACK, RUN_BY_SYNC, order_actions
from gitops.core.planning.plan import (
    Subject,
    create,
    deletion,
    later,
    remark,
    replacement,
    settle_by_answer,
    settle_by_memory,
    settle_by_wish,
    settle_locally,
)
from gitops.core.planning.retry import AWAY
from gitops.core.schema.shapes import Shapes
from gitops.engine.facts.actual import Actual
from gitops.engine.facts.desired import Documents
from gitops.engine.facts.inventory import Inventory
from gitops.engine.facts.masks import Masks
from gitops.engine.planning.projects import refuse
from gitops.engine.planning.pruning import FindHeirs, Heirs, LetGo, let_go, nobody
from gitops.engine.planning.sentences import hold_all, look_and_approve, nothing, refusal, tell
from gitops.engine.planning.subjects import Gathered, Subjects
from gitops.engine.planning.wishes import fit, leave
from gitops.errors import ClusterError
from gitops.model.application import Application
from gitops.model.diff import ActionKind
from gitops.model.objects import Body, Manifest, ObjectId, identify
from gitops.model.plan import Action, Fault, Found, Hold, Phase, Plan
from gitops.model.project import UNLIMITED, Project
from gitops.model.revision import Selection
from gitops.ports import Answer, Apply, Claim, Cluster, Create, Read, Request, Store
from gitops.wire.plan import plan_digest

UNDECLARED = "field not declared in schema"
STRICT = "strict decoding error: "


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """What to plan for.

    `only` limits the plan to some objects (a heal, a selective sync, of which `selection` says what
    somebody chose); `deletes` plans the deletion
    of all that the application owns; `prune` True lifts the prune budget; `approved` is the digest
    of a plan that somebody approved, `confirmed` lets go what asks for no more than confirmation;
    `rollback` holds what an automatic rollback never deletes, and runs only hooks that ask for it.
    """

    application: Application
    manifests: tuple[Manifest, ...]
    digest: str
    commit: str | None
    hooks: bool = False
    only: frozenset[ObjectId] | None = None
    prune: bool | None = None
    approved: str = ""
    confirmed: bool = False
    rollback: bool = False
    deletes: bool = False
    selection: Selection | None = None

    @property
    def approving(self) -> str:
        """How what waits in the plan is approved."""
        return look_and_approve(self.application.name, self.selection, prune=bool(self.prune))

    @property
    def phases(self) -> frozenset[Phase]:
        """The phases whose hooks are run."""
        if self.deletes:
            return RUN_BY_DELETION
        if self.rollback:
            return RUN_BY_ROLLBACK
        return RUN_BY_SYNC if self.hooks else frozenset()


@dataclass(frozen=True, slots=True)
class Comparison:
    """A plan, and the same masked for people; `held` says why all of it waits, or is "".

    `refused` says that faults keep all of it from being made.
    `learnt` are claims of objects that stand as desired without having been applied just now;
    `released` are objects that are no longer desired and no longer there, `handed` those that go
    over to another application, by its name.
    """

    plan: Plan
    masked: Plan
    masker: Masker
    held: str = ""
    waits_for_approval: bool = False
    refused: bool = False
    degraded: frozenset[ObjectId] = frozenset()
    learnt: tuple[Claim, ...] = ()
    released: tuple[ObjectId, ...] = ()
    handed: Mapping[ObjectId, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Work:
    """What becomes known of the subjects while a plan is made."""

    actions: list[Action] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    learnt: list[Claim] = field(default_factory=list)
    bodies: list[Body] = field(default_factory=list)
    """Live bodies that were read: their Secrets are masked too."""


class Comparer:
    """Plans for one cluster."""

    def __init__(
        self,
        cluster: Cluster,
        actual: Actual,
        inventory: Inventory,
        store: Store,
        documents: Documents,
        comparing: tuple[DiffOptions, Masks],
    ) -> None:
        self._cluster = cluster
        self._actual = actual
        self._inventory = inventory
        self._store = store
        options, self._masks = comparing
        self.find_heirs: FindHeirs = nobody
        """Set by `engine/service.py`: who takes over what an application lets go."""
        self._subjects = Subjects(
            cluster, actual, inventory, documents, store.installation, options
        )
        self.limits: Callable[[PlanRequest], Project] = lambda _request: UNLIMITED
        """What a plan may hold, raising what must not be planned; set by `engine/service.py`."""

    def compare(self, request: PlanRequest) -> Comparison:
        """Make the plan; raises ClusterError where the cluster cannot answer."""
        gathered = self._subjects.gather(
            request.application,
            request.manifests,
            phases=request.phases,
            only=request.only,
            digest=request.digest or DELETION,
        )
        refuse(gathered, request.application, self.limits(request))
        work = _Work([*gathered.actions], [*gathered.faults])
        desires = request.manifests or gathered.subjects or gathered.stale
        if not (desires or request.deletes or request.only is not None):
            work.faults += nothing(request.application)
        open_subjects = self._settle_by_memory(gathered, work)
        if open_subjects:
            shapes = self.shapes([s.stamped for s in open_subjects])
            open_subjects = fit(open_subjects, shapes, gathered.options, self._cluster)
            rest = self._settle_locally(open_subjects, shapes, gathered, work)
            self._ask(rest, shapes, gathered, work)
        found = self._plan_deletions(request, gathered, work)
        return self._assemble(request, gathered, work, found)

    def shapes(self, bodies: Sequence[Body]) -> Shapes:
        """Shapes of the kinds of these bodies, from the cluster."""
        return self._cluster.shapes({str(body.get("apiVersion") or "") for body in bodies})

    # --- settle what needs no request ---------------------------------------------------------

    def _settle_by_memory(self, gathered: Gathered, work: _Work) -> list[Subject]:
        rest = []
        for subject in gathered.subjects:
            action = None if subject.hook else settle_by_memory(subject)
            if action is None:
                action, claim = leave(subject, self._subjects.claim)
                work.learnt += [claim] if claim else []
            if action is None:
                rest.append(subject)
            else:
                work.actions.append(action)
        return self._subjects.recall(rest)

    def _settle_locally(
        self,
        subjects: Sequence[Subject],
        shapes: Shapes,
        gathered: Gathered,
        work: _Work,
    ) -> list[Subject]:
        rest = []
        for subject in subjects:
            if subject.child:
                work.actions.append(self._child(subject))
                continue
            if subject.resumed:
                reason = "a run that a restart cut off goes on"
                work.actions.append(subject.action(ActionKind.NONE, reason=reason))
                continue
            if subject.deferred or subject.hook:
                work.actions.append(create(subject, None, shapes))
                continue
            action = settle_locally(subject, shapes, gathered.options)
            if action is None or subject.live is None:
                rest.append(subject)
                continue
            work.actions.append(action)
            work.learnt.append(self._subjects.claim(subject, subject.live, ""))
        return rest

    def _child(self, subject: Subject) -> Action:
        """An Application: registered when it is new or changed."""
        memory = subject.memory
        if memory is not None and memory.desired_digest == subject.digest:
            return subject.action(ActionKind.NONE, found=Found.REMEMBERED)
        kind = ActionKind.CONFIGURE if memory and memory.desired_digest else ActionKind.CREATE
        return subject.action(kind, reason="declared by this application")

    # --- ask the server -----------------------------------------------------------------------

    def _ask(
        self, subjects: Sequence[Subject], shapes: Shapes, gathered: Gathered, work: _Work
    ) -> None:
        """One dry-run for each, and one read for those that exist and were never applied."""
        requests: list[Request] = [
            Apply(s.id, s.stamped, dry_run=True, uid=s.live.uid if s.live else None)
            for s in subjects
        ]
        pairs = list(zip(subjects, self._cluster.send(requests), strict=True))
        unknown = [s for s, answer in pairs if self._must_read(s, answer)]
        read = self._read(unknown)
        for subject, answer in pairs:
            live = read.get(subject.id)
            known = live or (subject.live.decode() if subject.live else None)
            self._take_answer(subject, answer, known, shapes, gathered, work)

    def _must_read(self, subject: Subject, answer: Answer) -> bool:
        """Whether only a read tells what stands there: managedFields of all are needed."""
        if answer.created or (answer.error and answer.error.reason != "immutable"):
            return False
        applied = subject.memory is not None and subject.memory.desired_digest
        return subject.live is None or not applied

    def _read(self, subjects: Sequence[Subject]) -> dict[ObjectId, Body]:
        answers = self._cluster.send([Read(s.id, s.manifest.api_version) for s in subjects])
        found: dict[ObjectId, Body] = {}
        for subject, answer in zip(subjects, answers, strict=True):
            if answer.body is not None:
                found[subject.id] = answer.body
        return found

    def _take_answer(
        self,
        subject: Subject,
        answer: Answer,
        live: Body | None,
        shapes: Shapes,
        gathered: Gathered,
        work: _Work,
    ) -> None:
        if answer.error is not None:
            self._take_error(subject, answer.error, live, shapes, gathered, work)
            return
        if live is None or answer.created or answer.body is None:
            work.actions.append(create(subject, answer.body, shapes))
            return
        work.bodies.append(live)
        action = settle_by_wish(subject, live)
        if action is not None:
            work.actions.append(action)
            return
        action = settle_by_answer(subject, live, answer.body, shapes, gathered.options)
        work.actions.append(action)
        if action.kind is ActionKind.NONE:
            work.learnt.append(self._subjects.claim(subject, self._cluster.live(live), ""))

    def _take_error(
        self,
        subject: Subject,
        error: ClusterError,
        live: Body | None,
        shapes: Shapes,
        gathered: Gathered,
        work: _Work,
    ) -> None:
        if error.reason in AWAY:
            raise error
        why = gathered.rests_on(subject.id, error.reason)
        if error.reason == "immutable" and live is not None:
            settled = replacement(subject, live, error.message)
            (work.faults if isinstance(settled, Fault) else work.actions).append(settled)  # type: ignore[arg-type]  # each list takes its own kind
        elif why:
            work.actions.append(later(replace(subject, deferred=why), shapes, gathered.options))
        elif error.reason == "conflict" and subject.live is not None:
            work.actions.append(create(replace(subject, deferred="being deleted"), None, shapes))
        else:
            error = self._explained(subject, error)
            code, place = error.reason or "refused", subject.manifest.place
            work.faults.append(Fault(code, tell(error), subject.id, place))

    def _explained(self, subject: Subject, error: ClusterError) -> ClusterError:
        """Apply stops at one field of those that the schema lacks; a strict creation names all."""
        if UNDECLARED not in error.message:
            return error
        (answer,) = self._cluster.send([Create(subject.id, subject.stamped, dry_run=True)])
        _, _, fields = (answer.error.message if answer.error else "").partition(STRICT)
        return ClusterError(fields, remedy=error.remedy, reason=error.reason) if fields else error

    # --- deletions and the whole --------------------------------------------------------------

    def _plan_deletions(self, request: PlanRequest, gathered: Gathered, work: _Work) -> LetGo:
        """Let go of what is owned and no longer desired; a deletion takes what hooks left too."""
        heals = request.only is not None and request.selection is None
        name, stale = request.application.name, [] if heals else gathered.stale
        heirs = self.find_heirs(name, {claim.id for claim in stale}) if stale else Heirs()
        found = let_go(
            request.application, stale, (self._actual, self._store.installation), heirs,
            deletes=request.deletes,
        )  # fmt: skip
        work.actions += found.actions
        work.faults += found.faults
        work.bodies += found.bodies
        if request.deletes:
            again = {action.id for action in work.actions}
            for live in self._subjects.hook_objects(name):
                if live.id not in again:
                    work.actions.append(deletion(live.id, live, "was made by a hook"))
        return found

    def _assemble(
        self, request: PlanRequest, gathered: Gathered, work: _Work, gone: LetGo
    ) -> Comparison:
        # With automatic rollback, prunes come after health: going back then needs no creation.
        last = request.application.sync_policy.automatic_rollback
        actions = order_actions(guard(work.actions, self._context(request, work)), prune_last=last)
        masker, unread = self._masks.compare(
            request.application,
            request.manifests,
            [*(s.stamped for s in gathered.subjects), *work.bodies],
        )
        refused = (refusal(a) for a in actions if a.hold is Hold.REFUSED)
        faults = [*work.faults, *unread, *refused]
        plan = Plan(
            request.application.name,
            request.digest,
            tuple(actions),
            request.commit,
            tuple(sorted(faults, key=lambda f: (str(f.place), str(f.id), f.message))),
            (*gathered.warnings, *(f"{a.id.title}: {remark(a)}" for a in actions if remark(a))),
        )
        if request.approved and plan_digest(plan) == request.approved:
            freed = guard(actions, self._context(request, work, approved=True))
            plan = replace(plan, actions=tuple(freed))
        failing = request.application.sync_policy.failure_policy
        spared = carry_on(plan.actions, faults, request.manifests, failing) if faults else None
        plan = replace(plan, actions=spared) if spared else plan
        waiting = [a for a in plan.actions if a.waits]
        return Comparison(
            plan,
            masker.mask_plan(plan),
            masker,
            held=hold_all(waiting, request.approving, deletes=request.deletes),
            waits_for_approval=bool(waiting),
            refused=bool(faults) and spared is None,
            degraded=gathered.degraded,
            learnt=tuple(work.learnt),
            released=tuple(gone.released),
            handed=gone.handed,
        )

    def _context(
        self, request: PlanRequest, work: _Work, *, approved: bool = False
    ) -> GuardContext:
        ids = {action.id for action in work.actions}
        claims = {i: c.application for i in ids if (c := self._inventory.get(i)) is not None}
        hooks = {action.id for action in work.actions} - set(claims) if request.deletes else set()
        return GuardContext(
            request.application,
            self._store.installation,
            owned={c.id for c in self._inventory.of(request.application.name)} | hooks,
            claims=claims,
            live={identify(body): body for body in work.bodies},
            approved=approved,
            confirmed=request.confirmed,
            prune=request.prune,
            rollback=request.rollback,
            deletes=request.deletes,
            partial=request.only is not None and bool(request.manifests),
            project=self.limits(request),
        )
