"""Which actions the objects of an application have: those of their kinds, and users' own.

Called by `engine/acting.py`. Asks the cluster only for the definitions of custom kinds.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from gitops.core.actions.built_in import BuiltIn, built_in, scale_path
from gitops.core.planning.plan import autoscaled
from gitops.engine.children import is_child
from gitops.engine.parts import Parts
from gitops.model.acting import Offer, Offered
from gitops.model.objects import Body, GroupKind, Live, ObjectId, split_api_version
from gitops.ports import Read

CRD: Final = "CustomResourceDefinition"
DEFINITIONS: Final = "apiextensions.k8s.io"
AUTOSCALER: Final = GroupKind("autoscaling", "HorizontalPodAutoscaler")
Scales = Mapping[tuple[GroupKind, str], tuple[str, ...]]
"""Where kinds of an apiVersion keep their count of replicas."""


class Offering:
    """Tells the actions of objects."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def of(self, lives: Sequence[Live]) -> list[Offered]:
        """What these objects have to offer, in their order; raises ClusterError."""
        scales = self._scales(lives)
        return [
            Offered(live.id, live.api_version, tuple(self._offers(live.id, live.decode(), scales)))
            for live in lives
        ]

    def action(self, identity: ObjectId, live: Live, name: str) -> BuiltIn | None:
        """One action of a kind; None where it has none of this name."""
        return self._actions(identity, live.api_version, self._scales([live])).get(name)

    def offer(self, action: BuiltIn, identity: ObjectId, body: Body) -> Offer:
        """An action as an object has it now."""
        offer = action.offer(body)
        autoscaler = self._autoscaler(identity) if action.params == ("replicas",) else ""
        if offer.refused or not autoscaler:
            return offer
        return Offer(offer.name, f"{autoscaler} sets its replicas", offer.params)

    def _offers(self, identity: ObjectId, body: Body, scales: Scales) -> Iterable[Offer]:
        actions = self._actions(identity, str(body.get("apiVersion") or ""), scales)
        return (self.offer(action, identity, body) for action in actions.values())

    def _actions(
        self, identity: ObjectId, api_version: str, scales: Scales
    ) -> Mapping[str, BuiltIn]:
        return built_in(identity.group_kind, scales.get((identity.group_kind, api_version), ()))

    def _autoscaler(self, identity: ObjectId) -> str:
        bodies = [live.decode() for live in self._parts.actual.of_kind(AUTOSCALER)]
        name = autoscaled(bodies).get(identity)
        return f"the HorizontalPodAutoscaler {name}" if name else ""

    def _scales(self, lives: Sequence[Live]) -> Scales:
        """By the definitions of custom kinds; one that cannot be read has no scale."""
        kinds = self._parts.cluster.kinds()
        wanted = {(live.id.group_kind, live.api_version): live for live in lives}
        asked = {
            key: f"{kinds[key[0]].plural}.{key[0].group}"
            for key in sorted(wanted)
            if key[0] in kinds and _is_custom(key[0])
        }
        names = sorted(set(asked.values()))
        requests = [Read(ObjectId(DEFINITIONS, CRD, "", n), f"{DEFINITIONS}/v1") for n in names]
        answers = dict(zip(names, self._parts.cluster.send(requests), strict=True))
        return {
            key: path
            for key, name in asked.items()
            if (path := scale_path(answers[name].body or {}, split_api_version(key[1])[1]))
        }


def _is_custom(kind: GroupKind) -> bool:
    """Whether a kind may have a definition: groups of Kubernetes itself end so, or have no dot."""
    own = kind.group.endswith(".k8s.io") or "." not in kind.group
    return not own and not is_child(ObjectId(kind.group, kind.kind, "", ""))
