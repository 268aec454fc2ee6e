from typing import Any

import pytest

from gitops.core.planning.order import order
from tests.helpers.case_tables import table
from tests.helpers.orders import manifest_of


@pytest.mark.parametrize("case", table(__file__, "orders.yaml"))
def test_objects_stand_in_apply_order(case: dict[str, Any]) -> None:
    manifests = {id(m): (word, m) for word in case["given"] for m in [manifest_of(word)]}
    given = [m for _, m in manifests.values()]
    assert [manifests[id(m)][0] for m in order(given)] == case["order"]
