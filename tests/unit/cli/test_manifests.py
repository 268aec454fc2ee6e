"""Printed manifests are read back as they were, by kubectl's rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops.cli.manifests import dump_documents
from gitops.core.manifests.parse import parse

HEAD = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}


def read_back(value: object) -> object:
    parsed = parse(dump_documents([{**HEAD, "x": {"v": value}}]), "x")
    assert not parsed.faults
    return parsed.manifests[0].body["x"]["v"]


@pytest.mark.parametrize(
    "text",
    [
        *("1e3", "0o17", "017", "0x1F", "0b1", "1_000", "+1", ".5", "1.", "1:30", "2001-01-01"),
        *("~", "=", "<<", "y", "n", "Y", "N", "yes", "on", "null", "true", "-", "---", "#c"),
    ],
)
def test_strings_stay_strings(text: str) -> None:
    assert read_back(text) == text


@pytest.mark.parametrize("text", ["abc", "v1", "1.36.3", "10.0.0.1", "name", "nginx:1.0", "123abc"])
def test_plain_strings_stay_plain(text: str) -> None:
    assert f"v: {text}\n" in dump_documents([{"v": text}])


def test_text_of_several_lines_is_a_block() -> None:
    assert "v: |\n  a\n  b\n" in dump_documents([{"v": "a\nb\n"}])


def test_documents_are_separated_and_nothing_is_nothing() -> None:
    assert dump_documents([{"a": 1}, {"b": 2}]) == "a: 1\n---\nb: 2\n"
    assert dump_documents([]) == ""
    shared = {"a": 1}
    assert dump_documents([{"b": shared, "c": shared}]) == "b:\n  a: 1\nc:\n  a: 1\n"


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**53), 2**53)
        | st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]) | st.sampled_from("\n\t ")),
        lambda inner: st.lists(inner, max_size=4),
        max_leaves=10,
    )
)
def test_any_value_comes_back(value: object) -> None:
    assert read_back(value) == value
