from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops.core.planning.retry import (
    HEAL_LIMIT,
    heal_backoff,
    is_contested,
    may_pass,
    next_attempt,
)
from gitops.model.application import Retry
from gitops.model.plan import Fault


def seconds(pause: timedelta | None) -> float | None:
    return None if pause is None else pause.total_seconds()


def test_the_default_retries_five_times_and_waits_longer_each_time() -> None:
    pauses = [seconds(next_attempt(Retry(), n)) for n in range(7)]
    assert pauses == [5, 10, 20, 40, 80, None, None]


def test_the_longest_pause_bounds_the_rest() -> None:
    retry = Retry(limit=-1, max_duration=timedelta(seconds=30))
    assert [seconds(next_attempt(retry, n)) for n in range(5)] == [5, 10, 20, 30, 30]
    assert seconds(next_attempt(retry, 10**9)) == 30


def test_a_limit_of_zero_never_retries() -> None:
    assert next_attempt(Retry(limit=0), 0) is None


@pytest.mark.parametrize(
    ("retry", "expected"),
    [
        (Retry(duration=timedelta()), 0),
        (Retry(factor=1), 5),
        (Retry(duration=timedelta(minutes=9)), 180),
    ],
)
def test_odd_policies_stay_bounded(retry: Retry, expected: float) -> None:
    assert seconds(next_attempt(retry, 4)) == expected


def test_heals_back_off_to_five_minutes() -> None:
    assert [seconds(heal_backoff(n)) for n in range(7)] == [2, 6, 18, 54, 162, 300, 300]


def test_after_five_heals_an_object_is_contested() -> None:
    assert not is_contested(HEAL_LIMIT - 1)
    assert is_contested(HEAL_LIMIT)
    assert HEAL_LIMIT == 5


@given(
    st.builds(
        Retry,
        limit=st.integers(-1, 20),
        duration=st.timedeltas(timedelta(), timedelta(days=1)),
        factor=st.integers(1, 100),
        max_duration=st.timedeltas(timedelta(), timedelta(days=1)),
    ),
    st.integers(0, 1000),
)
def test_pauses_never_shrink(retry: Retry, retries: int) -> None:
    first, second = next_attempt(retry, retries), next_attempt(retry, retries + 1)
    assert second is None or (first is not None and first <= second <= retry.max_duration)


@pytest.mark.parametrize(
    "codes", [["forbidden"], ["unknown-kind", "namespace-missing"], ["claimed", "heir"]]
)
def test_what_is_mended_elsewhere_is_worth_another_look(codes: list[str]) -> None:
    assert may_pass([Fault(code, "no") for code in codes])


@pytest.mark.parametrize("codes", [[], ["forbidden", "invalid"], ["denied"]])
def test_a_manifest_s_own_fault_waits_for_a_commit(codes: list[str]) -> None:
    assert not may_pass([Fault(code, "no") for code in codes])
