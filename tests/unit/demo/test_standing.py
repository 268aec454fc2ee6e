"""When a start is over: everything good, or nothing that could still get better."""

from dataclasses import replace

import pytest

from gitops.demo.service import Standing

GOOD = Standing("shop", "Synced", "Healthy", "", busy=False, stopped=False)


def test_synced_and_healthy_is_good() -> None:
    assert GOOD.is_good
    assert GOOD.is_resting


@pytest.mark.parametrize(
    ("change", "resting"),
    [
        ({"sync": "OutOfSync", "stopped": True}, True),
        ({"sync": "OutOfSync"}, True),
        ({"health": "Degraded"}, True),
        ({"health": "Suspended"}, True),
        ({"health": "Progressing"}, False),
        ({"sync": "OutOfSync", "health": "Progressing"}, False),
        ({"sync": "OutOfSync", "busy": True}, False),
        ({"sync": "Unknown", "health": "Unknown"}, False),
    ],
)
def test_what_is_not_good_may_still_move(change: dict[str, str | bool], *, resting: bool) -> None:
    standing = replace(GOOD, **change)  # type: ignore[arg-type]  # each has its field's type
    assert not standing.is_good
    assert standing.is_resting is resting
