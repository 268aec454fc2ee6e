"""Version constraints; the expected answers are those of Masterminds/semver v3.5.0."""

import time

import pytest

from gitops.core.git.semver import compare, highest, parse_constraint, parse_version

TAGS = [
    "v0.9.0",
    "v1.0.0",
    "v1.2.0",
    "v1.2.9",
    "v1.2.10",
    "v1.3.0-rc.1",
    "v1.3.0-rc.10",
    "v1.10.0",
    "2.0.0",
    "v2.1.0-beta",
    "latest",
    "release-1.2",
]


@pytest.mark.parametrize(
    ("constraint", "tag"),
    [
        ("v1.2.*", "v1.2.10"),
        ("1.2.x", "v1.2.10"),
        (">=1.0.0 <2.0.0", "v1.10.0"),
        (">=1.0.0, <1.2.10", "v1.2.9"),
        ("^1.2", "v1.10.0"),
        ("~1.2", "v1.2.10"),
        ("~> 1.2.3", "v1.2.10"),
        ("*", "2.0.0"),
        ("*-0", "v2.1.0-beta"),
        (">=1.3-0 <1.4-0", "v1.3.0-rc.10"),
        ("~1.3.0-0", "v1.3.0-rc.10"),
        ("^0.9", "v0.9.0"),
        ("<1", "v0.9.0"),
        (">1", "2.0.0"),
        ("<=1.2", "v1.2.10"),
        ("=<1.2.9", "v1.2.9"),
        ("=>2", "2.0.0"),
        ("!=2.0.0", "v1.10.0"),
        ("!=2.x", "v1.10.0"),
        ("1.0 - 1.2.9", "v1.2.9"),
        ("~0.9 || ~1.0", "v1.0.0"),
        ("=v1.0.0", "v1.0.0"),
        (">=3", None),
        ("~1.3", None),
    ],
)
def test_the_highest_tag_that_a_constraint_allows(constraint: str, tag: str | None) -> None:
    parsed = parse_constraint(constraint)
    assert parsed is not None
    assert highest(parsed, TAGS) == tag
    assert highest(parsed, reversed(TAGS)) == tag


@pytest.mark.parametrize(
    ("constraint", "allowed", "refused"),
    [
        ("^1.2.3", "1.2.3 1.9.0", "1.2.2 2.0.0 0.2.3 1.3.0-rc.1"),
        ("^0.2.3", "0.2.3 0.2.9", "0.3.0 1.0.0"),
        ("^0.0.3", "0.0.3", "0.0.4 0.1.0"),
        ("^0", "0.0.1 0.9.0", "1.0.0"),
        ("^0.0", "0.0.9", "0.1.0"),
        ("^*", "0.0.0", "0.0.1 1.0.0"),
        ("~0.0.0", "0.0.0 5.0.0", "0.0.0-rc"),
        ("~1", "1.0.0 1.9.9", "2.0.0"),
        (">1.1", "1.2.0 2.0.0", "1.1.5 1.1.0"),
        (">*", "0.0.1 1.0.0", "0.0.0"),
        (">1.1.0", "1.1.1", "1.1.0"),
        ("<=1", "1.9.9 0.1.0", "2.0.0"),
        ("<=*", "0.0.0 0.0.9", "0.1.0 1.0.0"),
        ("!=1.2", "1.3.0", "1.2.0 1.2.5"),
        ("!=1.2-a", "1.2.0-b 1.2.0", "1.2.0-a"),
        ("!=1", "2.0.0", "1.0.0 1.5.0"),
        ("!=*", "0.0.1", "0.0.0"),
        ("<1.0.0-rc.2", "1.0.0-rc.1 1.0.0-alpha", "1.0.0-rc.2 1.0.0-rc.10 1.0.0"),
        (">1.0.0-rc.2", "1.0.0-rc.10 1.0.0 1.0.0-rc.2.1", "1.0.0-rc 1.0.0-alpha 1.0.0-2"),
        (">1.0.0-2", "1.0.0-10 1.0.0-a", "1.0.0-1"),
        ("=1.0.0+build", "1.0.0 1.0.0+other", "1.0.1"),
    ],
)
def test_what_a_constraint_allows(constraint: str, allowed: str, refused: str) -> None:
    parsed = parse_constraint(constraint)
    assert parsed is not None
    for text, expected in [
        *((t, True) for t in allowed.split()),
        *((t, False) for t in refused.split()),
    ]:
        version = parse_version(text)
        assert version is not None
        assert parsed.allows(version) is expected, text


@pytest.mark.parametrize("text", ["1.2.3", "v1", "1.0", "1.2.3-rc.1+x"])
def test_a_plain_version_is_a_pin_and_no_constraint(text: str) -> None:
    assert parse_version(text) is not None
    assert parse_constraint(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "main",
        "release/1.x",
        ">=",
        "1.2.3.4",
        "1x",
        ">1,,<2",
        ">=1.0.0-01",
        "=99999999999999999999.x",
        "1" * 513,
        "||".join(["1.x"] * 33),
    ],
)
def test_what_is_no_constraint_is_none(text: str) -> None:
    assert parse_constraint(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1.2.3.4",
        "vv1",
        "1.0.0-01",
        "99999999999999999999.0.0",
        "1" * 300,
        "\u0661.\u0662.\u0663",
    ],
)
def test_what_is_no_version_is_none(text: str) -> None:
    assert parse_version(text) is None


def test_equal_versions_are_equal_whatever_their_build() -> None:
    one, two = parse_version("v1.0.0-a.1+x"), parse_version("1.0.0-a.1+y")
    assert one is not None
    assert two is not None
    assert compare(one, two) == 0


def test_of_equal_tags_the_first_name_is_taken() -> None:
    constraint = parse_constraint("1.x")
    assert constraint is not None
    assert highest(constraint, ["v1.0.0", "1.0.0"]) == highest(constraint, ["1.0.0", "v1.0.0"])


@pytest.mark.parametrize(
    "text",
    [
        (">1" + " " * 8) * 50 + "!",
        "1 , " * 120 + "!",
        "1" + " , 1" * 120 + "!",
        ">= " * 170,
        "1 - " * 120,
        "1-" + "a." * 250,
        " " * 511 + "!",
        "x" * 511 + "!",
    ],
    ids=range(8),
)
def test_no_text_takes_long_to_be_refused(text: str) -> None:
    started = time.process_time()
    assert parse_constraint(text) is None
    assert time.process_time() - started < 1
