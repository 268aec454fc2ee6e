"""The cluster's own OpenAPI as `Shapes`.

In: apiVersions. Out: their list shapes and field types. Called by `client`, on the event loop. One
index and one document an apiVersion, each read once and kept by the hash that the index gives. The
index is read again after discovery was, and until it has settled: for a while after we wrote a CRD,
or met a kind that discovery has and the documents lack, as of a CRD that somebody made just now.
"""

import asyncio
from collections.abc import Collection, Mapping
from math import inf
from typing import Any, Final

from gitops.cluster.discovery import LAG_S, Discovery, served_at
from gitops.cluster.errors import Subject
from gitops.cluster.transport import Call, Transport
from gitops.core.schema.shapes import Shapes
from gitops.model.objects import split_api_version

SUBJECT: Final = Subject("get", "openapi")
INDEX: Final = "/openapi/v3"
MERGED: Final = 32
"""Sets of apiVersions whose shapes are kept together; applications are much alike."""


class ShapeReader:
    """Shapes by apiVersion, cached."""

    def __init__(self, transport: Transport, discovery: Discovery) -> None:
        self._transport = transport
        self._discovery = discovery
        self._index: Mapping[str, str] = {}
        self._index_at = (-1, -inf)
        """The reads of discovery that it follows, and when it was asked for, in the loop's time."""
        self._missed: dict[str, dict[str, float]] = {}
        """By apiVersion, kinds that are served and have no schema, and since when we know."""
        self._known: dict[str, tuple[str, Shapes]] = {}
        self._merged: dict[frozenset[tuple[str, str]], Shapes] = {}
        self._lock = asyncio.Lock()

    async def shapes(self, api_versions: Collection[str]) -> Shapes:
        """Shapes of these apiVersions; one that is not served is left out. Raises ClusterError."""
        async with self._lock:
            await self._read_index(api_versions)
            urls = {v: self._index[path_of(v)] for v in api_versions if path_of(v) in self._index}
            stale = [v for v, url in urls.items() if self._known.get(v, ("",))[0] != url]
            read = await asyncio.gather(*(self._read(v, urls[v]) for v in stale))
            self._known.update({v: (urls[v], shapes) for v, shapes in read})
            shapes = self._merge(frozenset(urls.items()))
            await self._note_missed(api_versions, shapes)
            return shapes

    def _merge(self, urls: frozenset[tuple[str, str]]) -> Shapes:
        """One value for several documents; the same one again, with all that it has learned."""
        if urls not in self._merged:
            merged = Shapes()
            for version, _ in sorted(urls):
                merged = merged.merge(self._known[version][1])
            while len(self._merged) >= MERGED:
                del self._merged[next(iter(self._merged))]
            self._merged[urls] = merged
        return self._merged[urls]

    async def _read_index(self, api_versions: Collection[str]) -> None:
        await self._discovery.kinds()
        reads, now = self._discovery.reads, asyncio.get_running_loop().time()
        settled = max(map(self._settled, api_versions), default=-inf)
        if self._index_at[0] == reads and self._index_at[1] >= settled:
            return
        paths = (await self._get(INDEX)).get("paths") or {}
        self._index = {path: str(entry["serverRelativeURL"]) for path, entry in paths.items()}
        self._index_at = (reads, now)

    def _settled(self, api_version: str) -> float:
        """When the index tells of all that is served at an apiVersion, in the loop's time."""
        missed = max(self._missed.get(api_version, {}).values(), default=-inf)
        return max(missed + LAG_S, self._discovery.settled(split_api_version(api_version)[0]))

    async def _note_missed(self, api_versions: Collection[str], shapes: Shapes) -> None:
        kinds, now = await self._discovery.kinds(), asyncio.get_running_loop().time()
        for version in api_versions:
            before = self._missed.pop(version, {})
            served = [k for k in served_at(kinds, version) if shapes.kind(version, k) is None]
            if served:
                self._missed[version] = {kind: before.get(kind, now) for kind in served}

    async def _read(self, api_version: str, url: str) -> tuple[str, Shapes]:
        document = await self._get(url)
        definitions = (document.get("components") or {}).get("schemas") or {}
        group, _ = split_api_version(api_version)
        kinds = await self._discovery.kinds()
        infos = [info for kind, info in kinds.items() if kind.group == group]
        return api_version, Shapes.from_openapi(definitions, infos)

    async def _get(self, path: str) -> Mapping[str, Any]:
        document: Mapping[str, Any] = (
            await self._transport.call(Call("GET", path, SUBJECT))
        ).json()
        return document


def path_of(api_version: str) -> str:
    """Where the index lists an apiVersion: `apis/apps/v1`, `api/v1`."""
    return f"apis/{api_version}" if "/" in api_version else f"api/{api_version}"
