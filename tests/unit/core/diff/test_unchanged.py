"""What neither Git nor the cluster has changed is left out on both sides."""

from typing import Any

import pytest

from gitops.core.diff.unchanged import without_unchanged
from gitops.core.schema.values import same_text


def body(spec: Any, **labels: str) -> dict[str, Any]:
    return {"kind": "Widget", "rules": [1], "metadata": {"labels": labels}, "spec": spec}


def test_fields_of_maps_that_are_as_they_were_are_left_out_at_any_depth() -> None:
    desired = body({"a": {"same": [1], "other": 2}, "b": "x"}, app="web")
    last = body({"a": {"same": [1], "other": 1}, "b": "x"}, app="web")
    actual = body({"a": {"same": [1, 2], "other": 1, "more": 3}, "b": "x", "c": 4}, app="web")
    wanted, found = without_unchanged(desired, actual, last)
    assert wanted == {**body({"a": {"other": 2}}), "metadata": {}}
    assert found == {**body({"a": {"other": 1, "more": 3}, "c": 4}), "metadata": {}}
    assert desired["spec"]["b"] == actual["spec"]["b"] == "x", "nothing is changed in place"


@pytest.mark.parametrize(
    ("desired", "actual", "last"),
    [
        ({"a": [1]}, {"a": [1]}, {"a": [2]}),
        ({"a": {"x": 1}}, {"a": "x"}, {"a": {"x": 2}}),
        ({"a": 1}, {}, {"a": 1}),
        ({"a": 1}, {"a": 1}, {}),
        ("x", {"a": 1}, {"a": 1}),
        ({"a": 2**70}, {"a": 2**70}, {"a": 2**70 + 1}),
    ],
)
def test_the_rest_stays_to_be_compared(desired: Any, actual: Any, last: Any) -> None:
    assert without_unchanged(body(desired), body(actual), body(last)) == (
        {**body(desired), "metadata": {}},
        {**body(actual), "metadata": {}},
    )


def test_values_are_written_alike_or_not() -> None:
    assert same_text({"a": [1, "x"]}, {"a": [1, "x"]})
    assert not same_text([1], [True])
    assert not same_text({"a": 1, "b": 2}, {"b": 2, "a": 1})
    assert not same_text({"a": 2**70}, {"a": 2**70})
