import pytest

from gitops.model.acting import Order
from gitops.model.objects import ObjectId

WEB = ObjectId("apps", "Deployment", "nohi", "web")


@pytest.mark.parametrize(
    ("order", "sentence"),
    [
        (Order("restart", WEB), "restart Deployment nohi/web"),
        (Order("scale", WEB, {"replicas": "3"}), "scale Deployment nohi/web with replicas=3"),
        (Order("any", WEB, {"b": "2", "a": "1"}), "any Deployment nohi/web with a=1, b=2"),
    ],
)
def test_an_order_is_told_with_its_object_and_its_parameters_in_order(
    order: Order, sentence: str
) -> None:
    assert order.sentence == sentence
