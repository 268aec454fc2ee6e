"""The actual state of the cluster, kept by watches, for everyone who plans, waits or heals.

Watch events come in on the cluster's thread; writers put in what their writes answered; readers
get values. Listeners are told which objects changed.
"""

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager

from gitops.core.planning.keeping import what_keeps
from gitops.core.snapshot import Snapshot
from gitops.engine.facts.verdicts import Verdicts
from gitops.errors import ClusterError
from gitops.model.objects import GroupKind, Live, ObjectId
from gitops.ports import Changed, Cluster, Gone, Listed, Lost, Read, WatchEvent

Listener = Callable[[Collection[ObjectId]], None]


class Actual:
    """A guarded `Snapshot` fed by `Cluster.watch`; `verdicts` tell the health of what it holds."""

    def __init__(self, cluster: Cluster, verdicts: Verdicts) -> None:
        self._cluster = cluster
        self.verdicts = verdicts
        self._snapshot = Snapshot()
        self._changed = threading.Condition()
        self._listeners: list[Listener] = []
        self._watched: set[GroupKind] = set()
        self._waiting: dict[threading.Event, frozenset[ObjectId]] = {}

    def listen(self, listener: Listener) -> None:
        """Tell `listener` the identities that changed, on the watch thread."""
        self._listeners.append(listener)

    def watch(self, kinds: Iterable[GroupKind], timeout_s: float = 0) -> None:
        """Watch these kinds too; waits up to `timeout_s` until each is listed or cannot be."""
        wanted = set(kinds)
        with self._changed:
            new = wanted - self._watched
            self._watched |= new
        if new:
            self._cluster.watch(new, self.receive)
        if timeout_s > 0:
            with self._changed:
                self._changed.wait_for(lambda: wanted <= self._settled(), timeout_s)

    def unwatch(self, kinds: Iterable[GroupKind]) -> None:
        """Stop watching kinds of which nothing is managed any more."""
        with self._changed:
            old = set(kinds) & self._watched
            self._watched -= old
        self._cluster.unwatch(old)

    def _settled(self) -> set[GroupKind]:
        return self._snapshot.listed | set(self._snapshot.unseen)

    def receive(self, event: WatchEvent) -> None:
        """Take in one watch event; called by the cluster edge, in order."""
        with self._changed:
            changed = self._fold(event)
            self._wake(changed if isinstance(event, Changed | Gone) else None)
            self._changed.notify_all()
        for listener in self._listeners:
            listener(changed)

    def _fold(self, event: WatchEvent) -> list[ObjectId]:
        match event:
            case Changed(live):
                return [live.id] if self._snapshot.put(live) else []
            case Gone(identity, live):
                self._snapshot.suspect(identity, live)
                return [identity]
            case Listed(kind, items):
                return self._snapshot.list_kind(kind, items)
            case Lost(kind, error):
                self._snapshot.lose_kind(kind, error)
                return [live.id for live in self._snapshot.of_kind(kind)]

    def _wake(self, changed: Collection[ObjectId] | None = None) -> None:
        """Wake who waits for one of these; None is everybody."""
        for event, awaited in self._waiting.items():
            if changed is None or not awaited.isdisjoint(changed):
                event.set()

    def put(self, live: Live) -> None:
        """Take in what a write or a read answered."""
        with self._changed:
            self._snapshot.put(live, answered=True)
            self._wake([live.id])

    def gone(self, identity: ObjectId) -> None:
        """A GET found nothing, or our deletion is complete."""
        with self._changed:
            self._snapshot.gone(identity)
            self._wake([identity])

    def get(self, identity: ObjectId) -> Live | None:
        """The object as last seen, a suspect included; None where nothing is known."""
        with self._changed:
            return self._snapshot.lives.get(identity)

    def is_suspect(self, identity: ObjectId) -> bool:
        """Whether only a GET can tell if the object is there."""
        with self._changed:
            return identity in self._snapshot.suspects

    def is_listed(self, kind: GroupKind) -> bool:
        """Whether absence of an object of this kind means that none carries our label."""
        with self._changed:
            return kind in self._snapshot.listed and kind not in self._snapshot.unseen

    def unseen(self, kind: GroupKind) -> ClusterError | None:
        """Why objects of a kind cannot be seen, or None."""
        with self._changed:
            return self._snapshot.unseen.get(kind)

    def blocked(self, identities: Iterable[ObjectId]) -> dict[ObjectId, str]:
        """What keeps objects that are being deleted from going, as it follows `it is`."""
        lives = {i: live for i in identities if (live := self.get(i)) and live.deleting}
        told = {i: what_keeps(live.decode()) for i, live in lives.items()}
        return {identity: why for identity, why in told.items() if why}

    def autoscaler(self, workload: ObjectId) -> str:
        """The name of the managed HorizontalPodAutoscaler that targets a workload, or ""."""
        with self._changed:
            return self._snapshot.autoscaler(workload)

    def all(self) -> list[Live]:
        """Every live object known, in order of identity."""
        with self._changed:
            return sorted(self._snapshot.lives.values(), key=lambda live: live.id)

    def settle(self, api_versions: Mapping[ObjectId, str]) -> dict[ObjectId, ClusterError]:
        """GET each suspect among these identities; returns those of which nobody can tell."""
        with self._changed:
            asked = [i for i in api_versions if i in self._snapshot.suspects]
        unknown: dict[ObjectId, ClusterError] = {}
        answers = self._cluster.send([Read(i, api_versions[i]) for i in asked])
        for identity, answer in zip(asked, answers, strict=True):
            if answer.body is not None:
                self.put(self._cluster.live(answer.body))
            elif answer.error is None or answer.error.reason in ("not-found", "unknown-kind"):
                self.gone(identity)
            else:
                unknown[identity] = answer.error
        return unknown

    @contextmanager
    def awaiting(self, identities: Collection[ObjectId]) -> Iterator[threading.Event]:
        """An event that is set at each change of one of these objects, and by `poke`.

        Of a fleet's workers only those are woken whose own objects changed.
        """
        event = threading.Event()
        with self._changed:
            self._waiting[event] = frozenset(identities)
        try:
            yield event
        finally:
            with self._changed:
                del self._waiting[event]

    def poke(self) -> None:
        """Wake everyone who waits: a newer commit came, or the service stops."""
        with self._changed:
            self._wake()
