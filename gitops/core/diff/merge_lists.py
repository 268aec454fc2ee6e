"""How the items of two lists are put in order, and which of them belong together.

In: elements or values of desired's and actual's items. Out: pairs of indexes, or merged values.
Called by merge.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from gitops.core.ownership.fields import Element
from gitops.model.diff import ABSENT

_MAX_PAIRS: Final = 100_000
"""Beyond this many pairs, items of an atomic list are matched by position only."""


def order_items(
    desired: Sequence[Element], actual: Sequence[Element]
) -> list[tuple[int | None, int | None]]:
    """(index in desired, index in actual) of every item, in the order of the merged list.

    The algorithm of structured-merge-diff (typed/merge.go): items that both have stand in desired's
    order, items of actual alone keep their place among them. Actual may hold an element twice; it
    then belongs to none of desired's.
    """
    wanted = {element: i for i, element in enumerate(desired)}
    first: dict[Element, int | None] = {}
    for index, element in enumerate(actual):
        first[element] = None if element in first else index
    shared = [element for element in desired if element in first]
    return _Ordering(desired, actual, wanted, first, shared).run()


class _Ordering:
    """The state of one ordering: two positions and the next item that both have."""

    def __init__(
        self,
        desired: Sequence[Element],
        actual: Sequence[Element],
        wanted: dict[Element, int],
        first: dict[Element, int | None],
        shared: list[Element],
    ) -> None:
        self.desired, self.actual = desired, actual
        self.wanted, self.first = wanted, first
        self.shared, self.next_shared = shared, 0
        self.done: set[Element] = set()
        self.out: list[tuple[int | None, int | None]] = []

    def run(self) -> list[tuple[int | None, int | None]]:
        """Walk both lists to their ends."""
        left = right = 0
        while left < len(self.actual) or right < len(self.desired):
            moved = self._from_actual(left, right) if left < len(self.actual) else None
            if moved is not None:
                left, right = left + 1, right + moved
                continue
            if left < len(self.actual) and self.actual[left] in self.done:
                left += 1
            if right < len(self.desired):
                self._take(right)
                right += 1
        return self.out

    def _from_actual(self, left: int, right: int) -> int | None:
        """Deal with actual's next item and say how many of desired's go with it.

        None where it is desired's turn.
        """
        element = self.actual[left]
        upcoming = self.shared[self.next_shared] if self.next_shared < len(self.shared) else None
        if right < len(self.desired):
            if element == self.desired[right]:
                self._take(right)
                return 1
            if element in self.wanted and upcoming not in {None, element}:
                return 0
        if element not in self.wanted:
            self.out.append((None, left))
            return 0
        return None

    def _take(self, right: int) -> None:
        element = self.desired[right]
        self.out.append((right, self.first.get(element)))
        self.done.add(element)
        if self.next_shared < len(self.shared) and self.shared[self.next_shared] == element:
            self.next_shared += 1


def align(count: int, actual: Sequence[Any], pair: Callable[[int, int], Any]) -> list[Any]:
    """For each of `count` desired items its merged value, or ABSENT where it is a new one.

    `pair(i, j)` merges desired's item i into actual's item j, giving that very item where they are
    equal. Equal items find each other wherever they stand; what is left over is merged by
    position, if the lists are equally long.
    """
    by_position = [pair(i, i) for i in range(min(count, len(actual)))]
    made: list[Any] = [ABSENT] * count
    used: set[int] = set()
    for index, value in enumerate(by_position):
        if value is actual[index]:
            made[index] = value
            used.add(index)
    if count * len(actual) <= _MAX_PAIRS:
        _find_equal(made, used, actual, pair)
    if count == len(actual):
        for index, value in enumerate(by_position):
            if made[index] is ABSENT and index not in used:
                made[index] = value
    return made


def _find_equal(
    made: list[Any], used: set[int], actual: Sequence[Any], pair: Callable[[int, int], Any]
) -> None:
    """Give each desired item without a partner the first equal item that is free."""
    for wanted, value in enumerate(made):
        if value is not ABSENT:
            continue
        for index, found in enumerate(actual):
            if index not in used and pair(wanted, index) is found:
                made[wanted] = found
                used.add(index)
                break
