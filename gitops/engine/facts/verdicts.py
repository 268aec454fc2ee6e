"""Health of a live object as the service judges it: by users' checks, then by the rules.

In: live objects, from any thread. Out: `Health`. Called by the wait, the judge and the plan. An
object's application may have expressions of its own, which win over the installation's checks.
"""

from gitops.core.health import health, workload_health
from gitops.core.planning.hooks import health_of_deleted_hook, undeleted
from gitops.engine.facts.inventory import Inventory
from gitops.engine.facts.registry import Registry
from gitops.model.application import HealthExpressions
from gitops.model.health import Checked, Health
from gitops.model.objects import Body, GroupKind, Live, ObjectId
from gitops.ports import HealthChecks

CONTROLLER = GroupKind("", "ReplicationController")


class Verdicts:
    """Judges objects; also a ReplicationController, of which no rule of Argo CD speaks."""

    def __init__(self, checks: HealthChecks, inventory: Inventory, registry: Registry) -> None:
        self._checks = checks
        self._inventory = inventory
        self._registry = registry

    def of(self, live: Live) -> Health:
        """Health of a live object."""
        return self.of_body(live.id, live.decode())

    def of_body(self, identity: ObjectId, body: Body) -> Health:
        """Health of a live body."""

        def check(judged: Body) -> Checked | None:
            return self._checks.check(judged, self._expressions(identity))

        before = undeleted(body)
        found = health(before, check)
        if before is not body:
            return health_of_deleted_hook(found)
        if found.status is None and identity.group_kind == CONTROLLER:
            return workload_health(body, ())
        return found

    def _expressions(self, identity: ObjectId) -> tuple[HealthExpressions, ...]:
        claim = self._inventory.get(identity)
        runtime = self._registry.find(claim.application) if claim else None
        return runtime.application.health_expressions if runtime else ()
