import pytest

from gitops.core.planning.selecting import select
from gitops.errors import InputError
from gitops.model.objects import ObjectId

WEB = ObjectId("apps", "Deployment", "shop", "web")
OTHER = ObjectId("apps", "Deployment", "blog", "web")
WORDS = ObjectId("", "ConfigMap", "shop", "words")
ROLE = ObjectId("rbac.authorization.k8s.io", "ClusterRole", "", "reader")
SYSTEM = ObjectId("rbac.authorization.k8s.io", "ClusterRole", "", "shop:writer")
KNOWN = {WEB, OTHER, WORDS, ROLE, SYSTEM}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("apps:Deployment:shop/web", {WEB}),
        ("apps:deployment:shop/web", {WEB}),
        ("apps:Deployment:web", {WEB, OTHER}),
        (":ConfigMap:words", {WORDS}),
        ("rbac.authorization.k8s.io:ClusterRole:reader", {ROLE}),
        ("rbac.authorization.k8s.io:ClusterRole:/reader", {ROLE}),
        ("rbac.authorization.k8s.io:ClusterRole:shop:writer", {SYSTEM}),
        ("*:*:shop/*", {WEB, WORDS}),
        ("*:{ConfigMap,Cluster*}:*r*", {WORDS, ROLE, SYSTEM}),
        ("*::shop/*", {WEB, WORDS}),
        (":Deployment:web", set()),
        ("apps:Deployment:shop/nix", set()),
    ],
)
def test_objects_are_chosen_by_group_kind_and_name(pattern: str, expected: set[ObjectId]) -> None:
    assert select(pattern, KNOWN) == expected


@pytest.mark.parametrize("pattern", ["", "web", "apps:Deployment", "apps:Deployment:"])
def test_another_shape_is_an_error(pattern: str) -> None:
    with pytest.raises(InputError, match="does not name an object"):
        select(pattern, KNOWN)
