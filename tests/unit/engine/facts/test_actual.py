"""Who waits for objects is woken by their changes, and by nobody else's."""

import pytest

from gitops.engine.facts.actual import Actual
from gitops.model.objects import GroupKind, Live, ObjectId
from gitops.ports import Changed, Gone, Listed

WEB, OTHER = (ObjectId("apps", "Deployment", "shop", name) for name in ("web", "other"))


def live(identity: ObjectId, version: str = "1") -> Live:
    return Live(identity, "apps/v1", f"uid-{identity.name}", version, b"{}")


@pytest.fixture
def actual() -> Actual:
    return Actual(cluster=None, verdicts=None)  # type: ignore[arg-type]  # neither is asked here


def test_a_change_wakes_who_waits_for_the_object_and_nobody_else(actual: Actual) -> None:
    with actual.awaiting([WEB]) as web, actual.awaiting([OTHER]) as other:
        actual.receive(Changed(live(WEB)))
        assert (web.is_set(), other.is_set()) == (True, False)
        web.clear()
        actual.put(live(OTHER))
        assert (web.is_set(), other.is_set()) == (False, True)


def test_the_end_of_an_object_wakes_who_waits_for_it(actual: Actual) -> None:
    actual.put(live(WEB))
    with actual.awaiting([WEB]) as web:
        actual.receive(Gone(WEB, None))
        assert web.is_set()
        web.clear()
        actual.gone(WEB)
        assert web.is_set()


def test_a_list_of_a_kind_and_a_poke_wake_everybody(actual: Actual) -> None:
    with actual.awaiting([WEB]) as web, actual.awaiting([]) as nothing:
        actual.receive(Listed(GroupKind("apps", "Deployment"), ()))
        assert (web.is_set(), nothing.is_set()) == (True, True)
        web.clear()
        nothing.clear()
        actual.poke()
        assert (web.is_set(), nothing.is_set()) == (True, True)


def test_who_no_longer_waits_is_not_woken(actual: Actual) -> None:
    with actual.awaiting([WEB]) as web:
        pass
    actual.put(live(WEB))
    assert not web.is_set()
