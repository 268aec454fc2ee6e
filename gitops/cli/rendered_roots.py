"""Everything below a folder that a tool renders: kustomizations that no other one names, charts.

In: a folder, and the manifests that lie in it. Out: the objects that come of it, each with the
place in the folder that it comes from, as far as the tools let one trace it: a chart's template; of
a kustomization the one manifest whose kind and name it has, else the kustomization itself. Called
by `gitops validate --server`.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gitops.cli.manifest_files import KUSTOMIZATIONS, read_kustomization
from gitops.cli.rendering import Flags, make_renderer, request_for_folder
from gitops.cli.server_check import Subject, placed_as
from gitops.core.manifests.parse import Parsed, parse_all
from gitops.errors import GitopsError
from gitops.model.objects import Manifest, Place
from gitops.model.plan import Fault
from gitops.render.folder import FolderCheckout

_CHART: Final = "Chart.yaml"


@dataclass(frozen=True, slots=True)
class Root:
    """A folder to render, and the file that makes it one."""

    folder: Path
    file: Path

    @property
    def is_chart(self) -> bool:
        """Whether Helm renders it."""
        return self.file.name == _CHART


def find_roots(path: Path) -> list[Root]:
    """Folders to render below a path, in order."""
    found: list[Root] = []
    named: set[Path] = set()
    for folder, names, files in os.walk(path):
        here = Path(folder)
        names[:] = sorted(name for name in names if not name.startswith("."))
        if _CHART in files:
            names.clear()
            found.append(Root(here, here / _CHART))
            continue
        for name in (name for name in KUSTOMIZATIONS if name in files):
            bodies = read_kustomization(here / name)
            named |= {(here / inner).resolve() for body in bodies for inner in _named(body)}
            if not any(body.get("kind") == "Component" for body in bodies):
                found.append(Root(here, here / name))
    return [root for root in found if root.is_chart or root.folder.resolve() not in named]


def _named(body: Mapping[str, Any]) -> Iterator[str]:
    for field in ("resources", "bases", "components"):
        entries = body.get(field)
        yield from (e for e in (entries if isinstance(entries, list) else []) if isinstance(e, str))


def render_roots(path: Path, written: Sequence[Parsed]) -> tuple[list[Subject], list[Fault]]:
    """What all roots give, and what keeps one from giving anything."""
    subjects: list[Subject] = []
    faults: list[Fault] = []
    for root in find_roots(path):
        try:
            subjects += _render(root, path, written)
        except GitopsError as error:
            message = str(error) if error.where else error.message
            faults.append(Fault("render", message, None, Place(str(root.file))))
    return subjects, faults


def _render(root: Root, path: Path, written: Sequence[Parsed]) -> Iterator[Subject]:
    renderer = make_renderer()
    request = request_for_folder(renderer, root.folder, Flags())
    checkout = request.sources[0][1]
    texts = renderer.render(request).texts
    for manifest in parse_all([(t.path, t.text) for t in texts], may_repeat=True).manifests:
        if root.is_chart and manifest.place and isinstance(checkout, FolderCheckout):
            template = checkout.root / manifest.place.path
            inside = template.relative_to(path.resolve()) if path.is_dir() else template
            place = Place(str(path / inside))
            yield Subject(Manifest.of(manifest.body, place), placed_as(place))
        else:
            yield _traced(manifest, root, written)


def _traced(manifest: Manifest, root: Root, written: Sequence[Parsed]) -> Subject:
    """The manifest of that kind whose name is the longest part of the rendered one's."""
    found = [
        (len(candidate.id.name), candidate, parsed)
        for parsed in written
        for candidate in parsed.manifests
        if candidate.id.group_kind == manifest.id.group_kind
        and candidate.id.name
        and candidate.id.name in manifest.id.name
    ]
    longest = max((length for length, _, _ in found), default=0)
    best = [(candidate, parsed) for length, candidate, parsed in found if length == longest]
    if len(best) != 1:
        place = Place(str(root.file))
        return Subject(Manifest.of(manifest.body, place), placed_as(place))
    origin, parsed = best[0]
    return Subject(Manifest.of(manifest.body, origin.place), parsed.locate)
