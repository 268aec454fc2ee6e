"""The newest events, as those who wait for them ask."""

from datetime import UTC, datetime

from gitops.engine.facts.events import EventLog


class StandingClock:
    """A clock that stands."""

    def now(self) -> datetime:
        return datetime(2026, 3, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0


class Name(str):
    """An application's name that counts how often it is compared."""

    __slots__ = ()
    looks = 0

    def __eq__(self, other: object) -> bool:
        Name.looks += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


def test_events_after_a_sequence_come_oldest_first_of_one_application_or_of_all() -> None:
    log = EventLog(StandingClock())
    for name in ("shop", "blog", "shop"):
        log.publish(name, "health", "")
    assert [event.sequence for event in log.since(0)] == [1, 2, 3]
    assert [event.sequence for event in log.since(0, "shop")] == [1, 3]
    assert [event.sequence for event in log.since(1)] == [2, 3]
    assert log.since(3) == []


def test_whoever_waits_looks_at_what_is_new_alone() -> None:
    log = EventLog(StandingClock())
    for _ in range(1000):
        log.publish(Name("blog"), "health", "")
    Name.looks = 0
    assert log.since(998, "shop") == []
    assert Name.looks == 2
