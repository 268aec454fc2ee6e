"""Judge drift and health of what applications own, from the watch alone.

`on watch events` the healer calls `judge`; after each sync `survey` looks at everything. Asks the
cluster only when health has turned bad: one list of pods and one of events, for the reason.
"""

import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gitops.core.health import aggregate, culprit, is_ignored, pod_reason, stale_image_warning
from gitops.core.ownership.ownership import foreign_managers
from gitops.core.ownership.projection import live_digest
from gitops.core.planning.sync_options import is_left_alone
from gitops.engine.facts.actual import Actual
from gitops.engine.facts.children import is_child
from gitops.engine.facts.events import EventLog
from gitops.engine.facts.inventory import Inventory
from gitops.engine.facts.registry import Runtime
from gitops.model.health import GOOD, Health, HealthStatus
from gitops.model.objects import Live, Manifest, ObjectId
from gitops.model.revision import Revision
from gitops.ports import Claim, Cluster, ListEvents, ListPods, Read

BAD = (HealthStatus.DEGRADED, HealthStatus.PROGRESSING)


class Judge:
    """Keeps `drifted` and `health` of each application's runtime up to date."""

    def __init__(
        self, cluster: Cluster, actual: Actual, inventory: Inventory, events: EventLog
    ) -> None:
        self._cluster = cluster
        self._actual = actual
        self._inventory = inventory
        self._events = events
        self._told: dict[str, Health] = {}
        self._reasons: dict[ObjectId, str] = {}
        self._lock = threading.Lock()

    def survey(self, runtime: Runtime) -> None:
        """Judge everything that an application owns."""
        claims = self._inventory.of(runtime.name)
        owned = {claim.id for claim in claims}
        runtime.drifted &= owned
        runtime.health = {i: h for i, h in runtime.health.items() if i in owned}
        for claim in claims:
            self.judge(runtime, claim)
        self.tell(runtime)

    def judge(self, runtime: Runtime, claim: Claim) -> None:
        """Judge one object; while a sync writes it, its drift is left for later."""
        if is_child(claim.id):
            return
        if self._inventory.is_going(claim.id):
            runtime.health.pop(claim.id, None)
            return
        live = self._actual.get(claim.id)
        unseen = self._actual.unseen(claim.id.group_kind) is not None
        if live is None or unseen or self._actual.is_suspect(claim.id):
            self._judge_absent(runtime, claim)
            return
        body = live.decode()
        runtime.health[claim.id] = self._health(claim.id, body)
        if runtime.syncing or not self._may_drift(runtime, claim):
            return
        stands = live_digest(live) == claim.answer_digest and live.uid == claim.uid
        if stands or is_left_alone(Manifest(claim.id, body)):
            runtime.drifted.discard(claim.id)
        else:
            runtime.drifted.add(claim.id)

    def _judge_absent(self, runtime: Runtime, claim: Claim) -> None:
        """Not in the watch: Missing where the kind can be seen, else Unknown."""
        kind = claim.id.group_kind
        if self._actual.unseen(kind):
            runtime.health[claim.id] = Health(HealthStatus.UNKNOWN, "cannot be seen")
            return
        not_made_yet = runtime.syncing and not claim.answer_digest
        if not self._actual.is_listed(kind) or not_made_yet:
            return
        runtime.health[claim.id] = Health(HealthStatus.MISSING, "is not there")
        if not runtime.syncing and self._may_drift(runtime, replace(claim, contested="")):
            runtime.drifted.add(claim.id)

    def _may_drift(self, runtime: Runtime, claim: Claim) -> bool:
        """Whether anybody wants the object as it was applied: not what Git no longer has."""
        wanted = claim.id not in (runtime.left or ())
        return bool(claim.answer_digest) and not claim.contested and wanted

    def tell(self, runtime: Runtime) -> bool:
        """Publish the application's health where it changed; True where it did.

        That a start finds it as it should be is no news.
        """
        health = aggregate(runtime.health.items())
        with self._lock:
            before = self._told.get(runtime.name)
            if before == health:
                return False
            self._told[runtime.name] = health
        at_start = runtime.started and health.status in GOOD
        if before is None and (at_start or not runtime.health):
            return False
        if before is not None and before.status == health.status:
            return False
        status = health.status or HealthStatus.HEALTHY
        detail = f": {health.message}" if health.message else ""
        self._events.publish(runtime.name, "health", f"{status}{detail}", status=str(status))
        return True

    def told(self, application: str) -> HealthStatus | None:
        """What was told last of an application; None before the first survey."""
        with self._lock:
            health = self._told.get(application)
        return health.status if health else None

    def health_of(self, application: str) -> Health:
        """The worst health of what an application owns, judged now."""
        found = []
        for claim in self._inventory.of(application):
            live = self._actual.get(claim.id)
            if is_child(claim.id) or self._inventory.is_going(claim.id):
                continue
            if live is None:
                found.append((claim.id, Health(HealthStatus.MISSING, "is not there")))
                continue
            found.append((claim.id, self._health(claim.id, live.decode())))
        return aggregate(found)

    def judged(self, revision: Revision, *, done: bool) -> Revision:
        """A revision with the health of its application now; it is healthy only when `done`."""
        health = self.health_of(revision.application).status
        healthy = done and health in GOOD
        return replace(revision, health=health or HealthStatus.HEALTHY, healthy=healthy)

    def _health(self, identity: ObjectId, body: Mapping[str, Any]) -> Health:
        """Health of what is there; a status of None where it is not to count."""
        if is_ignored(body):
            return Health(None)
        return self._actual.verdicts.of_body(identity, body)

    # --- reasons ------------------------------------------------------------------------------

    def explain(self, identity: ObjectId) -> str:
        """The one reason that pods and events give for an unhealthy workload, or "".

        One list of pods and one of events; `reason` gives it once more without.
        """
        live = self._actual.get(identity)
        if live is None:
            return ""
        pods = self.pods(live)
        (events,) = self._cluster.send([ListEvents(identity)])
        self._reasons[identity] = pod_reason(pods, events.items)
        return self._reasons[identity]

    def pods(self, live: Live) -> tuple[Mapping[str, Any], ...]:
        """Pods that a workload selects; a Pod is its own."""
        body = live.decode()
        if live.id.kind == "Pod":
            return (body,)
        labels = selector_labels(body)
        if not labels:
            return ()
        (answer,) = self._cluster.send([ListPods(live.id.namespace, labels)])
        return answer.items

    def knows_why(self, runtime: Runtime) -> bool:
        """Whether the reason of something unhealthy was found by a sync just now."""
        return bool(self._known(runtime))

    def _known(self, runtime: Runtime) -> list[ObjectId]:
        judged = list(runtime.health.items())
        return sorted(i for i, h in judged if i in self._reasons and h.status in BAD)

    def reason(self, runtime: Runtime) -> tuple[ObjectId, str] | None:
        """The object that makes an application unhealthy, and its one reason, or "".

        Nothing is asked where a sync has found the reason of an unhealthy object already.
        """
        known = self._known(runtime)
        judged = list(runtime.health.items())
        identity = known[0] if known else culprit(judged)
        if identity is None:
            return None
        text = self._reasons[identity] if known else self.explain(identity)
        for other, _ in judged:
            self._reasons.pop(other, None)
        return identity, text

    def stale_images(self, identity: ObjectId) -> str:
        """Whether a ReplicationController's pods keep an older image, as a warning."""
        live = self._actual.get(identity)
        if live is None or identity.kind != "ReplicationController":
            return ""
        return stale_image_warning(live.decode(), self.pods(live)) or ""

    def rival(self, identity: ObjectId) -> str:
        """Who else writes an object that drifts again and again, or ""."""
        live = self._actual.get(identity)
        if live is None:
            return ""
        (answer,) = self._cluster.send([Read(identity, live.api_version)])
        return ", ".join(foreign_managers(answer.body)) if answer.body else ""


def selector_labels(body: Mapping[str, Any]) -> dict[str, str]:
    """The labels that a workload selects its pods by; {} where there are none."""
    spec = body.get("spec")
    selector = spec.get("selector") if isinstance(spec, Mapping) else None
    labels = selector.get("matchLabels", selector) if isinstance(selector, Mapping) else None
    if not isinstance(labels, Mapping):
        return {}
    return {str(k): v for k, v in labels.items() if isinstance(v, str)}
