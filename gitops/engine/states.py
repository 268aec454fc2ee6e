"""Applications' kept states, in memory beside the store."""

import threading
from dataclasses import replace
from typing import Any

from gitops.ports import ApplicationState, DeletionMode, Store


class States:
    """States by application; a save that changes nothing writes nothing."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._states = store.states()
        self._lock = threading.Lock()

    def get(self, name: str) -> ApplicationState:
        """One application's state; a fresh one where there is none."""
        with self._lock:
            return self._states.get(name) or ApplicationState(name)

    def change(self, name: str, **changes: Any) -> ApplicationState:
        """Change fields of a state and keep it."""
        with self._lock:
            old = self._states.get(name) or ApplicationState(name)
            new = replace(old, **changes)
            if new != old:
                self._store.save_state(new)
                self._states[name] = new
            return new

    def begin_deletion(self, name: str, mode: DeletionMode) -> None:
        """Keep that an application is being deleted: nothing of it counts as synced any more."""
        self.change(name, deleting=mode, synced_digest="")

    def take(self, state: ApplicationState) -> None:
        """Take in a state that the store has saved with a record."""
        with self._lock:
            self._states[state.name] = state

    def forget(self, name: str) -> None:
        """Drop a state."""
        with self._lock:
            self._store.forget(name)
            self._states.pop(name, None)
