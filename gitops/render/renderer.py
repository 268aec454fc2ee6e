"""The renderer: manifests from checkouts by plain reading, Kustomize or Helm.

In: a `RenderRequest`. Out: a key by content without starting any tool, or the rendered texts.
Called by the engine through `ports.Renderer`, and by `gitops render`.

`RenderKey.paths` name files and folders: a changed path matters if it equals one of them or lies
below one (`.` is everything); names that do not exist yet are among them. The version of the key is
part of it: raise it when the same content would render differently.
"""

import hashlib
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from gitops.errors import GitopsError, RenderError
from gitops.model.application import DirectorySource, HelmSource
from gitops.ports import (
    Rendered,
    RenderedText,
    RenderKey,
    RenderRequest,
)
from gitops.render.chart import ChartContext, ChartSettings, read_chart
from gitops.render.closure import Closure
from gitops.render.detect import Detected, Tool, detect, is_only_reference, locate
from gitops.render.helm import run_helm, split_templates
from gitops.render.kustomization import read_kustomization
from gitops.render.kustomize import kustomize_settings, run_kustomize
from gitops.render.overrides import override
from gitops.render.plain import PlainFile, decode, read_plain, render_plain
from gitops.render.sandbox import Limits, Sandbox
from gitops.render.tools import Tools
from gitops.render.tree import Tree
from gitops.render.variables import build_variables
from gitops.scratch import private_folder, sweep

KEY_VERSION: Final = "render/2"
_PREFIX: Final = "gitops-render-"


@dataclass(frozen=True, slots=True)
class Prepared:
    """One source, read as far as its tool would: nothing has run yet.

    `settings` are what the key hashes of it besides content; `complete` says that `content` holds
    everything (else the whole repository is the key).
    """

    position: int
    detected: Detected
    settings: Mapping[str, Any]
    complete: bool = True
    files: tuple[PlainFile, ...] = ()
    chart: ChartSettings | None = None


@dataclass(slots=True)
class ToolRenderer:
    """Renders with the tools of this machine.

    `work_dir` is where private folders are made (by default the system's temporary folder);
    `allow_remote` lets Kustomize and Helm fetch over the network, and keys such renders by the
    whole repository.
    """

    tools: Tools
    limits: Limits = field(default_factory=Limits)
    work_dir: Path | None = None
    allow_remote: bool = False
    _sandbox: Sandbox = field(init=False, repr=False)
    _found: threading.local = field(init=False, repr=False, default_factory=threading.local)
    """What a thread found for its last key: the render that follows needs the same."""

    def __post_init__(self) -> None:
        self._sandbox = Sandbox(self.limits, network=self.allow_remote)

    @property
    def isolated(self) -> bool:
        """Whether tools run without a network on this machine."""
        return self._sandbox.isolated

    def key(self, request: RenderRequest) -> RenderKey:
        """Find everything that the render can read, refuse what lies outside; starts no tool."""
        closures, prepared = self._prepare(request)
        self._found.last = (request, closures, prepared)
        digest = hashlib.sha256(KEY_VERSION.encode())
        for source in prepared:
            digest.update(b"\n" + orjson.dumps(self._identity(source), option=_SORTED))
        paths = []
        complete = all(source.complete for source in prepared)
        for closure in closures:
            lines = closure.lines() if complete else [closure.tree.sha(".")]
            digest.update(b"\n\n" + "\n".join(lines).encode("utf-8", "surrogateescape"))
            paths.append(closure.paths() if complete else (".",))
        return RenderKey(digest.hexdigest(), tuple(paths))

    def check(self, request: RenderRequest) -> None:
        """Refuse what `render` would refuse before it starts a tool; hashes nothing."""
        self._prepare(request)

    def render(self, request: RenderRequest) -> Rendered:
        """Run the tools in an exported tree; the texts of all sources in order."""
        found = getattr(self._found, "last", _NOTHING)
        self._found.last = _NOTHING
        closures, prepared = found[1:] if found[0] is request else self._prepare(request)
        texts: list[RenderedText] = []
        names: dict[str, None] = {}
        for source in prepared:
            texts += self._render_source(source, closures)
            names[self._name(source.detected.tool)] = None
        return Rendered(tuple(texts), ", ".join(names))

    def clean(self) -> None:
        """Remove what renders left behind whose process was killed; call at start-up."""
        sweep(_PREFIX, self.work_dir)

    def versions(self) -> Mapping[str, str]:
        """Each tool's version (`kustomize`, `helm`), or why it is missing."""
        return self.tools.report()

    def _name(self, tool: Tool) -> str:
        return tool.value if tool is Tool.PLAIN else f"{tool} {self.tools.version(tool)}"

    def _identity(self, source: Prepared) -> dict[str, Any]:
        """What decides the output besides content."""
        return {
            "tool": self._name(source.detected.tool),
            "source": source.position,
            "path": source.detected.spot.path,
            "files": [[file.path, file.spot.path] for file in source.files],
            "settings": source.settings,
        }

    def _prepare(self, request: RenderRequest) -> tuple[list[Closure], list[Prepared]]:
        closures = [Closure(Tree(checkout)) for _, checkout in request.sources]
        prepared = []
        for position, (source, _) in enumerate(request.sources):
            if is_only_reference(source):
                continue
            try:
                prepared.append(self._read(request, closures, position))
            except GitopsError as error:
                if len(request.sources) > 1:
                    error.message += f" (source {source.name or source.path!r})"
                raise
        return closures, prepared

    def _read(self, request: RenderRequest, closures: Sequence[Closure], position: int) -> Prepared:
        source, checkout = request.sources[position]
        closure = closures[position]
        spot = locate(source, closure.tree)
        source = override(source, spot, request.application.name, closure)
        detected = detect(source, closure.tree)
        variables = build_variables(request, source, checkout)
        if detected.tool is Tool.HELM:
            references = {
                item.ref: index for index, (item, _) in enumerate(request.sources) if item.ref
            }
            context = ChartContext(closures, position, detected.spot, references, variables)
            chart = read_chart(
                context,
                source.helm or HelmSource(),
                request.application.name,
                allow_remote=self.allow_remote,
            )
            known = not (self.allow_remote and chart.build_dependencies)
            return Prepared(position, detected, asdict(chart), known, chart=chart)
        if detected.tool is Tool.KUSTOMIZE:
            known = read_kustomization(
                closure, detected.spot, source.kustomize, allow_remote=self.allow_remote
            )
            return Prepared(
                position, detected, kustomize_settings(source.kustomize, variables), known
            )
        files = read_plain(closure, detected.spot, source.directory or DirectorySource())
        return Prepared(position, detected, {}, files=tuple(files))

    def _render_source(self, source: Prepared, closures: Sequence[Closure]) -> list[RenderedText]:
        if source.detected.tool is Tool.PLAIN:
            return render_plain(closures[source.position], list(source.files))
        path = source.detected.spot.path
        tool = self.tools.path(source.detected.tool)
        with self._exports(source, closures) as exports:
            try:
                if source.chart is not None:
                    output = run_helm(self._sandbox, tool, exports, source.position, source.chart)
                    return split_templates(decode(output, path), path)
                export = exports[source.position]
                output = run_kustomize(
                    self._sandbox, tool, export.parent, export / path, source.settings
                )
            except RenderError as error:
                raise _in_repository(error, exports, path) from error
        text = decode(output, path)
        return [RenderedText(path, text)] if text.strip() else []

    @contextmanager
    def _exports(self, source: Prepared, closures: Sequence[Closure]) -> Iterator[list[Path]]:
        """A private folder with what each source may read; gone afterwards on every path."""
        with private_folder(_PREFIX, self.work_dir) as base:
            exports = []
            for position, closure in enumerate(closures):
                folder = base / f"source-{position}"
                folder.mkdir(mode=0o700)
                wanted = position == source.position or source.chart is not None
                paths = closure.exported() if source.complete else ["."]
                if wanted and paths:
                    closure.tree.checkout.export(folder, paths)
                    check_links(folder)
                exports.append(folder)
            yield exports


_SORTED: Final = orjson.OPT_SORT_KEYS
_NOTHING: Final[tuple[RenderRequest | None, list[Closure], list[Prepared]]] = (None, [], [])


def check_links(folder: Path) -> None:
    """Whatever was exported: no link in it may lead out of it.

    The closure has refused such links by name; this looks at what really lies on the disk.
    """
    top = os.path.realpath(folder)
    for parent, folders, files in os.walk(top):
        for name in [*folders, *files]:
            path = os.path.join(parent, name)  # noqa: PTH118 -- os.walk gives strings
            if not os.path.islink(path):  # noqa: PTH114
                continue
            real = os.path.realpath(path)
            if real != top and not real.startswith(top + os.sep):
                raise RenderError(
                    f"the symbolic link {os.path.relpath(path, top)!r} leaves the repository",
                    remedy="link to files of the same repository only",
                    reason="refused",
                )


def _in_repository(error: RenderError, exports: Sequence[Path], path: str) -> RenderError:
    """The same error with paths of the repository in place of those of the private folder."""
    message = error.message
    for export in exports:
        message = message.replace(f"{export}/", "").replace(str(export), ".")
    message = message.replace(str(exports[0].parent), "")
    return RenderError(
        message.removeprefix("Error: ").rstrip("."),
        where=error.where or path,
        remedy=error.remedy,
        reason=error.reason,
    )
