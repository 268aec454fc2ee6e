"""Of applications that are deleted together, a dependent goes before what it depends on.

In: deletions as jobs, before they are carried out. Out: whether one waits; it is asked for again,
under its ticket, as soon as what it waits for is gone or wanted again. Called by
`engine/operations.py`, `engine/declaring/deleting.py` and the declarer.
"""

import threading
from collections.abc import Iterable

from gitops.core.planning.decide import first_to_go
from gitops.engine.facts.registry import Runtime
from gitops.engine.lanes.dispatcher import Job
from gitops.engine.lanes.parts import Parts


class DeletionOrder:
    """Keeps the deletions that wait; safe from any thread."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._waiting: dict[str, list[Job]] = {}
        self._lock = threading.Lock()

    def postpone(self, runtime: Runtime, job: Job) -> bool:
        """Whether a deletion waits for others; who waits for its end is told when it has come."""
        with self._lock:  # first, so that what ends meanwhile asks for it again
            self._waiting.setdefault(runtime.name, []).append(job)
        others = self._first(runtime)
        if not others and self._take_back(runtime, job):
            runtime.waiting_for = ()
            return False
        if others and runtime.waiting_for != others:
            runtime.waiting_for = others
            self._parts.events.publish(runtime.name, "waiting", tell_order(others))
        return True

    def _first(self, runtime: Runtime) -> tuple[str, ...]:
        """What is being deleted, with what it runs, and depends on this; costs little without."""
        parts = self._parts
        if not any(self._is_going(other) for other in parts.registry.dependants(runtime.name)):
            return ()
        going = {other.name: other for other in parts.registry.all() if self._is_going(other)}
        edges = {name: other.application.depends_on for name, other in going.items()}
        edges[runtime.name] = runtime.application.depends_on
        return first_to_go(runtime.name, going, edges)

    def _is_going(self, runtime: Runtime) -> bool:
        return self._parts.states.get(runtime.name).deleting == "cascade"

    def _take_back(self, runtime: Runtime, job: Job) -> bool:
        """False where somebody has asked for it again already."""
        with self._lock:
            jobs = self._waiting.get(runtime.name, [])
            if job not in jobs:
                return False
            jobs.remove(job)
            if not jobs:
                del self._waiting[runtime.name]
            return True

    def go_on(self, names: Iterable[str]) -> None:
        """Ask again for these: something that depends on them is gone, or wanted again."""
        for name in names:
            with self._lock:
                jobs = self._waiting.pop(name, [])
            for job in jobs:
                self._parts.dispatcher.request(
                    name, job.kind, job.trigger, options=job.options, ticket=job.ticket
                )


def tell_order(others: tuple[str, ...]) -> str:
    """The sentence about a deletion that waits for others."""
    several = len(others) > 1
    depend, are = ("depend", "are") if several else ("depends", "is")
    return f"waits until {', '.join(others)}, which {depend} on it, {are} deleted"
