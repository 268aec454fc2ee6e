"""Rules that name places of objects, as JSON: what the trail keeps of an application's masks."""

from collections.abc import Mapping
from typing import Any

from gitops.model.application import PathRule
from gitops.wire.values import JsonObject


def rule_to_wire(rule: PathRule) -> JsonObject:
    """A rule as an Application writes it."""
    return {
        "group": rule.group,
        "kind": rule.kind,
        "namespace": rule.namespace,
        "name": rule.name,
        "jsonPointers": list(rule.json_pointers),
        "jqPathExpressions": list(rule.jq_path_expressions),
    }


def rule_from_wire(value: Mapping[str, Any]) -> PathRule:
    """The rule that `rule_to_wire` wrote."""
    return PathRule(
        group=value["group"],
        kind=value["kind"],
        namespace=value["namespace"],
        name=value["name"],
        json_pointers=tuple(value["jsonPointers"]),
        jq_path_expressions=tuple(value["jqPathExpressions"]),
    )
