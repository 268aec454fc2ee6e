import pytest

from gitops.model.objects import GroupKind, ObjectId


def test_a_kind_is_told_with_its_group_where_it_has_one() -> None:
    assert str(GroupKind("apps", "Deployment")) == "apps/Deployment"
    assert str(GroupKind("", "Service")) == "Service"


@pytest.mark.parametrize(
    "identity",
    [ObjectId("apps", "Deployment", "shop", "web"), ObjectId("", "Namespace", "", "shop")],
    ids=str,
)
def test_an_identity_is_read_from_its_text(identity: ObjectId) -> None:
    assert ObjectId.parse(str(identity)) == identity


@pytest.mark.parametrize(
    "text", ["", "web", "apps/Deployment", "Service:shop/web", "/A:b", "/A:b/"]
)
def test_what_is_no_text_of_an_identity_is_none(text: str) -> None:
    assert ObjectId.parse(text) is None
