"""Texts leave the arguments of `--set`; what Helm would make of them stays the same."""

import pytest

from gitops.errors import RenderError
from gitops.render.set_values import hide_texts


def hidden(*texts: str, flag: str = "--set") -> tuple[list[str], list[tuple[str, str]]]:
    """The arguments without their flags, and the texts, for `name=value` each."""
    parameters = [(flag, *text.split("=", 1)) for text in texts]
    found = hide_texts([(a, b, c) for a, b, c in parameters])
    assert set(found.arguments[::2]) == {flag}
    return list(found.arguments[1::2]), list(found.texts)


@pytest.mark.parametrize(
    ("given", "argument", "texts"),
    [
        ("a.b=secret", "a.b=x", [("a.b", "secret")]),
        ("a[0].b=s", "a[0].b=x", [("a[0].b", "s")]),
        (r"a\.b=s\,t\\", r"a\.b=x", [(r"a\.b", "s,t\\")]),
        ("a={s,1,,t}", "a={x,1,,x}", [("a[0]", "s"), ("a[3]", "t")]),
        ("a={s}b=t,c=u", "a={x}b=x,c=x", [("a[0]", "s"), ("b", "t"), ("c", "u")]),
        (r"a=s\\,b=t", "a=x,b=x", [("a", "s\\"), ("b", "t")]),
        ("a=x=y", "a=x", [("a", "x=y")]),
        ("a=", "a=", []),
        ("a=\\", "a=\\", []),
        ("=secret", "=x", []),
        ("a..b=secret", "a..b=x", []),
        ("a[0=secret", "a[", []),
        ("a[0].=", "a[0].=", []),
    ],
)
def test_texts_are_taken_out(given: str, argument: str, texts: list[tuple[str, str]]) -> None:
    assert hidden(given) == ([argument], texts)


@pytest.mark.parametrize(
    "value",
    ["true", "FALSE", "fal\u017fe", "Null", "0", "1", "-1", "+5", "-0", "-012", f"{2**63 - 1}"],
)
def test_what_is_no_text_keeps_its_type(value: str) -> None:
    assert hidden(f"a={value}") == ([f"a={value}"], [])
    assert hidden(f"a={value}", flag="--set-string") == (["a=x"], [("a", value)])


@pytest.mark.parametrize(
    "value", ["00", "01", "1.5", "1e3", "1_000", f"{2**63}", "9" * 5000, "\u0661"]
)
def test_what_only_looks_like_a_number_is_a_text(value: str) -> None:
    assert hidden(f"a={value}") == (["a=x"], [("a", value)])


@pytest.mark.parametrize(
    "later", ["a.b=2", "a=2", "a=null", "a={1}", "a.b.c=1", "a.b[0]=1", "a.b=text", "a[0].b=1"]
)
def test_what_is_replaced_later_is_not_set_again(later: str) -> None:
    _, texts = hidden("a.b=secret", later)
    assert "secret" not in [text for _, text in texts]


@pytest.mark.parametrize("later", ["a.c=2", "b=1", "a.bc=1", "b.b=1", "a.c.b=1", "ab=1"])
def test_what_is_not_replaced_is_set_again(later: str) -> None:
    assert hidden("a.b=secret", later)[1] == [("a.b", "secret")]


def test_an_item_is_lost_when_its_list_becomes_a_map() -> None:
    assert hidden("a[0][1]=s", "a[0].b=1")[1] == []
    assert hidden("a[0][1]=s", "a[0].=")[1] == []
    assert hidden("a[0]=s", r"b=t\\,a[0].")[1] == [("b", "t\\")]
    assert hidden("a[0]=s", "a[1]=1")[1] == [("a[0]", "s")]


def test_forced_texts_come_after_all_others() -> None:
    parameters = [("--set-string", "a", "1"), ("--set", "a", "s"), ("--set", "b", "t")]
    found = hide_texts(parameters)
    assert found.arguments == ("--set", "a=x", "--set", "b=x", "--set-string", "a=x")
    assert found.texts == (("b", "t"), ("a", "1"))


@pytest.mark.parametrize(
    "given",
    [
        "a,b=s3cret",
        "a[x]=s3cret",
        "a[0]b=s3cret",
        "a={s3cret",
        r"a=b\\,s3cret",
        "[0]" * 300 + "=s3cret",
        "a." * 300 + "=s3cret",
    ],
)
def test_what_helm_cannot_read_is_told_without_its_value(given: str) -> None:
    with pytest.raises(RenderError, match="Helm cannot read the parameter") as caught:
        hidden(given)
    assert "s3cret" not in str(caught.value)
    assert caught.value.remedy


def test_many_parameters_take_no_longer_each() -> None:
    parameters = [("--set", f"a[{number}].b.c", "text") for number in range(20_000)]
    assert len(hide_texts(parameters).texts) == 20_000
