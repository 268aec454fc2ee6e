import pytest

from gitops.core.diff.ignore_everywhere import rules_of_customizations
from gitops.errors import InputError
from gitops.model.application import IgnoreRule

PREFIX = "resource.customizations.ignoreDifferences."


def test_each_key_is_a_rule_for_its_kind():
    found = rules_of_customizations(
        {
            f"{PREFIX}all": "managedFieldsManagers: [scaler]",
            f"{PREFIX}apps_Deployment": "jsonPointers:\n- /spec/replicas\n",
            f"{PREFIX}ConfigMap": "jqPathExpressions: ['.data.a']",
            "resource.customizations.health.apps_Deployment": "return {}",
            "url": "https://x",
        },
        "cm.yaml",
    )
    assert found == (
        IgnoreRule("", "ConfigMap", jq_path_expressions=(".data.a",)),
        IgnoreRule("*", "*", managed_fields_managers=("scaler",)),
        IgnoreRule("apps", "Deployment", json_pointers=("/spec/replicas",)),
    )


def test_the_old_key_holds_a_mapping_of_kinds():
    text = """
"*/*":
  ignoreDifferences: |
    jsonPointers: [/metadata/labels/x]
apps/Deployment:
  ignoreDifferences: {jsonPointers: [/spec/replicas]}
v1/Service:
  health.lua: return {}
"""
    assert rules_of_customizations({"resource.customizations": text}, "cm.yaml") == (
        IgnoreRule("*", "*", json_pointers=("/metadata/labels/x",)),
        IgnoreRule("apps", "Deployment", json_pointers=("/spec/replicas",)),
    )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({f"{PREFIX}all": "a: ["}, "is no YAML"),
        ({f"{PREFIX}all": "- a"}, "no mapping"),
        ({f"{PREFIX}all": 3}, None),
        ({f"{PREFIX}all": "jsonPointers: /spec"}, "jsonPointers is no list"),
        ({f"{PREFIX}all": "jsonPointers: [{}]"}, "jsonPointers is no list"),
        ({"resource.customizations": "3"}, "no mapping"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_key(data, words):
    if words is None:
        assert rules_of_customizations(data, "cm.yaml") == (IgnoreRule("*", "*"),)
        return
    with pytest.raises(InputError, match=words) as raised:
        rules_of_customizations(data, "cm.yaml")
    assert raised.value.where.startswith("cm.yaml: resource.customizations")
