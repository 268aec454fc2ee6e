"""Differences as people read them on a terminal: `+`, `-` and `~` a field, with colours.

In: masked diffs. Out: text. Called by `diff` and `plan`.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import click
import yaml

from gitops.core.ownership.owners import OURS
from gitops.core.pointers import parse_pointer
from gitops.model.diff import ABSENT, ActionKind, Diff, FieldChange

SIGNS: Final = {
    ActionKind.CREATE: ("+", "green"),
    ActionKind.ADOPT: ("&", "cyan"),
    ActionKind.DELETE: ("-", "red"),
    ActionKind.REPLACE: ("±", "red"),
    ActionKind.NONE: ("=", "white"),
}
CHANGED: Final = ("~", "yellow")
_FIELD_SIGNS: Final = {"add": ("+", "green"), "remove": ("-", "red"), "replace": CHANGED}
_INLINE: Final = 60


def difference_table(diffs: Sequence[Diff]) -> str:
    """Every object that would change, field by field, and a last line that counts them."""
    lines = [line for diff in diffs if diff.modified for line in difference_lines(diff)]
    return "\n".join([*lines, _total(diffs)])


def difference_lines(diff: Diff) -> Iterator[str]:
    """One object: its action, what changes in a sentence, then its fields."""
    sign, colour = SIGNS.get(diff.action, CHANGED)
    sentence = f"   {', '.join(diff.changes)}" if diff.action not in SIGNS else ""
    title = click.style(f"{sign} {diff.action} {diff.id.title}", fg=colour, bold=True)
    yield f"{title}{click.style(sentence, dim=True)}"
    for field in diff.fields:
        yield from field_lines(field)
    yield ""


def field_lines(field: FieldChange) -> Iterator[str]:
    """One field: its path, its values, and whose it is where it is not ours."""
    sign, colour = _FIELD_SIGNS[field.op]
    path = ".".join(_quoted(token) for token in parse_pointer(field.path) or ())
    named = f"    {click.style(f'{sign} {path}', fg=colour)}:"
    before, after = _text(field.before), _text(field.after)
    known = field.owner == OURS or field.op == "add"
    owner = "" if known else click.style(f"   ({field.owner})", dim=True)
    if "\n" not in before + after and len(before) + len(after) <= 2 * _INLINE:
        yield f"{named} {' → '.join(side for side in (before, after) if side)}{owner}"
        return
    yield f"{named}{owner}"
    yield from _block(before, "-", "red")
    yield from _block(after, "+", "green")


def _block(text: str, sign: str, colour: str) -> Iterator[str]:
    for line in text.splitlines():
        yield click.style(f"        {sign} {line}", fg=colour)


def _quoted(token: str) -> str:
    return f'"{token}"' if "." in token else token


def _text(value: Any) -> str:
    """A value as short YAML; a map or a list over several lines where it is long."""
    if value is ABSENT:
        return ""
    flow = yaml.safe_dump(value, default_flow_style=True, width=2**16, allow_unicode=True)
    flow = flow.removesuffix("...\n").strip()
    if len(flow) <= _INLINE and "\n" not in str(value):
        return flow
    if isinstance(value, str):
        return value
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True).strip()


def _total(diffs: Sequence[Diff]) -> str:
    counts: dict[str, int] = {}
    for diff in diffs:
        counts[diff.action.value] = counts.get(diff.action.value, 0) + 1
    same = counts.pop(ActionKind.NONE.value, 0)
    parts = [f"{count} to {action}" for action, count in counts.items()]
    return ", ".join([*parts, f"{same} unchanged"]) + "."
