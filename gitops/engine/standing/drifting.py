"""The drift log: what drifted, which field, by whom and since when.

Called by the healer. What is not repaired by itself is compared once, with one read for its
managers and one dry-run, when its drift is new; of what is repaired the repair tells it, and the
watch has told who touched the object last. Both are an event and a record of the trail.
"""

from collections.abc import Mapping
from dataclasses import asdict, replace

from gitops.core.diff.diff import diff
from gitops.core.diff.drift import Note, drift_policy, note_of, note_of_repair
from gitops.core.diff.ignore import DiffOptions
from gitops.core.ownership.owners import LastApplied
from gitops.engine.facts.registry import Runtime
from gitops.engine.lanes.parts import Parts
from gitops.engine.planning.compare import PlanRequest
from gitops.model.application import Drift
from gitops.model.diff import ActionKind
from gitops.model.objects import Body, Live, ObjectId
from gitops.model.plan import Action, Plan
from gitops.model.revision import RecordKind
from gitops.ports import Read


class DriftLog:
    """Notes of each application's drift, in its runtime."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def has_news(self, runtime: Runtime) -> bool:
        """Whether something drifted of which nothing was told; what stands again is forgotten."""
        known = {i: note for i, note in runtime.drift_notes.items() if i in runtime.drifted}
        runtime.drift_notes = known
        return bool(runtime.drifted - runtime.drift_notes.keys())

    def report(self, runtime: Runtime) -> None:
        """Tell of new drift; what only ignored places make differ stands. Raises ClusterError."""
        if not self.has_news(runtime) or drift_policy(runtime.application) is Drift.HEAL:
            return
        by_address: dict[str, set[ObjectId]] = {}
        for identity in runtime.drifted - runtime.drift_notes.keys():
            claim = self._parts.inventory.get(identity)
            if claim is not None and claim.manifest:
                by_address.setdefault(claim.manifest, set()).add(identity)
        for address, identities in sorted(by_address.items()):
            self._compare(runtime, address, frozenset(identities))

    def _compare(self, runtime: Runtime, address: str, identities: frozenset[ObjectId]) -> None:
        manifests = self._parts.loader.documents.load(address)
        digest = self._parts.states.get(runtime.name).synced_digest
        plan = PlanRequest(runtime.application, manifests, digest, None, only=identities)
        comparison = self._parts.comparer.compare(plan)
        stand = [replace(claim, manifest=address) for claim in comparison.learnt]
        self._parts.inventory.keep(stand)
        runtime.drifted -= {claim.id for claim in stand}
        changed = [a for a in comparison.plan.actions if a.kind is not ActionKind.NONE]
        answers = self._parts.cluster.send([Read(a.id, a.api_version) for a in changed])
        for action, answer in zip(changed, answers, strict=True):
            if action.id in identities and (answer.error is None or _is_gone(action)):
                self._tell(runtime, action.id, self._note(action, answer.body))

    def _note(self, action: Action, live: Body | None) -> Note:
        if live is None or action.desired is None:
            return note_of((), None)
        desired = action.desired.body
        shapes = self._parts.cluster.shapes({action.api_version})
        named = {change.path for change in action.diff.fields} if action.diff else set()
        found = diff(desired, live, LastApplied(desired), shapes, DiffOptions())
        return note_of([change for change in found.fields if change.path in named], live)

    def notes(self, plan: Plan, before: Mapping[ObjectId, Live]) -> dict[ObjectId, Note]:
        """What a repair finds of each object; `before` is how each stood."""
        found = {}
        for action in plan.actions:
            if action.changes_cluster:
                live = before.get(action.id)
                fields = action.diff.fields if action.diff else ()
                gone = live is None or _is_gone(action)
                found[action.id] = note_of_repair(fields, live.touched if live else None, gone=gone)
        return found

    def keep_repairs(self, name: str, notes: Mapping[ObjectId, Note], revision: int) -> None:
        """Record what a repair has found."""
        for identity, note in sorted(notes.items()):
            self._keep(name, identity, note, revision)

    def tell_repairs(self, name: str, notes: Mapping[ObjectId, Note], revision: int | None) -> None:
        """Tell what was repaired, and what its repair was refused for."""
        for identity, note in sorted(notes.items()):
            self._publish(name, identity, note, revision)

    def _tell(self, runtime: Runtime, identity: ObjectId, note: Note) -> None:
        runtime.drift_notes[identity] = note.sentence
        self._keep(runtime.name, identity, note, None)
        self._publish(runtime.name, identity, note, None)

    def _keep(self, name: str, identity: ObjectId, note: Note, revision: int | None) -> None:
        self._parts.store.append(
            RecordKind.DRIFT,
            actor=", ".join(note.managers) or "unknown",
            application=name,
            revision=revision,
            payload={"object": str(identity), **asdict(note)},
        )

    def _publish(self, name: str, identity: ObjectId, note: Note, revision: int | None) -> None:
        message = f"{identity.title} drifted: {note.sentence}"
        self._parts.events.publish(name, "drift", message, revision=revision, object=str(identity))


def _is_gone(action: Action) -> bool:
    return action.kind is ActionKind.CREATE
