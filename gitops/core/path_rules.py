"""Rules that name places of objects: which objects they speak about, and how jq is asked.

In: `PathRule`s and identities. Out: verdicts and errors. Called by `diff/ignore.py`, the masking
rules, and the edge that runs jq.
"""

from collections.abc import Callable, Sequence
from typing import Final

from gitops.core import globs
from gitops.core.pointers import Pointer, parse_pointer
from gitops.errors import ApplicationError
from gitops.model.application import PathRule
from gitops.model.objects import Body, ObjectId

IDENTITY: Final = frozenset({
    ("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace"),
})  # fmt: skip
"""What tells which object it is, and always shows."""
PathFinder = Callable[[Sequence[str], Sequence[Body]], list[list[Pointer]]]
"""The places of each body that jq expressions name; raises ApplicationError."""


def matches(rule: PathRule, identity: ObjectId) -> bool:
    """Whether a rule speaks about an object; group and kind may be globs as Argo CD has them."""
    return (
        globs.matches(rule.group, identity.group)
        and globs.matches(rule.kind or "*", identity.kind)
        and rule.name in {"", identity.name}
        and rule.namespace in {"", identity.namespace}
    )


def rule_fault(rule: PathRule) -> str:
    """What is wrong with a rule of masks, apart from its jq expressions; "" where nothing is."""
    if not (rule.json_pointers or rule.jq_path_expressions):
        return "names no places: it needs jsonPointers or jqPathExpressions"
    unread = next((g for g in (rule.group, rule.kind) if not globs.is_glob(g)), None)
    if unread is not None:
        return f"has {unread!r}, which is no glob: a bracket or a brace is not closed"
    for text in rule.json_pointers:
        place = parse_pointer(text)
        if place is None:
            return f"has {text!r}, which is no JSON pointer: a tilde in a name is written ~0"
        if not place:
            return "has an empty JSON pointer: name what is in the object"
        if place in IDENTITY:
            return f"has {text!r}, which shows in every list and cannot be masked"
    return ""


def refused_expression(expression: str, why: str) -> ApplicationError:
    """The error of a jq expression that names no places."""
    return ApplicationError(
        f"the jq expression {expression!r} {why}",
        where="spec.ignoreDifferences",
        remedy="write a path such as '.spec.list[] | select(.name == \"a\")', or a JSON pointer",
    )


def without_jq(expressions: Sequence[str], bodies: Sequence[Body]) -> list[list[Pointer]]:
    """A `PathFinder` where there is no jq."""
    del bodies
    raise refused_expression(", ".join(expressions), "cannot be asked here: there is no jq")
