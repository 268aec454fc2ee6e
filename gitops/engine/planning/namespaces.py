"""The namespace that `CreateNamespace=true` asks for: made where it is missing, never deleted.

Called by `engine/planning/subjects.py` while it gathers. With `managedNamespaceMetadata` a
namespace that exists gets its labels and annotations too, under a field manager of the
application's own: what it drops goes, and what others put there stays. A manifest of the namespace,
in this or another application, comes before all this.
"""

from collections.abc import Sequence
from typing import Any

from gitops.core.diff.diff import diff
from gitops.core.manifests.normalize import manifest_digest
from gitops.core.ownership.owners import LastApplied, Owners
from gitops.core.planning.plan import UNCLAIMED, Subject, unclaimed_manager
from gitops.core.schema.shapes import Shapes
from gitops.model.application import Application
from gitops.model.diff import ActionKind
from gitops.model.objects import Body, Manifest, ObjectId
from gitops.model.plan import BEFORE_ALL, Action, Phase
from gitops.ports import Cluster, Read


def wants_namespace(
    application: Application, subjects: Sequence[Subject], *, whole: bool
) -> ObjectId | None:
    """The namespace to look at, or None; `whole` says that everything desired is planned.

    Where something of ours lives in it, it exists.
    """
    name = application.destination.namespace
    identity = ObjectId("", "Namespace", "", name)
    if not application.option("CreateNamespace") or not name or not subjects:
        return None
    if any(subject.id == identity for subject in subjects):
        return None
    exists = any(s.memory and s.id.namespace == name and s.live for s in subjects)
    return None if exists and not (whole and _metadata(application)) else identity


def look_at_namespace(
    application: Application, identity: ObjectId, cluster: Cluster
) -> Subject | Action | None:
    """What is to be done: a creation, new metadata (settled already), or nothing."""
    (answer,) = cluster.send([Read(identity, "v1")])
    body = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": identity.name, **_metadata(application)},
    }
    if answer.body is not None:
        return _configure(application, body, answer.body, cluster.shapes({"v1"}))
    if answer.error is None or answer.error.reason != "not-found":
        return None
    return Subject(
        Manifest(identity, body),
        body,
        manifest_digest(body),
        phase=Phase.PRE_SYNC,
        wave=BEFORE_ALL,
        options=frozenset({UNCLAIMED}),
        deferred="CreateNamespace=true",
    )


def _metadata(application: Application) -> dict[str, dict[str, str]]:
    policy = application.sync_policy
    given = {
        "labels": policy.managed_namespace_labels,
        "annotations": policy.managed_namespace_annotations,
    }
    return {field: dict(values) for field, values in given.items() if values}


def _configure(
    application: Application, desired: Body, live: dict[str, Any], shapes: Shapes
) -> Action | None:
    if not _metadata(application):
        return None
    fields = Owners.of(live).of_managers({unclaimed_manager(application.name)})
    found = diff(desired, live, LastApplied(fields=fields), shapes)
    if not found.modified:
        return None
    manifest = Manifest.of(desired)
    return Action(
        ActionKind.CONFIGURE,
        manifest.id,
        "v1",
        BEFORE_ALL,
        Phase.PRE_SYNC,
        reason="managedNamespaceMetadata",
        desired=manifest,
        diff=found,
        uid=live["metadata"]["uid"],
        resource_version=live["metadata"]["resourceVersion"],
        options=frozenset({UNCLAIMED}),
    )
