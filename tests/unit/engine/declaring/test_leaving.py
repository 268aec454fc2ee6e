"""What was left behind is named in the history, and a message stays short."""

from gitops.engine.declaring.leaving import tell_behind
from gitops.model.objects import ObjectId


def test_ten_objects_are_named_and_the_rest_counted() -> None:
    ids = [ObjectId("", "Secret", "shop", f"s{n:02}") for n in range(12)]
    assert tell_behind([]) == ""
    assert tell_behind(ids[:1]) == "left behind: Secret shop/s00"
    told = tell_behind(ids)
    assert told.endswith("Secret shop/s09 and 2 more")
    assert tell_behind(ids[:10]) == told.removesuffix(" and 2 more")
