import pytest

from gitops.model.application import Application, SyncPolicy


@pytest.mark.parametrize(
    ("options", "default", "expected"),
    [
        ({"Prune=true"}, False, True),
        ({"Prune=false"}, True, False),
        ({"Other=true"}, True, True),
        (set(), False, False),
    ],
)
def test_an_option_is_as_it_is_stated_else_its_default(
    options: set[str],
    default: bool,  # noqa: FBT001 - a column
    expected: bool,  # noqa: FBT001 - a column
) -> None:
    policy = SyncPolicy(sync_options=frozenset(options))
    application = Application("demo", (), sync_policy=policy)
    assert application.option("Prune", default=default) is expected


def test_objects_may_be_repeated_as_argo_cd_has_it_and_not_here() -> None:
    assert Application("demo", (), api_version="argoproj.io/v1alpha1").may_repeat_objects
    assert not Application("demo", ()).may_repeat_objects
