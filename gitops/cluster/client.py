"""`KubeCluster`: the port `Cluster` on a real API server.

In: where the cluster is, then requests and kinds to watch. Out: answers in order, watch events.
Called by wiring, which hands it to engine and commands. Everything blocking runs on one event loop
in one thread of its own; `await` stays inside this package.
"""

import asyncio
import os
import threading
from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from gitops.cluster.access import Endpoint, Trust, open_endpoint
from gitops.cluster.calls import (
    ObjectRequest,
    Target,
    api_version_of,
    items_of,
    says_a_version,
    to_call,
    to_list,
)
from gitops.cluster.compact import compact
from gitops.cluster.discovery import Discovery
from gitops.cluster.errors import Subject, closed
from gitops.cluster.loop import LoopThread
from gitops.cluster.shapes import ShapeReader
from gitops.cluster.transport import Call, Limits, Reply, Transport
from gitops.cluster.watch import Watches
from gitops.core.schema.shapes import Shapes
from gitops.errors import ClusterError
from gitops.model.objects import Body, GroupKind, KindInfo, Live
from gitops.ports import (
    Answer,
    Apply,
    Create,
    ListEvents,
    ListMetadata,
    ListPods,
    ListRequest,
    Patch,
    Read,
    Replace,
    Request,
    WatchEvent,
)

T = TypeVar("T")

CLOSE_S: Final = 5.0
"""Seconds that `close` may take for each of its three steps."""
CRD: Final = "CustomResourceDefinition"
CREATED: Final = 201
LISTED: Final = {ListPods: GroupKind("", "Pod"), ListEvents: GroupKind("", "Event")}


class _Acting(threading.local):
    """In whose name a thread writes; None for ourselves."""

    user: str | None = None


class KubeCluster:
    """One cluster. Methods may be called from any thread but a coroutine's."""

    def __init__(
        self, loop: LoopThread, endpoint: Endpoint, installation: str, name: str, limits: Limits
    ) -> None:
        """Use `connect`."""
        self.name = name
        self._assumed = Shapes()
        self._acting = _Acting()
        self._requires_identity = False
        self._loop = loop
        self._parts = loop.run(_assemble(endpoint, installation, name, limits))

    @classmethod
    def connect(
        cls,
        kubeconfig: Path | None,
        context: str | None,
        installation: str,
        name: str = "in-cluster",
        *,
        trust: Trust | None = None,
        limits: Limits | None = None,
    ) -> Self:
        """Read the configuration; sends nothing yet. Raises SettingsError.

        Args:
            kubeconfig: A file; None means `KUBECONFIG`, else the pod's service account, else
                `~/.kube/config`.
            context: A context of the kubeconfig; None means its current one.
            installation: Eight hex digits; the value of the label that watches select.
            name: How applications name this cluster.
            trust: What the kubeconfig may do; by default it runs no programs.
            limits: How hard the API server is pressed.
        """
        loop = LoopThread(f"gitops-cluster-{name}")
        try:
            opening = open_endpoint(kubeconfig, context, trust or Trust(), os.environ)
            return cls(loop, loop.run(opening), installation, name, limits or Limits())
        except BaseException:
            loop.close()
            raise

    @property
    def url(self) -> str:
        """The API server's address, without credentials."""
        return self._parts.transport.url

    def version(self) -> str:
        """`v1.36.3`; raises ClusterError."""
        call = Call("GET", "/version", Subject("get", "version"))
        answer = self._run(self._parts.transport.call(call)).json()
        return str(answer.get("gitVersion") or "")

    def kinds(self, *, fresh: bool = False) -> Mapping[GroupKind, KindInfo]:
        """Discovery, cached until `fresh`; raises ClusterError."""
        known = self._parts.discovery.known
        if known is not None and not fresh:
            return known
        return self._run(self._parts.discovery.kinds(fresh=fresh))

    def shapes(self, api_versions: Collection[str]) -> Shapes:
        """Shapes of these apiVersions: those assumed, else the cluster's OpenAPI, cached.

        Raises ClusterError.
        """
        unknown = frozenset(api_versions) - self._assumed.api_versions()
        if not unknown:
            return self._assumed
        return self._assumed.merge(self._run(self._parts.shapes.shapes(unknown)))

    def assume(self, shapes: Shapes) -> None:
        """Take these shapes as known: the packaged ones also tell defaults, which OpenAPI omits."""
        self._assumed = shapes

    def send(self, *batches: Sequence[Request]) -> list[Answer]:
        """Carry out requests concurrently, batch after batch; answers in their order.

        What follows a batch in which something failed is not sent, and has no answer. A deletion
        that is complete has no body; one that waits for finalizers has the object.
        """
        if not any(batches):
            return []
        try:
            return self._run(self._parts.send(batches, self._user()))
        except ClusterError as error:  # closed meanwhile
            return [Answer(error=error) for batch in batches for _ in batch]

    @contextmanager
    def acting_as(self, user: str) -> Iterator[None]:
        """Around what this thread sends: writes and dry-runs are made in the name of a user."""
        before, self._acting.user = self._acting.user, user
        try:
            yield
        finally:
            self._acting.user = before

    def require_identity(self) -> None:
        """From now on refuse every write that is not made in the name of a user."""
        self._requires_identity = True

    def _user(self) -> str | None:
        """In whose name this thread writes; None for ourselves, "" where nobody is named."""
        user = self._acting.user
        return "" if user is None and self._requires_identity else user

    def watch(self, kinds: Collection[GroupKind], sink: Callable[[WatchEvent], None]) -> None:
        """List and watch these kinds by our label, once each; events come in order.

        A kind that is watched already keeps its sink; if it rests after a failure, it tries again.
        """
        self._run(self._parts.watch(frozenset(kinds), sink))

    def unwatch(self, kinds: Collection[GroupKind]) -> None:
        """Stop watching kinds; at most the event being delivered still comes."""
        self._run(self._parts.watches.stop(frozenset(kinds)))

    def live(self, body: Body) -> Live:
        """The compact form of a full body, as the watch makes it."""
        return compact(body)

    def close(self) -> None:
        """Stop watches and connections; bounded in time; may be called twice."""
        if self._loop.closed:
            return
        try:
            self._loop.run(self._parts.close(), CLOSE_S)
        except TimeoutError:
            pass  # the loop's end cancels what is left
        finally:
            self._parts.watches.dispatcher.join(CLOSE_S)
            self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        if self._loop.closed:
            work.close()
            raise closed(self.name)
        try:
            return self._loop.run(work)
        except (CancelledError, asyncio.CancelledError) as error:
            raise closed(self.name) from error


class _Parts:
    """What lives on the event loop."""

    def __init__(self, endpoint: Endpoint, installation: str, name: str, limits: Limits) -> None:
        self.transport = Transport(endpoint, limits)
        self.discovery = Discovery(self.transport)
        self.shapes = ShapeReader(self.transport, self.discovery)
        self.watches = Watches(self.transport, self.discovery, installation, name)

    async def watch(self, kinds: Collection[GroupKind], sink: Callable[[WatchEvent], None]) -> None:
        self.watches.start(kinds, sink)

    async def send(self, batches: Sequence[Sequence[Request]], user: str | None) -> list[Answer]:
        answers: list[Answer] = []
        for requests in batches:
            seen = self.discovery.reads
            answers += await asyncio.gather(*(self._answer(r, seen, user) for r in requests))
            if any(answer.error is not None for answer in answers):
                break
        return answers

    async def _answer(self, request: Request, seen: int, user: str | None) -> Answer:
        try:
            if isinstance(request, ListRequest):
                return await self._list(request)
            return await self._ask(request, seen, user)
        except ClusterError as error:
            return Answer(error=error)

    async def _ask(self, request: ObjectRequest, seen: int, user: str | None) -> Answer:
        """One request; what was written in a version that is gone is there in another."""
        kind = request.id.group_kind
        try:
            target = await self.discovery.target(kind, api_version_of(request), seen)
            return await self._call(request, target, user)
        except ClusterError as error:
            if error.reason != "unknown-kind" or says_a_version(request):
                raise
        stale = seen == self.discovery.reads
        return await self._call(request, await self.discovery.preferred(kind, fresh=stale), user)

    async def _call(self, request: ObjectRequest, target: Target, user: str | None) -> Answer:
        call = to_call(request, target)
        if not isinstance(request, Read):
            call = self._in_the_name_of(user, call)
        return self._take(request, await self.transport.call(call))

    def _in_the_name_of(self, user: str | None, call: Call) -> Call:
        """A write as it is sent; None is ourselves. Raises ClusterError where nobody is named."""
        if user is None:
            return call
        if not user.strip():
            raise ClusterError(
                "nobody is named in whose name it is written (cluster.impersonate)",
                where=call.subject.title or None,
                remedy="name one in the project's destinationServiceAccounts",
                reason="forbidden",
            )
        return replace(call, user=user)

    def _take(self, request: Request, reply: Reply) -> Answer:
        body = reply.json()
        if body.get("kind") == "Status":
            return Answer()
        written = isinstance(request, Apply | Create | Replace | Patch) and not request.dry_run
        if written and body.get("kind") == CRD:
            self.discovery.learn(body)
        return Answer(body=body, created=reply.status == CREATED)

    async def _list(self, request: ListRequest) -> Answer:
        bare = isinstance(request, ListMetadata)
        kind = request.kind if isinstance(request, ListMetadata) else LISTED[type(request)]
        target = await self.discovery.preferred(kind)
        named = {"apiVersion": target.api_version, "kind": kind.kind} if bare else {}
        items: list[dict[str, Any]] = []
        token = ""
        while True:
            page = (await self.transport.call(to_list(request, target, token))).json()
            items += [{**item, **named} for item in items_of(page)]
            token = str((page.get("metadata") or {}).get("continue") or "")
            if not token:
                return Answer(items=tuple(items))

    async def close(self) -> None:
        self.watches.dispatcher.stop()
        await self.transport.close()
        await self.watches.close()


async def _assemble(endpoint: Endpoint, installation: str, name: str, limits: Limits) -> _Parts:
    return _Parts(endpoint, installation, name, limits)
