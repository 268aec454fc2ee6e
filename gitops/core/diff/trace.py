"""What the three-way merge knows besides desired and actual, at one place of an object.

In: last-applied, owners and ignore rules at the root. Out: the same below a field or an item.
Called by merge.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gitops.core.ownership.fields import Element, FieldSet, field_element
from gitops.core.pointers import Trie
from gitops.core.schema.values import same_json
from gitops.model.diff import ABSENT


@dataclass(frozen=True, slots=True)
class Trace:
    """One place.

    `last` is last-applied's value; `ours` the fields that we own, `others` what others own, `held`
    what a controller owns, `trusted` what managers own whose fields are to be ignored; `skip` and
    `skip_desired` the places to be ignored in actual and in desired. `atomic`: the place is inside
    a value that is merged as one. `answered`: actual is what applying desired has answered.
    """

    last: Any = ABSENT
    ours: FieldSet | None = None
    others: FieldSet | None = None
    held: FieldSet | None = None
    trusted: FieldSet | None = None
    skip: Trie | None = None
    skip_desired: Trie | None = None
    atomic: bool = False
    answered: bool = False

    def field(self, name: str, *, atomic: bool) -> "Trace":
        """The trace of a struct's field or a map's value."""
        last = self.last.get(name, ABSENT) if isinstance(self.last, dict) else ABSENT
        return self._down(field_element(name), last, (name, name), atomic=atomic)

    def item(self, element: Element, last: Any, places: tuple[int, int]) -> "Trace":
        """The trace of an item of a list by keys; `places`: its indexes in actual and desired."""
        return self._down(element, last, places, atomic=False)

    def position(self, in_actual: int, in_desired: int) -> "Trace":
        """The trace of an item of an atomic list; -1 where a side has none."""
        known = isinstance(self.last, list) and 0 <= in_actual < len(self.last)
        last = self.last[in_actual] if known else ABSENT
        return self._down(f"i:{in_actual}", last, (in_actual, in_desired), atomic=True)

    def counted(self, items: Sequence[Any], *, desired: bool) -> list[int]:
        """The places of an atomic list's items, of one side, that rules do not name."""
        if self.skip is None and self.skip_desired is None and self.trusted is None:
            return list(range(len(items)))
        if desired:
            return [i for i in range(len(items)) if not self.position(-1, i).ignored_in_desired]
        return [i for i in range(len(items)) if not self.position(i, -1).ignored]

    def _down(
        self, element: Element, last: Any, places: tuple[str | int, str | int], *, atomic: bool
    ) -> "Trace":
        return Trace(
            last,
            self.ours.children.get(element) if self.ours is not None else None,
            self.others.children.get(element) if self.others is not None else None,
            self.held.children.get(element) if self.held is not None else None,
            self.trusted.children.get(element) if self.trusted is not None else None,
            self.skip.child(places[0]) if self.skip is not None else None,
            self.skip_desired.child(places[1]) if self.skip_desired is not None else None,
            atomic,
            self.answered,
        )

    @property
    def ignored(self) -> bool:
        """Whether actual is to be left as it is, here."""
        return (self.skip is not None and self.skip.end) or _is_leaf(self.trusted)

    @property
    def ignored_in_desired(self) -> bool:
        """Whether desired's value is to be left out, here."""
        return self.skip_desired is not None and self.skip_desired.end

    @property
    def applied(self) -> bool:
        """Whether it was applied last."""
        return self.ours is not None or self.stated

    @property
    def stated(self) -> bool:
        """Whether the last-applied manifest gave it a value."""
        return self.last is not ABSENT and self.last is not None

    @property
    def keeps(self) -> bool:
        """Whether a controller holds the field, so that it is not removed."""
        return _is_leaf(self.held)

    @property
    def foreign(self) -> bool:
        """Whether somebody else owns something here that is not ours too."""
        return self.others is not None and _beyond(self.others, self.ours, self.last)


def _is_leaf(fields: FieldSet | None) -> bool:
    return fields is not None and fields.member and not fields.children


def _beyond(others: FieldSet, ours: FieldSet | None, last: Any) -> bool:
    """Whether `others` has a leaf that neither our fields nor last-applied have."""
    if _is_leaf(ours) or not (last is ABSENT or isinstance(last, (dict, list))):
        return False
    if not others.children:
        return others.member and ours is None and last is ABSENT
    return any(
        _beyond(inner, ours.children.get(element) if ours else None, _last_child(last, element))
        for element, inner in others.children.items()
    )


def _last_child(last: Any, element: Element) -> Any:
    """The part of last-applied that an element names; ABSENT where there is none."""
    if isinstance(last, dict):
        return last.get(element[2:], ABSENT) if element.startswith("f:") else ABSENT
    if not isinstance(last, list) or element[0] not in "kvi":
        return ABSENT
    if element[0] == "i":
        index = int(element[2:])
        return last[index] if index < len(last) else ABSENT
    named = json.loads(element[2:])
    found = next((item for item in last if _is_named(item, named)), ABSENT)
    if isinstance(found, dict) and isinstance(named, dict):
        return {**named, **found}  # a key that the manifest leaves out is defaulted
    return found


def _is_named(item: Any, named: Any) -> bool:
    """Whether an item is the one that an element's value names; missing keys are defaulted."""
    if isinstance(named, dict) and isinstance(item, dict):
        return all(same_json(item.get(key, value), value) for key, value in named.items())
    return same_json(item, named)


def states(manifest: Any, path: Sequence[Element]) -> bool:
    """Whether a manifest has a value at a path of elements."""
    value: Any = manifest if manifest is not None else ABSENT
    for element in path:
        value = _last_child(value, element)
    return value is not ABSENT
