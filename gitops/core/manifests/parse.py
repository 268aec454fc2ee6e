"""YAML or JSON text to manifests: text and its path in, manifests and every fault out.

A document that is at fault gives no manifest and hides no other document. Called by the engine for
what a renderer gave, and by the offline commands for files. `core/yaml/reader.py` reads.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeGuard

from gitops.core.manifests.metadata import check_object
from gitops.core.wording import Path, kind_of, nearest, tokens
from gitops.core.yaml.reader import DEFAULT_LIMITS, Document, Limits, read_documents
from gitops.model.objects import Body, Manifest, ObjectId, Place, identify
from gitops.model.plan import Fault


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a text holds.

    `manifests` are the documents without a fault, `List` kinds expanded, in their order. `flawed`
    are those that have a kind but also a fault, as well as they could be read: good for more
    checks, never for applying.
    """

    manifests: tuple[Manifest, ...] = ()
    faults: tuple[Fault, ...] = ()
    flawed: tuple[Manifest, ...] = ()
    sources: Mapping[Place, tuple[Document, Path]] = field(
        default_factory=dict, repr=False, compare=False
    )
    """The document, and the path inside it, that each place of a manifest stands for."""

    def locate(self, place: Place | None, path: Path = (), *, of_key: bool = False) -> Place | None:
        """Where the value at a path of the manifest at `place` stands, or its key.

        The nearest parent's place where the path does not exist; `place` itself where its text is
        not ours. Reads the document again, so ask for faults only.
        """
        if place is None or place not in self.sources:
            return place
        document, base = self.sources[place]
        line, column = document.locate(tokens((*base, *path)), of_key=of_key)
        return Place(place.path, line, column)


def parse(
    text: str, path: str, limits: Limits = DEFAULT_LIMITS, *, skip_foreign: bool = False
) -> Parsed:
    """Read one text; `path` is what faults name.

    Args:
        text: YAML documents, or JSON objects one after another.
        path: Relative to the root that people know.
        limits: What one text may hold.
        skip_foreign: Leave out documents that are no Kubernetes objects at all (values files,
            workflows, charts), as a directory of mixed files needs.
    """
    return parse_all([(path, text)], limits, skip_foreign=skip_foreign)


def parse_all(
    texts: Iterable[tuple[str, str]],
    limits: Limits = DEFAULT_LIMITS,
    *,
    skip_foreign: bool = False,
    may_repeat: bool = False,
) -> Parsed:
    """Read many texts, as (path, text).

    An object declared in two of them is a fault, unless it `may_repeat` (see `last_declared`).
    """
    reader = _Reader(skip_foreign=skip_foreign)
    for path, text in texts:
        if not (skip_foreign and SKIP_MARK in text):
            reader.read(path, text, limits)
    repeated = [] if may_repeat else find_duplicates([*reader.manifests, *reader.flawed])
    faults = sorted([*reader.faults, *repeated], key=fault_order)
    return Parsed(tuple(reader.manifests), tuple(faults), tuple(reader.flawed), reader.sources)


def fault_order(fault: Fault) -> tuple[Any, ...]:
    """Sorts faults by place, then by code and message."""
    return (*place_order(fault.place), fault.code, fault.message)


def place_order(place: Place | None) -> tuple[str, int, int]:
    """Sorts places as people read; None comes first."""
    return (place.path, place.line, place.column) if place else ("", 0, 0)


SKIP_MARK: Final = "+argocd:skip-file-rendering"
"""Argo CD leaves out files with this comment."""


def decode(content: bytes, path: str) -> tuple[str, Fault | None]:
    """A file's bytes as text; "" and a fault where they are not UTF-8, nor UTF-16 with its mark."""
    is_utf16 = content[:2] in {b"\xff\xfe", b"\xfe\xff"}
    try:
        return content.decode("utf-16" if is_utf16 else "utf-8"), None
    except UnicodeDecodeError as error:
        before = content[: error.start]
        place = Place(path, before.count(b"\n") + 1, error.start - before.rfind(b"\n"))
        name = f"byte 0x{content[error.start]:02X} stands here"
        return "", Fault(
            "encoding", f"the file is not UTF-8: {name}; save it as UTF-8", None, place
        )


def find_duplicates(manifests: Iterable[Manifest]) -> list[Fault]:
    """A fault for each object that an earlier manifest declares too."""
    seen: dict[ObjectId, Place | None] = {}
    faults = []
    ordered = sorted(manifests, key=lambda manifest: place_order(manifest.place))
    for manifest in ordered:
        if not manifest.id.name or not manifest.id.kind:
            continue
        if manifest.id not in seen:
            seen[manifest.id] = manifest.place
            continue
        first = seen[manifest.id]
        where = f"first at {first}" if first else "more than once"
        message = f"{manifest.id.title} is declared twice, {where}"
        faults.append(Fault("duplicate-object", message, manifest.id, manifest.place))
    return faults


def last_declared(manifests: Sequence[Manifest]) -> tuple[list[Manifest], list[Fault]]:
    """Of equal objects the last one, as Argo CD takes it; a remark for each that it hides."""
    newest: dict[ObjectId, Manifest] = {}
    hidden: dict[ObjectId, Manifest] = {}
    for manifest in manifests:
        if manifest.id in newest:
            hidden[manifest.id] = manifest
        newest[manifest.id] = manifest
    kept = [m for m in manifests if not m.id.name or newest[m.id] is m]
    remarks = [
        Fault(
            "duplicate-object",
            f"{found.title} is declared more than once; the one at {manifest.place} is taken",
            found,
            manifest.place,
        )
        for found, manifest in hidden.items()
        if found.name
    ]
    return kept, remarks


_CORE_KEYS: Final = ("apiVersion", "kind", "metadata")
_LOOKS_LIKE_OBJECT: Final = re.compile(
    r'^[ \t]*+(?:-[ \t]*+)?"?(apiVersion|kind|metadata)"?[ \t]*+:', re.MULTILINE
)
_ENOUGH: Final = 2
"""So many of apiVersion, kind and metadata make a mapping an object that somebody meant."""
_MAX_NESTED_LISTS: Final = 10
_LIST_KEYS: Final = frozenset({*_CORE_KEYS, "items"})


class _Reader:
    """Gathers manifests and faults of many texts."""

    def __init__(self, *, skip_foreign: bool) -> None:
        self.manifests: list[Manifest] = []
        self.flawed: list[Manifest] = []
        self.faults: list[Fault] = []
        self.sources: dict[Place, tuple[Document, Path]] = {}
        self._skip_foreign = skip_foreign

    def read(self, path: str, text: str, limits: Limits) -> None:
        for document in read_documents(text, limits):
            if self._skip_foreign and _is_foreign(document, text):
                continue
            place = Place(path, document.line, document.column)
            body = document.value
            named = _named(identify(body)) if isinstance(body, dict) else None
            self.faults += [
                Fault(f.code, f.message, named, Place(path, f.line, f.column))
                for f in document.faults
            ]
            if body is not None:
                self._take(document, (), place)

    def _take(self, document: Document, base: Path, place: Place) -> None:
        """One object of a document, or each of a List's."""
        body = _at(document.value, base)
        if not isinstance(body, dict):
            message = f"a Kubernetes object is a mapping, but this is {kind_of(body)}"
            self.faults.append(Fault("not-an-object", message, None, place))
            return
        items = list_items(body)
        if items is None or len(base) > _MAX_NESTED_LISTS:
            self._add(document, base, place, _with_list_kind(document.value, base, body))
            return
        for index in range(len(items)):
            inner = (*base, "items", index)
            line, column = document.locate(tokens(inner))
            self._take(document, inner, Place(place.path, line, column))

    def _add(self, document: Document, base: Path, place: Place, body: Body) -> None:
        found = check_object(body)
        manifest = Manifest.of(found.body, place)
        self.sources[place] = (document, base)
        for code, message, path, of_key in found.faults:
            line, column = document.locate(tokens((*base, *path)), of_key=of_key)
            self.faults.append(
                Fault(code, message, _named(manifest.id), Place(place.path, line, column))
            )
        if not found.faults and not document.faults:
            self.manifests.append(manifest)
        elif manifest.id.kind and manifest.api_version:
            self.flawed.append(manifest)


def _named(found: ObjectId) -> ObjectId | None:
    """An identity where there is enough of one to name the object."""
    return found if found.kind else None


def _at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


def list_items(body: Mapping[str, Any]) -> list[Any] | None:
    """The items of a `List` or a typed list, none where they are null; None for other objects.

    What states anything beside null items is an object whose kind only ends like a list's. An
    object of another kind is a list where its items are objects, as for kubectl and Argo CD.
    """
    kind = body.get("kind")
    items = body.get("items")
    if not isinstance(kind, str) or not kind.endswith("List"):
        return items if _are_objects(items) else None
    if isinstance(items, list):
        return items
    says_nothing = items is None and body.keys() <= _LIST_KEYS
    return [] if says_nothing and (kind == "List" or "items" in body) else None


def _are_objects(items: Any) -> TypeGuard[list[Any]]:
    """Whether each says what it is; there is at least one."""
    return (
        isinstance(items, list)
        and bool(items)
        and all(
            isinstance(item, Mapping) and {"apiVersion", "kind"} <= item.keys() for item in items
        )
    )


def _with_list_kind(document: Any, base: Path, body: Body) -> Body:
    """Items of a typed list that name no kind have the list's (`ConfigMapList`)."""
    if not base or body.get("kind") or body.get("apiVersion"):
        return body
    outer = _at(document, base[:-2])
    kind = outer["kind"].removesuffix("List")
    return {"apiVersion": outer.get("apiVersion"), "kind": kind, **body} if kind else body


def _is_foreign(document: Document, text: str) -> bool:
    """Whether a document is none of ours: too little of it looks like an object."""
    if document.value is None:
        source = document.text or text
        return len(set(_LOOKS_LIKE_OBJECT.findall(source))) < _ENOUGH
    if not isinstance(document.value, dict):
        return True
    return not looks_like_object(document.value)


def looks_like_object(body: Mapping[str, Any]) -> bool:
    """Whether somebody meant a mapping as a Kubernetes object, misspelt keys counted."""
    if is_kustomization(body):
        return False
    return sum(1 for _ in _core_keys(body)) >= _ENOUGH


def is_kustomization(body: Mapping[str, Any]) -> bool:
    """Whether it is Kustomize's own file, which no cluster knows."""
    return str(body.get("apiVersion")).startswith("kustomize.config.k8s.io/")


def _core_keys(body: Mapping[str, Any]) -> Iterator[str]:
    for key in _CORE_KEYS:
        if key in body or any(_is_misspelt(name, key) for name in body):
            yield key


def _is_misspelt(name: str, key: str) -> bool:
    return nearest(name, (key,)) is not None
