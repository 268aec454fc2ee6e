"""Whether a kind exists: unknown kinds, versions that Kubernetes removed, misspelt groups.

In: apiVersion and kind, the shapes of the built-in kinds and of the CRDs beside them. Out: a flaw
or None. A group that neither knows is somebody's custom resource and passes. Called by
`core/validation/validate.py`.
"""

from collections.abc import Mapping
from typing import Final

from gitops.core.manifests.metadata import Flaw
from gitops.core.schema.shapes import Shapes
from gitops.core.wording import did_you_mean, edits, listed
from gitops.model.objects import GroupKind, split_api_version


def check_kind(api_version: str, kind: str, shapes: Shapes) -> Flaw | None:
    """What is wrong with an apiVersion and kind; None for what is known or not ours to know."""
    if shapes.kind(api_version, kind) is not None:
        return None
    removed = _REMOVED.get((api_version, kind))
    if removed is not None:
        release, instead = removed
        hint = f"; write apiVersion: {instead}" if "/" in instead else f"; {instead}"
        message = f"Kubernetes {release} removed {kind} of {api_version}{hint}"
        return Flaw("removed-api", message, ("apiVersion",))
    group, _ = split_api_version(api_version)
    if api_version.count("/") > 1 or not api_version.rpartition("/")[2]:
        message = f'apiVersion "{api_version}" is malformed; write group/version'
        return Flaw("unknown-kind", message, ("apiVersion",))
    known = {info.group for info in shapes.kinds}
    if group in known:
        return _unknown_in_group(api_version, kind, shapes)
    return _unknown_group(api_version, kind, shapes)


def _unknown_in_group(api_version: str, kind: str, shapes: Shapes) -> Flaw | None:
    """The group is known, but not with this kind or at this version."""
    group, version = split_api_version(api_version)
    info = shapes.kinds.get(GroupKind(group, kind))
    if info is not None:
        served = [f"{group}/{v}" if group else v for v in info.versions]
        message = f"{kind} is not served at {api_version}; write apiVersion: {listed(served)}"
        return Flaw("unknown-kind", message, ("apiVersion",))
    elsewhere = _api_versions_of(kind, shapes)
    if elsewhere:
        message = f"{api_version} has no kind {kind}; write apiVersion: {listed(elsewhere)}"
        return Flaw("unknown-kind", message, ("apiVersion",))
    if not _is_builtin(group) and version:
        return None
    names = [item.kind for item in shapes.kinds if item.group == group]
    meant = did_you_mean(kind, names) or did_you_mean(kind, {k.kind for k in shapes.kinds})
    return Flaw("unknown-kind", f'unknown kind "{kind}" in {api_version}{meant}', ("kind",))


def _unknown_group(api_version: str, kind: str, shapes: Shapes) -> Flaw | None:
    """No built-in kind and no CRD has the group: a custom resource, unless it is a slip."""
    group, _ = split_api_version(api_version)
    elsewhere = _api_versions_of(kind, shapes)
    groups = {split_api_version(found)[0] for found in elsewhere} - {""}
    if elsewhere and ("." not in group or any(edits(group, known) == 1 for known in groups)):
        message = f"unknown apiVersion {api_version}; for {kind} write {listed(elsewhere)}"
        return Flaw("unknown-kind", message, ("apiVersion",))
    if "." in group:
        return None
    known = {info.group for info in shapes.kinds if info.group} | {"v1"}
    meant = did_you_mean(group or api_version, known)
    return Flaw("unknown-kind", f'unknown apiVersion "{api_version}"{meant}', ("apiVersion",))


def _api_versions_of(kind: str, shapes: Shapes) -> list[str]:
    """The preferred apiVersions that have a kind of this name."""
    return [
        f"{item.group}/{info.versions[0]}" if item.group else info.versions[0]
        for item, info in sorted(shapes.kinds.items())
        if item.kind == kind and info.versions
    ]


def _is_builtin(group: str) -> bool:
    return "." not in group or group.endswith(".k8s.io")


_NETWORKING: Final = "networking.k8s.io/v1"
_RBAC: Final = "rbac.authorization.k8s.io/v1"
_ADMISSION: Final = "admissionregistration.k8s.io/v1"
_STORAGE: Final = "storage.k8s.io/v1"
_NO_PSP: Final = "use Pod Security admission labels on the Namespace"
_REMOVED: Final[Mapping[tuple[str, str], tuple[str, str]]] = {
    **{
        (f"extensions/{version}", kind): ("1.16", "apps/v1")
        for version in ("v1beta1",)
        for kind in ("Deployment", "DaemonSet", "ReplicaSet")
    },
    **{
        (f"apps/{version}", kind): ("1.16", "apps/v1")
        for version in ("v1beta1", "v1beta2")
        for kind in ("Deployment", "DaemonSet", "ReplicaSet", "StatefulSet", "ControllerRevision")
    },
    ("extensions/v1beta1", "Ingress"): ("1.22", _NETWORKING),
    ("extensions/v1beta1", "NetworkPolicy"): ("1.16", _NETWORKING),
    ("extensions/v1beta1", "PodSecurityPolicy"): ("1.16", _NO_PSP),
    ("networking.k8s.io/v1beta1", "Ingress"): ("1.22", _NETWORKING),
    ("networking.k8s.io/v1beta1", "IngressClass"): ("1.22", _NETWORKING),
    ("policy/v1beta1", "PodDisruptionBudget"): ("1.25", "policy/v1"),
    ("policy/v1beta1", "PodSecurityPolicy"): ("1.25", _NO_PSP),
    ("batch/v1beta1", "CronJob"): ("1.25", "batch/v1"),
    ("batch/v2alpha1", "CronJob"): ("1.21", "batch/v1"),
    ("autoscaling/v2beta1", "HorizontalPodAutoscaler"): ("1.25", "autoscaling/v2"),
    ("autoscaling/v2beta2", "HorizontalPodAutoscaler"): ("1.26", "autoscaling/v2"),
    ("discovery.k8s.io/v1beta1", "EndpointSlice"): ("1.25", "discovery.k8s.io/v1"),
    ("events.k8s.io/v1beta1", "Event"): ("1.25", "events.k8s.io/v1"),
    ("node.k8s.io/v1beta1", "RuntimeClass"): ("1.25", "node.k8s.io/v1"),
    ("node.k8s.io/v1alpha1", "RuntimeClass"): ("1.24", "node.k8s.io/v1"),
    **{
        (f"rbac.authorization.k8s.io/{version}", kind): ("1.22", _RBAC)
        for version in ("v1alpha1", "v1beta1")
        for kind in ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")
    },
    **{
        ("admissionregistration.k8s.io/v1beta1", kind): ("1.22", _ADMISSION)
        for kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
    },
    ("apiextensions.k8s.io/v1beta1", "CustomResourceDefinition"): (
        "1.22",
        "apiextensions.k8s.io/v1",
    ),
    ("apiregistration.k8s.io/v1beta1", "APIService"): ("1.22", "apiregistration.k8s.io/v1"),
    ("certificates.k8s.io/v1beta1", "CertificateSigningRequest"): (
        "1.22",
        "certificates.k8s.io/v1",
    ),
    ("coordination.k8s.io/v1beta1", "Lease"): ("1.22", "coordination.k8s.io/v1"),
    ("scheduling.k8s.io/v1beta1", "PriorityClass"): ("1.22", "scheduling.k8s.io/v1"),
    ("scheduling.k8s.io/v1alpha1", "PriorityClass"): ("1.17", "scheduling.k8s.io/v1"),
    **{
        ("storage.k8s.io/v1beta1", kind): ("1.22", _STORAGE)
        for kind in ("StorageClass", "VolumeAttachment", "CSIDriver", "CSINode")
    },
    ("storage.k8s.io/v1beta1", "CSIStorageCapacity"): ("1.27", _STORAGE),
    **{
        (f"flowcontrol.apiserver.k8s.io/{version}", kind): (
            release,
            "flowcontrol.apiserver.k8s.io/v1",
        )
        for version, release in (
            ("v1alpha1", "1.21"),
            ("v1beta1", "1.26"),
            ("v1beta2", "1.29"),
            ("v1beta3", "1.32"),
        )
        for kind in ("FlowSchema", "PriorityLevelConfiguration")
    },
}
