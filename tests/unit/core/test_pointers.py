import pytest

from gitops.core.pointers import Trie, format_pointer, parse_pointer


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("", ()), ("/a", ("a",)), ("/a~1b/c~0d", ("a/b", "c~d")), ("/a/0", ("a", "0")), ("/", ("",))],
)
def test_a_pointer_is_read_and_written(text, tokens):
    assert parse_pointer(text) == tokens
    assert format_pointer(tokens) == text


def test_a_missing_slash_is_forgiven_and_a_broken_escape_is_not():
    assert parse_pointer("spec/replicas") == ("spec", "replicas")
    assert parse_pointer("/a~2") is None


def test_a_trie_is_walked_by_tokens():
    trie = Trie.of([("a", "0"), ("b",)])
    assert trie.child("a").child(0).end
    assert trie.child("b").end
    assert not trie.child("a").end
    assert trie.child("c") is None
    assert Trie.of([()]).end
