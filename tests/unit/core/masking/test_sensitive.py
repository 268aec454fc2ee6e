import json
from base64 import b64encode
from typing import Any

import pytest

from gitops.core.masking.sensitive import DEEPEST, secret_values


def coded(value: bytes) -> str:
    return b64encode(value).decode()


def values(**parts: Any) -> dict[str, bytes]:
    return dict(secret_values({"apiVersion": "v1", "kind": "Secret", **parts}))


def test_bytes_that_are_no_text_are_secret_in_base64() -> None:
    assert values(data={"key": coded(b"\xff\xfe")}) == {coded(b"\xff\xfe"): b"\xff\xfe"}


def test_data_that_is_no_base64_is_secret_as_it_stands() -> None:
    assert values(data={"key": "no base64!"}) == {"no base64!": b"no base64!"}


@pytest.mark.parametrize("field", ["data", "stringData"])
def test_entries_that_are_no_text_hide_no_other(field: str) -> None:
    given = "plain" if field == "stringData" else coded(b"plain")
    assert values(**{field: {"a": 5, "b": None, "c": given}}) == {
        coded(b"plain"): b"plain",
        "plain": b"plain",
    }


def test_passwords_of_registries_are_found_down_to_a_depth() -> None:
    def nested(depth: int) -> bytes:
        inner: Any = {"password": "hunter22"}
        for _ in range(depth):
            inner = {"auths": inner}
        return json.dumps(inner).encode()

    assert values(data={"c": coded(nested(DEEPEST))})["hunter22"] == b"hunter22"
    assert "hunter22" not in values(data={"c": coded(nested(DEEPEST + 1))})
