import pytest

from gitops.core.yaml.reader import Limits, read_documents


def test_a_null_among_json_documents_is_left_out() -> None:
    found = [document.value for document in read_documents('{"a": 1}\nnull\n{"b": 2} null')]
    assert found == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize(
    "text",
    ['{"a": 1, "a": "\x7f"}', '{"\\ud83d\\ude00": 1, "\\ud83d\\ude01": 2, "a": 1, "a": 2}'],
    ids=["a character that YAML forbids", "keys that YAML cannot tell apart"],
)
def test_a_key_given_twice_in_json_that_is_no_yaml_is_told_at_the_documents_place(
    text: str,
) -> None:
    (document,) = read_documents(text)
    told = [(fault.message, fault.line, fault.column) for fault in document.faults]
    assert told == [('the key "a" is given twice', 1, 1)]


def test_what_lies_in_json_that_is_no_yaml_has_the_documents_place() -> None:
    _, document = read_documents('{"a": 1}\n {"a": "\x7f"}')
    assert document.locate(("a",)) == (2, 2)


@pytest.mark.parametrize("key", ["[x]", "~", "!!int x"])
def test_a_value_beside_a_key_that_is_none_has_its_place(key: str) -> None:
    (document,) = read_documents(f"? {key}\n: 1\na: 2\n")
    assert [fault.code for fault in document.faults] == ["key"]
    assert document.locate(("a",)) == (3, 4)


def test_merges_of_merges_are_read_as_deep_as_any_mapping() -> None:
    def chain(length: int) -> str:
        links = [f"m{n}: &m{n} {{<<: *m{n - 1}}}" for n in range(1, length)]
        return "\n".join(["m0: &m0 {a: 1}", *links])

    limits = Limits(max_depth=10)
    (fine,) = read_documents(chain(9), limits)
    (deep,) = read_documents(chain(10), limits)
    assert fine.value["m8"] == {"a": 1}
    assert [fault.code for fault in deep.faults] == ["too-deep"]
