"""One cluster at the edge: requests, answers and watch events."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from gitops.core.schema.shapes import Shapes
from gitops.errors import ClusterError
from gitops.model.objects import Body, GroupKind, KindInfo, Live, ObjectId


@dataclass(frozen=True, slots=True)
class Read:
    """GET one object."""

    id: ObjectId
    api_version: str


@dataclass(frozen=True, slots=True)
class Apply:
    """Server-side apply, forced. `uid` in the body guards against resurrection."""

    id: ObjectId
    body: Body
    dry_run: bool = False
    manager: str = "gitops"
    uid: str | None = None
    resource_version: str | None = None


@dataclass(frozen=True, slots=True)
class Create:
    """POST with strict field validation (hooks with generateName; better messages)."""

    id: ObjectId
    body: Body
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Replace:
    """PUT over a live object, guarded by its resourceVersion."""

    id: ObjectId
    body: Body
    resource_version: str | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Patch:
    """RFC 6902 patch; a `test` on resourceVersion is put first when one is given.

    `subresource` is what of the object is patched instead of itself (`status`), or "".
    """

    id: ObjectId
    api_version: str
    operations: tuple[dict[str, Any], ...]
    resource_version: str | None = None
    dry_run: bool = False
    manager: str = "gitops"
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class Delete:
    """DELETE with preconditions; `propagation` as Kubernetes names it."""

    id: ObjectId
    api_version: str
    uid: str | None = None
    resource_version: str | None = None
    propagation: Literal["Foreground", "Background", "Orphan"] = "Foreground"
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class ListPods:
    """Pods of a namespace that match labels."""

    namespace: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ListEvents:
    """Events about one object."""

    id: ObjectId


@dataclass(frozen=True, slots=True)
class ListMetadata:
    """All objects of a kind in a namespace, in its preferred version; their metadata only."""

    kind: GroupKind
    namespace: str


ListRequest = ListPods | ListEvents | ListMetadata
Request = Read | Apply | Create | Replace | Patch | Delete | ListRequest


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one request: `body` (full, with every managedFields entry), or `error`.

    For lists `items` holds the bodies. `created` tells 201 from 200.
    """

    body: dict[str, Any] | None = None
    error: ClusterError | None = None
    created: bool = False
    items: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Changed:
    """A watched object was added or modified."""

    live: Live


@dataclass(frozen=True, slots=True)
class Gone:
    """A watched object left the watch (deleted, or its label was removed): a GET decides which."""

    id: ObjectId
    live: Live | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of a kind finished: everything of it that carries our label."""

    kind: GroupKind
    items: tuple[Live, ...]


@dataclass(frozen=True, slots=True)
class Lost:
    """A kind's list or watch fails (forbidden, gone): its objects are Unknown, never Missing."""

    kind: GroupKind
    error: ClusterError


WatchEvent = Changed | Gone | Listed | Lost


class Cluster(Protocol):
    """One cluster. `send` never raises for a single request: each answer carries its error."""

    name: str

    def version(self) -> str:
        """`v1.36.3`; raises ClusterError."""

    def kinds(self, *, fresh: bool = False) -> Mapping[GroupKind, KindInfo]:
        """Discovery, cached until `fresh`; raises ClusterError."""

    def shapes(self, api_versions: Collection[str]) -> Shapes:
        """List shapes and field types of these apiVersions from the cluster's OpenAPI, cached."""

    def send(self, *batches: Sequence[Request]) -> list[Answer]:
        """Carry out requests concurrently; answers in the order of the requests.

        Several batches go one after the other. What follows a batch in which something failed is
        not sent, and has no answer.
        """

    def acting_as(self, user: str) -> AbstractContextManager[None]:
        """Around what this thread sends: writes and dry-runs are made in the name of a user."""

    def watch(self, kinds: Collection[GroupKind], sink: Callable[[WatchEvent], None]) -> None:
        """List and watch these kinds by our label, once each; events come in order."""

    def unwatch(self, kinds: Collection[GroupKind]) -> None:
        """Stop watching kinds (their CRD is gone, or nothing of them is managed)."""

    def live(self, body: Body) -> Live:
        """The compact form of a full body, as the watch makes it."""

    def close(self) -> None:
        """Stop watches and connections; bounded in time."""
