from gitops.model.diff import ABSENT, FieldChange


def test_a_side_that_does_not_exist_is_told_apart_from_null() -> None:
    told = repr(FieldChange("/a", "add", ABSENT, None, "ours"))
    assert "before=ABSENT, after=None" in told
