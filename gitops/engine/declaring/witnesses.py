"""Before an application deletes by itself what Git dropped, its neighbours have looked too.

One commit may move an object to an application that says nothing of it (`spec.takesOver`). So a
holder waits until those that follow the same repository have taken in what it has seen, and after a
start until everybody has looked once. It costs no render and no request: they look anyway. The
wait is bounded, since a neighbour's deployment may take long. Called by the reconciler, and by
start-up, which goes on with deletions then.
"""

import threading
from collections.abc import Callable, Iterator
from typing import Final

from gitops.engine.facts.desired import Desired
from gitops.engine.facts.registry import Runtime
from gitops.engine.lanes.dispatcher import Job
from gitops.engine.lanes.following import CHECK, LANE, MOVED, REFRESH
from gitops.engine.lanes.parts import Parts
from gitops.engine.standing.leftovers import Leftovers
from gitops.model.revision import Trigger, TriggerKind

LONGEST_S: Final = 60.0
"""How long the deletions of one desired state wait at most."""
AGAIN_S: Final = 0.5
"""When it is looked again at the latest."""
NAMED: Final = 5
LOOKS: Final = frozenset({MOVED, CHECK, REFRESH})


class Witnesses:
    """Knows who waits for whose look; safe from any thread."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._leftovers = Leftovers(parts)
        self._waiting: dict[str, set[str]] = {}
        """By who waits, who has not looked yet."""
        self._since: dict[str, tuple[str, float]] = {}
        """By who waits, for which desired state and since when."""
        self._later: list[tuple[float, Callable[[], None]]] = []
        """What waits for the end of the start, and until when."""
        self._put_off: set[int] = set()
        """Tickets of jobs that have waited for it."""
        self.longest_s = LONGEST_S
        self._lock = threading.Lock()

    def missing(self, runtime: Runtime, desired: Desired) -> tuple[str, ...]:
        """Applications that have to look before this one deletes anything; some, by name."""
        found = self._behind(runtime) if self._deletes(runtime, desired) else []
        now = self._parts.clock.monotonic()
        with self._lock:
            digest, since = self._since.get(runtime.name, ("", now))
            since = since if digest == desired.digest else now
            if not found or now - since >= self.longest_s:
                self._waiting.pop(runtime.name, None)
                return ()
            self._since[runtime.name] = desired.digest, since
            self._waiting[runtime.name] = set(found)
        trigger = Trigger(TriggerKind.DEPENDENCY, evidence=found[0])
        self._parts.dispatcher.request(runtime.name, CHECK, trigger, delay_s=AGAIN_S)
        return tuple(found[:NAMED])

    def _deletes(self, runtime: Runtime, desired: Desired) -> bool:
        """Whether a sync is due by itself that may delete something."""
        state = self._parts.states.get(runtime.name)
        automated = runtime.application.sync_policy.automated
        prunes = automated is not None and automated.enabled and automated.prune
        free = not state.suspended and (state.pin is None or state.pin.digest != desired.digest)
        due = desired.digest not in (state.synced_digest, state.failed)
        return prunes and free and due and bool(self._leftovers.claims(runtime, desired))

    def _behind(self, runtime: Runtime) -> list[str]:
        near = self._parts.registry.using(source.repo_url for source in runtime.application.sources)
        looking = {other.name for other in near if self._is_looking(other)}
        return sorted(
            other.name
            for other in self._neighbours(runtime)
            if other.name in looking or self._is_new(other)
        )

    def _neighbours(self, runtime: Runtime) -> Iterator[Runtime]:
        """The other applications of its project."""
        project = runtime.application.project
        for other in self._parts.registry.all():
            if other is not runtime and other.application.project == project:
                yield other

    def _is_new(self, other: Runtime) -> bool:
        """Whether nobody has looked at an application since the start."""
        return not other.seen and not self._parts.states.get(other.name).deleting

    def _is_looking(self, other: Runtime) -> bool:
        """Whether an application is about to take in what its repositories have now."""
        dispatcher = self._parts.dispatcher
        lanes = [LANE + source.repo_url for source in other.application.sources]
        if self._parts.states.get(other.name).deleting:
            return False
        asked = dispatcher.superseded(other.name, LOOKS) or dispatcher.busy(*lanes)
        return asked or (dispatcher.running(other.name) and not other.noted)

    def put_off(self, runtime: Runtime, job: Job) -> bool:
        """Whether what somebody asked for, and may delete something, waits for the start's end.

        It is asked for again then, under its ticket.
        """
        new = [other.name for other in self._neighbours(runtime) if self._is_new(other)]
        if not new or job.ticket in self._put_off:
            self._put_off.discard(job.ticket)
            return False
        self._put_off.add(job.ticket)
        more = f" and {len(new) - NAMED} more" if len(new) > NAMED else ""
        told = f"waits until {', '.join(new[:NAMED])}{more} was looked at since the start"
        self._parts.events.publish(runtime.name, "waiting", told)
        dispatcher = self._parts.dispatcher
        dispatcher.request(runtime.name, CHECK, job.trigger, delay_s=self.longest_s)

        def go_on() -> None:
            dispatcher.request(
                runtime.name, job.kind, job.trigger, options=job.options, ticket=job.ticket
            )

        self.after_start(go_on)
        return True

    def after_start(self, work: Callable[[], None]) -> None:
        """Do something once every application was looked at since the start, a minute at most."""
        until = self._parts.clock.monotonic() + self.longest_s
        with self._lock:
            self._later.append((until, work))
        self._end_start()

    def _end_start(self) -> None:
        if not self._later:
            return
        ended = not any(self._is_new(other) for other in self._parts.registry.all())
        now = self._parts.clock.monotonic()
        with self._lock:
            due = [work for until, work in self._later if ended or until <= now]
            self._later = [] if ended else [one for one in self._later if one[0] > now]
        for work in due:
            work()

    def looked(self, runtime: Runtime) -> None:
        """An application has told what it wants, or nobody can know it: others may go on."""
        runtime.noted = runtime.seen = True
        self._end_start()
        with self._lock:
            ready = []
            for name, missing in self._waiting.items():
                missing.discard(runtime.name)
                ready += [] if missing else [name]
            for name in ready:
                del self._waiting[name]
        trigger = Trigger(TriggerKind.DEPENDENCY, evidence=runtime.name)
        for name in ready:
            self._parts.dispatcher.request(name, CHECK, trigger)
