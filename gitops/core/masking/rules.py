"""Which places of an object rules hide: the installation's, an application's, the object's own.

In: `PathRule`s, names of annotations, bodies. Out: places, and the one sentence about a rule that
cannot be read; then the whole object is hidden, so that a mistake shows nothing. Called by
`masking/mask.py`, by what reads rules, and by the engine.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple, Self

from gitops.core.path_rules import IDENTITY, PathFinder, matches, rule_fault, without_jq
from gitops.core.pointers import Pointer, parse_pointer
from gitops.core.yaml.reader import read_documents
from gitops.errors import ApplicationError
from gitops.model.application import PathRule
from gitops.model.objects import Body, ObjectId, identify, string_map

MASK_ANNOTATION: Final = "gitops.dev/mask-paths"
"""On a manifest: YAML with `jsonPointers` and `jqPathExpressions`, rules for this object alone."""
SENSITIVE_ANNOTATIONS: Final = "resource.sensitive.mask.annotations"
"""Argo CD's key for the names of annotations that are masked, with commas between."""
ANY: Final = "*"
_KEYS: Final = ("jsonPointers", "jqPathExpressions")


class Hidden(NamedTuple):
    """Places that are masked; `fault` says what is wrong with a rule, "" where nothing is."""

    places: tuple[Pointer, ...] = ()
    fault: str = ""


@dataclass(frozen=True, slots=True)
class MaskRules:
    """Rules, those that do not match an object included; `find_paths` runs jq."""

    rules: tuple[PathRule, ...] = ()
    annotations: tuple[str, ...] = ()
    find_paths: PathFinder = without_jq

    def with_rules(self, rules: Iterable[PathRule]) -> Self:
        """The same with an application's rules besides."""
        return replace(self, rules=(*self.rules, *rules))

    @property
    def words(self) -> tuple[str, ...]:
        """One of them is in every object that hides something without being named by a rule."""
        return (MASK_ANNOTATION, *self.annotations)

    def name(self, identity: ObjectId) -> bool:
        """Whether a rule speaks about an object."""
        return any(matches(rule, identity) for rule in self.rules)

    def concern(self, body: Body) -> bool:
        """Whether anything of an object may be hidden by rule."""
        annotations = string_map(body, "annotations")
        return any(word in annotations for word in self.words) or self.name(identify(body))

    def hidden(self, body: Any) -> Hidden:
        """The places of an object that are hidden."""
        if not isinstance(body, Mapping):
            return Hidden()
        annotations = string_map(body, "annotations")
        if not self.rules and not any(word in annotations for word in self.words):
            return Hidden()
        identity = identify(body)
        rules = [rule for rule in self.rules if matches(rule, identity)]
        text = annotations.get(MASK_ANNOTATION)
        named = [("metadata", "annotations", n) for n in self.annotations if n in annotations]
        try:
            rules += [] if text is None else [_annotated(text)]
            return Hidden((*named, *self._places(rules, body)))
        except ApplicationError as error:
            return Hidden(_whole(body), error.message)

    def _places(self, rules: Iterable[PathRule], body: Body) -> Iterator[Pointer]:
        for rule in rules:
            yield from (place for text in rule.json_pointers if (place := parse_pointer(text)))
        expressions = [text for rule in rules for text in rule.jq_path_expressions]
        for places in self.find_paths(expressions, [body]) if expressions else ():
            yield from (place for place in places if place and place not in IDENTITY)


def annotations_of(data: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of annotations that an `argocd-cm` lets be masked."""
    names = str(data.get(SENSITIVE_ANNOTATIONS) or "").split(",")
    return tuple(dict.fromkeys(name.strip() for name in names if name.strip()))


def places_in(value: Any, place: Pointer) -> Iterator[Any]:
    """What stands at a place, `*` being any one name or index."""
    if not place:
        yield value
        return
    token, rest = place[0], place[1:]
    entries: Iterable[tuple[str, Any]] = ()
    if isinstance(value, Mapping):
        entries = ((str(key), item) for key, item in value.items())
    elif isinstance(value, list | tuple):
        entries = ((str(index), item) for index, item in enumerate(value))
    for key, item in entries:
        if token in {ANY, key}:
            yield from places_in(item, rest)


def _annotated(text: str) -> PathRule:
    """The rule that an annotation holds; raises ApplicationError."""
    documents = list(read_documents(text))
    value = documents[0].value if len(documents) == 1 and not documents[0].faults else None
    fault = "is no mapping in YAML with jsonPointers or jqPathExpressions"
    if isinstance(value, Mapping) and set(value) <= set(_KEYS):
        lists = [value.get(key) or [] for key in _KEYS]
        fault = "holds something that is no list of texts"
        if all(isinstance(one, list) and all(isinstance(t, str) for t in one) for one in lists):
            rule = PathRule(json_pointers=tuple(lists[0]), jq_path_expressions=tuple(lists[1]))
            fault = rule_fault(rule)
            if not fault:
                return rule
    raise ApplicationError(f"the annotation {MASK_ANNOTATION} {fault}")


def _whole(body: Body) -> tuple[Pointer, ...]:
    """Everything of an object but what it is."""
    keys = [(str(key),) for key in body if (str(key),) not in IDENTITY and key != "metadata"]
    return (*keys, ("metadata", "annotations"), ("metadata", "labels"))
