from typing import Any

import pytest

from gitops.core.application.spec import read_application
from gitops.model.objects import Manifest
from tests.helpers.case_tables import table


@pytest.mark.parametrize("case", table(__file__, "refused.yaml"))
def test_faults_are_the_sentences_expected(case: dict[str, Any]) -> None:
    body = case.get("manifest") or {
        "apiVersion": "gitops.dev/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "shop"},
        "spec": case["spec"],
    }
    result = read_application(Manifest.of(body))
    assert [fault.message for fault in result.faults] == case["faults"]
    assert result.application is None
