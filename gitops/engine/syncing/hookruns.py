"""The objects that hooks leave: kept until their end is known, then let go or deleted.

A hook's object carries our finalizer from its creation on, so that its outcome is seen even where
somebody, or a time to live, deletes it meanwhile. Called by `engine/syncing/writes.py`.
"""

from collections.abc import Iterable, Sequence

from gitops.core.planning.hooks import release_hook
from gitops.engine.facts.actual import Actual
from gitops.model.objects import Live
from gitops.model.plan import Action, DeletePolicy
from gitops.ports import Cluster, Delete, Patch


class HookRuns:
    """Lets go of hooks and deletes them as their policies say."""

    def __init__(self, cluster: Cluster, actual: Actual) -> None:
        self._cluster = cluster
        self._actual = actual

    def release(self, lives: Iterable[Live]) -> None:
        """Take our finalizer off these objects, where they carry it."""
        patches = [
            Patch(live.id, live.api_version, operations)
            for live in lives
            if (operations := release_hook(live.decode()))
        ]
        for patch, answer in zip(patches, self._cluster.send(patches), strict=True):
            if answer.error is not None and answer.error.reason == "not-found":
                self._actual.gone(patch.id)
            elif answer.body is not None and not answer.body["metadata"].get("deletionTimestamp"):
                self._actual.put(self._cluster.live(answer.body))

    def let_go(self, actions: Sequence[Action]) -> None:
        """Hold on to these hooks no more: their end was seen."""
        hooks = [a for a in actions if a.hook is not None]
        self.release(live for a in hooks if (live := self._actual.get(a.id)) is not None)

    def end(self, actions: Sequence[Action]) -> None:
        """Delete hooks that have not ended, with what they run: nobody waits for them any more."""
        self._delete(action for action in actions if action.hook is not None)

    def clean(self, actions: Sequence[Action], *, succeeded: bool) -> None:
        """Let go of a phase's hooks, and delete those whose policy says so."""
        self.let_go(actions)
        policy = DeletePolicy.HOOK_SUCCEEDED if succeeded else DeletePolicy.HOOK_FAILED
        self._delete(a for a in actions if a.hook and policy in a.hook.delete_policies)

    def _delete(self, actions: Iterable[Action]) -> None:
        self._cluster.send([
            Delete(action.id, live.api_version, uid=live.uid)
            for action in actions
            if (live := self._actual.get(action.id)) is not None
        ])  # fmt: skip
