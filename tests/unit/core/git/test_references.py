"""Which commit a revision names among references."""

import pytest

from gitops.core.git.references import Ambiguous, Found, Missing, PerhapsSha, Verdict, resolve

A, B, C = "a" * 40, "b" * 40, "c" * 40
KNOWN = {
    "HEAD": A,
    "refs/heads/main": A,
    "refs/heads/both": A,
    "refs/heads/same": A,
    "refs/heads/1.x": A,
    "refs/heads/abcdef1": A,
    "refs/heads/heads/odd": A,
    "refs/tags/both": B,
    "refs/tags/same": C,
    "refs/tags/same^{}": A,
    "refs/tags/v1.2.0": C,
    "refs/tags/v1.2.0^{}": B,
    "refs/tags/v1.10.0": A,
}


@pytest.mark.parametrize(
    ("revision", "expected"),
    [
        ("", Found("HEAD", A)),
        ("HEAD", Found("HEAD", A)),
        ("main", Found("refs/heads/main", A)),
        ("refs/heads/main", Found("refs/heads/main", A)),
        ("heads/main", Found("refs/heads/main", A)),
        ("heads/odd", Found("refs/heads/heads/odd", A)),
        ("v1.2.0", Found("refs/tags/v1.2.0", B)),
        ("tags/v1.2.0", Found("refs/tags/v1.2.0", B)),
        ("refs/tags/both", Found("refs/tags/both", B)),
        ("both", Ambiguous(("refs/heads/both", "refs/tags/both"))),
        ("same", Found("refs/heads/same", A)),
        ("1.2.*", Found("refs/tags/v1.2.0", B)),
        ("1.x", Found("refs/tags/v1.10.0", A)),
        (A, PerhapsSha(A)),
        (A.upper(), PerhapsSha(A)),
        ("abcd", PerhapsSha("abcd")),
        ("ABCD123", PerhapsSha("abcd123")),
        ("abcdef1", Found("refs/heads/abcdef1", A)),
        ("abc", Missing(("abcdef1",))),
        ("mian", Missing(("main",))),
        ("refs/heads/mian", Missing(("main",))),
        ("refs/heads/v1.2.0", Missing(("v1.2.0", "v1.10.0"))),
        (">=9", Missing((), constraint=True)),
        ("main~1", Missing(("main",))),
        ("HEAD^", Missing(())),
    ],
)
def test_a_revision_is_found_or_the_nearest_names_are_told(
    revision: str, expected: Verdict
) -> None:
    assert resolve(KNOWN, revision) == expected


def test_a_constraint_that_no_tag_satisfies_may_still_be_a_branch() -> None:
    assert resolve({"refs/heads/1.x": A}, "1.x") == Found("refs/heads/1.x", A)


def test_nothing_known_is_missing() -> None:
    assert resolve({}, "HEAD") == Missing(())
