"""Put actual's own values into another object at the places that are ignored.

In: an answer of the server, actual, and a `Trace` of what is ignored. Out: the answer as if nobody
had touched those places; the very same object where there is nothing to keep. Called by diff.
"""

from collections.abc import Mapping
from typing import Any

from gitops.core.diff.trace import Trace
from gitops.core.ownership.fields import item_elements
from gitops.core.schema.schema import ANY, Shape
from gitops.model.diff import ABSENT


def keep_ignored(value: Any, actual: Any, trace: Trace, shape: Shape) -> Any:
    """`value` with actual's parts where `trace` ignores them; ABSENT where actual has none."""
    if trace.ignored or trace.ignored_in_desired:
        return actual
    if isinstance(value, dict):
        return _keep_in_map(value, actual if isinstance(actual, dict) else {}, trace, shape)
    if isinstance(value, list):
        return _keep_in_list(value, actual if isinstance(actual, list) else [], trace, shape)
    return value


def _keep_in_map(
    value: Mapping[str, Any], actual: Mapping[str, Any], trace: Trace, shape: Shape
) -> Any:
    made = {}
    for name in (*value, *(name for name in actual if name not in value)):
        below = trace.field(name, atomic=False)
        mine, theirs = value.get(name, ABSENT), actual.get(name, ABSENT)
        kept = keep_ignored(mine, theirs, below, shape.child(name) or ANY)
        if kept is not ABSENT:
            made[name] = kept
    return made


def _keep_in_list(value: list[Any], actual: list[Any], trace: Trace, shape: Shape) -> Any:
    wanted, found = item_elements(value, shape), item_elements(actual, shape)
    made = []
    for index, item in enumerate(value):
        if wanted is None or found is None:
            other = index if index < len(actual) else -1
            below = trace.position(other, index)
        else:
            other = found.index(wanted[index]) if wanted[index] in found else -1
            below = trace.item(wanted[index], ABSENT, (other, index))
        kept = keep_ignored(item, actual[other] if other >= 0 else ABSENT, below, shape.item)
        if kept is not ABSENT:
            made.append(kept)
    return made
