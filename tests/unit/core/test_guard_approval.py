from gitops.core.planning.guards import GuardContext, guard
from gitops.model.application import Application, Source
from gitops.model.diff import ActionKind
from gitops.model.objects import ObjectId
from gitops.model.plan import Action, Hold

WEB = ObjectId("apps", "Deployment", "shop", "web")
SHOP = Application("shop", (Source("https://git.example/shop.git"),))


def test_an_approval_lifts_what_an_earlier_look_held() -> None:
    adopt = Action(ActionKind.ADOPT, WEB, "apps/v1")
    [held] = guard([adopt], GuardContext(SHOP, "12345678"))
    assert held.hold is Hold.APPROVAL
    [freed] = guard([held], GuardContext(SHOP, "12345678", approved=True))
    assert freed == adopt
