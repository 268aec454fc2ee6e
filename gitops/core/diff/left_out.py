"""Whether desired leaves out nothing of what was applied last, so that nothing has to be removed.

In: both in canonical form, and their shape. Called by diff, before it walks an object to find what
should be gone: hardly any change takes something away.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from gitops.core.ownership.fields import item_elements
from gitops.core.schema.schema import ANY, Form, ListType, Shape
from gitops.core.schema.values import is_zero, text_of
from gitops.model.diff import ABSENT


def states_all(desired: Any, last: Any, shape: Shape) -> bool:
    """Whether desired has a value wherever last has one, and nowhere one that counts as nothing.

    `last` is ABSENT where only desired has something. What is merged as one is not looked into.
    """
    if isinstance(desired, (dict, list)) and _is_stated_as_before(desired, last):
        return True
    if isinstance(desired, dict):
        return _map_states_all(desired, {} if last is ABSENT else last, shape)
    if isinstance(desired, list):
        return _list_states_all(desired, [] if last is ABSENT else last, shape)
    if desired is None or desired == "" or isinstance(last, (dict, list)):
        return False
    return not (shape.drops_zero and is_zero(desired))


def _is_stated_as_before(desired: Any, last: Any) -> bool:
    """Whether both are written alike, and hold nothing that may count as nothing."""
    text = text_of(desired)
    return text is not None and _NOTHING.search(text) is None and text == text_of(last)


_NOTHING: Final = re.compile(rb'[:,\[](?:null|""|-?0(?:\.0)?(?![.\d])|false|\{\}|\[\])')


def _map_states_all(desired: Mapping[str, Any], last: Any, shape: Shape) -> bool:
    if not isinstance(last, dict) or not last.keys() <= desired.keys():
        return False
    return shape.atomic or all(
        states_all(value, last.get(name, ABSENT), shape.child(name) or ANY)
        for name, value in desired.items()
    )


def _list_states_all(desired: Sequence[Any], last: Any, shape: Shape) -> bool:
    if not isinstance(last, list) or shape.form is not Form.LIST:
        return False
    if shape.atomic or shape.list_type is ListType.ATOMIC:
        return True
    wanted, had = item_elements(desired, shape), item_elements(last, shape)
    if wanted is None or had is None or len(set(wanted)) != len(wanted):
        return False
    known = dict(zip(had, last, strict=True))
    return known.keys() <= set(wanted) and all(
        states_all(item, known.get(element, ABSENT), shape.item)
        for item, element in zip(desired, wanted, strict=True)
    )
