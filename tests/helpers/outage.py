"""Something breaks at a chosen write to the cluster: `Outage.around` goes into `start_world`."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from gitops.engine.service import Edges
from gitops.ports import Answer, Apply, Patch, Request


class Outage:
    """Strikes right before, or `after`, one object is written for the first time."""

    def __init__(
        self,
        name: str,
        strike: Callable[[], None],
        *,
        after: bool = False,
        at: type[Apply | Patch] = Apply,
    ) -> None:
        self._name, self._strike, self._after, self._at = name, strike, after, at
        self.began = threading.Event()
        self._cluster: Any = None

    def around(self, edges: Edges) -> Edges:
        self._cluster = edges.cluster
        return replace(edges, cluster=self)  # type: ignore[arg-type]  # the rest is the cluster's own

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cluster, name)

    def send(self, requests: Sequence[Request]) -> list[Answer]:
        if self.began.is_set() or not any(self._is_meant(request) for request in requests):
            return self._send(requests)
        if self._after:
            answers = self._send(requests)
            self._begin()
            return answers
        self._begin()
        return self._send(requests)

    def _is_meant(self, request: Request) -> bool:
        return _is_write(request, self._at) and request.id.name == self._name

    def _begin(self) -> None:
        self._strike()
        self.began.set()

    def _send(self, requests: Sequence[Request]) -> list[Answer]:
        answers: list[Answer] = self._cluster.send(requests)
        return answers


def _is_write(request: Request, kind: type[Apply | Patch]) -> bool:
    return isinstance(request, kind) and not request.dry_run
