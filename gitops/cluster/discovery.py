"""Which kinds the cluster serves, and under which paths.

In: the server's discovery documents. Out: `KindInfo` by kind. Called by `client` and `watch`, on
the event loop. Two requests, cached; an unknown kind makes one refresh; a CRD that we write
ourselves is learned from its own body, so that its first custom resource costs no request.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from math import inf
from typing import Any, Final

from gitops.cluster.calls import Target
from gitops.cluster.errors import Subject, unknown_kind
from gitops.cluster.transport import Call, Transport
from gitops.core.schema.crd import crd_versions, has_status_subresource
from gitops.model.objects import GroupKind, KindInfo, split_api_version

AGGREGATED: Final = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,"
    "application/json"
)
SUBJECT: Final = Subject("get", "discovery")
LAG_S: Final = 10.0
"""Seconds by which the server's documents may lag behind a CRD, and behind each other."""
Kinds = dict[GroupKind, KindInfo]


class Discovery:
    """The cache; `on_news` is told of kinds that appeared."""

    def __init__(self, transport: Transport, accept: str = AGGREGATED) -> None:
        self._transport = transport
        self._accept = accept
        self._kinds: Kinds | None = None
        self._reads = 0
        self._learned: dict[GroupKind, tuple[float, KindInfo]] = {}
        self._lock = asyncio.Lock()
        self.on_news: Callable[[], None] = lambda: None

    @property
    def reads(self) -> int:
        """How many times the server was asked: others cache by it."""
        return self._reads

    @property
    def known(self) -> Mapping[GroupKind, KindInfo] | None:
        """What was read last; None before the first time. From any thread."""
        return self._kinds

    async def kinds(self, *, fresh: bool = False) -> Mapping[GroupKind, KindInfo]:
        """Every kind; raises ClusterError. Callers that wait at once share one read."""
        seen = self._reads
        if self._kinds is not None and not fresh:
            return self._kinds
        async with self._lock:
            if self._kinds is None or self._reads == seen:
                found = {**self._young(), **await self._read()}
                self._reads += 1
                news = self._kinds is not None and found.keys() - self._kinds.keys()
                self._kinds = found
                if news:
                    self.on_news()
            return self._kinds

    async def target(self, kind: GroupKind, api_version: str, seen: int | None = None) -> Target:
        """Where a kind is served; raises ClusterError `unknown-kind`.

        What the cache does not know is asked for once: not where the server was asked since the
        caller's batch began (`seen` is `reads` at that time).
        """
        info = (await self.kinds()).get(kind)
        if not _serves(info, api_version) and (seen is None or seen == self._reads):
            info = (await self.kinds(fresh=True)).get(kind)
        if info is None or not _serves(info, api_version):
            raise unknown_kind(kind.kind, api_version, _api_versions(info))
        return Target(info, api_version)

    async def preferred(self, kind: GroupKind, *, fresh: bool = False) -> Target:
        """Where a kind is served in its preferred version; raises ClusterError `unknown-kind`."""
        info = (await self.kinds(fresh=fresh)).get(kind)
        if info is None:
            raise unknown_kind(kind.kind, kind.group or "v1")
        return Target(info, _api_versions(info)[0])

    def learn(self, crd: Mapping[str, Any]) -> None:
        """Take in a CustomResourceDefinition that was just written; what is odd is left out."""
        info = from_crd(crd)
        if info is None or self._kinds is None:
            return
        self._learned[info.group_kind] = (asyncio.get_running_loop().time(), info)
        news = info.group_kind not in self._kinds
        self._kinds = {**self._kinds, info.group_kind: info}
        if news:
            self.on_news()

    def settled(self, group: str) -> float:
        """When documents have every CRD of this group that we wrote, in the loop's time."""
        written = [at for kind, (at, _) in self._learned.items() if kind.group == group]
        return max(written, default=-inf) + LAG_S

    def _young(self) -> Kinds:
        """Kinds whose CRD we wrote a moment ago: the server's documents may lag behind it."""
        now = asyncio.get_running_loop().time()
        return {kind: info for kind, (at, info) in self._learned.items() if now - at < LAG_S}

    async def _read(self) -> Kinds:
        core, groups = await asyncio.gather(self._get("/api"), self._get("/apis"))
        if core.get("kind") == groups.get("kind") == "APIGroupDiscoveryList":
            return from_aggregated([*core["items"], *groups["items"]])
        return await self._read_each(core, groups)

    async def _read_each(self, core: Mapping[str, Any], groups: Mapping[str, Any]) -> Kinds:
        """The discovery of servers before 1.26: one document a group and version."""
        paths = [f"/api/{version}" for version in core.get("versions", ())]
        for group in groups.get("groups", ()):
            preferred = group.get("preferredVersion", {}).get("groupVersion")
            names = [version["groupVersion"] for version in group["versions"]]
            paths += [f"/apis/{name}" for name in sorted(names, key=lambda n: n != preferred)]
        documents = await asyncio.gather(*(self._get(path) for path in paths))
        return from_lists(documents)

    async def _get(self, path: str) -> Mapping[str, Any]:
        reply = await self._transport.call(Call("GET", path, SUBJECT, accept=self._accept))
        document: Mapping[str, Any] = reply.json()
        return document


def from_aggregated(groups: Iterable[Mapping[str, Any]]) -> Kinds:
    """Kinds of aggregated discovery (`apidiscovery.k8s.io/v2`): versions in preferred order."""
    kinds: Kinds = {}
    for group in groups:
        name = str((group.get("metadata") or {}).get("name") or "")
        for version in group.get("versions") or ():
            for resource in version.get("resources") or ():
                kind = str((resource.get("responseKind") or {}).get("kind") or "")
                subresources = {s.get("subresource") for s in resource.get("subresources") or ()}
                found = KindInfo(
                    group=name,
                    kind=kind,
                    versions=(str(version["version"]),),
                    plural=str(resource["resource"]),
                    namespaced=resource.get("scope") == "Namespaced",
                    has_status="status" in subresources,
                    verbs=frozenset(resource.get("verbs") or ()),
                )
                _add(kinds, found)
    return kinds


def from_lists(documents: Iterable[Mapping[str, Any]]) -> Kinds:
    """Kinds of `APIResourceList` documents, preferred versions first."""
    kinds: Kinds = {}
    for document in documents:
        group, version = split_api_version(str(document.get("groupVersion") or ""))
        resources = document.get("resources") or ()
        with_status = {
            str(r["name"]).removesuffix("/status")
            for r in resources
            if str(r["name"]).endswith("/status")
        }
        for resource in resources:
            plural = str(resource["name"])
            if "/" in plural:
                continue
            found = KindInfo(
                group=group,
                kind=str(resource["kind"]),
                versions=(version,),
                plural=plural,
                namespaced=bool(resource.get("namespaced")),
                has_status=plural in with_status,
                verbs=frozenset(resource.get("verbs") or ()),
            )
            _add(kinds, found)
    return kinds


def from_crd(crd: Mapping[str, Any]) -> KindInfo | None:
    """The kind that a CustomResourceDefinition defines; None where it cannot be read."""
    spec = crd.get("spec")
    names = spec.get("names") if isinstance(spec, Mapping) else None
    if not isinstance(spec, Mapping) or not isinstance(names, Mapping):
        return None
    served = crd_versions(spec)
    if not (served and names.get("kind") and names.get("plural") and spec.get("group")):
        return None
    return KindInfo(
        group=str(spec["group"]),
        kind=str(names["kind"]),
        versions=tuple(sorted((str(v["name"]) for v in served), key=_version_rank)),
        plural=str(names["plural"]),
        namespaced=spec.get("scope") != "Cluster",
        has_status=any(has_status_subresource(spec, version) for version in served),
        verbs=frozenset({"create", "delete", "get", "list", "patch", "update", "watch"}),
    )


def _version_rank(version: str) -> tuple[int, int, int, str]:
    """Kubernetes' order of versions: v2, v1, v1beta2, v1beta1, v1alpha1, then others by name."""
    stage = {"": 0, "beta": 1, "alpha": 2}
    rest = version.removeprefix("v")
    major = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    tail = rest[len(major) :]
    word = tail.rstrip("0123456789")
    minor = tail[len(word) :]
    if rest == version or not major or word not in stage or bool(word) != bool(minor):
        return (3, 0, 0, version)
    return (stage[word], -int(major), -int(minor or 0), version)


def _add(kinds: Kinds, found: KindInfo) -> None:
    """The first resource of a kind that can be read counts; later versions join it."""
    known = kinds.get(found.group_kind)
    if known is None or ("get" in found.verbs and "get" not in known.verbs):
        kinds[found.group_kind] = found
    elif known.plural == found.plural and found.versions[0] not in known.versions:
        kinds[found.group_kind] = KindInfo(
            group=known.group,
            kind=known.kind,
            versions=known.versions + found.versions,
            plural=known.plural,
            namespaced=known.namespaced,
            has_status=known.has_status,
            verbs=known.verbs,
        )


def served_at(kinds: Mapping[GroupKind, KindInfo], api_version: str) -> tuple[str, ...]:
    """The kinds that are served at an apiVersion, by name."""
    group, version = split_api_version(api_version)
    return tuple(k.kind for k, i in kinds.items() if k.group == group and version in i.versions)


def _serves(info: KindInfo | None, api_version: str) -> bool:
    return info is not None and api_version in _api_versions(info)


def _api_versions(info: KindInfo | None) -> tuple[str, ...]:
    if info is None:
        return ()
    return tuple(f"{info.group}/{v}" if info.group else v for v in info.versions)
