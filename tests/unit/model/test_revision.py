from gitops.model.objects import ObjectId
from gitops.model.revision import Outcome, OutcomeKind


def outcome(*changes: str) -> Outcome:
    return Outcome(
        ObjectId("", "Service", "shop", "web"), "configure", OutcomeKind.CONFIGURED, changes=changes
    )


def test_a_change_that_does_not_name_its_object_is_told_with_its_title():
    assert outcome("create").sentences == ("Service shop/web: create",)
    assert outcome("scale web 1→3", "configure spec.ports").sentences == (
        "scale web 1→3",
        "Service shop/web: configure spec.ports",
    )
    assert outcome().sentences == ()
