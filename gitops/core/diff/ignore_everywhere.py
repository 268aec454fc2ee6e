"""Ignore rules for the whole installation, as Argo CD's `argocd-cm` writes them.

In: the data of the ConfigMap. Out: `IgnoreRule`s, which count beside an application's own. Called
by the offline `diff` and the wiring. Keys are
`resource.customizations.ignoreDifferences.<group>_<kind>` (or `.<kind>` in the core group, or
`.all`), and `resource.customizations` with a mapping `<group>/<kind>: {ignoreDifferences: …}`,
where `*` stands for anything.
"""

from collections.abc import Mapping
from typing import Any, Final

from gitops.core.yaml.customizations import customized, mapping_of
from gitops.errors import InputError
from gitops.model.application import IgnoreRule

_FIELDS: Final = ("jsonPointers", "jqPathExpressions", "managedFieldsManagers")
"""In the order of `IgnoreRule`."""


def rules_of_customizations(data: Mapping[str, Any], where: str) -> tuple[IgnoreRule, ...]:
    """The rules of a ConfigMap's data, the others of its keys passed over; raises InputError."""
    return tuple(_rule(*found) for found in customized(data, "ignoreDifferences", where))


def _rule(kind: str, text: Any, where: str) -> IgnoreRule:
    """A rule for `<group>/<kind>`, `<kind>` of the core group, or `all`."""
    group, _, name = kind.rpartition("/")
    if kind == "all":
        group, name = "*", "*"
    values = mapping_of(text, where, "write jsonPointers or jqPathExpressions")
    facts: list[tuple[str, ...]] = []
    for key in _FIELDS:
        stated = values.get(key) or []
        if not isinstance(stated, list) or not all(isinstance(item, str) for item in stated):
            raise InputError(f"{key} is no list of texts", where=where)
        facts.append(tuple(stated))
    return IgnoreRule(group, name, "", "", *facts)
