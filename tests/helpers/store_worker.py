"""A process that writes to a store until it is killed, or until its files may not grow.

`python -m tests.helpers.store_worker STATE_DIR loop|full|steps|rotations`

`loop` syncs for ever. `full` goes on until RLIMIT_FSIZE stops it. `steps` starts and syncs in the
folders STATE_DIR/1, STATE_DIR/2 …, killed before its first, second … step, until one was not;
`rotations` so replaces the key of copies of STATE_DIR/0.
"""

import itertools
import json
import os
import resource
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from gitops.errors import StoreError
from gitops.model.revision import RevisionState
from gitops.ports import ApplicationState, Claim
from gitops.store.sql import DATABASE, SqlStore
from tests.helpers.sqlite import Watcher, watch
from tests.helpers.store import SteppingClock
from tests.helpers.values import deployment, opened, outcome

ROOM_BYTES = 200_000


def say(word: str, name: str, number: int) -> None:
    sys.stdout.write(f"{word} {name} {number}\n")
    sys.stdout.flush()


def a_sync(store: SqlStore, name: str) -> None:
    """Everything that a sync writes; each transaction is announced when it is over."""
    revision = store.open_revision(opened(name, manifests=store.put(name.encode())))
    say("opened", name, revision.number)
    claims = [Claim(deployment(name), name, "apps/v1", uid=str(revision.number))]
    store.claim(claims)
    say("claimed", name, revision.number)
    store.record_outcomes(revision, [outcome(name)], claims)
    say("recorded", name, revision.number)
    state = ApplicationState(name, supersedes=revision.number)
    store.close_revision(replace(revision, state=RevisionState.SUCCEEDED), state)
    say("closed", name, revision.number)


def loop(store: SqlStore) -> None:
    """Sync two applications in turn, for ever."""
    while True:
        a_sync(store, "blog")
        a_sync(store, "shop")


def fill(store: SqlStore, state_dir: Path) -> None:
    """Sync until files may not grow, say how it ended, and go on when they may again."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limit = (state_dir / DATABASE).stat().st_size + ROOM_BYTES
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    error = None
    while error is None:
        try:
            a_sync(store, "blog")
        except StoreError as raised:
            error = raised
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    (left,) = store.open_revisions() or (None,)
    if left is not None:
        store.close_revision(replace(left, state=RevisionState.FAILED))
    a_sync(store, "blog")
    faults = store.verify().faults
    sys.stderr.write(json.dumps({"reason": error.reason, "text": str(error), "faults": faults}))


class Death(Watcher):
    """Kills this process before so many statements, commits or changes of files are made."""

    def __init__(self, step: int) -> None:
        self._step = step
        self._steps = itertools.count(1)

    def count(self) -> None:
        if next(self._steps) == self._step:
            os.kill(os.getpid(), signal.SIGKILL)

    def statement(self, connection: sqlite3.Connection, sql: str, values: object) -> None:
        self.count()

    def commit(self, connection: sqlite3.Connection, commit: Callable[[], None]) -> None:
        self.count()
        commit()


def die_before(step: int, state_dir: Path) -> None:
    """Kill this process before a step of its work in a folder."""
    death = Death(step)

    def audit(name: str, arguments: tuple[object, ...]) -> None:
        changes = name in {"open", "os.rename", "os.link", "os.remove", "os.mkdir"}
        if changes and str(arguments[0]).startswith(str(state_dir)):
            death.count()

    watch(death)
    sys.addaudithook(audit)


def one_start(state_dir: Path) -> None:
    store = SqlStore.at(state_dir, SteppingClock())
    a_sync(store, "blog")
    store.close()


def one_rotation(state_dir: Path) -> None:
    store = SqlStore.at(state_dir, SteppingClock())
    store.rotate_key("ann")
    while store.reseal(most=2):
        pass
    store.close()


def steps(folder: Path, work: Callable[[Path], None]) -> None:
    """Each start is a fork of this process, so that all together take seconds."""
    for step in itertools.count(1):
        if (folder / "0").is_dir():
            shutil.copytree(folder / "0", folder / str(step))
        child = os.fork()
        if not child:
            die_before(step, folder / str(step))
            work(folder / str(step))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            sys.exit(os.waitstatus_to_exitcode(status))


def main() -> None:
    state_dir = Path(sys.argv[1])
    if sys.argv[2] == "steps":
        steps(state_dir, one_start)
        return
    if sys.argv[2] == "rotations":
        steps(state_dir, one_rotation)
        return
    store = SqlStore.at(state_dir, SteppingClock())
    if sys.argv[2] == "loop":
        loop(store)
    fill(store, state_dir)
    store.close()


if __name__ == "__main__":
    main()
