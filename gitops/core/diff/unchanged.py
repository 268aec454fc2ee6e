"""What need not be compared: what Git has not changed since it was applied, nor the cluster.

In: desired, actual and the manifest that was applied last, of an object on which all that we own
is as we left it. Out: desired and actual without the fields in which nothing can have changed.
Called by the planner, to see soon that a change is one.
"""

from typing import Any

from gitops.core.schema.values import same_text
from gitops.model.objects import Body


def without_unchanged(desired: Body, actual: Body, last: Body) -> tuple[Body, Body]:
    """Both sides without fields of maps that desired has exactly as `last` has them.

    What stands at the top and is no map stays: it says what the object is.
    """
    wanted, found = dict(desired), dict(actual)
    for name, value in desired.items():
        if name in actual and name in last:
            wanted[name], found[name] = _without(value, actual[name], last[name])
    return wanted, found


def _without(desired: Any, actual: Any, last: Any) -> tuple[Any, Any]:
    if not all(isinstance(side, dict) for side in (desired, actual, last)):
        return desired, actual
    wanted, found = dict(desired), dict(actual)
    for name, value in desired.items():
        if name in last and name in actual:
            if same_text(value, last[name]):
                del wanted[name], found[name]
            else:
                wanted[name], found[name] = _without(value, actual[name], last[name])
    return wanted, found
