"""What is too large or too deep for a manifest."""

from typing import Any

from gitops.core.validation.validate import validate
from gitops.model.objects import Manifest
from gitops.openapi.loader import load_builtin

SHAPES = load_builtin()


def told(body: dict[str, Any]) -> list[str]:
    return [fault.message for fault in validate([Manifest.of(body)], SHAPES)]


def config_map(size: int, **metadata: Any) -> dict[str, Any]:
    metadata = {"name": "a", **metadata}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata,
        "data": {"k": "x" * size},
    }


def test_a_config_map_holds_a_mebibyte_and_no_more() -> None:
    assert told(config_map(2**20)) == []
    assert told(config_map(2**20 + 1)) == ["data holds 1048577 bytes; 1048576 is the limit"]


def test_annotations_hold_256_kibibytes_with_their_keys_and_no_more() -> None:
    assert told(config_map(0, annotations={"a": "x" * (2**18 - 1)})) == []
    assert told(config_map(0, annotations={"a": "x" * 2**18})) == [
        "metadata.annotations hold 262145 bytes; 262144 is the limit"
    ]


def definition(schema: dict[str, Any]) -> dict[str, Any]:
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "foos.ex.com"},
        "spec": {
            "group": "ex.com",
            "scope": "Namespaced",
            "names": {"plural": "foos", "kind": "Foo"},
            "versions": [version],
        },
    }


def test_a_definition_is_read_64_schemas_deep() -> None:
    def nested(depth: int) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "array"}
        for _ in range(depth):
            schema = {"type": "object", "properties": {"a": schema}}
        return definition(schema)

    (fault,) = told(nested(64))
    assert fault.endswith(".a.items is missing")
    assert told(nested(65)) == []


def test_conditions_of_a_definition_are_read_64_deep() -> None:
    def nested(depth: int) -> dict[str, Any]:
        condition: dict[str, Any] = {"type": "string"}
        for _ in range(depth):
            condition = {"not": condition}
        return definition({"type": "object", **condition})

    (fault,) = told(nested(64))
    assert fault.endswith(".not.type must not be set below allOf, anyOf, oneOf or not")
    assert told(nested(65)) == []
