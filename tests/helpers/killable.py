"""A service in a process of its own that kills itself with SIGKILL at a chosen write.

A write is a request that changes the cluster, or a transaction of the database. `Killable.run`
forks the process from a server that has everything imported, so that a start costs little. Writes
are noted in a file, each when it is done: what a killed process had done can be read afterwards.
"""

import multiprocessing
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from gitops import wiring
from gitops.engine.declaring.deleting import DeleteOptions
from gitops.engine.declaring.transferring import TransferOptions
from gitops.engine.operations import RollbackOptions
from gitops.engine.service import Edges, Service
from gitops.model.events import Event
from gitops.model.revision import Trigger, TriggerKind
from gitops.ports import Answer, Apply, Cluster, Create, Delete, Patch, Replace, Request
from gitops.settings.load import Settings
from tests.helpers.sqlite import Watcher, watch
from tests.helpers.waiting import WAIT_S

NEVER = 0
BY_HAND = Trigger(TriggerKind.MANUAL, "tester@example.com", "by hand")


@dataclass(frozen=True)
class Kill:
    """Where to die: right before (`after` False) or after write number `at`; NEVER to live."""

    at: int = NEVER
    after: bool = False

    def __str__(self) -> str:
        return f"{'after' if self.after else 'before'}-{self.at}"


class Writes(Watcher):
    """Counts writes in the order in which they are made, and kills the process at one."""

    def __init__(self, log: Path, kill: Kill) -> None:
        self._log = log
        self._kill = kill
        self._count = 0
        self._lock = threading.RLock()

    def do(self, what: str, write: Callable[[], Any]) -> Any:
        """Make one write; no other is made at the same time."""
        with self._lock:
            self._count += 1
            if (self._count, False) == (self._kill.at, self._kill.after):
                self._die()
            done = write()
            with self._log.open("a") as log:
                log.write(what + "\n")
            if (self._count, True) == (self._kill.at, self._kill.after):
                self._die()
            return done

    def _die(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def listen(self) -> None:
        """Count every transaction of this process that is committed."""
        watch(self)

    def commit(self, connection: sqlite3.Connection, commit: Callable[[], None]) -> None:
        """Count it."""
        self.do("database", commit)


class WritingCluster:
    """The real cluster, whose writes are made one after the other so that each can be the last."""

    def __init__(self, cluster: Cluster, writes: Writes) -> None:
        self._cluster = cluster
        self._writes = writes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cluster, name)

    def send(self, *batches: Sequence[Request]) -> list[Answer]:
        if not any(_writes(request) for batch in batches for request in batch):
            return self._cluster.send(*batches)
        answers: list[Answer] = []
        for batch in batches:
            answers += [self._send(request) for request in batch]
            if any(answer.error is not None for answer in answers):
                break
        return answers

    def _send(self, request: Request) -> Answer:
        if not _writes(request):
            return self._cluster.send([request])[0]
        title = f"{type(request).__name__.lower()} {request.id.kind}/{request.id.name}"  # type: ignore[union-attr]  # lists of pods do not write
        answer: Answer = self._writes.do(title, lambda: self._cluster.send([request])[0])
        return answer


def _writes(request: Request) -> bool:
    changes = isinstance(request, Apply | Create | Replace | Patch | Delete)
    return changes and not getattr(request, "dry_run", False)


@dataclass
class Killable:
    """A process that runs the service; `events` come over a pipe until it ends."""

    process: Any
    pipe: Connection
    log: Path
    told: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def run(cls, settings: Settings, log: Path, kill: Kill | None, ask: str = "") -> "Killable":
        """Start it; `ask` is "" for nothing, or what it is asked for then.

        That is `rollback NAME NUMBER`, `delete NAME`, `transfer NAME TO` or `rename NAME NEW`.
        Without a Kill nothing is put around its edges, and no write is noted.
        """
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.helpers.killable"])
        ours, theirs = context.Pipe()
        log.write_text("")
        arguments = (settings, str(log), kill, ask, theirs)
        process = context.Process(target=_main, args=arguments)
        process.start()
        theirs.close()
        return cls(process, ours, log)

    def wait_for(self, wanted: Callable[[dict[str, Any]], bool], timeout_s: float = WAIT_S) -> bool:
        """Read events until one is wanted; False when the process ended before."""
        end = time.monotonic() + timeout_s
        while self.pipe.poll(max(0.0, end - time.monotonic())):
            try:
                told = self.pipe.recv()
            except EOFError:
                self.process.join(WAIT_S)  # its pipes close before its locks are given back
                return False
            self.told.append(told)
            if wanted(told):
                return True
        raise AssertionError(f"not within {timeout_s} s: {self.writes()}\n{self.story()}")

    def story(self) -> str:
        """What it told, for a failed assertion."""
        return "\n".join(f"{event['kind']}: {event['message']}" for event in self.told)

    def stop(self) -> None:
        """Stop it as a signal would, and wait."""
        self.pipe.send("stop")
        self.wait_for(lambda _: False)
        self.process.join(WAIT_S)
        assert self.process.exitcode == 0, self.process.exitcode

    @property
    def was_killed(self) -> bool:
        """Whether it died by SIGKILL."""
        self.process.join(WAIT_S)
        return bool(self.process.exitcode == -signal.SIGKILL)

    def writes(self) -> list[str]:
        """Every write that was made, in order."""
        return self.log.read_text().splitlines()


def _main(settings: Settings, log: str, kill: Kill | None, ask: str, pipe: Connection) -> None:
    writes = Writes(Path(log), kill or Kill())
    if kill is not None:
        writes.listen()

    def around(edges: Edges) -> Edges:
        if kill is None:
            return edges
        return replace(edges, cluster=WritingCluster(edges.cluster, writes))  # type: ignore[arg-type]  # the rest is the cluster's own

    running = wiring.build(settings, around)
    lock = threading.Lock()

    def tell(happened: Event) -> None:
        with lock:
            pipe.send({"kind": happened.kind, "application": happened.application,
                       "message": happened.message, "revision": happened.revision,
                       **happened.data})  # fmt: skip

    running.service.events.listen(tell)
    running.start()
    _ask(running.service, ask)
    pipe.recv()
    running.stop()
    pipe.close()


def _ask(service: Service, ask: str) -> None:
    match ask.split():
        case ["rollback", name, number]:
            service.rollback(name, RollbackOptions(int(number)), BY_HAND)
        case ["delete", name]:
            service.delete(name, DeleteOptions(), BY_HAND)
        case ["transfer", name, taker]:
            service.transferer.ask(name, TransferOptions(taker), BY_HAND)
        case ["rename", name, new]:
            service.transferer.ask_name(name, new, BY_HAND)
