"""Which actions the objects of an application have: those of their kinds, and users' own.

Called by `engine/orders/acting.py`. Asks the cluster only for the definitions of custom kinds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from gitops.core.actions.built_in import BuiltIn, built_in, scale_path
from gitops.engine.facts.children import is_child
from gitops.engine.lanes.parts import Parts
from gitops.errors import InputError
from gitops.model.acting import Effect, Given, Offer, Offered
from gitops.model.objects import Body, GroupKind, Live, ObjectId, split_api_version
from gitops.ports import ActionScripts, Read

CRD: Final = "CustomResourceDefinition"
DEFINITIONS: Final = "apiextensions.k8s.io"
Scales = Mapping[tuple[GroupKind, str], tuple[str, ...]]
"""Where kinds of an apiVersion keep their count of replicas."""


class Offering:
    """Tells the actions of objects."""

    def __init__(self, parts: Parts, scripts: ActionScripts) -> None:
        self._parts = parts
        self._scripts = scripts

    def of(self, lives: Sequence[Live]) -> list[Offered]:
        """What these objects have to offer, in their order; raises ClusterError."""
        return [self.offered(live, actions) for live, actions in self.built_in(lives)]

    def built_in(self, lives: Sequence[Live]) -> list[tuple[Live, Mapping[str, BuiltIn]]]:
        """Objects with the actions of their kinds; raises ClusterError."""
        scales = self._scales(lives)
        return [
            (
                live,
                built_in(
                    live.id.group_kind, scales.get((live.id.group_kind, live.api_version), ())
                ),
            )
            for live in lives
        ]

    def offered(self, live: Live, actions: Mapping[str, BuiltIn]) -> Offered:
        """What one object has to offer: by scripts, and of these actions of its kind."""
        body = live.decode()
        try:
            scripted = self._scripts.offers(body)
        except InputError as error:
            return Offered(live.id, live.api_version, problem=str(error))
        found = {offer.name: offer for offer in scripted.offers}
        for action in actions.values() if scripted.built_in else ():
            found.setdefault(action.name, self._offer(action, live.id, body))
        return Offered(live.id, live.api_version, tuple(found.values()))

    def effect(
        self, offer: Offer, body: Body, actions: Mapping[str, BuiltIn], given: Given
    ) -> Effect | None:
        """What an offered action makes of its object; None where nobody has defined it."""
        if offer.scripted:
            made = self._scripts.run(offer.name, body, given.params)
            if made is not None:
                return made
        action = actions.get(offer.name)
        return action.run(body, given) if action else None

    def _offer(self, action: BuiltIn, identity: ObjectId, body: Body) -> Offer:
        offer = action.offer(body)
        autoscaler = self._autoscaler(identity) if action.name == "scale" else ""
        if offer.refused or not autoscaler:
            return offer
        return replace(offer, refused=f"{autoscaler} sets its replicas")

    def _autoscaler(self, identity: ObjectId) -> str:
        name = self._parts.actual.autoscaler(identity)
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
