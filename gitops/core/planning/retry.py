"""When to try again: after a failed or refused sync, and after drift that comes back.

In: a policy and how often it happened, or what was refused. Out: a pause, or None. Called by the
engine.
"""

from collections.abc import Collection
from datetime import timedelta
from typing import Final

from gitops.model.application import Retry
from gitops.model.plan import Fault

HEAL_FIRST: Final = timedelta(seconds=2)
HEAL_FACTOR: Final = 3
HEAL_LONGEST: Final = timedelta(minutes=5)
HEAL_WINDOW: Final = timedelta(minutes=10)
"""Repeats within it join one heal revision and count towards `HEAL_LIMIT`."""
HEAL_LIMIT: Final = 5
"""So many heals of one object within the window, and it is contested."""

AWAY: Final = frozenset({"transient", "unreachable", "unauthorized"})
"""Reasons of errors for which the API server can tell nothing now, and soon may."""

OUTSIDE: Final = frozenset({
    "forbidden", "namespace-missing", "not-permitted", "unknown-kind", "claimed", "heir"
})  # fmt: skip
"""Codes of faults that somebody may mend elsewhere: rights, a namespace, a project, a kind, another
application that holds an object or that takes some over."""


def may_pass(faults: Collection[Fault]) -> bool:
    """Whether everything that the API server refused may be accepted without a new commit."""
    return bool(faults) and all(fault.code in OUTSIDE for fault in faults)


def next_attempt(retry: Retry, retries: int) -> timedelta | None:
    """The pause before the next retry, where `retries` were made; None: no more.

    With the defaults: 5, 10, 20, 40, 80 seconds, then none. A limit of -1 has no end.
    """
    if 0 <= retry.limit <= retries:
        return None
    return grow(retry.duration, retry.factor, retries, retry.max_duration)


def heal_backoff(heals: int) -> timedelta:
    """The pause before an object is healed again: 2, 6, 18, 54, 162 seconds, then 5 minutes.

    `heals` 0 is the pause after the first heal; the first itself is made at once.
    """
    return grow(HEAL_FIRST, HEAL_FACTOR, heals, HEAL_LONGEST)


def is_contested(heals: int) -> bool:
    """Whether an object healed so often within the window is left alone, and its rival named."""
    return heals >= HEAL_LIMIT


def grow(first: timedelta, factor: int, times: int, longest: timedelta) -> timedelta:
    """`first` multiplied `times` times, at most `longest`; never overflows."""
    pause = first
    for _ in range(times):
        if pause >= longest or factor <= 1 or not pause:
            break
        pause *= factor
    return min(pause, longest)
