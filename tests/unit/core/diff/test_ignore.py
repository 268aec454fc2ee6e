import pytest

from gitops.core.diff.ignore import DiffOptions
from gitops.errors import ApplicationError
from gitops.model.application import IgnoreRule
from gitops.model.objects import ObjectId

WEB = ObjectId("apps", "Deployment", "shop", "web")
REPLICAS = IgnoreRule("apps", "Deployment", json_pointers=("/spec/replicas",))
IMAGE = IgnoreRule("apps", "*", jq_path_expressions=(".spec.image",))


def test_an_applications_rules_count_besides_the_installations() -> None:
    assert DiffOptions((REPLICAS,)).with_rules([IMAGE]).matching(WEB, {}) == [REPLICAS, IMAGE]


def test_an_expression_is_refused_by_its_text_where_no_jq_is_given() -> None:
    with pytest.raises(ApplicationError, match=r"'\.spec\.image' cannot be asked here") as refused:
        DiffOptions().find_paths(IMAGE.jq_path_expressions, [{}])
    assert refused.value.where == "spec.ignoreDifferences"


def test_a_pattern_that_cannot_be_read_is_for_nothing() -> None:
    rule = IgnoreRule("{apps", "Deployment", json_pointers=("/spec",))
    assert DiffOptions((rule,)).matching(WEB, {}) == []
