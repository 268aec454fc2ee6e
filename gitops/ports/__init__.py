"""What the engine needs from the world, as Protocols; edges implement them, wiring hands them in.

All calls are synchronous and may be made from any thread. What a user or a neighbour can cause is
raised as the `GitopsError` named, or is a value in the answer where many are sent at once.
"""

from gitops.ports.actions import ActionScripts
from gitops.ports.checks import HealthChecks
from gitops.ports.cluster import (
    Answer,
    Apply,
    Changed,
    Cluster,
    Create,
    Delete,
    Gone,
    Listed,
    ListEvents,
    ListMetadata,
    ListPods,
    ListRequest,
    Lost,
    Patch,
    Read,
    Replace,
    Request,
    WatchEvent,
)
from gitops.ports.git import Checkout, Repositories, TreeEntry
from gitops.ports.rendering import Rendered, RenderedText, Renderer, RenderKey, RenderRequest
from gitops.ports.store import (
    ApplicationState,
    Claim,
    DeletionMode,
    Delivery,
    Store,
    TrailQuery,
    Verdict,
)
from gitops.ports.time import Clock

__all__ = [
    "ActionScripts",
    "Answer",
    "ApplicationState",
    "Apply",
    "Changed",
    "Checkout",
    "Claim",
    "Clock",
    "Cluster",
    "Create",
    "Delete",
    "DeletionMode",
    "Delivery",
    "Gone",
    "HealthChecks",
    "ListEvents",
    "ListMetadata",
    "ListPods",
    "ListRequest",
    "Listed",
    "Lost",
    "Patch",
    "Read",
    "RenderKey",
    "RenderRequest",
    "Rendered",
    "RenderedText",
    "Renderer",
    "Replace",
    "Repositories",
    "Request",
    "Store",
    "TrailQuery",
    "TreeEntry",
    "Verdict",
    "WatchEvent",
]
