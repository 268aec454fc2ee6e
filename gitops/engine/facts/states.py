"""Applications' kept states, in memory beside the store."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from gitops.engine.facts.registry import Runtime
from gitops.model.application import Application
from gitops.ports import ApplicationState, DeletionMode, Store


class States:
    """States by application; a save that changes nothing writes nothing."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._states = store.states()
        self._unsaved: set[str] = set()
        self._lock = threading.Lock()
        self._changing = threading.RLock()
        """Held while a change is saved, which takes a while: who only reads takes `_lock`."""

    def get(self, name: str) -> ApplicationState:
        """One application's state; a fresh one where there is none."""
        with self._lock:
            return self._states.get(name) or ApplicationState(name)

    def all(self) -> list[ApplicationState]:
        """Every state that is kept, in order of names."""
        with self._lock:
            return sorted(self._states.values(), key=lambda state: state.name)

    def is_kept(self, name: str) -> bool:
        """Whether anything is kept of an application."""
        with self._lock:
            return name in self._states

    def follows(self, runtime: Runtime) -> bool:
        """Whether a newer commit is synced by itself: else nothing would come after what runs."""
        automated = runtime.application.sync_policy.automated
        suspended = self.get(runtime.name).suspended
        return automated is not None and automated.enabled and not suspended

    @contextmanager
    def together(self) -> Iterator[None]:
        """Around changes and other calls of the store: one transaction for all of them.

        Whoever changes a state elsewhere waits before its own transaction, not within.
        """
        with self._changing, self._store.together():
            yield

    def change(self, name: str, **changes: Any) -> ApplicationState:
        """Change fields of a state and keep it."""
        with self._changing:
            old = self.get(name)
            new = replace(old, **changes)
            if new != old or name in self._unsaved:
                self._store.save_state(new)
                self.take(new)
            return new

    def note(self, name: str, **changes: Any) -> ApplicationState:
        """Change fields of a state; it is kept with the next record of the application.

        Whoever notes something calls `save` at the end, for where no record came.
        """
        with self._changing:
            old = self.get(name)
            new = replace(old, **changes)
            if new != old:
                with self._lock:
                    self._states[name] = new
                    self._unsaved.add(name)
            return new

    def save(self, name: str) -> None:
        """Keep what was noted and not kept since."""
        with self._changing:
            if name in self._unsaved:
                state = self.get(name)
                self._store.save_state(state)
                self.take(state)

    def begin_deletion(self, application: Application, mode: DeletionMode) -> None:
        """Keep that an application is being deleted: nothing of it counts as synced any more."""
        self.change(
            application.name, deleting=mode, depends_on=application.depends_on, synced_digest=""
        )

    def call_off_deletion(self, name: str) -> None:
        """Keep that an application is wanted again."""
        self.change(name, deleting="", depends_on=())

    def take(self, state: ApplicationState) -> None:
        """Take in a state that the store has saved with a record."""
        with self._lock:
            self._states[state.name] = state
            self._unsaved.discard(state.name)

    def forget(self, name: str) -> None:
        """Drop a state."""
        with self._changing:
            self._store.forget(name)
            with self._lock:
                self._states.pop(name, None)
                self._unsaved.discard(name)


def with_seen(runtime: Runtime, state: ApplicationState) -> ApplicationState:
    """The state as of the commits seen last: they rendered the same, and need not be kept."""
    desired = runtime.desired
    if desired is None or desired.reference != state.render_key:
        return state
    return replace(state, commits=tuple(commit.sha for commit in desired.commits))
