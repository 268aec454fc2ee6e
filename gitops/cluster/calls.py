"""The port's requests as HTTP calls; pure.

In: a `Request` with what discovery says of its kind. Out: a `Call`. Called by `client`. The version
in the path is the one that the body, or the request, states.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote, urlencode

import orjson

from gitops.cluster.errors import Subject
from gitops.cluster.transport import Call
from gitops.errors import ClusterError
from gitops.model.objects import KindInfo, ObjectId
from gitops.ports import (
    Apply,
    Create,
    Delete,
    ListMetadata,
    ListPods,
    ListRequest,
    Patch,
    Read,
    Replace,
)

ObjectRequest = Read | Apply | Create | Replace | Patch | Delete

MANAGER: Final = "gitops"
LABEL: Final = "gitops.dev/installation"
PAGE: Final = 500
"""Objects in one page of a list."""

APPLY_TYPE: Final = "application/apply-patch+yaml"
PATCH_TYPE: Final = "application/json-patch+json"
METADATA: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a kind lives: its discovery and the apiVersion to speak."""

    info: KindInfo
    api_version: str

    @property
    def resource(self) -> str:
        """As RBAC names it to people: `deployments.apps`."""
        return f"{self.info.plural}.{self.info.group}" if self.info.group else self.info.plural

    def subject(self, verb: str, identity: ObjectId) -> Subject:
        """What a request on an object is about."""
        namespace = identity.namespace if self.info.namespaced else ""
        return Subject(verb, self.resource, namespace, identity.title, self.info.kind)

    def collection(self, namespace: str = "") -> str:
        """Path of all objects, or of one namespace's."""
        root = (
            f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        )
        within = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
        return f"{root}{within}/{self.info.plural}"

    def path(self, identity: ObjectId) -> str:
        """Path of one object; raises ClusterError where the identity cannot be one."""
        return f"{self.home(identity)}/{quote(segment(identity.name, identity), safe='')}"

    def home(self, identity: ObjectId) -> str:
        """Path of the collection that holds an object; raises ClusterError."""
        if not self.info.namespaced:
            return self.collection()
        return self.collection(segment(identity.namespace, identity))


def segment(name: str, identity: ObjectId) -> str:
    """A name that may stand in a path; raises ClusterError `invalid`."""
    if name in {"", ".", ".."} or "/" in name or "%" in name:
        what = f"{name!r} cannot be a name" if name else "a name or namespace is missing"
        raise ClusterError(
            what,
            where=identity.title,
            remedy="correct metadata.name and namespace",
            reason="invalid",
        )
    return name


def dump(value: Any, identity: ObjectId) -> bytes:
    """A body as JSON; integers beyond 64 bits go the slow way, for the server to judge."""
    try:
        return orjson.dumps(value)
    except TypeError:
        pass
    try:
        return json.dumps(value, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ClusterError(
            "the manifest holds a value that JSON cannot say",
            where=identity.title,
            remedy="correct the manifest",
            reason="invalid",
        ) from error


def api_version_of(request: ObjectRequest) -> str:
    """The apiVersion that a request speaks."""
    match request:
        case Apply() | Create() | Replace():
            return str(request.body.get("apiVersion") or "")
        case Read() | Patch() | Delete():
            return request.api_version


def says_a_version(request: ObjectRequest) -> bool:
    """Whether a request speaks of what only its own apiVersion has.

    Versions are views of one object: it can be read, deleted and its metadata changed in any.
    """
    match request:
        case Read() | Delete():
            return False
        case Patch():
            paths = [str(operation["path"]) for operation in request.operations]
            return not all(path.startswith("/metadata/") for path in paths)
        case _:
            return True


def to_call(request: ObjectRequest, target: Target) -> Call:
    """The call that carries out a request on one object; raises ClusterError `invalid`."""
    match request:
        case Read():
            return _read(request, target)
        case Apply():
            return _apply(request, target)
        case Create():
            return _create(request, target)
        case Replace():
            return _replace(request, target)
        case Patch():
            return _patch(request, target)
        case Delete():
            return _delete(request, target)


def to_list(request: ListRequest, target: Target, page: str = "") -> Call:
    """One page of a list; `page` is the token that the page before gave."""
    accept = "application/json"
    if isinstance(request, ListMetadata):
        namespace, query, accept = request.namespace, {}, METADATA
    elif isinstance(request, ListPods):
        namespace = request.namespace
        labels = sorted(request.labels.items())
        query = {"labelSelector": ",".join(f"{k}={v}" for k, v in labels)}
    else:
        namespace = request.id.namespace or "default"
        fields = {
            "involvedObject.kind": request.id.kind,
            "involvedObject.name": request.id.name,
            "involvedObject.namespace": request.id.namespace,
        }
        query = {"fieldSelector": ",".join(f"{k}={v}" for k, v in fields.items() if v)}
    subject = Subject("list", target.resource, namespace, "", target.info.kind)
    call = list_call(target, subject, namespace, {**query, "continue": page})
    return replace(call, accept=accept)


def list_call(target: Target, subject: Subject, namespace: str, query: Mapping[str, str]) -> Call:
    """One page of a collection."""
    parameters = {"limit": str(PAGE), **{k: v for k, v in query.items() if v}}
    return Call("GET", f"{target.collection(namespace)}?{urlencode(parameters)}", subject)


def watch_call(target: Target, installation: str, version: str, timeout_s: int) -> Call:
    """A watch of a kind in all namespaces, from a resourceVersion on."""
    parameters = {
        "labelSelector": f"{LABEL}={installation}",
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": version,
        "timeoutSeconds": str(timeout_s),
    }
    subject = Subject("watch", target.resource, "", "", target.info.kind)
    return Call("GET", f"{target.collection()}?{urlencode(parameters)}", subject)


def items_of(page: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A list's items, each with the kind and apiVersion that lists of built-in kinds leave out."""
    kind = str(page.get("kind") or "").removesuffix("List")
    api_version = str(page.get("apiVersion") or "")
    items: Sequence[dict[str, Any]] = page.get("items") or ()
    return [{"apiVersion": api_version, "kind": kind, **item} for item in items]


def _read(request: Read, target: Target) -> Call:
    return Call("GET", target.path(request.id), target.subject("get", request.id))


def _apply(request: Apply, target: Target) -> Call:
    query = {"fieldManager": request.manager, "force": "true", **_strict(dry_run=request.dry_run)}
    return Call(
        "PATCH",
        f"{target.path(request.id)}?{urlencode(query)}",
        target.subject("patch", request.id),
        dump(_guarded(request.body, request.uid, request.resource_version), request.id),
        APPLY_TYPE,
        repeatable=request.dry_run or request.uid is not None,
    )


def _create(request: Create, target: Target) -> Call:
    query = {"fieldManager": MANAGER, **_strict(dry_run=request.dry_run)}
    return Call(
        "POST",
        f"{target.home(request.id)}?{urlencode(query)}",
        target.subject("create", request.id),
        dump(request.body, request.id),
        repeatable=request.dry_run,
    )


def _replace(request: Replace, target: Target) -> Call:
    query = {"fieldManager": MANAGER, **_strict(dry_run=request.dry_run)}
    return Call(
        "PUT",
        f"{target.path(request.id)}?{urlencode(query)}",
        target.subject("update", request.id),
        dump(_guarded(request.body, None, request.resource_version), request.id),
        repeatable=request.dry_run,
    )


def _patch(request: Patch, target: Target) -> Call:
    query = {"fieldManager": request.manager, **_strict(dry_run=request.dry_run)}
    below = f"/{request.subresource}" if request.subresource else ""
    operations = list(request.operations)
    if request.resource_version:
        path = "/metadata/resourceVersion"
        operations.insert(0, {"op": "test", "path": path, "value": request.resource_version})
    return Call(
        "PATCH",
        f"{target.path(request.id)}{below}?{urlencode(query)}",
        target.subject("patch", request.id),
        dump(operations, request.id),
        PATCH_TYPE,
        repeatable=request.dry_run,
    )


def _delete(request: Delete, target: Target) -> Call:
    guards = {"uid": request.uid, "resourceVersion": request.resource_version}
    preconditions = {k: v for k, v in guards.items() if v}
    options = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "propagationPolicy": request.propagation,
        **({"preconditions": preconditions} if preconditions else {}),
        **({"dryRun": ["All"]} if request.dry_run else {}),
    }
    return Call(
        "DELETE",
        target.path(request.id),
        target.subject("delete", request.id),
        dump(options, request.id),
        repeatable=request.dry_run or request.uid is not None,
    )


def _strict(*, dry_run: bool) -> dict[str, str]:
    return {"fieldValidation": "Strict", **({"dryRun": "All"} if dry_run else {})}


def _guarded(
    body: Mapping[str, Any], uid: str | None, resource_version: str | None
) -> Mapping[str, Any]:
    guards = {"uid": uid, "resourceVersion": resource_version}
    guards = {k: v for k, v in guards.items() if v}
    if not guards:
        return body
    metadata = body.get("metadata")
    return {**body, "metadata": {**(metadata if isinstance(metadata, Mapping) else {}), **guards}}
