"""Why an application is unhealthy: the one reason that its pods and events give.

The healer says what changed, on the watch thread; what has to be asked is asked in the
application's lane: one list of pods and one of events each time that health turns bad. Degraded is
explained at once. Progressing may be over in a moment, and is explained where it lasts.
"""

from collections.abc import Collection
from typing import Final

from gitops.core.planning.plan import remark
from gitops.engine.facts.judging import BAD
from gitops.engine.facts.registry import Runtime
from gitops.engine.lanes.parts import Parts
from gitops.engine.standing.status import app_health
from gitops.engine.syncing.request import SyncResult
from gitops.model.health import HealthStatus
from gitops.model.objects import ObjectId
from gitops.model.revision import Trigger, TriggerKind

EXPLAIN: Final = "explain"
IMAGES: Final = "images"
PROGRESSING: Final = HealthStatus.PROGRESSING
PATIENCE_S: Final = 10.0
"""How long an application may be Progressing before somebody asks why."""


class Explainer:
    """Finds reasons and keeps them with the application; see `Runtime.explained`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.patience_s = PATIENCE_S

    def notice(self, runtime: Runtime, changed: Collection[ObjectId] = ()) -> None:
        """Ask for a look where health has turned bad, or where old pods may be gone."""
        status = self._parts.judge.told(runtime.name)
        if status not in BAD:
            runtime.explained, runtime.explained_as = {}, None
        if runtime.syncing:
            return
        if runtime.remarks and not runtime.remarks.keys().isdisjoint(changed):
            self._ask(runtime, IMAGES, 0.0)
        if status in BAD and runtime.explained_as is not status:
            self._ask(runtime, EXPLAIN, self.patience_s if status is PROGRESSING else 0.0)

    def _ask(self, runtime: Runtime, kind: str, delay_s: float) -> None:
        trigger = Trigger(TriggerKind.HEALTH)
        self._parts.dispatcher.request(runtime.name, kind, trigger, delay_s=delay_s)

    def after(self, runtime: Runtime, result: SyncResult) -> None:
        """Take in what a sync found out, and what it left behind."""
        renewed = [action.id for action in result.plan.actions if remark(action)]
        if renewed:
            runtime.remarks |= dict.fromkeys(renewed, "")
            self.look_at_images(runtime)
        if self._parts.judge.knows_why(runtime):
            runtime.explained_as = None
            self.explain(runtime)
        self.notice(runtime)

    def look_at_images(self, runtime: Runtime) -> None:
        """Whether pods of controllers whose image changed keep the old one; one list for each."""
        judge = self._parts.judge
        found = {identity: judge.stale_images(identity) for identity in sorted(runtime.remarks)}
        runtime.remarks = {identity: text for identity, text in found.items() if text}

    def explain(self, runtime: Runtime) -> None:
        """Ask once for each turn of health, unless it is good again."""
        status = app_health(runtime).status
        if status not in BAD or runtime.explained_as is status:
            return
        runtime.explained_as = status
        identity, reason = self._parts.judge.reason(runtime) or (None, "")
        if identity is None or not reason:
            return
        runtime.explained = {identity: reason}
        self._parts.events.publish(
            runtime.name,
            "health",
            f"{status}: {identity.title}: {reason}",
            status=str(status),
            object=str(identity),
        )
