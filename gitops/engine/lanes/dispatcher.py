"""One job an application at a time; triggers coalesce; stop drains.

Whoever learns that something may have to be done calls `request(application, trigger)`. A worker
thread takes the application and calls the handler with every request that had gathered. While it
runs, further requests wait and wake it (`superseded` tells a running sync that there are some).
Delayed requests (retries, heals) are kept, the earliest of each kind, and become due on the
dispatcher's own thread.
"""

import itertools
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gitops.model.revision import Trigger
from gitops.ports import Clock


@dataclass(frozen=True, slots=True)
class Job:
    """One request: what to do (`kind` with `options`), and why. Equal kinds coalesce by newest."""

    application: str
    kind: str
    trigger: Trigger
    options: Any = None
    ticket: int = 0


@dataclass(slots=True)
class _Lane:
    """What waits for one application, and whether a worker has it."""

    waiting: deque[Job] = field(default_factory=deque)
    running: bool = False


class Dispatcher:
    """Queues and workers. `handler(jobs)` is called with the jobs of one application, in order."""

    def __init__(self, handler: Callable[[list[Job]], None], clock: Clock, workers: int) -> None:
        self._handler = handler
        self._clock = clock
        self._workers = workers
        self._lanes: dict[str, _Lane] = {}
        self._ready: deque[str] = deque()
        self._delayed: dict[tuple[str, str], tuple[float, Job]] = {}
        self._tickets = itertools.count(1)
        lock = threading.RLock()
        self._changed = threading.Condition(lock)
        self._filled = threading.Condition(lock)
        """What waits for work is woken one by one."""
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self.on_defect: Callable[[str, Exception], None] = lambda _application, _error: None
        """Told of exceptions that no handler foresaw."""
        self.on_waiting: Callable[[], None] = lambda: None
        """Told when a request comes for what is being worked on: a wait may have to end early."""

    @property
    def stopping(self) -> threading.Event:
        """Set when the service stops: whatever waits must give up at once."""
        return self._stopping

    def start(self) -> None:
        """Start the thread that wakes delayed requests; workers start as they are needed."""
        self._spawn(self._wake_delayed, "dispatcher")

    def request(
        self,
        application: str,
        kind: str,
        trigger: Trigger,
        *,
        options: Any = None,
        delay_s: float = 0,
        ticket: int = 0,
    ) -> int:
        """Ask for a job; returns its ticket, the given one where it goes on with another job.

        After stop, nothing is taken any more.
        """
        ticket = ticket or next(self._tickets)
        job = Job(application, kind, trigger, options, ticket)
        with self._changed:
            if self._stopping.is_set():
                return ticket
            if delay_s > 0:
                self._delay(job, self._clock.monotonic() + delay_s)
            else:
                self._enqueue(job)
            lane = self._lanes.get(application)
            waits = lane is not None and lane.running
        if waits:
            self.on_waiting()
        return ticket

    def _delay(self, job: Job, due: float) -> None:
        """Keep the earlier one of two for the same application and kind, so that none pile up."""
        key = (job.application, job.kind)
        known = self._delayed.get(key)
        if known is None or due < known[0]:
            self._delayed[key] = (due, job)
            self._changed.notify_all()

    def _enqueue(self, job: Job) -> None:
        lane = self._lanes.setdefault(job.application, _Lane())
        lane.waiting.append(job)
        if not lane.running and len(lane.waiting) == 1:
            self._ready.append(job.application)
            self._filled.notify()
            if self._idle < len(self._ready) and len(self._threads) <= self._workers:
                self._spawn(self._work, f"sync-{len(self._threads)}")

    def superseded(self, application: str, kinds: frozenset[str]) -> bool:
        """Whether a request of one of `kinds` waits for an application that is being worked on."""
        with self._changed:
            lane = self._lanes.get(application)
            return lane is not None and any(job.kind in kinds for job in lane.waiting)

    def busy(self, *applications: str) -> bool:
        """Whether something runs or waits for one of these, all looked at in the same moment.

        What a job asks of another one before it ends is never missed in between.
        """
        with self._changed:
            return any(name in self._lanes for name in applications)

    def running(self, application: str) -> bool:
        """Whether a worker has the application now."""
        with self._changed:
            lane = self._lanes.get(application)
            return lane is not None and lane.running

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until nothing runs, waits or is due; delayed requests do not count."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._lanes, timeout_s)

    def stop(self, timeout_s: float) -> bool:
        """Take nothing more, let running jobs end; False where one did not within the time."""
        with self._changed:
            self._stopping.set()
            self._ready.clear()
            self._changed.notify_all()
            self._filled.notify_all()
        deadline = self._clock.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - self._clock.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _spawn(self, target: Callable[[], None], name: str) -> None:
        thread = threading.Thread(target=target, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while True:
            taken = self._take()
            if taken is None:
                return
            application, jobs = taken
            try:
                self._handler(jobs)
            except Exception as error:  # noqa: BLE001 - a defect in one job must not end the worker
                self.on_defect(application, error)
            finally:
                self._finish(application)

    def _take(self) -> tuple[str, list[Job]] | None:
        with self._changed:
            self._idle += 1
            self._filled.wait_for(lambda: self._ready or self._stopping.is_set())
            self._idle -= 1
            if self._stopping.is_set():
                return None
            application = self._ready.popleft()
            lane = self._lanes[application]
            lane.running = True
            jobs = list(lane.waiting)
            lane.waiting.clear()
            return application, jobs

    def _finish(self, application: str) -> None:
        with self._changed:
            lane = self._lanes[application]
            lane.running = False
            if lane.waiting and not self._stopping.is_set():
                self._ready.append(application)
            else:
                del self._lanes[application]
            if not self._lanes:
                self._changed.notify_all()

    def _wake_delayed(self) -> None:
        with self._changed:
            while not self._stopping.is_set():
                now = self._clock.monotonic()
                for key in [k for k, (due, _) in self._delayed.items() if due <= now]:
                    self._enqueue(self._delayed.pop(key)[1])
                times = [due for due, _ in self._delayed.values()]
                self._changed.wait(min(times) - now if times else None)
