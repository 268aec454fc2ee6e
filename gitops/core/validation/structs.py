"""Rules by structure, wherever it stands: a probe in any template, a network in any policy.

In: a body and its kind's shape. Out: flaws that the API server would find too, but its
specification does not tell. A new rule is a row in one of the three tables. Called by
`core/validation/validate.py`.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from gitops.core.manifests.metadata import Flaw
from gitops.core.schema.schema import ANY, Form, Shape
from gitops.core.validation.definitions import check_definition
from gitops.core.validation.meta import check_nested_labels
from gitops.core.validation.other_structs import OTHER_FIELDS, OTHER_STRUCTS
from gitops.core.validation.pod_structs import POD_FIELDS, POD_STRUCTS, StructRule
from gitops.core.validation.values import Rule
from gitops.core.validation.work_structs import WORK_FIELDS, WORK_STRUCTS
from gitops.core.wording import Path, dotted, shorten


def _both(*tables: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Tables by structure as one: what several say of a structure, in their order."""
    names = dict.fromkeys(name for table in tables for name in table)
    return {name: [table[name] for table in tables if name in table] for name in names}


_FIELDS: Final[Mapping[str, Mapping[str, Rule]]] = {
    name: {field: rule for row in rows for field, rule in row.items()}
    for name, rows in _both(POD_FIELDS, OTHER_FIELDS, WORK_FIELDS).items()
}
_DEFINITIONS: Final = {"CustomResourceDefinitionSpec": (check_definition,)}
_STRUCTS: Final[Mapping[str, tuple[StructRule, ...]]] = {
    name: tuple(rule for row in rows for rule in row)
    for name, rows in _both(POD_STRUCTS, OTHER_STRUCTS, WORK_STRUCTS, _DEFINITIONS).items()
}


def check_structs(value: Any, shape: Shape, path: Path = ()) -> Iterator[Flaw]:
    """Every structure of a body, the body itself first; its status is the server's."""
    if isinstance(value, Mapping) and shape.form is Form.STRUCT:
        name = shape.name.rpartition(".")[2]
        yield from check_nested_labels(value, name, path)
        for field, rule in _FIELDS.get(name, {}).items():
            yield from _check_field(value.get(field), rule, (*path, field))
        for struct_rule in _STRUCTS.get(name, ()):
            yield from struct_rule(value, path)
        for key, item in value.items():
            if key != "status" or path:
                yield from check_structs(item, shape.child(key) or ANY, (*path, key))
    elif isinstance(value, list) and shape.form is Form.LIST:
        for index, item in enumerate(value):
            yield from check_structs(item, shape.item, (*path, index))


def _check_field(value: Any, rule: Rule, path: Path) -> Iterator[Flaw]:
    """One value, or each of a list's."""
    items = enumerate(value) if isinstance(value, list) else [(None, value)]
    for index, item in items:
        wrong = rule(item)
        if wrong is None:
            continue
        where = path if index is None else (*path, index)
        is_text = isinstance(item, str)
        said = f'"{shorten(item)}" {wrong}' if is_text else f"is {item}, but {wrong}"
        yield Flaw("bad-value", f"{dotted(where)} {said}", where)
