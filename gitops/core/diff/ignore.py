"""Which places of an object are not compared: ignore rules, and what is never the user's.

In: `IgnoreRule`s and the two bodies. Out: pointers into each of them. Called by diff.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from gitops.core.manifests.normalize import (
    OUR_MARKS,
    SERVER_METADATA,
    is_aggregated,
    keeps_status,
)
from gitops.core.path_rules import PathFinder, matches, without_jq
from gitops.core.pointers import Pointer, parse_pointer
from gitops.core.schema.shapes import Shapes
from gitops.core.schema.values import same_json
from gitops.core.yaml.reader import read_documents
from gitops.errors import ApplicationError
from gitops.model.application import IgnoreRule
from gitops.model.objects import Body, ObjectId, string_map

IDENTITY: Final[tuple[Pointer, ...]] = (
    ("apiVersion",),
    ("kind",),
    ("metadata", "name"),
    ("metadata", "namespace"),
    ("metadata", "generateName"),
)
IGNORE_ANNOTATIONS: Final = (
    "gitops.dev/ignore-differences",
    "argocd.argoproj.io/ignore-differences",
)
"""On a manifest: YAML with `jsonPointers`, rules for this object alone."""


@dataclass(frozen=True, slots=True)
class DiffOptions:
    """What is left out of a comparison.

    `ignore` are the rules of the installation and of an application (all of them: those that do
    not match the object have no effect); `ignore_replicas` leaves `spec.replicas` to an
    autoscaler; `find_paths` runs jq.
    """

    ignore: tuple[IgnoreRule, ...] = ()
    ignore_replicas: bool = False
    find_paths: PathFinder = without_jq

    def with_rules(self, rules: Iterable[IgnoreRule]) -> Self:
        """The same with an application's rules besides."""
        return replace(self, ignore=(*self.ignore, *rules))

    def matching(self, identity: ObjectId, desired: Body) -> list[IgnoreRule]:
        """The rules that speak about an object, and those of its manifest's own annotation."""
        found = [rule for rule in self.ignore if matches(rule, identity)]
        annotations = string_map(desired, "annotations")
        texts = [annotations[key] for key in IGNORE_ANNOTATIONS if key in annotations]
        return [*found, *(rule for text in texts if (rule := _annotated(text)) is not None)]


def _annotated(text: str) -> IgnoreRule | None:
    """The rule that an annotation holds; None where it cannot be read, as Argo CD has it."""
    value = next((document.value for document in read_documents(text)), None)
    pointers = value.get("jsonPointers") if isinstance(value, Mapping) else None
    if not isinstance(pointers, list):
        return None
    return IgnoreRule(json_pointers=tuple(p for p in pointers if isinstance(p, str) and p))


def never_compared(body: Body, other: Body, shapes: Shapes) -> Iterator[Pointer]:
    """Places of `body` that are the server's, ours, or the object's identity."""
    yield from IDENTITY
    yield from (("metadata", key) for key in SERVER_METADATA)
    for field, marks in OUR_MARKS.items():
        yield from (("metadata", field, mark) for mark in marks)
    if not keeps_status(other, shapes):
        yield ("status",)
    if is_aggregated(body) or is_aggregated(other):
        yield ("rules",)


def ignored_pointers(
    bodies: Sequence[Body], rules: Sequence[IgnoreRule], options: DiffOptions
) -> list[list[Pointer]]:
    """Places of each body that rules name; raises ApplicationError for a rule that is no good."""
    named = [pointer for rule in rules for pointer in _pointers(rule.json_pointers)]
    if options.ignore_replicas:
        named.append(("spec", "replicas"))
    expressions = [text for rule in rules for text in rule.jq_path_expressions]
    found = options.find_paths(expressions, bodies) if expressions else [[] for _ in bodies]
    return [[*named, *(place for place in places if place)] for places in found]


def _pointers(texts: Iterable[str]) -> Iterator[Pointer]:
    for text in texts:
        pointer = parse_pointer(text)
        if pointer is None:
            raise ApplicationError(
                f"{text!r} is not a JSON pointer",
                where="spec.ignoreDifferences",
                remedy="write a slash inside a name as ~1 and a tilde as ~0",
            )
        if pointer:
            yield pointer


def trusted_managers(rules: Iterable[IgnoreRule]) -> frozenset[str]:
    """Managers whose fields are not compared."""
    return frozenset(name for rule in rules for name in rule.managed_fields_managers)


def same_endpoints(left: Any, right: Any) -> bool:
    """Whether two Endpoints have the same subsets; the server sorts them."""
    return same_json(_sorted_subsets(left), _sorted_subsets(right))


def _sorted_subsets(subsets: Any) -> Any:
    if isinstance(subsets, list):
        return sorted((_sorted_subsets(item) for item in subsets), key=repr)
    if isinstance(subsets, dict):
        return {key: _sorted_subsets(value) for key, value in sorted(subsets.items())}
    return subsets
