"""Give every manifest its namespace: called for `render` and before a plan is made.

A kind's scope is what discovery (or the packaged specification) says, or a CustomResourceDefinition
among the manifests themselves. An unknown kind keeps what it states.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from gitops.model.objects import Body, GroupKind, KindInfo, Manifest

CRD = GroupKind("apiextensions.k8s.io", "CustomResourceDefinition")
NAMESPACE = GroupKind("", "Namespace")


def scopes(
    manifests: Iterable[Manifest], kinds: Mapping[GroupKind, KindInfo]
) -> dict[GroupKind, bool]:
    """Kind to whether it is namespaced; definitions among the manifests win."""
    known = {kind: info.namespaced for kind, info in kinds.items()}
    for manifest in manifests:
        if manifest.id.group_kind == CRD:
            defined = defined_kind(manifest.body)
            if defined is not None:
                known[defined[0]] = defined[1]
    return known


def defined_kind(body: Body) -> tuple[GroupKind, bool] | None:
    """The kind that a CustomResourceDefinition defines, and whether it is namespaced.

    None where it cannot be read.
    """
    spec = body.get("spec")
    names = spec.get("names") if isinstance(spec, Mapping) else None
    kind = names.get("kind") if isinstance(names, Mapping) else None
    group = spec.get("group") if isinstance(spec, Mapping) else None
    if not isinstance(spec, Mapping) or not isinstance(kind, str) or not isinstance(group, str):
        return None
    return GroupKind(group, kind), spec.get("scope") != "Cluster"


def place(
    manifests: Iterable[Manifest], known: Mapping[GroupKind, bool], namespace: str
) -> list[Manifest]:
    """Manifests with `namespace` on namespaced kinds that state none, and none on the others.

    With `namespace` "" nothing is added.
    """
    return [
        _place(manifest, known.get(manifest.id.group_kind), namespace) for manifest in manifests
    ]


def _place(manifest: Manifest, namespaced: bool | None, namespace: str) -> Manifest:  # noqa: FBT001 - a verdict, not a switch
    stated = manifest.id.namespace
    if namespaced is None or (namespaced and (stated or not namespace)):
        return manifest
    wanted = namespace if namespaced else ""
    if wanted == stated:
        return manifest
    given = manifest.body.get("metadata")
    metadata = {**given} if isinstance(given, Mapping) else {}
    metadata.pop("namespace", None)
    if wanted:
        metadata = {"name": metadata.pop("name", None), "namespace": wanted, **metadata}
        if metadata["name"] is None:
            del metadata["name"]
    return replace(
        manifest,
        id=replace(manifest.id, namespace=wanted),
        body={**manifest.body, "metadata": metadata},
    )
