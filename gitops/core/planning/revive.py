"""From the live copy of a deleted object to what creates it again. Pure.

In: a whole body as it lived, and the shapes. Out: the body without what the API server and its
controllers set: metadata, status, owners, and the values that they allocate, unless our own apply
had set them. Called by `engine/orders/undelete.py`.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from gitops.core.manifests.normalize import canonical
from gitops.core.ownership.marks import HOOK_FINALIZER
from gitops.core.ownership.projection import own_entry, owned
from gitops.core.schema.shapes import Shapes
from gitops.model.objects import Body, GroupKind, identify

Fields = dict[str, Any]

CONTROLLERS: Final = (
    "control-plane.alpha.kubernetes.io/",
    "deployment.kubernetes.io/",
    "pv.kubernetes.io/",
    "volume.beta.kubernetes.io/",
    "volume.kubernetes.io/",
)
"""Prefixes of annotations that controllers write."""
OTHERS_FINALIZERS: Final = frozenset({"foregroundDeletion", "orphan", HOOK_FINALIZER})
"""What a deletion or a hook's run adds, besides Kubernetes' own names."""
JOB_LABELS: Final = frozenset({
    "controller-uid", "job-name",
    "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name",
})  # fmt: skip


def revived(copy: Body, shapes: Shapes) -> Fields:
    """What creates the object of a live copy again; the copy is not changed.

    A finalizer stays, for whoever put it there waits for the object's end; those of Kubernetes
    itself (`kubernetes.io`) are put there again by whoever needs them.
    """
    entry = own_entry(copy)
    ours = owned(copy, entry.get("fieldsV1")) if entry is not None else {}
    body = canonical(copy, shapes)
    body["metadata"] = _metadata(body.get("metadata") or {})
    drop = ALLOCATED.get(identify(copy).group_kind)
    spec = body.get("spec")
    if drop is not None and isinstance(spec, Mapping):
        mine = ours.get("spec") if isinstance(ours, Mapping) else None
        body["spec"] = drop(dict(spec), mine if isinstance(mine, Mapping) else {})
    if body.get("spec") == {}:
        del body["spec"]
    return body


def _metadata(metadata: Mapping[str, Any]) -> Fields:
    gone = ("ownerReferences", "generateName")
    made = {key: value for key, value in metadata.items() if key not in gone}
    kept = {
        "annotations": {
            key: value
            for key, value in (made.get("annotations") or {}).items()
            if not key.startswith(CONTROLLERS)
        },
        "finalizers": [name for name in made.get("finalizers") or () if not is_servers(name)],
    }
    return {k: v for k, v in {**made, **kept}.items() if v or k not in kept}


def is_servers(finalizer: str) -> bool:
    """Whether a finalizer is Kubernetes' own, or our mark on a hook."""
    domain, slash, _ = finalizer.partition("/")
    own = domain == "kubernetes.io" or domain.endswith(".kubernetes.io")
    return finalizer in OTHERS_FINALIZERS or (bool(slash) and own)


# --- what is allocated, by kind: a spec and the part of it that is ours, to the spec to create ----


def _service(spec: Fields, ours: Mapping[str, Any]) -> Fields:
    """Addresses and node ports, which somebody else may hold by now."""
    if spec.get("clusterIP") != "None":
        spec = _without(spec, ours, "clusterIP", "clusterIPs")
    spec = _without(spec, ours, "healthCheckNodePort")
    asked = {_port(port) for port in ours.get("ports") or () if "nodePort" in port}
    ports = spec.get("ports")
    if isinstance(ports, list):
        spec["ports"] = [
            port if _port(port) in asked else {k: v for k, v in port.items() if k != "nodePort"}
            for port in ports
        ]
    return spec


def _port(port: Mapping[str, Any]) -> tuple[Any, Any]:
    return port.get("port"), port.get("protocol") or "TCP"


def _volume_claim(spec: Fields, ours: Mapping[str, Any]) -> Fields:
    """The volume that was bound: it goes with the claim, or waits to be freed by hand."""
    return _without(spec, ours, "volumeName")


def _volume(spec: Fields, ours: Mapping[str, Any]) -> Fields:
    """The uid of the claim that was bound; the claim of that name may bind again."""
    del ours
    claim = spec.get("claimRef")
    if isinstance(claim, Mapping):
        gone = ("uid", "resourceVersion")
        spec["claimRef"] = {key: value for key, value in claim.items() if key not in gone}
    return spec


def _job(spec: Fields, ours: Mapping[str, Any]) -> Fields:
    """The selector that the server made, with the labels that it selects by."""
    del ours
    if spec.get("manualSelector"):
        return spec
    spec.pop("selector", None)
    template = spec.get("template")
    metadata = template.get("metadata") if isinstance(template, Mapping) else None
    if isinstance(template, Mapping) and isinstance(metadata, Mapping):
        labels = {k: v for k, v in (metadata.get("labels") or {}).items() if k not in JOB_LABELS}
        spec["template"] = {**template, "metadata": {**metadata, "labels": labels}}
    return spec


def _pod(spec: Fields, ours: Mapping[str, Any]) -> Fields:
    """The node that was chosen."""
    return _without(spec, ours, "nodeName")


def _namespace(spec: Fields, ours: Mapping[str, Any]) -> Fields:
    """The namespace's own finalizer."""
    return _without(spec, ours, "finalizers")


def _without(spec: Fields, ours: Mapping[str, Any], *names: str) -> Fields:
    return {key: value for key, value in spec.items() if key not in names or key in ours}


ALLOCATED: Final[Mapping[GroupKind, Callable[[Fields, Mapping[str, Any]], Fields]]] = {
    GroupKind("", "Service"): _service,
    GroupKind("", "PersistentVolumeClaim"): _volume_claim,
    GroupKind("", "PersistentVolume"): _volume,
    GroupKind("batch", "Job"): _job,
    GroupKind("", "Pod"): _pod,
    GroupKind("", "Namespace"): _namespace,
}
