"""Which of its dependencies an application waits for.

In: the engine's parts and a runtime. Out: their names. Called by the reconciler before it decides.
"""

from gitops.core.planning.decide import find_cycle, unmet
from gitops.engine.facts.registry import Runtime
from gitops.engine.lanes.parts import Parts
from gitops.engine.standing.status import is_ready
from gitops.errors import SourceError


def find_waiting(parts: Parts, runtime: Runtime) -> tuple[str, ...]:
    """The dependencies that are not ready, by name; raises SourceError where they go in a circle.

    Costs nothing for an application without any, however many others there are.
    """
    names = runtime.application.depends_on
    if not names:
        return ()
    registry = parts.registry
    edges = {r.name: r.application.depends_on for r in registry.all()}
    cycle = find_cycle(runtime.name, edges)
    if cycle:
        raise SourceError(
            "applications wait for one another: " + " → ".join(cycle),
            where=runtime.name,
            remedy="remove one of these dependencies",
            reason="cycle",
        )
    others = {name: registry.find(name) for name in names}
    return unmet(others, {n for n, other in others.items() if other and is_ready(parts, other)})
