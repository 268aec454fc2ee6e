"""The database at the edge: revisions, trail, content, claims and states."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from gitops.model.objects import ObjectId
from gitops.model.revision import Outcome, Pin, RecordKind, Revision, RevisionKind, TrailRecord

DeletionMode = Literal["cascade", "orphan", "abandon"]
"""With what it runs; without; without, and without asking the cluster anything."""


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
    revision; `quarantine` holds digests that automatic sync does not try again; `deleting` says
    that a deletion has begun, and how ("" where none has), `depends_on` what the application
    depended on then, since its declaration may be gone. `owned` is the digest of which objects the
    application owned when its last full sync ended, where Git has all of them; "" where not.
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
    deleting: DeletionMode | Literal[""] = ""
    depends_on: tuple[str, ...] = ()
    owned: str = ""


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
    kind: RecordKind | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `audit verify` found: `faults` name sequence numbers and what is wrong with each."""

    records: int
    head: str
    faults: tuple[str, ...] = ()


class Store(Protocol):
    """The embedded database. Raises StoreError; every method is one transaction."""

    def together(self) -> AbstractContextManager[object]:
        """Around several calls of one thread: one transaction for all of them, all or nothing.

        Nobody else writes meanwhile: hold no lock in it that another writer may want, and do
        nothing slow.
        """

    # revisions and trail
    def open_revision(self, revision: Revision) -> Revision:
        """Append revision-opened and give the next number (the given number is ignored)."""

    def record_outcomes(
        self, revision: Revision, outcomes: Sequence[Outcome], claims: Sequence[Claim]
    ) -> None:
        """Append outcomes and save the claims they changed, in one transaction."""

    def close_revision(self, revision: Revision, state: ApplicationState | None = None) -> None:
        """Append revision-closed with everything final, and save the application's state."""

    def amend_revision(self, revision: Revision) -> None:
        """Rewrite what is new about a revision, running or closed; appends outcomes."""

    def join_revision(self, revision: Revision) -> None:
        """Rewrite count and outcomes of a closed heal that a repeat joined; appends outcomes."""

    def revision(self, application: str, number: int) -> Revision:
        """With outcomes; raises NotFoundError."""

    def revisions(
        self, application: str, *, limit: int | None = None, before: int | None = None
    ) -> list[Revision]:
        """Newest first, without outcomes."""

    def revisions_of(self, application: str, manifests: str) -> list[Revision]:
        """The newest of one address of manifests, newest first, without outcomes; 50 at most."""

    def newest_revision(self, application: str, kind: RevisionKind) -> Revision | None:
        """The newest of one kind, without outcomes; None where there is none."""

    def newest_revisions(self) -> dict[str, int]:
        """The newest number of every application that has any."""

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

    def hand_over(
        self, application: str, takers: Mapping[ObjectId, str], actor: str
    ) -> list[Claim]:
        """Give claims of one application to others, with a trail record for each side.

        Returns them as they are then held: of their last apply they remember the manifest and the
        uid alone. What the application does not hold is left out.
        """

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
        """They are done, and need not be looked at again; writes nothing of its own."""

    @property
    def installation(self) -> str:
        """Eight hex digits, made at first start."""

    def close(self) -> None:
        """Checkpoint and close."""
