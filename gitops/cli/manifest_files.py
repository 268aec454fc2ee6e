"""Which files below a folder are manifests, and which only serve a tool.

In: a file or folder. Out: groups of files that belong together (one folder each), and the
kustomizations beside them. Hidden folders, a chart's templates and what a kustomization
names as a patch are left out: alone, they are no objects. Called by `gitops validate`.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gitops.core.yaml.reader import read_documents

SUFFIXES: Final = (".yaml", ".yml", ".json")
KUSTOMIZATIONS: Final = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_CHART: Final = "Chart.yaml"
_CHART_PARTS: Final = frozenset({"templates", "charts", "ci"})
_LEFT_OUT: Final = frozenset({"node_modules", "vendor", "__pycache__"})
_PATCHES: Final = (
    "patchesStrategicMerge", "transformers", "generators", "validators", "configurations",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FileGroup:
    """The manifest files of one folder, and the kustomizations beside them.

    What manifests beside a kustomization lack may come from it, or from an overlay elsewhere.
    """

    files: tuple[Path, ...]
    kustomizations: tuple[Path, ...] = ()

    @property
    def is_partial(self) -> bool:
        """Whether what a manifest lacks may come from elsewhere."""
        return bool(self.kustomizations)


def find_files(path: Path) -> Iterator[FileGroup]:
    """A file alone, or the files of each folder below `path`, in order."""
    if path.is_file():
        yield FileGroup((), (path,)) if path.name in KUSTOMIZATIONS else FileGroup((path,))
        return
    patches: set[Path] = set()
    groups = []
    for folder, names, files in os.walk(path):
        here = Path(folder)
        _prune(names, files)
        kustomizations = [here / name for name in KUSTOMIZATIONS if name in files]
        values = [value for file in kustomizations for value in read_kustomization(file)]
        for value in values:
            patches |= {(here / name).resolve() for name in _patch_files(value)}
        chosen = sorted(here / name for name in files if _is_manifest_name(name))
        groups.append(FileGroup(tuple(chosen), tuple(kustomizations)))
    for group in groups:
        kept = tuple(file for file in group.files if file.resolve() not in patches)
        if kept or group.kustomizations:
            yield FileGroup(kept, group.kustomizations)


def _prune(names: list[str], files: list[str]) -> None:
    """Keep only folders to look into, in order."""
    left_out = _LEFT_OUT | (_CHART_PARTS if _CHART in files else frozenset())
    names[:] = sorted(n for n in names if not n.startswith(".") and n not in left_out)


def _is_manifest_name(name: str) -> bool:
    return name.endswith(SUFFIXES) and not name.startswith(".") and name not in {
        *KUSTOMIZATIONS, _CHART, "Chart.lock",
    }  # fmt: skip


def read_kustomization(file: Path) -> list[Mapping[str, Any]]:
    """A kustomization's documents; none where it cannot be read."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return []
    return [d.value for d in read_documents(text) if isinstance(d.value, dict)]


def _patch_files(kustomization: Mapping[str, Any]) -> Iterator[str]:
    """Files that a kustomization names, but not as objects."""
    for name in _PATCHES:
        entries = kustomization.get(name)
        for entry in entries if isinstance(entries, list) else []:
            if isinstance(entry, str) and "\n" not in entry:
                yield entry
    for name in ("patches", "patchesJson6902", "replacements"):
        entries = kustomization.get(name)
        for entry in entries if isinstance(entries, list) else []:
            path = entry.get("path") if isinstance(entry, Mapping) else None
            if isinstance(path, str):
                yield path
    yield from _generator_files(kustomization)


def _generator_files(kustomization: Mapping[str, Any]) -> Iterator[str]:
    """Files that become the data of ConfigMaps and Secrets, and values of charts."""
    for name in ("configMapGenerator", "secretGenerator"):
        entries = kustomization.get(name)
        for entry in entries if isinstance(entries, list) else []:
            files = entry.get("files") if isinstance(entry, Mapping) else None
            for file in files if isinstance(files, list) else []:
                yield str(file).rpartition("=")[2]
    charts = kustomization.get("helmCharts")
    for chart in charts if isinstance(charts, list) else []:
        values = chart.get("valuesFile") if isinstance(chart, Mapping) else None
        if isinstance(values, str):
            yield values
