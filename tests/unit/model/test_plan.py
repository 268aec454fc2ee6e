from gitops.model.diff import ActionKind
from gitops.model.objects import ObjectId
from gitops.model.plan import Action, Fault, Plan

WEB = ObjectId("apps", "Deployment", "shop", "web")


def action(kind: ActionKind) -> Action:
    return Action(kind, WEB, "apps/v1", 0)


def test_a_plan_is_empty_where_nothing_is_to_be_done_and_nothing_is_wrong() -> None:
    rests = action(ActionKind.NONE)
    assert Plan("demo", "d", (rests,)).empty
    assert not Plan("demo", "d", (rests, action(ActionKind.CREATE))).empty
    assert not Plan("demo", "d", (rests,), faults=(Fault("bad-value", "wrong"),)).empty
