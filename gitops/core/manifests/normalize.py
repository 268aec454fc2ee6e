"""One canonical form for desired and last-applied, and digests over it.

In: a body and the shapes. Out: the body as the API server would take it, without what is the
server's or ours; digests that carry the algorithm's version. Called by diff, plan and engine.
The argument is never changed; what need not change is shared.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from gitops.core.ownership.marks import HOOK_ANNOTATION, INSTALLATION_LABEL, TRACKING_ANNOTATION
from gitops.core.schema.schema import ANY, Shape
from gitops.core.schema.shapes import Shapes
from gitops.core.schema.values import null_entry, text_of
from gitops.model.objects import Body, identify, split_api_version

VERSION: Final = "v1"
LAST_APPLIED_ANNOTATION: Final = "kubectl.kubernetes.io/last-applied-configuration"
SERVER_METADATA: Final = frozenset({
    "uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink",
    "deletionTimestamp", "deletionGracePeriodSeconds",
})  # fmt: skip
OUR_MARKS: Final[Mapping[str, frozenset[str]]] = {
    "labels": frozenset({INSTALLATION_LABEL}),
    "annotations": frozenset({TRACKING_ANNOTATION, HOOK_ANNOTATION, LAST_APPLIED_ANNOTATION}),
}
"""Labels and annotations that are not the user's."""
RBAC_GROUP: Final = "rbac.authorization.k8s.io"


def canonical(body: Body, shapes: Shapes, *, keep_nulls: bool = False) -> dict[str, Any]:
    """The part of a body that a user decides; nulls are absent, unless they are to be kept."""
    made = dict(body)
    if _may_hold_null(body):
        made = without_nulls(made, shapes.root(body), keep_nulls=keep_nulls)
    metadata = made.get("metadata")
    if isinstance(metadata, dict):
        made["metadata"] = _metadata(metadata)
    if "status" in made and not keeps_status(body, shapes):
        del made["status"]
    _secret(made)
    _role(made)
    return made


def _may_hold_null(body: Body) -> bool:
    """Whether nulls have to be looked for one by one: hardly any body has one."""
    text = text_of(body)
    return text is None or b"null" in text


def without_nulls(value: Any, shape: Shape | None, *, keep_nulls: bool = False) -> Any:
    """A copy without fields that are null; in maps of texts null is "", as the server has it."""
    shape = shape or ANY
    if isinstance(value, dict):
        zero = null_entry(shape) if None in value.values() else None
        return {
            key: zero
            if inner is None
            else without_nulls(inner, shape.child(key), keep_nulls=keep_nulls)
            for key, inner in value.items()
            if inner is not None or zero is not None or keep_nulls or _keeps_null(shape, key)
        }
    if isinstance(value, list):
        zero = null_entry(shape) if None in value else None
        return [
            zero if item is None else without_nulls(item, shape.item, keep_nulls=keep_nulls)
            for item in value
        ]
    return value


def _keeps_null(shape: Shape, name: str) -> bool:
    child = shape.child(name)
    return child is not None and child.keeps_null


def keeps_status(body: Body, shapes: Shapes) -> bool:
    """Whether `status` is the manifest's to set: a known kind without a status subresource."""
    known = shapes.kind(str(body.get("apiVersion") or ""), str(body.get("kind") or ""))
    return known is not None and not known.has_status


def _metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    made = {key: value for key, value in metadata.items() if key not in SERVER_METADATA}
    for field, marks in OUR_MARKS.items():
        values = made.get(field)
        if isinstance(values, dict):
            made[field] = {key: value for key, value in values.items() if key not in marks}
            if not made[field]:
                del made[field]
    return made


def _secret(body: dict[str, Any]) -> None:
    """Write a Secret's stringData into its data, as the server does it."""
    group, _ = split_api_version(str(body.get("apiVersion") or ""))
    if group or body.get("kind") != "Secret" or "stringData" not in body:
        return
    strings, data = body.pop("stringData"), body.get("data")
    if not isinstance(strings, dict):
        return
    encoded = {key: _encode(value) for key, value in strings.items()}
    merged = {**(data if isinstance(data, dict) else {}), **encoded}
    if merged:
        body["data"] = merged


def _encode(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return base64.b64encode(text.encode("utf-8", "surrogatepass")).decode()


def _role(body: dict[str, Any]) -> None:
    """Drop empty rules, and the rules of an aggregated ClusterRole: a controller writes them."""
    group, _ = split_api_version(str(body.get("apiVersion") or ""))
    if group != RBAC_GROUP or body.get("kind") not in ("Role", "ClusterRole"):
        return
    if not body.get("rules") or is_aggregated(body):
        body.pop("rules", None)


def is_aggregated(body: Body) -> bool:
    """Whether a ClusterRole's rules are made of other roles' rules."""
    return body.get("kind") == "ClusterRole" and bool(body.get("aggregationRule"))


def manifest_digest(body: Body, shapes: Shapes | None = None) -> str:
    """Digest of one manifest's canonical form."""
    return _sha256(_text(_content(body, shapes or _NO_SHAPES)))


def digest(bodies: Iterable[Body], shapes: Shapes | None = None) -> str:
    """Digest of a set of manifests, whatever their order: `v1:<sha256>`."""
    texts = sorted(
        (str(identify(body)), _text(_content(body, shapes or _NO_SHAPES))) for body in bodies
    )
    return _sha256("\n".join(text for _, text in texts))


def _content(body: Body, shapes: Shapes) -> dict[str, Any]:
    """What counts in a digest: of custom resources nulls, too, for some keep them as values."""
    group, _ = split_api_version(str(body.get("apiVersion") or ""))
    is_custom = "." in group and not group.endswith(".k8s.io")
    made = canonical(body, shapes, keep_nulls=is_custom)
    if is_custom and "metadata" in made:
        made["metadata"] = without_nulls(made["metadata"], None)
    return made


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _sha256(text: str) -> str:
    return f"{VERSION}:{hashlib.sha256(text.encode()).hexdigest()}"


_NO_SHAPES: Final = Shapes()
