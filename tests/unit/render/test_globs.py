"""Argo CD's globs (gobwas/glob): without separators a star matches a slash."""

import time

import pytest

from gitops.errors import RenderError
from gitops.render.globs import compile_glob


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("*.yaml", "deployment.yaml", True),
        ("*.yaml", "below/deployment.yaml", True),
        ("**.yaml", "a/b/c.yaml", True),
        ("*.yaml", "deployment.yml", False),
        ("env/*.yaml", "env/prod.yaml", True),
        ("env/*.yaml", "other/prod.yaml", False),
        ("{config.json,env-usw2/*}", "config.json", True),
        ("{config.json,env-usw2/*}", "env-usw2/a.yaml", True),
        ("{config.json,env-usw2/*}", "env-use1/a.yaml", False),
        ("{a,b{c,d}}.yaml", "bd.yaml", True),
        ("{a,b{c,d}}.yaml", "b.yaml", False),
        ("?.yaml", "a.yaml", True),
        ("?.yaml", "ab.yaml", False),
        ("[a-c].yaml", "b.yaml", True),
        ("[!a-c].yaml", "b.yaml", False),
        ("[!a-c].yaml", "d.yaml", True),
        ("[^a].yaml", "^.yaml", True),
        (r"a\*b", "a*b", True),
        (r"a\*b", "axb", False),
        ("a.b", "axb", False),
        ("a}", "a}", True),
        ("a,b", "a,b", True),
        ("a[", "a[", True),
        ("a\n*", "a\nb", True),
        ("{*,a}*.yaml", "x/y.yaml", True),
        ("{*a,}{b,}", "xab", True),
        ("{*a,}{b,}", "", True),
        ("{*a,}{b,}", "x", False),
        ("*{a,ab}c", "xabc", True),
        ("[a&&b|~^[]", "[", True),
        ("", "", True),
        ("", "a", False),
        ("\\", "\\", True),
    ],
)
def test_patterns_match_as_in_argo_cd(pattern: str, path: str, *, matches: bool) -> None:
    assert bool(compile_glob(pattern, where="x").matches(path)) is matches


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("env/*.yaml", "env/a.yaml", True),
        ("env/*.yaml", "env/a/b.yaml", False),
        ("env/**/*.yaml", "env/a/b.yaml", True),
        ("env/?.yaml", "env//.yaml", False),
        ("env/**/*.yaml", "env/a.yaml", True),
        ("env/**/*.yaml", "env/a/b/c.yaml", True),
        ("env/**/*.yaml", "environment/a.yaml", False),
        ("**/a.yaml", "a.yaml", True),
        ("**/a/**/*.yaml", "x/a/b.yaml", True),
        ("env/**", "env/a/b.yaml", True),
        ("env/**", "other/a.yaml", False),
        ("**a*c", "xayac", True),
        ("**a*c", "xa/yac", False),
        ("env/a**.yaml", "env/a/b.yaml", False),
        ("{*,**}/*.yaml", "a/b/c.yaml", True),
        ("{*,x}*", "a/b", False),
    ],
)
def test_with_separators_a_star_stops_at_a_slash(pattern: str, path: str, *, matches: bool) -> None:
    assert bool(compile_glob(pattern, separators=True, where="x").matches(path)) is matches


def test_an_open_brace_is_told_with_the_setting() -> None:
    with pytest.raises(RenderError, match="open brace") as caught:
        compile_glob("{a,b", where="spec.source.directory.include")
    assert caught.value.where == "spec.source.directory.include"


def test_a_range_that_goes_backwards_is_told() -> None:
    with pytest.raises(RenderError, match="cannot be read"):
        compile_glob("[z-a]", where="x")


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*a" * 500 + "b", "a" * 4000),
        ("*" * 1024, "a" * 4000),
        ("{*,a}" * 6 + "b", "a" * 4000),
        ("?" * 1000 + "*b", "a" * 4000),
        ("[a-c]*" * 150 + "d", "abc" * 1300),
    ],
    ids=range(5),
)
def test_no_pattern_takes_long(pattern: str, path: str) -> None:
    started = time.process_time()
    compile_glob(pattern, separators=True, where="x").matches(path)
    assert time.process_time() - started < 5


def test_braces_may_stand_for_many_patterns() -> None:
    glob = compile_glob("{a,b}" * 200, where="x")
    assert glob.matches("ab" * 100)
    assert not glob.matches("ab" * 99 + "ac")


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("a" * 5000, "longer"),
        ("{" * 500, "open brace"),
    ],
)
def test_patterns_are_bounded(pattern: str, words: str) -> None:
    with pytest.raises(RenderError, match=words):
        compile_glob(pattern, where="x")
