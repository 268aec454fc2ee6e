"""Kustomizations as files: fields that Kustomize does not know, and files that are not there.

In: a kustomization's file. Out: faults with their places; nothing is built. Called by `gitops
validate`. The fields are those of sigs.k8s.io/kustomize/api v0.21 `types.Kustomization`.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from gitops.core.manifests.parse import decode
from gitops.core.wording import Path as Steps
from gitops.core.wording import did_you_mean, dotted, kind_of, shorten, tokens
from gitops.core.yaml.reader import Document, read_documents
from gitops.model.objects import Place
from gitops.model.plan import Fault
from gitops.render.kustomization import is_remote

_GROUP: Final = "kustomize.config.k8s.io/"
_FIELDS: Final = frozenset({
    "apiVersion", "kind", "metadata", "openapi", "namePrefix", "nameSuffix", "namespace",
    "commonLabels", "labels", "commonAnnotations", "patchesStrategicMerge", "patchesJson6902",
    "patches", "images", "imageTags", "replacements", "replicas", "vars", "sortOptions",
    "resources", "components", "crds", "bases", "configMapGenerator", "secretGenerator",
    "helmGlobals", "helmCharts", "helmChartInflationGenerator", "generatorOptions",
    "configurations", "generators", "transformers", "validators", "buildMetadata",
})  # fmt: skip
_LISTS: Final = ("resources", "bases", "components", "crds", "configurations")
_WITH_PATHS: Final = ("patches", "patchesJson6902", "replacements")
_GENERATORS: Final = ("configMapGenerator", "secretGenerator")


def check_kustomization(file: Path) -> list[Fault]:
    """Every fault of one kustomization; none where the file is another tool's."""
    text, unreadable = decode(file.read_bytes(), str(file))
    if unreadable is not None:
        return [unreadable]
    documents = list(read_documents(text))
    faults = [
        Fault(fault.code, fault.message, None, Place(str(file), fault.line, fault.column))
        for document in documents
        for fault in document.faults
    ]
    if faults:
        return faults
    if not documents:
        return [Fault("missing-field", "the kustomization is empty", None, Place(str(file)))]
    body = documents[0].value
    if not isinstance(body, Mapping):
        message = f"a kustomization is a mapping, but this is {kind_of(body)}"
        return [Fault("not-an-object", message, None, Place(str(file)))]
    if not str(body.get("apiVersion") or _GROUP).startswith(_GROUP):
        return []
    found = [*_unknown(body), *_missing(body, file.parent)]
    return [_fault(file, documents[0], *flaw) for flaw in found]


def _fault(file: Path, document: Document, code: str, message: str, steps: Steps) -> Fault:
    line, column = document.locate(tokens(steps), of_key=code == "unknown-field")
    return Fault(code, message, None, Place(str(file), line, column))


Flaw = tuple[str, str, Steps]


def _unknown(body: Mapping[str, Any]) -> Iterator[Flaw]:
    for name in body:
        if name not in _FIELDS:
            meant = did_you_mean(name, (field for field in _FIELDS if field not in body))
            yield "unknown-field", f'unknown field "{shorten(name)}"{meant}', (name,)


def _missing(body: Mapping[str, Any], folder: Path) -> Iterator[Flaw]:
    """Files and folders of the repository that are named and are not there."""
    for steps, name in _names(body):
        if "\n" in name or is_remote(name) or (folder / name).exists():
            continue
        message = f'{dotted(steps)} names "{shorten(name)}", which does not exist'
        yield "missing-file", message, steps


def _names(body: Mapping[str, Any]) -> Iterator[tuple[Steps, str]]:
    for field in _LISTS:
        yield from _texts(body, (field,))
    merges = _texts(body, ("patchesStrategicMerge",))
    yield from ((steps, name) for steps, name in merges if ":" not in name)
    for field in _WITH_PATHS:
        for index, entry in _entries(body, field):
            path = entry.get("path")
            yield from [((field, index, "path"), path)] if isinstance(path, str) and path else []
    for field in _GENERATORS:
        for index, entry in _entries(body, field):
            for steps, name in (*_texts(entry, ("files",)), *_texts(entry, ("envs",))):
                yield (field, index, *steps), _source(name) if steps[0] == "files" else name


def _source(text: str) -> str:
    """The file of `key=file`."""
    return text.partition("=")[2] or text


def _texts(value: Mapping[str, Any], steps: tuple[str]) -> Iterator[tuple[Steps, str]]:
    """The strings of a list, each with its place."""
    found = value.get(steps[0])
    for index, item in enumerate(found if isinstance(found, list) else []):
        if isinstance(item, str) and item:
            yield (*steps, index), item


def _entries(body: Mapping[str, Any], field: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    found = body.get(field)
    for index, item in enumerate(found if isinstance(found, list) else []):
        if isinstance(item, Mapping):
            yield index, item
