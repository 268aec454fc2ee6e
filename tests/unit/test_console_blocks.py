"""The comparison of documentation with what commands print can fail."""

import pytest

from tests.helpers.console import agrees, comparable


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        (["a", "b"], ["a", "b"], True),
        (["a", "b"], ["a"], False),
        (["a"], ["a", "b"], False),
        (["a", "...", "d"], ["a", "b", "c", "d"], True),
        (["a", "...", "d"], ["a", "d"], True),
        (["a", "...", "d"], ["a", "d", "e"], False),
        (["..."], [], True),
        ([], ["a"], False),
    ],
)
def test_an_ellipsis_stands_for_any_lines(
    shown: list[str], printed: list[str], *, same: bool
) -> None:
    assert agrees(shown, printed) is same


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("kubia-8d9r6   1/1   Running", "kubia-nb2cm 1/1 Running", True),
        ("kubia-8d9r6   1/1   Running", "kubia-nb2cm 0/1 Running", False),
        ("commit 804b65a5", "commit 06d877fa", True),
        ("commit 91715757", "commit 06d877fa", True),
        ("started 2026-11-20 17:09:51", "started 2027-01-02 01:02:03", True),
        ("ready http://127.0.0.1:41234", "ready http://127.0.0.1:8080", True),
        ("scale kubia 1→3", "scale kubia 1→4", False),
        ("revision 3 failed", "revision 4 failed", False),
        ("by ada@laptop", "by ada@vm", True),
        ("by ada@laptop", "by bob@laptop", False),
    ],
)
def test_only_what_differs_from_run_to_run_is_left_out(one: str, other: str, *, same: bool) -> None:
    assert (comparable([one]) == comparable([other])) is same
