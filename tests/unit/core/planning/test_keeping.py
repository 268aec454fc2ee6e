"""What keeps an object that is being deleted: its finalizers, or what a Namespace itself tells."""

from typing import Any

import pytest

from gitops.core.planning.keeping import what_keeps


def namespace(*conditions: object, **spec: object) -> dict[str, Any]:
    return {"kind": "Namespace", "spec": spec, "status": {"conditions": list(conditions)}}


REMAINING = {
    "type": "NamespaceContentRemaining",
    "status": "True",
    "message": "Some resources are remaining: widgets.example.com has 1 resource instances. ",
}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, ""),
        ({"metadata": {"finalizers": None}}, ""),
        ({"metadata": {"finalizers": ["b/two", "a/one"]}}, "kept by the finalizers a/one, b/two"),
        ({"metadata": {"finalizers": ["a/one"]}}, "kept by the finalizer a/one"),
        ({"metadata": {}, "spec": {"finalizers": ["its/own"]}}, ""),
        ({"status": {"conditions": {}}}, ""),
        (namespace(finalizers=["kubernetes"]), "kept by the finalizer kubernetes"),
        (
            namespace(REMAINING, finalizers=["kubernetes"]),
            "kept: Some resources are remaining: widgets.example.com has 1 resource instances",
        ),
        (namespace({**REMAINING, "status": "False"}, {**REMAINING, "message": None}, "odd"), ""),
        (namespace({**REMAINING, "type": "Other"}), ""),
    ],
)
def test_the_reason_is_told(body: dict[str, Any], told: str) -> None:
    assert what_keeps(body) == told
