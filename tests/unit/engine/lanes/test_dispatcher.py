"""One job an application at a time; what gathers meanwhile is handed over together."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from gitops.engine.lanes.dispatcher import Dispatcher, Job
from gitops.model.revision import Trigger, TriggerKind
from tests.helpers.clock import StandingClock
from tests.helpers.waiting import WAIT_S

POLL = Trigger(TriggerKind.POLL)


class Handler:
    """Notes what it is given; a job of the kind `block` waits for `release`."""

    def __init__(self) -> None:
        self.given: list[list[tuple[str, str]]] = []
        self.release = threading.Event()
        self._changed = threading.Condition()

    def __call__(self, jobs: list[Job]) -> None:
        with self._changed:
            self.given.append([(job.application, job.kind) for job in jobs])
            self._changed.notify_all()
        if any(job.kind == "block" for job in jobs):
            assert self.release.wait(WAIT_S)
        if any(job.kind == "defect" for job in jobs):
            raise ValueError("a defect")

    def wait(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.given) >= count, WAIT_S), self.given


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def handler() -> Handler:
    return Handler()


@contextmanager
def running(
    handler: Callable[[list[Job]], None], clock: StandingClock, workers: int = 2
) -> Iterator[Dispatcher]:
    dispatcher = Dispatcher(handler, clock, workers)
    dispatcher.start()
    yield dispatcher
    assert dispatcher.stop(WAIT_S)


def test_requests_for_one_application_gather_while_it_is_worked_on(
    handler: Handler, clock: StandingClock
) -> None:
    with running(handler, clock) as dispatcher:
        dispatcher.request("a", "block", POLL)
        handler.wait(1)
        tickets = [dispatcher.request("a", kind, POLL) for kind in ("one", "two")]
        assert dispatcher.busy("a")
        assert dispatcher.running("a")
        assert dispatcher.superseded("a", frozenset({"two"}))
        assert not dispatcher.superseded("a", frozenset({"three"}))
        handler.release.set()
        assert dispatcher.wait_idle(WAIT_S)
    assert handler.given == [[("a", "block")], [("a", "one"), ("a", "two")]]
    assert tickets == sorted(set(tickets))
    assert not dispatcher.busy("a")
    assert not dispatcher.running("a")
    assert not dispatcher.superseded("a", frozenset({"two"}))


def test_what_a_job_asks_of_another_before_it_ends_is_never_missed(clock: StandingClock) -> None:
    done = 0

    def hand_on(jobs: list[Job]) -> None:
        nonlocal done
        if jobs[0].application == "git":
            dispatcher.request("app", "check", POLL)
        else:
            done += 1

    with running(hand_on, clock) as dispatcher:
        for turn in range(1, 41):
            dispatcher.request("git", "fetch", POLL)
            while dispatcher.busy("app", "git"):
                pass
            assert done == turn


def test_applications_are_worked_on_side_by_side_up_to_the_number_of_workers(
    handler: Handler, clock: StandingClock
) -> None:
    with running(handler, clock) as dispatcher:
        for name in "abc":
            dispatcher.request(name, "block", POLL)
        handler.wait(2)
        assert len(handler.given) == 2
        handler.release.set()
        handler.wait(3)
    assert sorted(jobs[0][0] for jobs in handler.given) == ["a", "b", "c"]


def test_whoever_waits_is_told_of_a_request_for_what_is_worked_on(
    handler: Handler, clock: StandingClock
) -> None:
    told: list[str] = []
    with running(handler, clock) as dispatcher:
        dispatcher.on_waiting = lambda: told.append("told")
        dispatcher.request("a", "block", POLL)
        handler.wait(1)
        assert told == []
        dispatcher.request("b", "one", POLL)
        assert told == []
        dispatcher.request("a", "one", POLL)
        assert told == ["told"]
        handler.release.set()


def test_a_delayed_request_becomes_due(handler: Handler, clock: StandingClock) -> None:
    with running(handler, clock) as dispatcher:
        dispatcher.request("a", "later", POLL, delay_s=60)
        dispatcher.request("b", "now", POLL)
        handler.wait(1)
        assert dispatcher.wait_idle(WAIT_S)
        assert not dispatcher.busy("a")
        clock.move(60)
        dispatcher.request("c", "later", POLL, delay_s=0.001)
        handler.wait(2)
    assert handler.given[0] == [("b", "now")]
    assert ("a", "later") in handler.given[1]


def test_of_delayed_requests_of_one_kind_the_earliest_is_kept(
    handler: Handler, clock: StandingClock
) -> None:
    with running(handler, clock) as dispatcher:
        for delay_s in (50, 10, 30):
            dispatcher.request("a", "later", POLL, delay_s=delay_s)
        dispatcher.request("a", "other", POLL, delay_s=10)
        clock.move(10)
        dispatcher.request("b", "wakes the clock", POLL, delay_s=1)
        handler.wait(1)
        assert dispatcher.wait_idle(WAIT_S)
        clock.move(100)
        dispatcher.request("c", "wakes the clock", POLL, delay_s=1)
        handler.wait(2)
        assert dispatcher.wait_idle(WAIT_S)
    assert [name for jobs in handler.given for name in jobs].count(("a", "later")) == 1
    assert sum(jobs.count(("a", "other")) for jobs in handler.given) == 1


def test_a_defect_is_told_and_ends_neither_worker_nor_application(
    handler: Handler, clock: StandingClock
) -> None:
    defects: list[tuple[str, str]] = []
    with running(handler, clock, workers=1) as dispatcher:
        dispatcher.on_defect = lambda name, error: defects.append((name, str(error)))
        dispatcher.request("a", "defect", POLL)
        handler.wait(1)
        dispatcher.request("a", "one", POLL)
        handler.wait(2)
    assert defects == [("a", "a defect")]


def test_a_defect_is_forgotten_where_nobody_listens(handler: Handler, clock: StandingClock) -> None:
    with running(handler, clock) as dispatcher:
        dispatcher.request("a", "defect", POLL)
        handler.wait(1)
        assert dispatcher.wait_idle(WAIT_S)


def test_after_a_stop_nothing_is_taken_and_nothing_new_begins(
    handler: Handler, clock: StandingClock
) -> None:
    dispatcher = Dispatcher(handler, clock, 1)
    dispatcher.start()
    dispatcher.request("a", "block", POLL)
    handler.wait(1)
    dispatcher.request("a", "one", POLL)
    dispatcher.request("b", "one", POLL)
    assert not dispatcher.stopping.is_set()
    assert not dispatcher.stop(0)
    assert dispatcher.stopping.is_set()
    dispatcher.request("c", "one", POLL)
    handler.release.set()
    assert dispatcher.stop(WAIT_S)
    assert handler.given == [[("a", "block")]]
    assert not dispatcher.wait_idle(0) or not dispatcher.busy("c")
