"""The Secrets of a whole application, whose values a plan must not show in any other object.

A plan may be of a few objects (a heal, a chosen resource), or a Secret of it may be at fault: its
values are known all the same. Called by `engine/compare.py`; reads memory only.
"""

from collections.abc import Sequence

from gitops.engine.actual import Actual
from gitops.engine.inventory import Inventory
from gitops.model.objects import Body, Manifest

SECRET = ("", "Secret")


def known_secrets(
    application: str, manifests: Sequence[Manifest], inventory: Inventory, actual: Actual
) -> list[Body]:
    """The Secrets that an application desires, and those of it that stand in the cluster."""
    desired = [m.body for m in manifests if (m.id.group, m.id.kind) == SECRET]
    held = [claim.id for claim in inventory.of(application)]
    owned = [actual.get(one) for one in held if (one.group, one.kind) == SECRET]
    return desired + [live.decode() for live in owned if live is not None]
