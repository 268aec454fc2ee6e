"""What the engine needs from the world, as Protocols; edges implement them, wiring hands them in.

All calls are synchronous and may be made from any thread. What a user or a neighbour can cause is
raised as the `GitopsError` named, or is a value in the answer where many are sent at once.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from gitops.core.shapes import Shapes
from gitops.errors import ClusterError
from gitops.model.application import Application, Source
from gitops.model.objects import Body, GroupKind, KindInfo, Live, ObjectId
from gitops.model.revision import (
    Commit,
    Outcome,
    Pin,
    RecordKind,
    Revision,
    TrailRecord,
)


class Clock(Protocol):
    """Time, handed in so that tests own it."""

    def now(self) -> datetime:
        """Aware UTC."""

    def monotonic(self) -> float:
        """Seconds that never go back."""


# --- Git ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One entry of a Git tree; `mode` as git prints it (`120000` link, `160000` module)."""

    path: str
    mode: str
    sha: str
    size: int | None = None


class Checkout(Protocol):
    """One commit of one repository, read from the mirror; paths are relative to its root."""

    commit: Commit
    repo_url: str

    def object_sha(self, path: str) -> str | None:
        """Hash of the blob or tree at `path` ("." is the root tree); None where there is none."""

    def entries(self, path: str, *, recurse: bool) -> Sequence[TreeEntry]:
        """Entries below a tree, sorted by path; empty where `path` is not a tree."""

    def read(self, path: str) -> bytes:
        """A blob's content; raises SourceError `path-missing`."""

    def export(self, folder: Path, paths: Collection[str] = (".",)) -> None:
        """Write the named paths below `folder`, submodules included, never `.git`."""


class Repositories(Protocol):
    """Bare mirrors, one a repository. All raise SourceError; a failure changes nothing."""

    def poll(self, repo_url: str) -> Mapping[str, str]:
        """One `ls-remote`: reference name to sha, with `HEAD`, and `^{}` for peeled tags."""

    def known(self, repo_url: str) -> Mapping[str, str]:
        """What the mirror holds, in the shape of `poll`; empty before the first fetch."""

    def fetch(self, repo_url: str, *, sha: str | None = None) -> None:
        """Bring the mirror up to date (1 fetch); `sha` asks for a commit no reference names."""

    def resolve(self, repo_url: str, revision: str) -> Commit:
        """A branch, tag, SHA (also short), full reference, semver constraint or HEAD.

        Raises SourceError `ref-missing` or `ref-ambiguous`.
        """

    def checkout(self, repo_url: str, sha: str) -> Checkout:
        """A commit in the mirror."""

    def changed_paths(self, repo_url: str, old_sha: str, new_sha: str) -> frozenset[str] | None:
        """Paths that differ between two commits, computed once; None where it cannot be told."""


# --- Rendering ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RenderRequest:
    """What to render: an application's sources, each with its checkout."""

    application: Application
    sources: tuple[tuple[Source, Checkout], ...]
    kube_version: str
    api_versions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RenderKey:
    """Identity of a render by content: equal keys give equal output.

    `paths` are the repository paths that it can read, per source in order; a change outside of
    them cannot change the render.
    """

    key: str
    paths: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class RenderedText:
    """One piece of rendered YAML or JSON; `path` is the repository file, or the tool's template."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a tool printed, in its order; `tool` is `plain`, `kustomize v5.8.1`, `helm v4.2.2`."""

    texts: tuple[RenderedText, ...]
    tool: str


class Renderer(Protocol):
    """Manifests from checkouts. Raises RenderError, or SourceError `path-missing`."""

    def key(self, request: RenderRequest) -> RenderKey:
        """Find everything that the render can read, refuse what lies outside; starts no tool."""

    def render(self, request: RenderRequest) -> Rendered:
        """Run the tool in an exported tree."""

    def versions(self) -> Mapping[str, str]:
        """Each tool's version (`kustomize`, `helm`), or why it is missing."""


# --- The cluster -------------------------------------------------------------------------------


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
    """RFC 6902 patch; a `test` on resourceVersion is put first when one is given."""

    id: ObjectId
    api_version: str
    operations: tuple[dict[str, Any], ...]
    resource_version: str | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Delete:
    """DELETE with preconditions; `propagation` as Kubernetes names it."""

    id: ObjectId
    api_version: str
    uid: str | None = None
    resource_version: str | None = None
    propagation: Literal["Foreground", "Background", "Orphan"] = "Foreground"


@dataclass(frozen=True, slots=True)
class ListPods:
    """Pods of a namespace that match labels."""

    namespace: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ListEvents:
    """Events about one object."""

    id: ObjectId


Request = Read | Apply | Create | Replace | Patch | Delete | ListPods | ListEvents


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

    def send(self, requests: Sequence[Request]) -> list[Answer]:
        """Carry out requests concurrently; answers in the order of the requests."""

    def watch(self, kinds: Collection[GroupKind], sink: Callable[[WatchEvent], None]) -> None:
        """List and watch these kinds by our label, once each; events come in order."""

    def unwatch(self, kinds: Collection[GroupKind]) -> None:
        """Stop watching kinds (their CRD is gone, or nothing of them is managed)."""

    def live(self, body: Body) -> Live:
        """The compact form of a full body, as the watch makes it."""

    def close(self) -> None:
        """Stop watches and connections; bounded in time."""


# --- The store ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Claim:
    """Who holds an object on a cluster, and what we remember of its last apply.

    `desired_digest` is the digest of the one manifest applied; `answer_digest` the digest of what
    the API server answered, projected on our fields. `prune` is False where an annotation forbids
    deletion. `contested` names the other manager, or is "". `manifest` is the address of the
    manifest last applied.
    """

    id: ObjectId
    application: str
    api_version: str
    uid: str = ""
    desired_digest: str = ""
    answer_digest: str = ""
    manifest: str = ""
    contested: str = ""


@dataclass(frozen=True, slots=True)
class ApplicationState:
    """What is kept of an application besides its declaration.

    `render_key`, `paths` and `commits` belong to the last successful render (shas per source);
    `digest` is that render's desired digest; `synced_digest` the digest of the last full sync that
    ended well; `failed` is `commit:error` of the last recorded fault, so that one fault is one
    revision; `quarantine` holds digests that automatic sync does not try again.
    """

    name: str
    suspended: bool = False
    pin: Pin | None = None
    commits: tuple[str, ...] = ()
    render_key: str = ""
    paths: tuple[tuple[str, ...], ...] = ()
    digest: str = ""
    manifests: str = ""
    synced_digest: str = ""
    failed: str = ""
    quarantine: frozenset[str] = frozenset()
    approved: str = ""
    supersedes: int = 0


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook delivery, kept until its syncs were asked for."""

    id: str
    provider: str
    repository: str
    ref: str
    after: str
    actor: str
    evidence: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class TrailQuery:
    """Filters of `audit list`; None or "" does not filter. Newest first when `newest`."""

    application: str | None = None
    object: str | None = None
    actor: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    outcome: str | None = None
    limit: int | None = None
    newest: bool = True


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `audit verify` found: `faults` name sequence numbers and what is wrong with each."""

    records: int
    head: str
    faults: tuple[str, ...] = ()


class Store(Protocol):
    """The embedded database. Raises StoreError; every method is one transaction."""

    # revisions and trail
    def open_revision(self, revision: Revision) -> Revision:
        """Append revision-opened and give the next number (the given number is ignored)."""

    def record_outcomes(
        self, revision: Revision, outcomes: Sequence[Outcome], claims: Sequence[Claim]
    ) -> None:
        """Append outcomes and save the claims they changed, in one transaction."""

    def close_revision(self, revision: Revision, state: ApplicationState | None = None) -> None:
        """Append revision-closed with everything final, and save the application's state."""

    def join_revision(self, revision: Revision) -> None:
        """Rewrite count and outcomes of a closed heal that a repeat joined; appends outcomes."""

    def revision(self, application: str, number: int) -> Revision:
        """With outcomes; raises NotFoundError."""

    def revisions(
        self, application: str, *, limit: int | None = None, before: int | None = None
    ) -> list[Revision]:
        """Newest first, without outcomes."""

    def open_revisions(self) -> list[Revision]:
        """Those left running by a crash."""

    def append(
        self,
        kind: RecordKind,
        *,
        actor: str,
        application: str | None = None,
        revision: int | None = None,
        payload: Mapping[str, Any],
        state: ApplicationState | None = None,
    ) -> TrailRecord:
        """Append one record, with the state that it changes."""

    def trail(self, query: TrailQuery) -> Iterator[TrailRecord]:
        """Records that match, streamed."""

    def verify(self, head: str | None = None) -> Verdict:
        """Check chain, sequence, checkpoint, projections, and a head that somebody wrote down."""

    # content
    def put(self, content: bytes) -> str:
        """Keep content compressed and encrypted, once; its address is an HMAC."""

    def get(self, address: str) -> bytes:
        """Content; raises StoreError `key-missing` or `touched`, NotFoundError."""

    def digest(self, content: bytes) -> str:
        """Keyed hash of content, for masks."""

    # renders
    def rendered(self, key: str) -> str | None:
        """The address of a cached render's manifests, or None."""

    def save_rendered(self, key: str, address: str) -> None:
        """Remember a render."""

    # claims
    def claims(self, application: str | None = None) -> list[Claim]:
        """All claims, or one application's, in order of identity."""

    def claim(self, claims: Sequence[Claim]) -> list[Claim]:
        """Take claims before a write; returns those that another application already holds."""

    def save_claims(self, claims: Sequence[Claim]) -> None:
        """Take these claims or change what they remember; what others hold stays as it is."""

    def release(self, application: str, ids: Collection[ObjectId]) -> None:
        """Give claims back."""

    # applications
    def states(self) -> dict[str, ApplicationState]:
        """Every application's state."""

    def state(self, application: str) -> ApplicationState:
        """One application's; a fresh one where there is none."""

    def save_state(self, *states: ApplicationState) -> None:
        """Save; writes nothing where nothing changed."""

    def forget(self, application: str) -> None:
        """Drop an application's state; its revisions stay."""

    def registered(self) -> dict[str, str]:
        """Applications created through the API: name to YAML."""

    def register(self, name: str, text: str, actor: str) -> None:
        """Keep an application created through the API, with its trail record."""

    def unregister(self, name: str, actor: str) -> None:
        """Drop it, with its trail record."""

    # commits and deliveries
    def seen(self) -> dict[tuple[str, str], str]:
        """The commit seen last of each (repository, ref)."""

    def save_seen(self, repo_url: str, ref: str, sha: str) -> None:
        """Remember a commit; writes nothing where it is the same."""

    def deliver(self, delivery: Delivery) -> bool:
        """Keep a delivery; False where its id was seen before."""

    def deliveries(self) -> list[Delivery]:
        """Those not done, oldest first."""

    def delivered(self, ids: Collection[str]) -> None:
        """Mark as done."""

    @property
    def installation(self) -> str:
        """Eight hex digits, made at first start."""

    def close(self) -> None:
        """Checkpoint and close."""
