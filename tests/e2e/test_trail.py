"""The trail of a walk: who did what and why, and whether somebody touched it."""

from gitops.model.revision import RecordKind
from gitops.ports.store import TrailQuery
from tests.helpers.service import BY_HAND, config_map
from tests.helpers.walk import Walk

APP = "kubernetes-bootcamp"
OVERLAY = f"{APP}/overlays/production/kustomization.yaml"


def test_the_trail_of_a_whole_walk_tells_who_and_why_and_verifies(walk: Walk) -> None:
    walk.take(APP)
    walk.edit(f"{APP}/base/deployment.yaml", "Seconds: 20", "Seconds: 2")
    walk.change(APP, OVERLAY, "newTag: v1", "newTag: v2-pull-error", "Update to v2")
    walk.world.closed(APP, 3)
    walk.at_rest(APP)
    walk.after(
        APP,
        lambda: walk.kubectl("-n", walk.namespace, "scale", f"deployment/{APP}", "--replicas=1"),
    )
    walk.service.suspend(APP, BY_HAND, suspended=True)
    walk.service.suspend(APP, BY_HAND, suspended=False)
    walk.service.unpin(APP, BY_HAND)
    walk.delete(APP)
    reading = walk.service.reading
    records = list(reading.trail(TrailQuery(application=APP, newest=False)))
    kinds = [str(record.kind) for record in records if record.kind is not RecordKind.OUTCOMES]
    opened, closed = "revision-opened", "revision-closed"
    told = ["registered", opened, closed, opened, closed, "pin", opened, closed]
    told += [opened, "drift", closed]
    assert kinds[: len(told)] == told
    assert kinds[len(told) : len(told) + 3] == ["suspend", "resume", "unpin"]
    assert kinds[-1] == "unregistered"
    by = {str(r.kind): r.actor for r in records}
    assert by["suspend"] == by["unpin"] == by["unregistered"] == BY_HAND.actor
    assert by["pin"] == "gitops"
    why = next(str(r.payload["reason"]) for r in records if r.kind is RecordKind.PIN)
    assert "revision 2 failed" in why
    assert "ImagePullBackOff" in why
    verdict = reading.verify(None)
    assert verdict.faults == ()
    assert reading.verify(verdict.head).faults == ()
    numbers = [record.sequence for record in reading.trail(TrailQuery(newest=False))]
    assert numbers == list(range(1, len(numbers) + 1)), "no gaps"


def test_it_can_be_asked_by_object_actor_and_outcome(walk: Walk) -> None:
    walk.world.repo.write("app/one.yaml", config_map("one"))
    walk.world.push("app/two.yaml", config_map("two"))
    walk.world.declare()
    walk.settled("demo")
    walk.change("demo", "app/one.yaml", "word: one", "word: two")
    reading = walk.service.reading
    one = f"ConfigMap {walk.namespace}/one"
    about = list(reading.trail(TrailQuery(object=one, kind=RecordKind.OUTCOMES)))
    assert {record.revision for record in about} == {1, 2}
    mine = list(reading.trail(TrailQuery(actor=BY_HAND.actor)))
    assert {(record.kind, record.revision) for record in mine} == {
        (RecordKind.REGISTERED, None),
        (RecordKind.REVISION_OPENED, 1),
        (RecordKind.OUTCOMES, 1),
        (RecordKind.REVISION_CLOSED, 1),
    }
    failed = list(reading.trail(TrailQuery(outcome="failed")))
    assert failed == []


def test_it_survives_a_restart_and_goes_on_in_one_chain(walk: Walk) -> None:
    walk.world.push("app/words.yaml", config_map())
    walk.world.declare()
    walk.settled("demo")
    head = walk.service.reading.verify(None).head
    walk.world.restart()
    walk.settled("demo")
    assert walk.service.reading.verify(head).faults == ()
    walk.change("demo", "app/words.yaml", "word: one", "word: two")
    verdict = walk.service.reading.verify(head)
    assert verdict.faults == ()
    assert verdict.head != head
