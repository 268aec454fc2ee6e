"""Fold watch events into the actual state of one cluster.

Pure bookkeeping without locks: `engine/facts/actual.py` owns one and guards it. An object that left
the watch, or was missing from a list, is a suspect until a GET settles it: a label removed by hand
looks just like a deletion (Kubernetes documentation, "Efficient detection of changes").
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from gitops.core.autoscaling import AUTOSCALER, autoscaled
from gitops.errors import ClusterError
from gitops.model.objects import GroupKind, Live, ObjectId


@dataclass(slots=True)
class Snapshot:
    """Live objects by identity, suspects, and the kinds that cannot be seen with the reason."""

    lives: dict[ObjectId, Live] = field(default_factory=dict)
    suspects: set[ObjectId] = field(default_factory=set)
    listed: set[GroupKind] = field(default_factory=set)
    unseen: dict[GroupKind, ClusterError] = field(default_factory=dict)
    kinds: dict[GroupKind, set[ObjectId]] = field(default_factory=dict)
    """The identities in `lives`, by kind."""
    unshown: set[ObjectId] = field(default_factory=set)
    """What a request answered, and the watch has not shown since."""
    targets: dict[ObjectId, ObjectId] = field(default_factory=dict)
    """The workload that each autoscaler in `lives` targets."""
    scalers: dict[ObjectId, set[ObjectId]] = field(default_factory=dict)
    """The other way round."""

    def put(self, live: Live, *, answered: bool = False) -> bool:
        """Take an object in; False when it is not newer than what is known.

        What a request `answered` is news once more when the watch shows it: whoever listens to
        changes hears of no answers.

        Resource versions are compared as numbers, as KEP-5504 allows for one kind. Of equal ones
        what a request `answered` counts: a watch that began before its CustomResourceDefinition was
        changed shows objects without the new fields.
        """
        known = self.lives.get(live.id)
        if known is not None and known.uid == live.uid and not _newer(live, known):
            self.suspects.discard(live.id)
            if live.resource_version != known.resource_version:
                return False
            if answered:
                self._keep(live)
                return False
            unshown = live.id in self.unshown
            self.unshown.discard(live.id)
            return unshown
        self._keep(live)
        if answered:
            self.unshown.add(live.id)
        else:
            self.unshown.discard(live.id)
        if known is None:
            self.kinds.setdefault(live.id.group_kind, set()).add(live.id)
        self.suspects.discard(live.id)
        return True

    def _keep(self, live: Live) -> None:
        self.lives[live.id] = live
        if live.id.group_kind == AUTOSCALER:
            self._retarget(live.id, next(iter(autoscaled([live.decode()])), None))

    def _retarget(self, autoscaler: ObjectId, target: ObjectId | None) -> None:
        before = self.targets.pop(autoscaler, None)
        if before is not None:
            self.scalers[before].discard(autoscaler)
            if not self.scalers[before]:
                del self.scalers[before]
        if target is not None:
            self.targets[autoscaler] = target
            self.scalers.setdefault(target, set()).add(autoscaler)

    def autoscaler(self, workload: ObjectId) -> str:
        """The name of the HorizontalPodAutoscaler that targets a workload, or ""."""
        return min((scaler.name for scaler in self.scalers.get(workload, ())), default="")

    def suspect(self, identity: ObjectId, last: Live | None = None) -> None:
        """An object left the watch; `last` is what the event showed of it."""
        known = self.lives.get(identity)
        if known is not None and last is not None and known.uid != last.uid:
            return
        self.suspects.add(identity)

    def gone(self, identity: ObjectId) -> None:
        """A GET found nothing."""
        if self.lives.pop(identity, None) is not None:
            self.kinds[identity.group_kind].discard(identity)
            self._retarget(identity, None)
        self.unshown.discard(identity)
        self.suspects.discard(identity)

    def list_kind(self, kind: GroupKind, items: Iterable[Live]) -> list[ObjectId]:
        """Take a whole list in; returns every identity whose state may have changed."""
        items = list(items)
        present = {item.id for item in items}
        missing = [i for i in self.kinds.get(kind, ()) if i not in present]
        changed = [item.id for item in items if self.put(item)]
        self.suspects.update(missing)
        self.listed.add(kind)
        if self.unseen.pop(kind, None) is not None:  # nothing was known of any of them
            changed = [item.id for item in items]
        return changed + missing

    def of_kind(self, kind: GroupKind) -> list[Live]:
        """Every live object of a kind that is known, in order of identity."""
        return [self.lives[identity] for identity in sorted(self.kinds.get(kind, ()))]

    def lose_kind(self, kind: GroupKind, error: ClusterError) -> None:
        """A kind cannot be listed or watched: its objects are Unknown, never Missing."""
        self.unseen[kind] = error


def _newer(live: Live, known: Live) -> bool:
    if live.resource_version == known.resource_version:
        return False
    if live.resource_version.isdigit() and known.resource_version.isdigit():
        return int(live.resource_version) > int(known.resource_version)
    return True
