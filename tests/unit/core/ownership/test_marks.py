from typing import Any

import jsonpatch
import pytest

from gitops.core.ownership.marks import release_marks, stamp
from gitops.model.objects import ObjectId

WORDS = ObjectId("", "ConfigMap", "shop", "words")


def words(**metadata: Any) -> dict[str, Any]:
    metadata = {"name": "words", "namespace": "shop", **metadata}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


@pytest.mark.parametrize("run", ["", "digest"], ids=["an object", "a hook's object"])
def test_our_marks_and_nothing_else_are_taken_off(run: str) -> None:
    body = words(labels={"a/b": "c"}, annotations={"d~e": "f"})
    stamped = stamp(body, "demo", "12345678", WORDS, run)
    left = jsonpatch.apply_patch(stamped, release_marks(stamped))
    assert left["metadata"]["labels"] == {"a/b": "c"}
    assert left["metadata"]["annotations"] == {"d~e": "f"}


def test_nothing_is_taken_off_an_object_without_marks() -> None:
    assert release_marks(words()) == []
    assert release_marks(words(labels={"a": "b"}, annotations={"c": "d"})) == []
