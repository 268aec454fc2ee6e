"""Lists and watches of managed kinds, by our label, over all namespaces.

In: kinds, and the server's events. Out: `Changed`, `Gone`, `Listed`, `Lost`, in order, one after
the other, on one thread of our own: a slow listener never stalls the event loop. One list and one
watch a kind; a stream that ends goes on from its last resourceVersion; 410 lists again. Called by
`client`.
"""

import asyncio
import contextlib
import random
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection
from typing import Any, Final

import aiohttp
import orjson
import structlog

from gitops.cluster.calls import LABEL, items_of, list_call, watch_call
from gitops.cluster.compact import compact
from gitops.cluster.discovery import Discovery
from gitops.cluster.errors import Subject, refusal, unreadable
from gitops.cluster.transport import Reply, Transport, backoff
from gitops.errors import ClusterError
from gitops.model.objects import GroupKind, Live
from gitops.ports import Changed, Gone, Listed, Lost, WatchEvent

Sink = Callable[[WatchEvent], None]

WATCH_S: Final = (30 * 60, 60 * 60)
"""Seconds that one watch request may last, chosen at random so that they do not end at once."""
SLOW_S: Final = 60.0
"""Seconds between tries at what we may not see or is not served."""
YOUNG_S: Final = 30.0
"""Seconds for which a kind that is not served is looked for often: its CRD was just made."""
YOUNG_DELAY_S: Final = 2.0
PATIENCE: Final = 3
"""Failures in a row after which a kind counts as lost."""
QUEUE_HIGH: Final = 10_000
"""Waiting events beyond which watches are read no further; half of it, and they are again."""

log = structlog.get_logger(__name__)


class Dispatcher:
    """Hands events to sinks, one after the other, on one thread."""

    def __init__(self, name: str, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._queue: deque[tuple[Watcher, WatchEvent]] = deque()
        self._filled = threading.Condition()
        self._stopped = False
        self._room = asyncio.Event()
        self._room.set()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    async def put(self, watcher: "Watcher", event: WatchEvent) -> None:
        """Queue an event; waits while too many wait. On the event loop."""
        await self._room.wait()
        with self._filled:
            self._queue.append((watcher, event))
            if len(self._queue) >= QUEUE_HIGH:
                self._room.clear()
            self._filled.notify()

    def stop(self) -> None:
        """Drop what waits; the thread ends after the event that it handles."""
        with self._filled:
            self._stopped = True
            self._queue.clear()
            self._filled.notify()

    def join(self, timeout_s: float) -> None:
        """Wait for the thread, unless a sink is calling."""
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while (entry := self._next()) is not None:
            watcher, event = entry
            if watcher.stopped:
                continue
            try:
                watcher.sink(event)
            except Exception:  # a listener's fault must not end every watch
                log.exception("a listener failed", kind=str(watcher.kind))

    def _next(self) -> "tuple[Watcher, WatchEvent] | None":
        with self._filled:
            self._filled.wait_for(lambda: self._queue or self._stopped)
            if self._stopped:
                return None
            entry = self._queue.popleft()
            if len(self._queue) == QUEUE_HIGH // 2:
                self._loop.call_soon_threadsafe(self._room.set)
            return entry


class Watcher:
    """One kind. `run` never ends by itself."""

    def __init__(self, kind: GroupKind, sink: Sink, watches: "Watches") -> None:
        self.kind = kind
        self.sink = sink
        self.stopped = False
        self.wake = asyncio.Event()
        self._watches = watches
        self._version: str | None = None
        self._lost = False
        self._failures = 0
        self._unserved_since: float | None = None

    async def run(self) -> None:
        """List, watch, and begin again as need be."""
        clock = asyncio.get_running_loop().time
        while True:
            started = clock()
            try:
                if self._version is None:
                    await self._list()
                await self._follow()
                self._failures = 0
                if clock() - started < 1:  # a server that ends watches at once
                    await asyncio.sleep(backoff(PATIENCE))
            except ClusterError as error:
                await self._failed(error)
            except (ValueError, KeyError, TypeError):
                self._version = None
                await self._failed(unreadable())

    async def _list(self) -> None:
        watches = self._watches
        unserved = self._unserved_since is not None
        target = await watches.discovery.preferred(self.kind, fresh=unserved)
        subject = Subject("list", target.resource, "", "", self.kind.kind)
        items: list[Live] = []
        token = ""
        while True:
            query = {"labelSelector": f"{LABEL}={watches.installation}", "continue": token}
            call = list_call(target, subject, "", query)
            lives, token, version = _read_page(await watches.transport.call(call))
            items += lives
            if not token:
                break
        self._version = version
        self._lost, self._unserved_since, self._failures = False, None, 0
        await watches.dispatcher.put(self, Listed(self.kind, tuple(items)))

    async def _follow(self) -> None:
        """Read one watch to its end."""
        target = await self._watches.discovery.preferred(self.kind)
        seconds = random.randint(*WATCH_S)  # noqa: S311 - spread, not a secret
        call = watch_call(target, self._watches.installation, self._version or "", seconds)
        async with self._watches.transport.stream(call) as response:
            async for line in lines(response.content):
                await self._take(orjson.loads(line), call.subject)
                self._failures = 0

    async def _take(self, event: dict[str, Any], subject: Subject) -> None:
        body = event.get("object") or {}
        if event.get("type") == "ERROR":
            raise refusal(int(body.get("code") or 500), orjson.dumps(body), subject)
        self._version = str(body["metadata"]["resourceVersion"])
        if event.get("type") in {"ADDED", "MODIFIED"}:
            await self._watches.dispatcher.put(self, Changed(compact(body)))
        elif event.get("type") == "DELETED":
            live = compact(body)
            await self._watches.dispatcher.put(self, Gone(live.id, live))

    async def _failed(self, error: ClusterError) -> None:
        self.wake.clear()
        self._failures += 1
        if error.reason == "expired":
            self._version = None
            await asyncio.sleep(backoff(self._failures) if self._failures > 1 else 0)
            return
        delay_s, lost = self._delay(error)
        if lost and not self._lost:
            self._lost = True
            self._version = None  # what happens meanwhile is learned by a new list
            log.warning("a kind cannot be watched", kind=self.kind.kind, error=str(error))
            await self._watches.dispatcher.put(self, Lost(self.kind, error))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay_s):
                await self.wake.wait()

    def _delay(self, error: ClusterError) -> tuple[float, bool]:
        """Seconds until the next try, and whether the kind counts as lost."""
        if error.reason in {"forbidden", "denied", "invalid"}:
            return SLOW_S * random.uniform(0.9, 1.1), True  # noqa: S311 - jitter
        if error.reason in {"unknown-kind", "not-found"}:
            now = asyncio.get_running_loop().time()
            self._version = None
            self._unserved_since = self._unserved_since or now
            if now - self._unserved_since < YOUNG_S:
                return backoff(self._failures, YOUNG_DELAY_S), False
            return SLOW_S * random.uniform(0.9, 1.1), True  # noqa: S311 - jitter
        lost = error.reason == "unauthorized" or self._failures >= PATIENCE
        return backoff(self._failures), lost


class Watches:
    """Every watched kind. All methods on the event loop."""

    def __init__(
        self, transport: Transport, discovery: Discovery, installation: str, name: str
    ) -> None:
        self.transport = transport
        self.discovery = discovery
        self.installation = installation
        self.dispatcher = Dispatcher(f"gitops-events-{name}", asyncio.get_running_loop())
        self._tasks: dict[GroupKind, tuple[Watcher, asyncio.Task[None]]] = {}
        discovery.on_news = self.wake

    def start(self, kinds: Collection[GroupKind], sink: Sink) -> None:
        """Watch kinds that are not watched yet; those that rest after a failure try again."""
        for kind in sorted(kinds):
            if kind in self._tasks:
                self._tasks[kind][0].wake.set()
                continue
            watcher = Watcher(kind, sink, self)
            task = asyncio.create_task(watcher.run(), name=f"watch {kind}")
            self._tasks[kind] = (watcher, task)

    async def stop(self, kinds: Collection[GroupKind]) -> None:
        """End watches; their events are delivered no more."""
        ended = [self._tasks.pop(kind) for kind in kinds if kind in self._tasks]
        for watcher, task in ended:
            watcher.stopped = True
            task.cancel()
        if ended:
            await asyncio.wait([task for _, task in ended])

    def wake(self) -> None:
        """Discovery has news: whoever rests tries again."""
        for watcher, _ in self._tasks.values():
            watcher.wake.set()

    async def close(self) -> None:
        """End every watch; the dispatcher is stopped before."""
        await self.stop(list(self._tasks))


def _read_page(reply: Reply) -> tuple[list[Live], str, str]:
    """Objects, the next page's token and the version; nothing of the page lives any longer."""
    page = reply.json()
    token = str(page["metadata"].get("continue") or "")
    version = str(page["metadata"].get("resourceVersion") or "")
    return [compact(item) for item in items_of(page)], token, version


async def lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """The stream's lines, of any length; a last one without an end is dropped."""
    rest = b""
    async for chunk in content.iter_any():
        *complete, tail = chunk.split(b"\n")
        if not complete:
            rest += tail
            continue
        yield rest + complete[0]
        for line in complete[1:]:
            yield line
        rest = tail
