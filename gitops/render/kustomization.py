"""Everything that `kustomize build` would read, found by reading every kustomization first.

In: a closure, the folder to build, and the application's overrides. Out: the closure filled.
Remote references, charts, absolute paths and paths that leave the repository are RenderError
`refused`. The fields are those of sigs.k8s.io/kustomize/api v0.21 `types.Kustomization`.
"""

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gitops.errors import RenderError
from gitops.model.application import KustomizeSource
from gitops.render.closure import Closure
from gitops.render.detect import CHART_NAME, KUSTOMIZATION_NAMES, find
from gitops.render.reading import (
    Located,
    mappings,
    read_documents,
    read_mapping,
    relocate,
    strings,
)
from gitops.render.tree import Spot, join

MAX_DEPTH: Final = 50
_REMOTE: Final = re.compile(
    r"(git::|[a-z][a-z0-9+.-]*://|github\.com[/:]|[a-z][a-z0-9-]*@[^/]*[/:])", re.IGNORECASE
)
_USERINFO: Final = re.compile(r"(://)[^/@]*@")
_ARCHIVES: Final = ("helmCharts", "helmChartInflationGenerator")
_PLUGIN_PATHS: Final = frozenset({"path", "paths", "files", "env", "envs", "targetFilePath"})


def is_remote(reference: str) -> bool:
    """Whether Kustomize would fetch it over the network (or clone it from another place)."""
    return _REMOTE.match(reference) is not None


def without_credentials(reference: str) -> str:
    """A reference that can be shown."""
    return _USERINFO.sub(r"\1", reference)


def read_kustomization(
    closure: Closure, root: Spot, source: KustomizeSource | None, *, allow_remote: bool
) -> bool:
    """Fill `closure` with everything that a build of `root` can read.

    Returns:
        Whether everything is known by content: False where a remote reference was allowed.
    """
    reader = _Reader(closure, allow_remote)
    closure.watched.add(posixpath.normpath(posixpath.join(root.path, CHART_NAME)))
    reader.visit(root, ())
    if source is not None:
        reader.overrides(root.path, source)
    return not reader.remote


def find_kustomization(closure: Closure, root: Spot) -> Spot:
    """The one kustomization file of a folder."""
    names = [posixpath.normpath(posixpath.join(root.path, name)) for name in KUSTOMIZATION_NAMES]
    closure.watched.update(names)
    found = find(closure.tree, root.path, KUSTOMIZATION_NAMES)
    if len(found) != 1:
        problem = "has no kustomization file" if not found else "has several kustomization files"
        raise RenderError(
            f"the folder {root.path!r} {problem}",
            where=root.path,
            remedy="keep one kustomization.yaml in it",
            reason="failed",
        )
    return closure.tree.look(found[0])


@dataclass(slots=True)
class _Reader:
    closure: Closure
    allow_remote: bool
    remote: bool = False
    _done: set[str] = field(default_factory=set)

    def visit(self, root: Spot, stack: tuple[str, ...]) -> None:
        """Read the kustomization of a folder and everything it names."""
        if root.path in self._done:
            return
        self.closure.content.update(root.links)
        file = find_kustomization(self.closure, root)
        self.closure.add(file)
        body = read_mapping(self.closure.tree.read(file), file.path)
        folder = _Folder(self, root.path, file.path, (*stack, root.path))
        for name, value in body.items():
            _FIELDS.get(name, _nothing)(folder, value)
        self._done.add(root.path)

    def overrides(self, root: str, source: KustomizeSource) -> None:
        """What the application adds: components and patches, with paths relative to the folder."""
        folder = _Folder(self, root, "spec.source.kustomize", (root,))
        for component in source.components:
            spot = self.closure.tree.look(join(root, component, where=folder.file))
            if spot.kind == "missing" and source.ignore_missing_components:
                self.closure.watched.add(spot.path)
            else:
                folder.descend(component)
        _patches(folder, [dict(patch) for patch in source.patches])


@dataclass(frozen=True, slots=True)
class _Folder:
    """One kustomization while it is read; `stack` are the folders that led here, itself last."""

    reader: _Reader
    root: str
    file: str
    stack: tuple[str, ...]

    def where(self, text: str) -> str:
        """The line that names it; an application's own settings have none."""
        return f"{self.file}:{text.line}" if isinstance(text, Located) else self.file

    def need_file(self, path: str) -> Spot | None:
        """A file that Kustomize reads; it has to lie in or below the kustomization's folder."""
        if self._is_remote(path):
            return None
        where = self.where(path)
        spot = self.reader.closure.require_file(self.root, path, where=where)
        if self.root != "." and not spot.path.startswith(self.root + "/"):
            raise RenderError(
                f"the file {path!r} is not in or below the kustomization's folder",
                where=where,
                remedy="move it there, or make its folder a base and name that",
                reason="refused",
            )
        return spot

    def resource(self, path: str) -> Spot | None:
        """A file of manifests or a folder with a kustomization."""
        closure = self.reader.closure
        if is_remote(path) and closure.tree.look(posixpath.join(self.root, path)).kind != "file":
            self._is_remote(path)
            return None
        where = self.where(path)
        spot = closure.require(self.root, path, where=where)
        if spot.kind == "file":
            return self.need_file(path)
        self.enter(spot, path)
        return spot

    def descend(self, path: str) -> None:
        """A component: always a folder."""
        if self._is_remote(path):
            return
        spot = self.reader.closure.require(self.root, path, where=self.where(path))
        self.enter(spot, path)

    def enter(self, spot: Spot, path: str) -> None:
        where = self.where(path)
        if spot.kind != "folder":
            raise RenderError(f"{path!r} is not a folder", where=where, reason="failed")
        for visited in self.stack:
            if spot.path in (".", visited) or visited.startswith(spot.path + "/"):
                raise RenderError(
                    f"{path!r} leads back to a folder that is being built",
                    where=where,
                    remedy="break the cycle of kustomizations",
                    reason="refused",
                )
        if len(self.stack) >= MAX_DEPTH:
            raise RenderError(
                f"kustomizations are nested more than {MAX_DEPTH} levels deep",
                where=where,
                reason="limit",
            )
        self.reader.visit(spot, self.stack)

    def _is_remote(self, path: str) -> bool:
        if not is_remote(path):
            return False
        if not self.reader.allow_remote:
            raise RenderError(
                f"the remote reference {without_credentials(path)!r} is refused",
                where=self.where(path),
                remedy="copy what it holds into the repository and name that",
                reason="refused",
            )
        self.reader.remote = True
        return True


def _nothing(folder: _Folder, value: Any) -> None:
    """A field that reads nothing."""


def _resources(folder: _Folder, value: Any) -> None:
    for path in strings(value):
        folder.resource(path)


def _components(folder: _Folder, value: Any) -> None:
    for path in strings(value):
        folder.descend(path)


def _files(folder: _Folder, value: Any) -> None:
    for path in strings(value):
        folder.need_file(path)


def _patches(folder: _Folder, value: Any) -> None:
    for patch in mappings(value):
        path = patch.get("path")
        if isinstance(path, str) and path:
            folder.need_file(path)


def _strategic_merges(folder: _Folder, value: Any) -> None:
    """Each is a file, or a patch itself; Kustomize tries the file first."""
    for text in strings(value):
        if "\n" not in text and ":" not in text:
            folder.need_file(text)


def _generators(folder: _Folder, value: Any) -> None:
    """Arguments of ConfigMap and Secret generators."""
    for arguments in mappings(value):
        for text in strings(arguments.get("files")):
            folder.need_file(relocate(text, text.partition("=")[2] or text))
        for name in ("env", "envs"):
            _files(folder, arguments.get(name))


def _plugins(folder: _Folder, value: Any) -> None:
    """Generators, transformers and validators: inline, a file, or a folder that makes them."""
    for text in strings(value):
        if "\n" in text or text.lstrip().startswith("{"):
            _plugin_files(folder, read_documents(text.encode(), folder.file))
            continue
        spot = folder.resource(text)
        if spot is None:
            continue
        closure = folder.reader.closure
        for path in _yaml_files(closure, spot):
            _plugin_files(folder, read_documents(closure.tree.read(closure.tree.look(path)), path))


def _yaml_files(closure: Closure, spot: Spot) -> list[str]:
    if spot.kind == "file":
        return [spot.path]
    below = spot.path + "/"
    return sorted(
        path
        for path in closure.content
        if path.startswith(below) and path.endswith((".yaml", ".yml", ".json"))
    )


def _plugin_files(folder: _Folder, documents: list[Any]) -> None:
    """What a built-in plugin's configuration names; a name that is no file is left to Kustomize."""
    closure = folder.reader.closure
    for document in documents:
        if isinstance(document, dict) and document.get("kind") == "HelmChartInflationGenerator":
            _charts(folder, document)
        for text in _plugin_references(document):
            name = text.partition("=")[2] or text
            if "\n" in name or name.startswith("/") or is_remote(name):
                continue
            spot = closure.tree.look(join(folder.root, name, where=folder.file))
            if spot.kind == "file":
                closure.add(spot)


def _plugin_references(value: Any) -> Iterator[str]:
    pending, seen = [value], set[int]()
    while pending:
        current = pending.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        if isinstance(current, list):
            pending += current
        elif isinstance(current, dict):
            for name, item in current.items():
                if name in _PLUGIN_PATHS:
                    yield from strings(item)
            pending += current.values()


def _open_api(folder: _Folder, value: Any) -> None:
    path = value.get("path") if isinstance(value, Mapping) else None
    if isinstance(path, str) and path:
        folder.need_file(path)


def _charts(folder: _Folder, value: Any) -> None:
    if not value:
        return
    raise RenderError(
        "Helm charts inside a kustomization are not supported yet",
        where=folder.file,
        remedy="make the chart an application or a source of its own",
        reason="refused",
    )


_FIELDS: Final[dict[str, Callable[[_Folder, Any], None]]] = {
    "resources": _resources,
    "bases": _resources,
    "components": _components,
    "patches": _patches,
    "patchesJson6902": _patches,
    "patchesStrategicMerge": _strategic_merges,
    "replacements": _patches,
    "configMapGenerator": _generators,
    "secretGenerator": _generators,
    "configurations": _files,
    "crds": _files,
    "openapi": _open_api,
    "generators": _plugins,
    "transformers": _plugins,
    "validators": _plugins,
    **dict.fromkeys(_ARCHIVES, _charts),
}
