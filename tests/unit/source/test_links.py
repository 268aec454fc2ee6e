"""Links that lead out of a checkout, found by names alone."""

import pytest

from gitops.source.links import Link, escapes, escaping_links

LINKS = {
    "inside": "a/b",
    "deep/up": "../a",
    "short": "a/b/c",
    "through": "short/../../x",
    "out": "..",
    "far": "short/../../../../x",
    "absolute": "/etc",
    "loop": "loop",
    "one": "two",
    "two": "one",
    "chain": "deep/up/../../out",
    "empty": "",
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("inside", False),
        ("deep/up", False),
        ("through", False),
        ("empty", False),
        ("missing/../x", False),
        ("out", True),
        ("far", True),
        ("absolute", True),
        ("absolute/passwd", True),
        ("loop", True),
        ("one", True),
        ("chain", True),
    ],
)
def test_a_link_is_followed_as_the_kernel_does(path: str, *, expected: bool) -> None:
    assert escapes(path, LINKS.get) is expected


def test_escaping_links_are_named_with_their_targets() -> None:
    assert list(escaping_links(["inside", "out", "absolute"], LINKS.get)) == [
        Link("out", ".."),
        Link("absolute", "/etc"),
    ]
