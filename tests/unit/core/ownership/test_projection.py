"""What is ours on a live object, and when it is as it was."""

import json
from typing import Any

import pytest

from gitops.core.ownership.projection import MOST_KEPT_BYTES, answer_digest, live_digest, owned
from gitops.model.objects import Live, ObjectId


def secret(fields: dict[str, Any], **data: str) -> dict[str, Any]:
    """A Secret on which `gitops` owns fields."""
    entry = {"manager": "gitops", "operation": "Apply", "apiVersion": "v1", "fieldsV1": fields}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"managedFields": [entry]},
            "data": data}  # fmt: skip


@pytest.mark.parametrize(
    "fields",
    [
        {"f:data": {"f:a": {}}},
        {"f:stringData": {"f:a": {}}},
        {"f:data": {"f:b": {}}, "f:stringData": {"f:a": {}}},
        {"f:data": {".": {}}, "f:stringData": {".": {}, "f:a": {}}},
    ],
)
def test_a_value_of_a_secret_is_ours_however_it_was_sent(fields: dict[str, Any]) -> None:
    before = answer_digest(secret(fields, a="b25l", b="x"))
    assert answer_digest(secret(fields, a="dHdv", b="x")) != before
    assert answer_digest(secret(fields, a="b25l", b="x", c="other")) == before


@pytest.mark.parametrize("size", [1, MOST_KEPT_BYTES])
def test_a_live_object_has_the_digest_of_its_body(size: int) -> None:
    body = secret({"f:data": {"f:a": {}}}, a="x" * size)
    live = Live(ObjectId("", "Secret", "shop", "one"), "v1", "u1", "1", json.dumps(body).encode())
    assert live_digest(live) == live_digest(live) == answer_digest(body)


def test_other_kinds_may_have_a_field_of_that_name() -> None:
    body = secret({"f:stringData": {"f:a": {}}}, a="b25l") | {"kind": "ConfigMap"}
    assert answer_digest(body) == answer_digest(body | {"data": {}})


@pytest.mark.parametrize(
    ("value", "fields", "expected"),
    [
        ({"a": 1, "b": 2}, {"f:a": {}}, {"a": 1}),
        ({"a": {"x": 1}, "b": {"x": 1}}, {"f:a": {}, "f:b": {".": {}}}, {"a": {"x": 1}, "b": {}}),
        ({"a": [1], "b": [1]}, {"f:a": {}, "f:b": {".": {}}}, {"a": [1], "b": []}),
        ({"a": 5}, {"f:a": {".": {}}}, {"a": 5}),
        ({"a": 5}, {"f:a": {"f:b": {}}}, {"a": 5}),
        ({"a": 5}, {"f:a": None}, {"a": 5}),
        (["x", "y"], {'v:"x"': {}}, ["x"]),
        (["x", {"n": 1, "v": 2}], {'k:{"n":1}': {"f:n": {}}}, [{"n": 1}]),
        (["x", {"n": 1}], {"k:{": {}, "v:": {}, "v:[": {}}, []),
        (["x", "y"], {"i:1": {}}, ["y"]),
    ],
)
def test_of_a_value_is_ours_what_our_fields_name(value: Any, fields: Any, expected: Any) -> None:
    assert owned(value, fields) == expected
