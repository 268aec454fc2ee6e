"""Rendering at the edge: from checkouts to text."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from gitops.model.application import Application, Source
from gitops.ports.git import Checkout


@dataclass(frozen=True, slots=True)
class RenderRequest:
    """What to render: an application's sources, each with its checkout."""

    application: Application
    sources: tuple[tuple[Source, Checkout], ...]
    kube_version: str
    api_versions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RenderKey:
    """Identity of a render by content: equal keys give equal output.

    `paths` are the repository paths that it can read, per source in order; a change outside of
    them cannot change the render.
    """

    key: str
    paths: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class RenderedText:
    """One piece of rendered YAML or JSON; `path` is the repository file, or the tool's template."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a tool printed, in its order; `tool` is `plain`, `kustomize v5.8.1`, `helm v4.2.2`."""

    texts: tuple[RenderedText, ...]
    tool: str


class Renderer(Protocol):
    """Manifests from checkouts. Raises RenderError, or SourceError `path-missing`."""

    def key(self, request: RenderRequest) -> RenderKey:
        """Find everything that the render can read, refuse what lies outside; starts no tool."""

    def render(self, request: RenderRequest) -> Rendered:
        """Run the tool in an exported tree."""

    def versions(self) -> Mapping[str, str]:
        """Each tool's version (`kustomize`, `helm`), or why it is missing."""
