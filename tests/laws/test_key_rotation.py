"""Whatever is written, before, between and while keys are replaced, is read and verifies."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gitops.model.revision import RecordKind
from gitops.store.sql import SqlStore
from tests.helpers.store import SteppingClock

steps = st.lists(
    st.tuples(st.just("put"), st.binary(max_size=20))
    | st.tuples(st.just("record"), st.text(max_size=8))
    | st.tuples(st.just("reseal"), st.integers(min_value=1, max_value=3))
    | st.tuples(st.just("rotate"), st.just(None)),
    max_size=25,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
@given(steps)
def test_what_was_written_stays_readable_and_the_trail_verifies(given_: Any) -> None:
    store = SqlStore.memory(SteppingClock())
    kept: dict[str, bytes] = {}
    records = rotations = 0
    for step, value in given_:
        if step == "put":
            kept[store.put(value)] = value
        elif step == "record":
            store.append(RecordKind.WEBHOOK, actor=value, payload={"word": value})
            records += 1
        elif step == "reseal":
            store.reseal(most=value)
        else:
            while store.reseal(most=2):
                pass
            rotations += 1
            store.rotate_key("ann", bytes([rotations]) * 32)
        assert {address: store.get(address) for address in kept} == kept
    verdict = store.verify()
    assert verdict.faults == ()
    assert verdict.records == records + rotations
    store.close()
