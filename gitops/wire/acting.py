"""What objects have to offer, as JSON: `gitops actions APP` prints it."""

from gitops.model.acting import Offered
from gitops.wire.values import JsonObject, versioned_to_wire


def offered_to_wire(offered: Offered) -> JsonObject:
    """`{apiVersion, kind, namespace, name, actions, problem}`; see `docs/reference/json.md`."""
    return versioned_to_wire(offered.id, offered.api_version) | {
        "actions": [
            {
                "name": offer.name,
                "title": offer.title or offer.name,
                "available": not offer.refused,
                "reason": offer.refused,
                "params": list(offer.params),
            }
            for offer in offered.offers
        ],
        "problem": offered.problem,
    }
