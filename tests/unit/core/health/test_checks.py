from typing import Any

import pytest

from gitops.core.health.checks import (
    CelCheck,
    LuaCheck,
    judge_cel,
    judge_generation,
    layer_of_customizations,
    own_check,
)
from gitops.model.application import HealthExpressions
from gitops.model.health import Checked, Health, HealthStatus

CURRENT = CelCheck("true", "", "", "here")
WIDGET = {"apiVersion": "example.com/v1", "kind": "Widget"}


def test_a_customization_of_something_else_than_health_is_no_check() -> None:
    text = "apps/Deployment: {ignoreDifferences: x}\nexample.com/Widget: {health.lua: return x}\n"
    layer = layer_of_customizations({"resource.customizations": text}, "cm.yaml")
    assert layer.find("apps/Deployment") is None
    assert isinstance(layer.find("example.com/Widget"), LuaCheck)


def test_the_kinds_of_a_customization_may_be_patterns() -> None:
    text = "'*.example.com/{Widget,Gadget}': {health.lua: return x}\n"
    layer = layer_of_customizations({"resource.customizations": text}, "cm.yaml")
    assert isinstance(layer.find("big.example.com/Gadget"), LuaCheck)
    assert layer.find("big.example.com/Thing") is None


def test_an_applications_own_expressions_are_for_its_kinds_only() -> None:
    entries = (HealthExpressions("example.com/v1", "true", "Widget", "", ""),)
    found = own_check(entries, WIDGET)
    assert isinstance(found, CelCheck)
    assert found.current == "true"
    assert own_check(entries, {**WIDGET, "kind": "Gadget"}) is None
    assert own_check((), WIDGET) is None


@pytest.mark.parametrize(
    ("metadata", "status", "said"),
    [
        ({"generation": 2}, {"observedGeneration": 1}, HealthStatus.PROGRESSING),
        ({"generation": 2}, {"observedGeneration": 2}, None),
        ({"generation": "two"}, {"observedGeneration": 1}, None),
    ],
    ids=["not observed", "observed", "no number"],
)
def test_an_object_waits_for_its_generation(metadata: Any, status: Any, said: Any) -> None:
    found = judge_generation({**WIDGET, "metadata": metadata, "status": status})
    assert (found.health.status if found and found.health else None) is said


@pytest.mark.parametrize(
    ("conditions", "message"),
    [([{"type": "Ready", "status": "True", "message": "up"}], "up"), ("none", ""), ([], "")],
)
def test_what_an_expression_says_is_told_with_the_ready_conditions_words(
    conditions: Any, message: str
) -> None:
    body = {**WIDGET, "status": {"conditions": conditions}}
    found = judge_cel(CURRENT, "current", (), body)
    assert found == Checked(Health(HealthStatus.HEALTHY, message))
