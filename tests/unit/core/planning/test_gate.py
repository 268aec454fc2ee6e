"""When a wait for health ends."""

from datetime import timedelta
from math import inf

import pytest

from gitops.core.planning.gate import Limits, Verdict, WaitEnd, deadline_for, gate
from gitops.model.application import KindDeadline
from gitops.model.health import Health, HealthStatus
from gitops.model.objects import ObjectId

WEB = ObjectId("apps", "Deployment", "shop", "web")
JOB = ObjectId("batch", "Job", "shop", "migrate")
DEGRADED = {WEB: Health(HealthStatus.DEGRADED, "crash")}
STARTING = {WEB: Health(HealthStatus.PROGRESSING)}


def test_without_more_limits_health_ends_it_at_once_and_so_does_a_failure() -> None:
    limits = Limits(deadline=100)
    assert gate(10, {}, None, limits) == Verdict(WaitEnd.HEALTHY, 10, 10)
    assert gate(10, DEGRADED, None, limits) == Verdict(WaitEnd.DEGRADED, 10, None, (WEB,))
    assert gate(10, STARTING, None, limits) == Verdict(None, 100)
    assert gate(100, STARTING, None, limits) == Verdict(WaitEnd.DEADLINE, 100, None, (WEB,))


def test_everything_has_to_be_healthy_for_long_enough_without_a_break() -> None:
    limits = Limits(deadline=100, stable_s=30)
    first = gate(10, {}, None, limits)
    assert first == Verdict(None, 40, 10)
    assert gate(39, {}, first.since, limits) == Verdict(None, 40, 10)
    assert gate(40, {}, first.since, limits).end is WaitEnd.HEALTHY
    broken = gate(39, STARTING, first.since, limits)
    assert broken == Verdict(None, 100, None), "it begins anew"
    again = gate(80, {}, broken.since, limits)
    assert again == Verdict(None, 100, 80), "the deadline comes first"
    assert gate(100, {}, again.since, limits) == Verdict(WaitEnd.DEADLINE, 100, 80)


def test_what_is_proven_right_at_the_deadline_is_proven() -> None:
    assert gate(100, {}, 70, Limits(deadline=100, stable_s=30)).end is WaitEnd.HEALTHY


def test_degraded_is_forgiven_in_the_time_of_grace_and_looked_at_when_that_ends() -> None:
    limits = Limits(deadline=100, grace_until=20)
    assert gate(10, DEGRADED, None, limits) == Verdict(None, 20)
    assert gate(20, DEGRADED, None, limits).end is WaitEnd.DEGRADED
    assert gate(10, STARTING, None, limits).look_at == 100
    assert gate(10, DEGRADED, None, Limits(deadline=5, grace_until=20)).end is WaitEnd.DEADLINE


def test_a_hook_that_has_failed_gets_no_grace() -> None:
    limits = Limits(deadline=100, grace_until=20, final=frozenset({JOB}))
    both = {**DEGRADED, JOB: Health(HealthStatus.DEGRADED)}
    assert gate(10, both, None, limits) == Verdict(WaitEnd.DEGRADED, 10, None, (JOB,))


@pytest.mark.parametrize("grace", [-inf, 20])
def test_what_was_degraded_before_may_stay_so_until_the_deadline(grace: float) -> None:
    limits = Limits(deadline=100, grace_until=grace, excused=frozenset({WEB}))
    assert gate(30, DEGRADED, None, limits) == Verdict(None, 100)
    assert gate(100, DEGRADED, None, limits).end is WaitEnd.DEADLINE


def test_an_object_with_a_deadline_of_its_own_is_late_by_that_alone() -> None:
    both = {**STARTING, JOB: Health(HealthStatus.PROGRESSING)}
    shorter = Limits(deadline=100, own={JOB: 20})
    assert gate(10, both, None, shorter) == Verdict(None, 20)
    assert gate(20, both, None, shorter) == Verdict(WaitEnd.DEADLINE, 20, None, (JOB,))
    assert gate(20, STARTING, None, shorter) == Verdict(None, 100)
    longer = Limits(deadline=100, own={JOB: 300})
    assert gate(100, both, None, longer) == Verdict(WaitEnd.DEADLINE, 100, None, (WEB,))
    assert gate(100, {JOB: both[JOB]}, None, longer) == Verdict(None, 300)


def test_the_first_kind_that_matches_gives_the_deadline() -> None:
    hour, minute = timedelta(hours=1), timedelta(minutes=1)
    rules = (KindDeadline("Job", hour), KindDeadline("*", minute, "apps"))
    assert deadline_for(rules, JOB) == hour
    assert deadline_for(rules, WEB) == minute
    assert deadline_for(rules, ObjectId("", "Pod", "shop", "web")) is None
