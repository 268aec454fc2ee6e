"""Which tool renders a source (Argo CD's tool detection). Called by the renderer.

In: a source and its tree. Out: the tool, and the real folder (or file) that it starts from.
"""

import posixpath
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gitops.errors import RenderError, SourceError
from gitops.model.application import Source
from gitops.render.tree import Spot, Tree, join

KUSTOMIZATION_NAMES: Final = ("kustomization.yaml", "kustomization.yml", "Kustomization")
CHART_NAME: Final = "Chart.yaml"


class Tool(StrEnum):
    """The three ways to render."""

    PLAIN = "plain"
    KUSTOMIZE = "kustomize"
    HELM = "helm"


@dataclass(frozen=True, slots=True)
class Detected:
    """The tool for a source, and where it starts."""

    tool: Tool
    spot: Spot


def locate(source: Source, tree: Tree) -> Spot:
    """Where the source's path really is; raises SourceError `path-missing`."""
    where = f"spec.source.path {source.path!r}"
    spot = tree.look(join(".", source.path.strip("/") or ".", where=where), where=where)
    if spot.kind == "missing":
        commit = tree.checkout.commit.short
        raise SourceError(
            f"there is no {source.path!r} in the repository" + (f" at {commit}" if commit else ""),
            where=tree.checkout.repo_url or None,
            remedy="correct the source's path, or add it to the repository",
            reason="path-missing",
        )
    return spot


def detect(source: Source, tree: Tree) -> Detected:
    """What the source says, else `Chart.yaml`, else a kustomization, else plain manifests.

    Raises:
        SourceError: `path-missing` where the source's path does not exist.
        RenderError: `failed` where the source names two tools, or a tool whose file is not there.
    """
    spot = locate(source, tree)
    explicit = _explicit(source)
    if spot.kind == "file":
        return _single_file(spot, explicit)
    return Detected(explicit or _by_files(tree, spot), spot)


def is_only_reference(source: Source) -> bool:
    """Whether a source is there to lend its files to others, and renders nothing itself."""
    return bool(source.ref) and source.path in ("", ".")


def find(tree: Tree, folder: str, names: tuple[str, ...]) -> list[str]:
    """Those of `names` that are files in a real folder, as paths."""
    paths = [posixpath.normpath(posixpath.join(folder, name)) for name in names]
    return [path for path in paths if tree.look(path).kind == "file"]


def _explicit(source: Source) -> Tool | None:
    settings = {
        Tool.PLAIN: source.directory,
        Tool.KUSTOMIZE: source.kustomize,
        Tool.HELM: source.helm,
    }
    named = [tool for tool, value in settings.items() if value is not None]
    if len(named) > 1:
        names = " and ".join("directory" if tool is Tool.PLAIN else tool.value for tool in named)
        raise RenderError(
            f"the source has settings for {names}",
            where=f"spec.source.path {source.path!r}",
            remedy="keep those of one tool",
            reason="failed",
        )
    return named[0] if named else None


def _by_files(tree: Tree, spot: Spot) -> Tool:
    if find(tree, spot.path, (CHART_NAME,)):
        return Tool.HELM
    if find(tree, spot.path, KUSTOMIZATION_NAMES):
        return Tool.KUSTOMIZE
    return Tool.PLAIN


def _single_file(spot: Spot, explicit: Tool | None) -> Detected:
    if explicit in (Tool.KUSTOMIZE, Tool.HELM):
        raise RenderError(
            f"{spot.path!r} is a file, and {explicit} renders a folder",
            where=spot.path,
            remedy="name the folder as the source's path",
            reason="failed",
        )
    return Detected(Tool.PLAIN, spot)
