"""Desired: from an application's sources to canonical manifests with their digest.

Called by the reconciler for each application whose repository moved. Nothing is rendered when no
changed path can be read by the render, or when an equal render is cached; the store keeps both
over restarts.
"""

import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

import orjson

from gitops.core.manifests.normalize import digest as digest_of
from gitops.core.manifests.parse import find_duplicates, last_declared, parse_all
from gitops.core.manifests.scope import place, scopes
from gitops.engine.facts.children import is_child
from gitops.errors import ApplicationError, RenderError, SourceError
from gitops.model.application import Application, Source
from gitops.model.objects import GroupKind, Manifest, Place
from gitops.model.plan import Fault
from gitops.model.revision import Commit
from gitops.ports import (
    ApplicationState,
    Cluster,
    Renderer,
    RenderRequest,
    Repositories,
    Store,
)

KEPT_DOCUMENTS = 64


@dataclass(frozen=True, slots=True)
class Desired:
    """What Git wants of one application, by content.

    `address` is where the manifests lie in the content store ("" when there are faults);
    `reference` names the render: the application's own settings and the render key.
    """

    commits: tuple[Commit, ...]
    digest: str
    address: str
    reference: str
    paths: tuple[tuple[str, ...], ...]
    faults: tuple[Fault, ...] = ()

    @property
    def commit(self) -> Commit | None:
        """The first source's commit: what people mean by the application's commit."""
        return self.commits[0] if self.commits else None


class Documents:
    """Manifest lists in the content store, by address, with the newest few decoded."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: OrderedDict[str, tuple[Manifest, ...]] = OrderedDict()
        self._lock = threading.Lock()

    def save(self, manifests: Sequence[Manifest]) -> str:
        """Keep a list; returns its address."""
        rows = [
            {
                "body": manifest.body,
                "path": manifest.place.path if manifest.place else None,
                "line": manifest.place.line if manifest.place else None,
            }
            for manifest in manifests
        ]
        content = orjson.dumps(rows)
        address = self._store.put(content)
        self._keep(address, content)
        return address

    def load(self, address: str) -> tuple[Manifest, ...]:
        """The list at an address; raises StoreError or NotFoundError."""
        with self._lock:
            if address in self._kept:
                self._kept.move_to_end(address)
                return self._kept[address]
        return self._keep(address, self._store.get(address))

    def _keep(self, address: str, content: bytes) -> tuple[Manifest, ...]:
        """Decode a list and have it at hand for a while."""
        rows = orjson.loads(content)
        manifests = tuple(
            Manifest.of(row["body"], Place(row["path"], row["line"]) if row["path"] else None)
            for row in rows
        )
        with self._lock:
            self._kept[address] = manifests
            while len(self._kept) > KEPT_DOCUMENTS:
                self._kept.popitem(last=False)
        return manifests


class DesiredLoader:
    """Resolves, renders, reads and digests; keeps what it found in the content store."""

    def __init__(
        self,
        repositories: Repositories,
        renderer: Renderer,
        store: Store,
        cluster: Cluster,
    ) -> None:
        self._repositories = repositories
        self._renderer = renderer
        self._store = store
        self._cluster = cluster
        self._version = ""
        self.documents = Documents(store)

    def resolve(self, application: Application, commit: str | None = None) -> tuple[Commit, ...]:
        """The commit of each source; `commit` overrides the first source's revision."""
        return tuple(
            self._resolve(source, commit if commit and index == 0 else source.target_revision)
            for index, source in enumerate(application.sources)
        )

    def _resolve(self, source: Source, revision: str) -> Commit:
        try:
            return self._repositories.resolve(source.repo_url, revision)
        except SourceError as error:
            if error.reason != "ref-missing" or not _is_full_sha(revision):
                raise
            self._repositories.fetch(source.repo_url, sha=revision)
            return self._repositories.resolve(source.repo_url, revision)

    def load(
        self, application: Application, state: ApplicationState, commit: str | None = None
    ) -> Desired:
        """What Git wants now.

        Raises ApplicationError, SourceError, RenderError, ClusterError, StoreError.
        """
        if application.destination.name != self._cluster.name:
            raise ApplicationError(
                f'there is no cluster "{application.destination.name}"',
                where=f"{application.name}: spec.destination",
                remedy=f'this service manages one cluster, "{self._cluster.name}"',
            )
        commits = self.resolve(application, commit)
        fingerprint = self.fingerprint(application)
        known = state.render_key.startswith(fingerprint + ":") and state.manifests != ""
        if known and self._untouched(application, state, commits):
            return Desired(commits, state.digest, state.manifests, state.render_key, state.paths)
        request = RenderRequest(
            application,
            tuple(
                (source, self._repositories.checkout(source.repo_url, commit.sha))
                for source, commit in zip(application.sources, commits, strict=True)
            ),
            self._kube_version(),
        )
        key = self._renderer.key(request)
        reference = f"{fingerprint}:{key.key}"
        cached = self._store.rendered(reference)
        if cached is not None:
            address, _, digest = cached.partition(" ")
            return Desired(commits, digest, address, reference, key.paths)
        made = self._render(request, commits, reference, key.paths)
        if state.render_key == reference and made.digest != state.digest and not made.faults:
            raise RenderError(
                "two renders of the same content differ",
                where=application.name,
                remedy="remove what changes by itself (random values, the time) from its templates",
                reason="unstable",
            )
        return made

    def _untouched(
        self, application: Application, state: ApplicationState, commits: Sequence[Commit]
    ) -> bool:
        if len(state.commits) != len(commits) or len(state.paths) != len(commits):
            return False
        return not any(
            self.touched(source.repo_url, old, new.sha, paths)
            for source, old, new, paths in zip(
                application.sources, state.commits, commits, state.paths, strict=True
            )
        )

    def touched(self, repo_url: str, old: str, new: str, paths: Sequence[str]) -> bool:
        """Whether what a render can read differs between two commits, or cannot be told."""
        if old == new:
            return False
        changed = self._repositories.changed_paths(repo_url, old, new)
        return changed is None or _touches(changed, paths)

    def _render(
        self,
        request: RenderRequest,
        commits: tuple[Commit, ...],
        reference: str,
        paths: tuple[tuple[str, ...], ...],
    ) -> Desired:
        try:
            rendered = self._renderer.render(request)
        except RenderError as error:
            return Desired(commits, "", "", reference, paths, (_render_fault(error),))
        may_repeat = request.application.may_repeat_objects
        parsed = parse_all([(t.path, t.text) for t in rendered.texts], may_repeat=may_repeat)
        known = scopes(parsed.manifests, self._cluster.kinds())
        if _unplaced(parsed.manifests, known):
            known = scopes(parsed.manifests, self._cluster.kinds(fresh=True))
        namespace = request.application.destination.namespace or "default"
        manifests = place(parsed.manifests, known, namespace)
        if may_repeat:
            manifests, _ = last_declared(manifests)
        faults = parsed.faults or tuple(find_duplicates(manifests))
        if faults:
            return Desired(commits, "", "", reference, paths, tuple(faults))
        digest = digest_of(m.body for m in manifests)
        unplaced = _unplaced(manifests, known)
        with self._store.together():
            address = self.documents.save(manifests)
            if not unplaced:
                self._store.save_rendered(reference, f"{address} {digest}")
        return Desired(commits, digest, address, "" if unplaced else reference, paths)

    def _kube_version(self) -> str:
        """The cluster's version, asked for once; raises ClusterError."""
        if not self._version:
            self._version = self._cluster.version()
        return self._version

    def content(self, application: Application, commits: Sequence[Commit]) -> str:
        """Names what lies at the sources' paths, where it cannot be told what a render reads."""
        return " ".join(
            self._repositories.checkout(source.repo_url, commit.sha).object_sha(source.path or ".")
            or commit.sha
            for source, commit in zip(application.sources, commits, strict=True)
        )

    def fingerprint(self, application: Application) -> str:
        """Names what besides the repository decides a render; equal for equal declarations."""
        versions = sorted(self._renderer.versions().items())
        repeat = application.may_repeat_objects
        told = repr(
            (application.name, application.sources, application.destination, versions, repeat)
        )
        return sha256(told.encode()).hexdigest()[:16]


def _unplaced(manifests: Iterable[Manifest], known: Collection[GroupKind]) -> bool:
    """Whether some object's namespace rests on a kind that the cluster does not know yet."""
    return any(
        not m.id.namespace and m.id.group_kind not in known and not is_child(m.id)
        for m in manifests
    )


def _render_fault(error: RenderError) -> Fault:
    return Fault(error.reason or "failed", str(error))


def _is_full_sha(revision: str) -> bool:
    return len(revision) in (40, 64) and all(c in "0123456789abcdef" for c in revision.lower())


def _touches(changed: frozenset[str], paths: Sequence[str]) -> bool:
    """Whether a changed path is one of, or below one of, these paths."""
    return not _with_folders(changed).isdisjoint(path.rstrip("/") or "." for path in paths)


@lru_cache(maxsize=8)
def _with_folders(changed: frozenset[str]) -> frozenset[str]:
    """Paths and every folder above them, the root as `.`; one push concerns many applications."""
    parts = (path.split("/") for path in changed)
    above = {"/".join(names[:count]) for names in parts for count in range(1, len(names) + 1)}
    return frozenset(above | {"."}) if changed else frozenset()
