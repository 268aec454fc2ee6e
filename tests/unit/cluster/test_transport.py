import pytest

from gitops.cluster.transport import LONGEST_DELAY_S, Bucket, Reply, _retry_after, backoff
from gitops.errors import ClusterError


def test_a_burst_waits_for_nothing_and_the_next_for_its_turn():
    bucket = Bucket(rate=10, burst=3)
    assert [bucket.reserve(100.0) for _ in range(5)] == [0, 0, 0, 0.1, 0.2]


def test_a_bucket_fills_with_time_up_to_its_burst():
    bucket = Bucket(rate=10, burst=2)
    assert [bucket.reserve(0.0) for _ in range(3)][-1] > 0
    assert bucket.reserve(0.2) == 0
    assert [bucket.reserve(99.0) for _ in range(3)] == [0, 0, 0.1]


def test_a_bucket_rests_for_as_long_as_the_server_asks():
    bucket = Bucket(rate=10, burst=3)
    bucket.reserve(0.0)
    bucket.rest(2.0)
    bucket.rest(1.0)
    assert bucket.reserve(0.5) == 1.6
    assert bucket.reserve(9.0) == 0


def test_backoff_doubles_up_to_a_limit():
    for attempt in (1, 2, 3):
        expected = 0.2 * 2 ** (attempt - 1)
        assert expected * 0.75 <= backoff(attempt) <= expected * 1.25
    assert backoff(10_000) <= LONGEST_DELAY_S * 1.25
    assert backoff(10, longest_s=1.0) <= 1.25


def test_the_server_s_wish_is_honoured_within_a_limit():
    assert _retry_after({"Retry-After": "3"}) == 3
    assert _retry_after({"Retry-After": "3600"}) == LONGEST_DELAY_S
    assert _retry_after({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}) == 0
    assert _retry_after({}) == 0


def test_an_answer_that_is_no_json_is_an_error():
    assert Reply(200, b"{}").json() == {}
    with pytest.raises(ClusterError, match="cannot be read"):
        Reply(200, b"<html>").json()
