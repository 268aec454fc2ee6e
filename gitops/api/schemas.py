"""Bodies of requests, and the shape of errors; an unknown field is refused.

What answers hold is described in `docs/reference/json.md`: `gitops.wire` makes it.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from gitops.model.revision import RecordKind, Selection

Text = Annotated[str, Field(min_length=1, max_length=1024)]


class Order(BaseModel):
    """A request's body."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        alias_generator=to_camel,
        populate_by_name=True,
    )


class ChoosingOrder(Order):
    """What is chosen of an application."""

    prune: bool = Field(default=False, description="Delete beyond the prune budget.")
    resources: list[Text] = Field(
        default_factory=list,
        max_length=1000,
        description="Only these objects, each as group:Kind:namespace/name; `!` before it: not it.",
    )
    labels: list[Text] = Field(
        default_factory=list,
        max_length=1000,
        description="Only objects with these labels in Git, each a selector as kubectl has them.",
    )

    def selection(self) -> Selection | None:
        """What was chosen; None: everything."""
        if not (self.resources or self.labels):
            return None
        return Selection(tuple(self.resources), tuple(self.labels))


class SyncOrder(ChoosingOrder):
    """What to sync, and how."""

    commit: Text | None = Field(None, description="Branch, tag or commit instead of the declared.")
    dry_run: bool = Field(default=False, description="Answer with the plan, and do nothing.")


class RollbackOrder(Order):
    """Where to go back to."""

    revision: int | None = Field(
        None, ge=1, description="Its number; null: the newest healthy one with another digest."
    )


class UndeleteOrder(Order):
    """What to bring back."""

    revision: int = Field(ge=1, le=2**53, description="The revision that deleted it.")
    resources: list[Text] = Field(
        default_factory=list,
        max_length=1000,
        description="Only these objects, each as group:Kind:namespace/name.",
    )


class TransferOrder(Order):
    """What to hand over, and to whom."""

    to: Text = Field(description="The application that gets the objects.")
    resources: list[Text] = Field(
        default_factory=list,
        max_length=1000,
        description="Only these objects, each as group:Kind:namespace/name.",
    )
    dry_run: bool = Field(default=False, description="Answer with the objects, and do nothing.")


class RenameOrder(Order):
    """Another name."""

    name: Text = Field(description="The new name.")


class ActionOrder(Order):
    """A resource action: what to do to which object."""

    action: Text = Field(description="Its name, as `GET …/actions` lists it.")
    object: Text = Field(
        description="`deployment/web`, `jobs.batch/migrate`, or group:Kind:namespace/name."
    )
    namespace: Text | None = Field(None, description="Of the object; null: any, if it is the one.")
    params: dict[Text, Annotated[str, Field(max_length=1024)]] = Field(
        default_factory=dict, max_length=32, description="Its parameters, as texts."
    )
    wait: bool = Field(default=True, description="End when the object is healthy, or is not.")
    dry_run: bool = Field(default=False, description="Answer with the plan, and do nothing.")


class ApproveOrder(ChoosingOrder):
    """What to approve; what is chosen, and `prune`, are those of the sync that was held."""

    plan: Text | None = Field(
        None, description="`planDigest` of the plan that was looked at; null: the plan as it is."
    )


class TrailFilters(BaseModel):
    """Filters of the trail; what is not given does not filter."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    application: Text | None = None
    object: Text | None = Field(
        None, description="`apps/Deployment:prod/web`, or `Deployment prod/web` of any group."
    )
    actor: Text | None = None
    kind: RecordKind | None = Field(None, description="Only records of this kind.")
    since: Text | None = Field(None, description="Time with a zone; included.")
    until: Text | None = Field(None, description="Time with a zone; not included.")
    outcome: Text | None = Field(
        None, description="An object's outcome, the state of a closed revision, or `refused`."
    )
    limit: int | None = Field(None, ge=1)
    order: Literal["newest", "oldest"] = "newest"


class ErrorBody(BaseModel):
    """One error."""

    code: str = Field(description="A stable word.")
    message: str = Field(description="One sentence.")
    where: str | None = Field(description="A file and line, an object, a URL.")
    remedy: str | None = Field(description="What to do next.")


class Problem(BaseModel):
    """The body of every answer from 400 on."""

    error: ErrorBody


PROBLEMS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": Problem, "description": "What was asked for cannot be done."},
    "5XX": {"model": Problem, "description": "The service or a neighbour of it cannot do it now."},
}
