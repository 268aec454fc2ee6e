from typing import Any

import jsonpatch
import pytest

from gitops.core.diff.changes import find_changes, make_patch, sharing
from gitops.core.schema.schema import ANY


def test_numbers_that_are_equal_in_json_are_no_change() -> None:
    assert find_changes({"a": 1, "b": 1}, {"a": 1.0, "b": 2}, ANY) == find_changes(
        {"b": 1}, {"b": 2}, ANY
    )


@pytest.mark.parametrize("body", [{"a": [1]}, {}])
def test_nothing_turns_a_body_into_itself(body: Any) -> None:
    assert make_patch(body, body) == ()


def test_a_patch_moves_nothing() -> None:
    before, after = {"a": {"x": [1, 2]}, "b": 1}, {"c": {"x": [1, 2]}, "b": 2}
    patch = make_patch(before, after)
    assert {operation["op"] for operation in patch} == {"add", "remove", "replace"}
    assert jsonpatch.apply_patch(before, list(patch)) == after


def test_a_copy_is_made_of_the_parts_that_are_the_same() -> None:
    source = {"a": {"x": 1}, "b": [1, {"y": 2}], "c": 1}
    made = sharing({"a": {"x": 1.0}, "b": [1, {"y": 3}], "c": True}, source)
    assert made["a"] is source["a"]
    assert (made["b"], made["c"]) == ([1, {"y": 3}], True)
    assert sharing({"a": {"x": 1}, "b": [1, {"y": 2}], "c": 1.0}, source) is source
