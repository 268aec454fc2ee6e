"""Which refusals may end once others are made."""

import pytest

from gitops.core.planning.resting import may_rest_on
from gitops.model.objects import ObjectId

RBAC = "rbac.authorization.k8s.io"
BINDING = ObjectId(RBAC, "RoleBinding", "shop", "reads")


@pytest.mark.parametrize(
    ("identity", "reason", "other", "rests"),
    [
        (BINDING, "not-found", ObjectId(RBAC, "Role", "shop", "reader"), True),
        (BINDING, "not-found", ObjectId(RBAC, "ClusterRole", "", "reader"), True),
        (
            ObjectId(RBAC, "ClusterRoleBinding", "", "reads"),
            "not-found",
            ObjectId(RBAC, "ClusterRole", "", "reader"),
            True,
        ),
        (BINDING, "not-found", ObjectId("", "ServiceAccount", "shop", "reader"), False),
        (
            ObjectId("", "Pod", "shop", "web"),
            "denied",
            ObjectId("", "ServiceAccount", "shop", "web"),
            True,
        ),
        (BINDING, "denied", ObjectId(RBAC, "Role", "shop", "reader"), False),
        (
            ObjectId("", "ConfigMap", "shop", "web"),
            "denied",
            ObjectId(RBAC, "Role", "shop", "x"),
            False,
        ),
    ],
)
def test_an_object_rests_on_what_the_server_looks_up(
    identity: ObjectId, reason: str, other: ObjectId, *, rests: bool
) -> None:
    assert may_rest_on(identity, reason, [other]) is rests
    assert may_rest_on(identity, reason, []) is False
    assert may_rest_on(identity, None, [other]) is False
