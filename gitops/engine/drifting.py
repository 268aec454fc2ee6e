"""The drift log: what drifted and is not repaired by itself, which field, by whom and since when.

Called by the healer. An object is compared once, with one read for its managers and one dry-run,
when its drift is new; that is told as an event and kept in the trail.
"""

from dataclasses import asdict, replace

from gitops.core.diff.diff import diff
from gitops.core.diff.drift import Note, drift_policy, note_of
from gitops.core.diff.ignore import DiffOptions
from gitops.core.ownership.owners import LastApplied
from gitops.engine.compare import PlanRequest
from gitops.engine.parts import Parts
from gitops.engine.registry import Runtime
from gitops.model.application import Drift
from gitops.model.diff import ActionKind
from gitops.model.objects import Body, ObjectId
from gitops.model.plan import Action
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

    def _tell(self, runtime: Runtime, identity: ObjectId, note: Note) -> None:
        runtime.drift_notes[identity] = note.sentence
        message = f"{identity.title} drifted: {note.sentence}"
        self._parts.events.publish(runtime.name, "drift", message, object=str(identity))
        self._parts.store.append(
            RecordKind.DRIFT,
            actor=", ".join(note.managers) or "unknown",
            application=runtime.name,
            payload={"object": str(identity), **asdict(note)},
        )


def _is_gone(action: Action) -> bool:
    return action.kind is ActionKind.CREATE
