"""What an object needs of others before the API server accepts it, beside namespace and CRD.

In: identities. Out: whether a refusal may end once others are made. Called by the engine where a
dry-run is refused: while it plans, and again before a wave is written.
"""

from collections.abc import Collection, Mapping
from typing import Final

from gitops.model.objects import GroupKind, ObjectId

RBAC: Final = "rbac.authorization.k8s.io"
ROLES: Final = frozenset({GroupKind(RBAC, "Role"), GroupKind(RBAC, "ClusterRole")})
ACCOUNTS: Final = frozenset(
    {GroupKind("", "ServiceAccount"), GroupKind("scheduling.k8s.io", "PriorityClass")}
)

Need = tuple[str, frozenset[GroupKind]]
NEEDS: Final[Mapping[GroupKind, Need]] = {
    # Admission refuses a pod whose account or priority does not exist.
    GroupKind("", "Pod"): ("denied", ACCOUNTS),
    # Nobody may grant what they do not have, so the role has to be there to be compared. Who may do
    # everything, or `bind` that role, is not asked.
    GroupKind(RBAC, "RoleBinding"): ("not-found", ROLES),
    GroupKind(RBAC, "ClusterRoleBinding"): ("not-found", ROLES),
}
"""By kind: the reason of the refusal, and the kinds of which one may be missing."""


def may_rest_on(identity: ObjectId, reason: str | None, making: Collection[ObjectId]) -> bool:
    """Whether one of `making` may be what an object lacks that was refused with this reason."""
    expected, kinds = NEEDS.get(identity.group_kind, ("", frozenset()))
    return reason == expected and any(other.group_kind in kinds for other in making)
