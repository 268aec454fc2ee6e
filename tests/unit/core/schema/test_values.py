import pytest

from gitops.core.schema.schema import ANY
from gitops.core.schema.values import (
    cleaned,
    counts_as_absent,
    is_zero,
    null_entry,
    same_json,
    same_value,
)
from gitops.model.diff import ABSENT
from gitops.openapi.loader import load_builtin

SHAPES = load_builtin()
SPEC = SHAPES.kind("v1", "Pod").root.child("spec")
DATA = SHAPES.kind("v1", "Secret").root.child("data")


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        ("1", 1, False),
        (None, None, True),
        (None, "", False),
        ([1, {"a": 1.0}], [1.0, {"a": 1}], True),
        ([1], [1, 2], False),
        ({"a": 1}, {"b": 1}, False),
        ({"a": [True]}, {"a": [1]}, False),
        ({}, [], False),
    ],
)
def test_json_values_are_equal_as_json_has_it(left, right, same):
    assert same_json(left, right) is same
    assert same_json(right, left) is same


def test_values_are_equal_as_their_type_has_it():
    assert same_value("aGVs\nbG8=", "aGVsbG8=", DATA.child("x"))
    assert not same_value("!", "?", DATA.child("x"))
    assert not same_value("aGVsbG8=", 5, DATA.child("x"))
    assert not same_value("1000m", "1", ANY)


def test_what_the_server_drops_counts_as_absent():
    assert counts_as_absent(None, ANY)
    assert counts_as_absent({}, SPEC.child("nodeSelector"))
    assert counts_as_absent([], SPEC.child("containers"))
    assert counts_as_absent(value=False, shape=SPEC.child("hostNetwork"))
    assert counts_as_absent(
        "TCP", SPEC.child("containers").item.child("ports").item.child("protocol")
    )
    assert not counts_as_absent(value=False, shape=SPEC.child("automountServiceAccountToken"))
    assert not counts_as_absent({}, SPEC.child("securityContext"))
    assert not counts_as_absent("", ANY)
    assert not counts_as_absent("", DATA.child("x"))


def test_a_desired_value_is_cleaned_of_what_the_server_drops():
    container = SPEC.child("containers").item
    assert cleaned(
        {"name": "a", "tty": False, "env": [], "image": None, "resources": {"limits": {}}},
        container,
    ) == {"name": "a", "resources": {}}
    assert cleaned({"a": None, "b": [None, 1]}, ANY) == {"b": [None, 1]}
    assert cleaned({"a": None}, DATA) == {"a": ""}
    assert cleaned({}, DATA) is ABSENT
    assert cleaned({"a": 1}, None) == {"a": 1}


def test_zero_values_and_string_maps_are_told():
    assert all(map(is_zero, (False, 0, 0.0, "")))
    assert not any(map(is_zero, (True, 1, "a", None, [], {})))
    assert null_entry(DATA) == ""
    assert null_entry(SPEC) is None
    assert null_entry(SPEC.child("containers").item.child("resources").child("limits")) == "0"
    assert null_entry(SPEC.child("containers")) == {}
    assert null_entry(SPEC.child("containers").item.child("args")) == ""
