"""Gather what a plan is made from: every desired object with its live state, claim and marks.

Called by `engine/planning/compare.py`. Reads memory; asks the cluster only for suspects, and once
whether a namespace exists that the application wants created.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gitops.core.autoscaling import AUTOSCALERS, autoscaled, without_replicas
from gitops.core.diff.ignore import DiffOptions
from gitops.core.manifests.normalize import manifest_digest
from gitops.core.manifests.scope import CRD, NAMESPACE, defined_kind
from gitops.core.ownership.marks import HOOK_ANNOTATION, stamp, tracked_by
from gitops.core.ownership.projection import live_digest
from gitops.core.planning.hooks import annotation_faults, hook_name, hooks_of, undeleted, wave_of
from gitops.core.planning.order import RUN_BY_DELETION, RUN_BY_ROLLBACK
from gitops.core.planning.plan import Memory, Subject
from gitops.core.planning.resting import may_rest_on
from gitops.core.planning.retry import AWAY
from gitops.core.planning.sync_options import merge_options, options_of
from gitops.engine.facts.actual import Actual
from gitops.engine.facts.children import is_child
from gitops.engine.facts.contests import contested
from gitops.engine.facts.desired import Documents
from gitops.engine.facts.inventory import Inventory
from gitops.engine.planning.namespaces import look_at_namespace, wants_namespace
from gitops.engine.planning.sentences import tell
from gitops.errors import ClusterError
from gitops.model.application import Application
from gitops.model.health import HealthStatus
from gitops.model.objects import Body, GroupKind, KindInfo, Live, Manifest, ObjectId
from gitops.model.plan import Action, DeletePolicy, Fault, Hook, Phase
from gitops.ports import Claim, Cluster

LIST_S = 20.0
"""How long a plan waits for the list of a kind that only hooks have."""


@dataclass(slots=True)
class Gathered:
    """Subjects in the order of desired, and what else the plan needs to know."""

    subjects: list[Subject] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    stale: list[Claim] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    """What is settled already."""
    phases: frozenset[Phase] = frozenset()
    """The phases whose hooks are planned, for the desired state with this digest."""
    digest: str = ""
    degraded: frozenset[ObjectId] = frozenset()
    options: DiffOptions = field(default_factory=DiffOptions)
    making: frozenset[ObjectId] = frozenset()
    """Objects that the plan may create or change, on which others may rest."""

    def rests_on(self, identity: ObjectId, reason: str | None) -> str:
        """Why a dry-run refused with this reason may succeed later in the same sync, or ""."""
        for other in sorted(self.making):
            if other.group_kind == NAMESPACE and other.name == identity.namespace:
                return f"its namespace {other.name} is made by the same sync"
        if identity.group_kind in self.defines:
            return "its CustomResourceDefinition is made by the same sync"
        if may_rest_on(identity, reason, self.making):
            return "it rests on an object that the same sync makes"
        return ""

    defines: frozenset[GroupKind] = frozenset()


class Subjects:
    """Gathers for one cluster."""

    def __init__(
        self,
        cluster: Cluster,
        actual: Actual,
        inventory: Inventory,
        documents: Documents,
        installation: str,
        comparing: DiffOptions,
    ) -> None:
        self._cluster = cluster
        self._actual = actual
        self._inventory = inventory
        self._documents = documents
        self._installation = installation
        self._comparing = comparing

    def gather(
        self,
        application: Application,
        manifests: Sequence[Manifest],
        *,
        phases: frozenset[Phase],
        only: frozenset[ObjectId] | None,
        digest: str,
    ) -> Gathered:
        """Everything about one application's desired objects; raises ClusterError."""
        gathered = Gathered(
            options=self._comparing.with_rules(application.ignore_differences),
        )
        gathered.phases, gathered.digest = phases, digest
        chosen = [m for m in manifests if only is None or m.id in only]
        chosen = self._settle_suspects(application.name, chosen, gathered)
        claims = {claim.id: claim for claim in self._inventory.of(application.name)}
        gathered.defines = self._new_kinds(chosen)
        scaled = autoscaled(m.body for m in manifests)
        known = self._remembered(claims, chosen)
        gathered.warnings += [f.message for m in chosen for f in annotation_faults(m)]
        if phases:
            self._watch_hooks(chosen)
        for manifest, hook in zip(chosen, hooks_of(chosen), strict=True):
            if hook is None:
                self._add(manifest, application, gathered, known, scaled)
            else:
                gathered.subjects += self._hooks(manifest, hook, application, gathered)
        self._add_namespace(application, gathered, whole=only is None)
        self._defer(gathered)
        wanted = self._inventory.contests.of(application.name)
        gathered.warnings += [contested(i, application.name, wanted[i]) for i in sorted(wanted)]
        desired = {s.id for s in gathered.subjects} if only is None else {m.id for m in manifests}
        gathered.stale = [
            claim
            for claim in claims.values()
            if claim.id not in desired and (only is None or claim.id in only)
        ]
        gathered.degraded = self._degraded(gathered.subjects)
        return gathered

    def claim(self, subject: Subject, live: Live, address: str) -> Claim:
        """What is remembered of an object that stands as desired."""
        return Claim(
            subject.id,
            tracked_by(subject.stamped) or "",
            live.api_version,
            live.uid,
            subject.digest,
            live_digest(live),
            address,
        )

    def _settle_suspects(
        self, application: str, manifests: Sequence[Manifest], gathered: Gathered
    ) -> list[Manifest]:
        """Ask for what may be gone; what we may not see is a fault, and left out."""
        versions = {c.id: c.api_version for c in self._inventory.of(application)}
        versions |= {m.id: m.api_version for m in manifests}
        self._refuse_to_guess({identity.group_kind for identity in versions})
        unknown = self._actual.settle({i: v for i, v in versions.items() if not is_child(i)})
        for error in unknown.values():
            if error.reason in AWAY:
                raise error
        gathered.faults += [
            Fault(e.reason or "refused", tell(e), m.id, m.place)
            for m in manifests
            if (e := unknown.get(m.id)) is not None
        ]
        return [m for m in manifests if m.id not in unknown]

    def _refuse_to_guess(self, kinds: Collection[GroupKind]) -> None:
        """What is remembered may be long gone while the API server does not answer.

        One kind alone may fail for its own reasons (a conversion webhook), and holds up no other.
        """
        errors = [error for kind in sorted(kinds) if (error := self._actual.unseen(kind))]
        if errors and len(errors) == len(kinds) and all(e.reason in AWAY for e in errors):
            error = errors[0]
            raise ClusterError(error.message, remedy=error.remedy, reason=error.reason)

    def _remembered(
        self, claims: Mapping[ObjectId, Claim], chosen: Sequence[Manifest]
    ) -> dict[ObjectId, Memory]:
        return {
            m.id: Memory(c.desired_digest, c.answer_digest, c.contested, c.manifest, c.uid)
            for m in chosen
            if (c := claims.get(m.id)) is not None
        }

    def recall(self, subjects: Sequence[Subject]) -> list[Subject]:
        """The subjects with the manifests that were applied last, from the content store."""
        addresses = {s.memory.address for s in subjects if s.memory and s.memory.address}
        known = {a: {m.id: m.body for m in self._documents.load(a)} for a in addresses}
        return [_with_memory(s, known) for s in subjects]

    def hook_objects(self, application: str) -> list[Live]:
        """What an application's hooks made and left, in order of identity."""
        return [
            live
            for live in self._actual.all()
            if self._inventory.get(live.id) is None and tracked_by(live.decode()) == application
        ]

    def _new_kinds(self, manifests: Sequence[Manifest]) -> frozenset[GroupKind]:
        """Kinds that CustomResourceDefinitions among the manifests define."""
        found = [defined_kind(m.body) for m in manifests if m.id.group_kind == CRD]
        return frozenset(defined[0] for defined in found if defined is not None)

    def _add(
        self,
        manifest: Manifest,
        application: Application,
        gathered: Gathered,
        known: Mapping[ObjectId, Memory],
        scaled: Mapping[ObjectId, str],
    ) -> None:
        """One subject, or a fault where another application has the object."""
        claim = self._inventory.get(manifest.id)
        if claim is not None and claim.application != application.name:
            gathered.faults.append(
                Fault(
                    "claimed",
                    contested(manifest.id, claim.application, application.name),
                    manifest.id,
                    manifest.place,
                )
            )
            return
        live = self._actual.get(manifest.id)
        autoscaler = self._autoscaler(manifest, live, scaled)
        if autoscaler:
            manifest = replace(manifest, body=without_replicas(manifest.body))
        stamped = stamp(manifest.body, application.name, self._installation, manifest.id)
        gathered.subjects.append(
            Subject(
                manifest=manifest,
                stamped=stamped,
                digest=manifest_digest(stamped),
                live=live,
                live_digest=live_digest(live) if live else "",
                memory=known.get(manifest.id),
                wave=wave_of(manifest),
                options=merge_options(options_of(manifest), application.sync_policy.sync_options),
                autoscaler=autoscaler,
                child=is_child(manifest.id),
            )
        )

    def _hooks(
        self, manifest: Manifest, hook: Hook, application: Application, gathered: Gathered
    ) -> list[Subject]:
        """One subject for each phase that is planned; a generated name is the desired state's.

        A deletion leaves none of its hooks that succeed: the application is gone then.
        """
        found, digest = [], gathered.digest
        if gathered.phases == RUN_BY_ROLLBACK and not hook.on_rollback:
            return []
        if gathered.phases == RUN_BY_DELETION:
            leaving = (*hook.delete_policies, DeletePolicy.HOOK_SUCCEEDED)
            hook = replace(hook, delete_policies=leaving)
        for phase in hook.phases:
            if phase not in gathered.phases:
                continue
            name = hook_name(manifest, application.name, digest[3:10], phase)
            named = with_name(manifest, name)
            stamped = stamp(named.body, application.name, self._installation, named.id, digest)
            found.append(
                Subject(
                    manifest=named,
                    stamped=stamped,
                    digest=manifest_digest(stamped),
                    live=self._actual.get(named.id),
                    phase=phase,
                    wave=wave_of(manifest),
                    hook=hook,
                    options=options_of(manifest),
                    resumed=self._is_running(named.id, digest),
                )
            )
        return found

    def _watch_hooks(self, manifests: Sequence[Manifest]) -> None:
        """See what hooks left behind: nothing claims it, so that start-up watches none of it."""
        kinds = {
            manifest.id.group_kind
            for manifest, hook in zip(manifests, hooks_of(manifests), strict=True)
            if hook is not None
        }
        self._actual.watch(kinds & set(self._cluster.kinds()), LIST_S)

    def _is_running(self, identity: ObjectId, digest: str) -> bool:
        """Whether a run of this very hook, cut off by a restart, is still under way or done.

        One that failed is run again when somebody asks for the same sync again.
        """
        live = self._actual.get(identity)
        if live is None or self._is_degraded(live):
            return False
        body = live.decode()
        if live.deleting and undeleted(body) is body:
            return False
        annotations = (body.get("metadata") or {}).get("annotations") or {}
        return bool(annotations.get(HOOK_ANNOTATION) == digest)

    def _autoscaler(
        self, manifest: Manifest, live: Live | None, scaled: Mapping[ObjectId, str]
    ) -> str:
        if manifest.id in scaled:
            return scaled[manifest.id]
        managed = self._actual.autoscaler(manifest.id)
        if not managed and live is not None and live.replicas_manager in AUTOSCALERS:
            return live.replicas_manager or ""
        return managed

    def _add_namespace(self, application: Application, gathered: Gathered, *, whole: bool) -> None:
        """What `CreateNamespace=true` asks for, unless another application has the namespace."""
        identity = wants_namespace(application, gathered.subjects, whole=whole)
        if identity is None or self._inventory.get(identity) is not None:
            return
        found = look_at_namespace(application, identity, self._cluster)
        if isinstance(found, Subject):
            gathered.subjects.insert(0, found)
        elif found is not None:
            gathered.actions.append(found)

    def _defer(self, gathered: Gathered) -> None:
        """Mark what rests on something that the same plan is sure to create."""
        kinds = self._cluster.kinds()
        missing = {
            s.id.name for s in gathered.subjects if s.id.group_kind == NAMESPACE and s.live is None
        }
        gathered.making = frozenset(s.id for s in gathered.subjects if not s.hook)
        gathered.subjects = [
            replace(s, deferred=why)
            if not s.deferred and (why := self._why_deferred(s, missing, gathered, kinds))
            else s
            for s in gathered.subjects
        ]

    def _why_deferred(
        self,
        subject: Subject,
        missing: set[str],
        gathered: Gathered,
        kinds: Mapping[GroupKind, KindInfo],
    ) -> str:
        if subject.child or subject.live is not None:
            return ""
        if subject.id.namespace in missing:
            return f"its namespace {subject.id.namespace} is made by the same sync"
        kind = subject.id.group_kind
        if kind in gathered.defines and kind not in kinds:
            return "its CustomResourceDefinition is made by the same sync"
        if kind not in kinds and "SkipDryRunOnMissingResource=true" in subject.options:
            return "its kind is not known yet (SkipDryRunOnMissingResource=true)"
        return ""

    def _degraded(self, subjects: Sequence[Subject]) -> frozenset[ObjectId]:
        """Objects that were Degraded before: they may stay so until the deadline."""
        return frozenset(
            s.id
            for s in subjects
            if s.live is not None and s.hook is None and self._is_degraded(s.live)
        )

    def _is_degraded(self, live: Live) -> bool:
        return self._actual.verdicts.of(live).status is HealthStatus.DEGRADED


def _with_memory(subject: Subject, known: Mapping[str, Mapping[ObjectId, Body]]) -> Subject:
    memory = subject.memory
    body = known.get(memory.address, {}).get(subject.id) if memory else None
    if memory is None or body is None:
        return subject
    return replace(subject, memory=replace(memory, manifest=body))


def with_name(manifest: Manifest, name: str) -> Manifest:
    """The manifest under a name of its own, where it had only a `generateName`."""
    if manifest.id.name == name:
        return manifest
    metadata = {k: v for k, v in manifest.body["metadata"].items() if k != "generateName"}
    body = {**manifest.body, "metadata": {**metadata, "name": name}}
    return replace(manifest, id=replace(manifest.id, name=name), body=body)
