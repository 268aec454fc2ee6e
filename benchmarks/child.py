"""The service in a process of its own, with counters around its edges; driven by `ours`.

Commands come as lines on standard input (`start`, `counts`, `stop`), news go out as JSON lines:
`built` with the API's port, `ready` when everything was compared, `closed` for each revision.
It is `gitops serve` but for that: the same wiring, the same HTTP API.
"""

import json
import sys
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from gitops import wiring
from gitops.api.app import create_app
from gitops.api.server import Server, bind
from gitops.cli.logs import configure, log_event
from gitops.cli.serve import api_options
from gitops.engine.service import Edges
from gitops.model.events import Event
from gitops.ports import Rendered, Renderer, RenderKey, RenderRequest
from gitops.settings.load import load_settings


class CountingRenderer:
    """The real renderer, and how often it rendered."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._lock = threading.Lock()
        self.renders = 0

    def key(self, request: RenderRequest) -> RenderKey:
        """As the renderer does it."""
        return self._renderer.key(request)

    def render(self, request: RenderRequest) -> Rendered:
        """Count, then render."""
        with self._lock:
            self.renders += 1
        return self._renderer.render(request)

    def versions(self) -> Mapping[str, str]:
        """As the renderer knows them."""
        return self._renderer.versions()


class Child:
    """One service, and what is told of it."""

    def __init__(self, config: Path) -> None:
        self._settings = load_settings(config)
        configure(self._settings.log)  # standard output is for news only
        self._renderer: CountingRenderer | None = None
        self._told = threading.Lock()
        self._running = wiring.build(self._settings, self._around)
        wiring.spare_collector()
        self._running.service.events.listen(self._on_event)
        self._running.service.events.listen(log_event)
        listener = bind("127.0.0.1", 0)
        options = api_options(self._settings, "", self._running)
        self._server = Server(create_app(self._running.service, options), listener)
        self._serving = threading.Thread(target=self._server.run_until_stopped, daemon=True)
        self._serving.start()
        self.tell("built", port=listener.getsockname()[1])

    def _around(self, edges: Edges) -> Edges:
        self._renderer = CountingRenderer(edges.renderer)
        return replace(edges, renderer=self._renderer)

    def tell(self, news: str, **facts: Any) -> None:
        """One line."""
        with self._told:
            sys.stdout.write(json.dumps({"news": news, **facts}) + "\n")
            sys.stdout.flush()

    def _on_event(self, event: Event) -> None:
        if event.kind == "revision-closed":
            facts = event.data
            kind, state = facts.get("revision_kind"), facts.get("state")
            self.tell("closed", application=event.application, kind=kind, state=state)
        elif event.kind in ("problem", "defect"):
            told = {"kind": event.kind, "message": event.message, "data": str(event.data)[:2000]}
            self.tell("problem", application=event.application, **told)

    def start(self) -> None:
        """Start, and tell when every application was looked at."""
        self._running.start()
        self._running.service.dispatcher.wait_idle(3600)
        self.tell("ready")

    def counts(self) -> None:
        """Tell what was counted since the process began."""
        service = self._running.service
        statuses = service.reading.statuses()
        self.tell(
            "counts",
            writes=getattr(service.edges.store, "writes"),  # noqa: B009 - SqlStore's own counter
            renders=self._renderer.renders if self._renderer else 0,
            synced=sum(1 for status in statuses if status.sync == "Synced"),
        )

    def stop(self) -> None:
        """End the service, then the server."""
        self._running.stop()
        self._server.stop()
        self._serving.join(10)


def main() -> None:
    """Obey until standard input ends."""
    child = Child(Path(sys.argv[1]))
    for line in sys.stdin:
        match line.strip():
            case "start":
                threading.Thread(target=child.start, daemon=True).start()
            case "counts":
                child.counts()
            case _:
                break
    child.stop()
