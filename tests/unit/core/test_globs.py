import pytest

from gitops.core.globs import is_glob, matches, matches_word


@pytest.mark.parametrize(
    ("pattern", "text", "separator", "expected"),
    [
        ("", "", "", True),
        ("", "a", "", False),
        ("web", "web", "", True),
        ("web", "website", "", False),
        ("we*", "web/site", "", True),
        ("we*", "web/site", "/", False),
        ("we**", "web/site", "/", True),
        ("w?b", "web", "", True),
        ("w?b", "w/b", "/", False),
        ("[a-c]x", "bx", "", True),
        ("[a-cx]x", "xx", "", True),
        ("[a-c]x", "dx", "", False),
        ("[!a-c]x", "dx", "", True),
        ("[!a-c]x", "ax", "", False),
        ("[.^]", "^", "", True),
        ("[.]", "a", "", False),
        ("{a,b*}c", "bxc", "", True),
        ("{a,b}c", "cc", "", False),
        ("a,b", "a,b", "", True),
        (r"\*", "*", "", True),
        (r"\*", "a", "", False),
        (r"{a\,b}", "a,b", "", True),
        ("a.c", "abc", "", False),
        ("a*c", "a\nc", "", True),
    ],
)
def test_a_glob_matches_the_whole_text(
    pattern: str, text: str, separator: str, *, expected: bool
) -> None:
    assert matches(pattern, text, separator) is expected


@pytest.mark.parametrize("pattern", ["{a", "a}", "a}b{", "[a", "[]", "a\\", "[c-a]"])
def test_half_of_something_matches_nothing(pattern: str) -> None:
    assert not is_glob(pattern)
    assert not matches(pattern, pattern)


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("*", "Deployment", True),
        ("**", "Deployment", True),
        ("Dep*", "Deployment", True),
        ("*set", "Deployment", False),
        ("[^D]*", "Deployment", False),
        ("[^S]*", "Deployment", True),
        ("{a,b}", "{a,b}", True),
        (r"\{a", "{a", True),
        ("{a,b}", "a", False),
    ],
)
def test_kinds_are_compared_as_paths_are(pattern: str, text: str, *, expected: bool) -> None:
    assert matches_word(pattern, text) is expected


def test_a_pattern_of_many_stars_takes_no_longer_than_its_text_is_long() -> None:
    """A regular expression that goes back and forth would not end within this test."""
    assert not matches("*a" * 40 + "*b", "a" * 200)
    assert not matches_word("*a" * 40 + "*b", "a" * 200)
