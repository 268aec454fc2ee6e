"""Differences as values: what plan, drift, history and the offline command all show."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Literal

from gitops.model.objects import Body, ObjectId


class Absent:
    """The type of `ABSENT`: a side on which a field does not exist."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = Absent()

Op = Literal["add", "remove", "replace"]


class ActionKind(StrEnum):
    """What happens to one object; `none` means that it is as desired."""

    CREATE = "create"
    ADOPT = "adopt"
    SCALE = "scale"
    IMAGE = "image"
    CONFIGURE = "configure"
    REPLACE = "replace"
    DELETE = "delete"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that differs.

    `path` is an RFC 6901 pointer into actual, for an add into the predicted object; `before` and
    `after` are JSON values or ABSENT; `owner` says whose the actual field is: `ours`, `defaulted`,
    or the name of another field manager.
    """

    path: str
    op: Op
    before: Any
    after: Any
    owner: str


@dataclass(frozen=True, slots=True)
class Diff:
    """What apply would do to one object.

    `predicted` is the whole object after it (None when it is deleted); `patch` is RFC 6902 and,
    applied to actual (to `{}` when there is none), gives `predicted`. `changes` are sentences for
    people, the most telling first: `scale 1→3`, `image mysql 5.6→5.7`.
    """

    id: ObjectId
    api_version: str
    action: ActionKind
    fields: tuple[FieldChange, ...]
    patch: tuple[dict[str, Any], ...]
    changes: tuple[str, ...]
    predicted: Body | None

    @property
    def modified(self) -> bool:
        """Whether anything would change."""
        return self.action is not ActionKind.NONE
