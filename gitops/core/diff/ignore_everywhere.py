"""Ignore rules for the whole installation, as Argo CD's `argocd-cm` writes them.

In: the data of the ConfigMap. Out: `IgnoreRule`s, which count beside an application's own. Called
by the offline `diff` and the wiring. Keys are
`resource.customizations.ignoreDifferences.<group>_<kind>` (or `.<kind>` in the core group, or
`.all`), and `resource.customizations` with a mapping `<group>/<kind>: {ignoreDifferences: …}`,
where `*` stands for anything.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from gitops.core.yaml.reader import read_documents
from gitops.errors import InputError
from gitops.model.application import IgnoreRule

_OLD: Final = "resource.customizations"
_PREFIX: Final = f"{_OLD}.ignoreDifferences."
_FIELDS: Final = ("jsonPointers", "jqPathExpressions", "managedFieldsManagers")
"""In the order of `IgnoreRule`."""


def rules_of_customizations(data: Mapping[str, Any], where: str) -> tuple[IgnoreRule, ...]:
    """The rules of a ConfigMap's data, the others of its keys passed over; raises InputError."""
    rules = [
        _rule(kind.replace("_", "/", 1), text, f"{where}: {_PREFIX}{kind}")
        for key, text in sorted(data.items())
        if (kind := key.removeprefix(_PREFIX)) != key
    ]
    return (*rules, *_of_old_key(data.get(_OLD), f"{where}: {_OLD}"))


def _of_old_key(text: Any, where: str) -> Iterator[IgnoreRule]:
    kinds = _mapping(text, where) if text else {}
    for kind, customized in kinds.items():
        ignored = customized.get("ignoreDifferences") if isinstance(customized, Mapping) else None
        if ignored:
            yield _rule(str(kind), ignored, f"{where} {kind}")


def _rule(kind: str, text: Any, where: str) -> IgnoreRule:
    """A rule for `<group>/<kind>`, `<kind>` of the core group, or `all`."""
    group, _, name = kind.rpartition("/")
    if kind == "all":
        group, name = "*", "*"
    values = _mapping(text, where)
    facts: list[tuple[str, ...]] = []
    for key in _FIELDS:
        stated = values.get(key) or []
        if not isinstance(stated, list) or not all(isinstance(item, str) for item in stated):
            raise InputError(f"{key} is no list of texts", where=where)
        facts.append(tuple(stated))
    return IgnoreRule(group, name, "", "", *facts)


def _mapping(text: Any, where: str) -> Mapping[str, Any]:
    if isinstance(text, Mapping):
        return text
    documents = list(read_documents(text)) if isinstance(text, str) else []
    for fault in (fault for document in documents for fault in document.faults):
        raise InputError(f"line {fault.line} is no YAML: {fault.message}", where=where)
    value = documents[0].value if documents else {}
    if not isinstance(value, Mapping):
        raise InputError(
            "it is no mapping", where=where, remedy="write jsonPointers or jqPathExpressions"
        )
    return value
