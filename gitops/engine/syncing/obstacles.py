"""What kept a sync from its end, and may pass by itself: whether that still stands.

In: the failed attempt and the plan made anew. Out: whether another attempt would only end as that
one did. Called by `engine/syncing/sync.py` before a revision is opened, so that one cause is one
failed revision however often it is looked at.
"""

from collections.abc import Sequence

from gitops.core.planning.retry import AWAY
from gitops.engine.facts.actual import Actual
from gitops.engine.planning.sentences import tell
from gitops.model.diff import ActionKind
from gitops.model.plan import Action, Plan
from gitops.model.revision import Revision
from gitops.ports import Cluster, Delete


class Obstacles:
    """Asks the cluster, and what is known of it, for what stood in the way."""

    def __init__(self, cluster: Cluster, actual: Actual) -> None:
        self._cluster = cluster
        self._actual = actual

    def stand(self, plan: Plan, failed: Revision) -> bool:
        """Whether all that is left to do is what could not be done; costs a dry-run a deletion."""
        writes = [a for a in plan.actions if a.changes_cluster and a.hook is None]
        deletions = [a for a in writes if a.kind is ActionKind.DELETE]
        if len(deletions) < len(writes):
            return False
        return self._is_unseen(plan, failed) or self._are_refused(deletions, failed)

    def _is_unseen(self, plan: Plan, failed: Revision) -> bool:
        """Whether a kind still cannot be listed, so that nobody can tell how its objects stand."""
        errors = (self._actual.unseen(action.id.group_kind) for action in plan.actions)
        away = (error for error in errors if error is not None and error.reason in AWAY)
        return any(tell(error) in failed.message for error in away)

    def _are_refused(self, deletions: Sequence[Action], failed: Revision) -> bool:
        """Whether there are any, and the same rights are missing for all of them."""
        asked = [Delete(a.id, a.api_version, uid=a.uid, dry_run=True) for a in deletions]
        errors = [answer.error for answer in self._cluster.send(asked)]
        return bool(errors) and all(
            error is not None and error.reason == "forbidden" and tell(error) in failed.message
            for error in errors
        )
