"""Objects that belong to no application, as Argo CD's projects look for them.

In: a project; what namespaces hold, as metadata; who owns what. Out: which kinds are worth a list,
and the orphans. Called by `engine/orders/orphans.py` when somebody asks.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from gitops.core.globs import matches
from gitops.core.ownership.marks import tracked_by
from gitops.core.ownership.ownership import foreign_managers
from gitops.core.projects.limits import allows_kind
from gitops.model.objects import Body, GroupKind, KindInfo, ObjectId, identify
from gitops.model.project import KindPattern, Orphan, Project

NEVER: Final = frozenset({
    GroupKind("", "Event"), GroupKind("", "Endpoints"),
    GroupKind("discovery.k8s.io", "EndpointSlice"), GroupKind("coordination.k8s.io", "Lease"),
})  # fmt: skip
"""What the cluster itself writes, and Argo CD does not look at either."""
NEVER_OF: Final = frozenset({"events.k8s.io", "metrics.k8s.io"})
GIVEN: Final = (
    KindPattern("", "ServiceAccount", "default"),
    KindPattern("", "ConfigMap", "kube-root-ca.crt"),
)
"""What every namespace has."""
API_SERVER: Final = ObjectId("", "Service", "default", "kubernetes")


def kinds_to_list(project: Project, kinds: Mapping[GroupKind, KindInfo]) -> list[GroupKind]:
    """Namespaced kinds that a project allows and that can be listed."""
    return [
        kind
        for kind, info in sorted(kinds.items())
        if info.namespaced
        and "list" in info.verbs
        and kind not in NEVER
        and kind.group not in NEVER_OF
        and allows_kind(project, kind, "", namespaced=True)
    ]


def find_orphans(
    project: Project, bodies: Iterable[Body], owner: Callable[[ObjectId], str]
) -> list[Orphan]:
    """Those that no other object and no application owns, and that the project does not ignore.

    `owner` gives the application that holds an object, or "". An object that says itself which
    application made it is that one's: hooks do.
    """
    found = []
    for body in bodies:
        identity, metadata = identify(body), body.get("metadata") or {}
        if metadata.get("ownerReferences") or owner(identity) or tracked_by(body):
            continue
        if identity == API_SERVER or _is_ignored(project, identity):
            continue
        created = str(metadata.get("creationTimestamp") or "")
        version = str(body.get("apiVersion") or "")
        found.append(Orphan(identity, version, created, foreign_managers(body)))
    return sorted(found, key=lambda orphan: orphan.id)


def _is_ignored(project: Project, identity: ObjectId) -> bool:
    return any(
        (not one.kind or matches(one.kind, identity.kind))
        and matches(one.group, identity.group)
        and (not one.name or matches(one.name, identity.name))
        for one in (*GIVEN, *project.orphans_ignored)
    )
