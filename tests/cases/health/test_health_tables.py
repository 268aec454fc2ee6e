from typing import Any

import pytest

from gitops.core.health import health, pod_reason
from tests.helpers.case_tables import table


@pytest.mark.parametrize(
    "case",
    [
        *table(__file__, "workloads.yaml"),
        *table(__file__, "pods.yaml"),
        *table(__file__, "resources.yaml"),
        *table(__file__, "conventions.yaml"),
    ],
)
def test_health_and_message_are_those_expected(case: dict[str, Any]) -> None:
    api_version, kind = case["kind"].split(" ")
    found = health({"apiVersion": api_version, "kind": kind, **case["body"]})
    assert [found.status, found.message] == case["expect"]


@pytest.mark.parametrize("case", table(__file__, "reasons.yaml"))
def test_one_reason_explains_a_pod(case: dict[str, Any]) -> None:
    pod = {"kind": "Pod", "metadata": {"name": "p"}, "status": case["status"]}
    assert pod_reason([pod], case.get("events", ())) == case["expect"]
