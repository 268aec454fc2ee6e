"""Kustomizations and charts are read with lines, within limits."""

import pytest

from gitops.errors import RenderError
from gitops.render.reading import mappings, read_documents, read_mapping, relocate, strings


def test_scalars_stay_text_and_know_their_line() -> None:
    body = read_mapping(b"a: 1e3\nb:\n  - yes\nc:\n", "k.yaml")
    assert body == {"a": "1e3", "b": ["yes"], "c": None}
    assert body["b"][0].line == 3
    assert relocate(body["b"][0], "y").line == 3
    assert relocate("plain", "y") == "y"


def test_anchors_and_merge_keys_are_followed() -> None:
    assert read_mapping(b"a: &x {b: c}\nd: {<<: *x}", "k.yaml")["d"] == {"b": "c"}


def test_an_empty_file_is_an_empty_mapping() -> None:
    assert read_mapping(b"# nothing\n---\n", "k.yaml") == {}


@pytest.mark.parametrize("content", [b"a: 1\n---\nb: 2\n", b"- a\n", b"text"])
def test_what_is_not_one_mapping_is_told(content: bytes) -> None:
    with pytest.raises(RenderError, match="not one mapping"):
        read_mapping(content, "k.yaml")


def test_broken_yaml_is_told_with_its_line() -> None:
    with pytest.raises(RenderError, match="not valid YAML") as caught:
        read_documents(b"a: 1\nb: [\n", "app/k.yaml")
    assert caught.value.where == "app/k.yaml:3"


@pytest.mark.parametrize(
    "content", [b"\xff\xfe\xff", b"a: !!python/object:os.system {}", b"a: \x00"]
)
def test_other_bytes_are_told(content: bytes) -> None:
    with pytest.raises(RenderError, match="not valid YAML"):
        read_documents(content, "k.yaml")


@pytest.mark.parametrize("content", [b"[" * 200_000, b"{a: " * 5000, b"- " * 5000])
def test_deep_nesting_is_refused_before_it_overflows_the_stack(content: bytes) -> None:
    with pytest.raises(RenderError, match="levels deep") as caught:
        read_documents(content, "k.yaml")
    assert caught.value.reason == "limit"


def test_a_large_file_is_refused() -> None:
    with pytest.raises(RenderError, match="larger than"):
        read_documents(b"#" * (1024 * 1024 + 1), "k.yaml")


def test_lists_are_taken_leniently() -> None:
    assert list(strings(["a", 1, None, "b"])) == ["a", "b"]
    assert list(strings("a")) == ["a"]
    assert list(strings({"a": "b"})) == []
    assert list(mappings([{"a": 1}, "b"])) == [{"a": 1}]
    assert list(mappings("a")) == []
