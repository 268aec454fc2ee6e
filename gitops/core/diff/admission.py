"""What the cluster made otherwise of what was applied: mutating webhooks and policies do that.

In: what was applied, and what the API server answered. Out: a sentence. Called after each apply,
and for what a dry run leaves as it is; the status of an object finds it in its newest outcome.
Such a field counts as applied all the same, because applying it again would change nothing.
"""

from typing import Any, Final

from gitops.core.diff.diff import diff
from gitops.core.diff.drift import Note, name_field
from gitops.core.ownership.owners import LastApplied
from gitops.core.schema.shapes import Shapes
from gitops.model.objects import Body

ADMISSION: Final = "a webhook or a policy of the cluster"
NOT_APPLIED: Final = "not as applied: "


def is_answered(applied: Any, answer: Any) -> bool:
    """Whether the answer says all that was applied, in the same words and the same order.

    False is no difference yet: a quantity may be written otherwise, a list hold more.
    """
    if isinstance(applied, dict):
        return isinstance(answer, dict) and all(
            name in answer and is_answered(value, answer[name]) for name, value in applied.items()
        )
    if isinstance(applied, list):
        same_length = isinstance(answer, list) and len(applied) == len(answer)
        return same_length and all(map(is_answered, applied, answer))
    return type(applied) is type(answer) and bool(applied == answer)


def overruled(applied: Body, answer: Body, shapes: Shapes) -> str:
    """`not as applied: spec.replicas by a webhook or a policy of the cluster`, or ""."""
    found = diff(applied, answer, LastApplied(applied), shapes)
    fields = tuple(name_field(change) for change in found.fields)
    return f"{NOT_APPLIED}{Note(fields, (ADMISSION,)).sentence}" if fields else ""


def told(message: str) -> str:
    """The sentence of `overruled` in the message of an outcome, or ""."""
    _, begin, rest = message.partition(NOT_APPLIED)
    return begin + rest
