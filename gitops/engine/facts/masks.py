"""What people may not see of an application: the values of its Secrets, and what rules hide.

In: an application's objects, as desired and as they are in the cluster, all of them: a plan may be
of a few (a heal, a chosen resource), and a value is hidden wherever it stands. Out: `Masker`s, and
texts without those values. Called by the comparison, by what reads history, and around every event
and status. Reads memory; the store where nothing was compared since the start.
"""

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from gitops.core.masking.mask import Masker
from gitops.core.masking.rules import MaskRules
from gitops.engine.facts.actual import Actual
from gitops.engine.facts.desired import Documents
from gitops.engine.facts.inventory import Inventory
from gitops.engine.facts.registry import Registry
from gitops.errors import GitopsError
from gitops.model.application import Application, PathRule
from gitops.model.health import Health
from gitops.model.objects import Body, Live, Manifest
from gitops.model.plan import Fault, Plan
from gitops.model.revision import Outcome, RecordKind
from gitops.model.status import ApplicationStatus, ObjectStatus
from gitops.ports import Store, TrailQuery
from gitops.wire.rules import rule_from_wire, rule_to_wire

SECRET: Final = ("", "Secret")
OURS: Final = frozenset({
    "registered", "unregistered", "revision-opened", "suspend", "resume", "pin", "unpin",
})  # fmt: skip
"""Events that hold no words but ours: a start tells some of each application."""


class Masks:
    """Makes maskers, and keeps each application's newest one for texts about it."""

    def __init__(
        self,
        store: Store,
        inventory: Inventory,
        objects: tuple[Actual, Documents],
        registry: Registry,
        rules: MaskRules,
    ) -> None:
        self._store = store
        self._inventory = inventory
        self._actual, self._documents = objects
        self._registry = registry
        self._rules = rules
        self._words = tuple(word.encode() for word in rules.words)
        self._newest: dict[str, Masker] = {}
        self._lock = threading.Lock()

    def compare(
        self, application: Application, manifests: Sequence[Manifest], bodies: Sequence[Body]
    ) -> tuple[Masker, list[Fault]]:
        """The masker of a comparison, and a fault for each manifest with a rule that is no good.

        `bodies` are what is compared; `manifests` all that the application desires. The rules of
        the one that is registered under its name count too: a plan of another lifts none.
        """
        known = self._registry.find(application.name)
        declared = known.application.mask_rules if known else ()
        rules = self._rules.with_rules(dict.fromkeys((*application.mask_rules, *declared)))
        hiding = self._hiding(application.name, manifests, rules)
        masker = Masker(self._store.digest, [*bodies, *hiding], rules)
        with self._lock:
            self._newest[application.name] = masker
        doubtful = [m for m in manifests if m.id in masker.faults]
        found = [(m, rules.hidden(m.body).fault) for m in doubtful]
        return masker, [Fault("mask-rule", text, m.id, m.place) for m, text in found if text]

    def around(self, name: str, bodies: Sequence[Body]) -> Masker:
        """A masker for something that is done to live objects of an application."""
        rules = self._rules.with_rules(self._rules_of(name))
        return Masker(self._store.digest, [*bodies, *self._hiding(name, (), rules)], rules)

    def of(self, name: str, bodies: Sequence[Body]) -> Masker:
        """A masker for what history holds of an application, which may be gone."""
        return Masker(self._store.digest, bodies, self._rules.with_rules(self._rules_of(name)))

    def text(self, name: str, text: str) -> str:
        """A text about an application, for people."""
        return self._masker(name).mask_text(text) if text else text

    def event(
        self, name: str, kind: str, message: str, data: Mapping[str, Any]
    ) -> tuple[str, dict[str, Any]]:
        """An event's message and data, for people; a single word says nothing of a value."""
        is_ours = kind in OURS or " " not in message
        told = message if is_ours else self.text(name, message)
        error = data.get("error")
        if not isinstance(error, Mapping):
            return told, dict(data)
        shown = {k: self.text(name, v) if isinstance(v, str) else v for k, v in error.items()}
        return told, {**data, "error": shown}

    def status(self, status: ApplicationStatus) -> ApplicationStatus:
        """How an application stands, for people."""
        name = status.application.name
        return replace(
            status,
            health=self._health(name, status.health),
            message=self.text(name, status.message),
            warnings=tuple(self.text(name, warning) for warning in status.warnings),
            objects=tuple(self._object(name, one) for one in status.objects),
        )

    def forget(self, name: str) -> None:
        """Drop what is known of an application that is gone."""
        with self._lock:
            self._newest.pop(name, None)

    def _object(self, name: str, one: ObjectStatus) -> ObjectStatus:
        if not (one.message or one.health.message):
            return one
        health = self._health(name, one.health)
        return replace(one, health=health, message=self.text(name, one.message))

    def _health(self, name: str, health: Health) -> Health:
        return replace(health, message=self.text(name, health.message))

    def _masker(self, name: str) -> Masker:
        """The newest masker; where nothing was compared yet, of what was applied last."""
        with self._lock:
            known = self._newest.get(name)
        if known is not None:
            return known
        masker = self.around(name, [m.body for m in self._applied(name)])
        with self._lock:
            return self._newest.setdefault(name, masker)

    def _applied(self, name: str) -> list[Manifest]:
        """The manifests that were applied last; those that cannot be read are left out."""
        found: list[Manifest] = []
        for address in sorted({c.manifest for c in self._inventory.of(name) if c.manifest}):
            try:
                found += self._documents.load(address)
            except GitopsError:
                continue  # whoever needs it tells of it; the live objects are known all the same
        return found

    def _hiding(self, name: str, manifests: Iterable[Manifest], rules: MaskRules) -> list[Body]:
        """The bodies of an application that hide something, desired and live."""
        desired = [m for m in manifests if _is_secret(m) or rules.concern(m.body)]
        hidden = {manifest.id for manifest in desired}
        owned = [self._actual.get(claim.id) for claim in self._inventory.of(name)]
        live: list[Body] = [
            one.decode()
            for one in owned
            if one is not None
            and (one.id in hidden or _is_secret(one) or rules.name(one.id) or self._says(one))
        ]
        return [*(manifest.body for manifest in desired), *live]

    def _says(self, live: Live) -> bool:
        """Whether a live object may have an annotation that hides something."""
        return any(word in live.body for word in self._words)

    def _rules_of(self, name: str) -> Sequence[PathRule]:
        """An application's rules; of one that is gone, those that it had."""
        runtime = self._registry.find(name)
        if runtime is not None:
            return runtime.application.mask_rules
        return [rule_from_wire(value) for value in _remembered(self._store, name)]


def remember_rules(store: Store, application: Application, actor: str) -> None:
    """Keep an application's rules in the trail, so that they outlive it; only where they changed.

    Called in the transaction that opens a revision.
    """
    rules = [rule_to_wire(rule) for rule in application.mask_rules]
    if rules and rules != _remembered(store, application.name):
        payload = {"rules": rules}
        store.append(
            RecordKind.MASK_RULES, actor=actor, application=application.name, payload=payload
        )


def mask_outcomes(outcomes: Iterable[Outcome], masked: Plan, masker: Masker) -> list[Outcome]:
    """Outcomes for people; `masked` is the plan as people see it."""
    told = {(a.id, a.phase.title): a.diff.changes for a in masked.actions if a.diff is not None}
    return [
        replace(
            one,
            message=masker.mask_text(one.message),
            changes=told.get((one.id, one.phase), one.changes) if one.changes else (),
        )
        for one in outcomes
    ]


def _is_secret(one: Manifest | Live) -> bool:
    return (one.id.group, one.id.kind) == SECRET


def _remembered(store: Store, name: str) -> Sequence[Mapping[str, Any]]:
    query = TrailQuery(application=name, kind=RecordKind.MASK_RULES, limit=1)
    record = next(iter(store.trail(query)), None)
    rules: Sequence[Mapping[str, Any]] = record.payload["rules"] if record else ()
    return rules
