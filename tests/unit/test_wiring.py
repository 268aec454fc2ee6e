import pytest

from gitops.checks.jq import JqPaths
from gitops.errors import SettingsError
from gitops.settings.load import Settings
from gitops.wiring import make_masking, public_settings


def test_public_settings_tell_no_part_of_a_credential():
    credential = {
        "urlPrefix": "https://user:prefix-secret@git.example.com/team",
        "username": "user-as-token",
        "password": "a-password",
        "bearer": "a-bearer",
    }
    shown = public_settings(Settings(git={"credentials": [credential]}, webhook={"github": "hush"}))
    assert shown["git"]["credentials"] == ["https://git.example.com/team"]
    for secret in ("prefix-secret", "user-as-token", "a-password", "a-bearer", "hush"):
        assert secret not in repr(shown)


@pytest.fixture
def paths():
    found = JqPaths()
    yield found
    found.close()


def test_masking_rules_are_those_of_the_settings(paths):
    rule = {"kind": "*", "jsonPointers": ["/data/a"], "jqPathExpressions": [".spec.list[0]"]}
    names = {"resource.sensitive.mask.annotations": "a,b"}
    rules = make_masking(Settings(masking={"rules": [rule], "customizations": names}), paths)
    body = {"kind": "Any", "metadata": {"annotations": {"b": "x"}}, "spec": {"list": ["y"]}}
    places = (("metadata", "annotations", "b"), ("data", "a"), ("spec", "list", "0"))
    assert rules.hidden(body).places == places


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({}, "names no places"),
        ({"jsonPointers": ["/a~b"]}, "which is no JSON pointer"),
        ({"jqPathExpressions": [".data["]}, r"the jq expression '.data\['"),
    ],
)
def test_a_masking_rule_that_cannot_be_read_stops_the_start(paths, rule, told):
    settings = Settings(masking={"rules": [{"kind": "*", "jsonPointers": ["/a"]},
                                           {"kind": "ConfigMap", **rule}]})  # fmt: skip
    with pytest.raises(SettingsError, match=rf"masking\.rules\[1\] .*{told}"):
        make_masking(settings, paths)
