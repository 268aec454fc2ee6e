from typing import Any

import pytest

from gitops.core.diff.merge_lists import align


@pytest.mark.parametrize(
    ("size", "kept"),
    [(300, ["b", "a"]), (400, ["a", "b"])],
    ids=["found wherever it stands", "merged by position, for there are too many pairs"],
)
def test_an_equal_item_that_moved_is(size: int, kept: list[str]) -> None:
    rest = [str(number) for number in range(size - 2)]
    desired, actual = ["b", "a", *rest], ["a", "b", *rest]

    def pair(in_desired: int, in_actual: int) -> Any:
        return actual[in_actual] if desired[in_desired] == actual[in_actual] else f"by {in_actual}"

    made = align(size, actual, pair)

    expected = kept if kept == ["b", "a"] else ["by 0", "by 1"]
    assert made == [*expected, *rest]
