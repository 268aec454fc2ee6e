import jsonpatch
import pytest

from gitops.core.diff.diff import DiffOptions, LastApplied, compare, diff, removals
from gitops.core.ownership.fields import FieldSet
from gitops.errors import ApplicationError
from gitops.model.application import IgnoreRule
from gitops.model.diff import ActionKind
from gitops.openapi.loader import load_builtin
from tests.helpers.jq import find_paths

SHAPES = load_builtin()


def deployment(metadata=None, **spec):
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", **(metadata or {})},
        "spec": spec,
    }


def answered(**spec):
    """What the server answers: its own counters, and a status."""
    body = deployment(
        {"resourceVersion": "7", "generation": 4, "uid": "u", "creationTimestamp": "t"}, **spec
    )
    return {**body, "status": {"replicas": 9}}


def test_an_answers_counters_and_status_are_no_difference():
    actual = deployment({"resourceVersion": "1", "generation": 1}, replicas=1)
    found = compare(actual, answered(replicas=1), None, SHAPES)
    assert not found.modified
    assert found.predicted == actual


def test_what_an_answer_changes_is_told_with_its_owner():
    actual = deployment(
        {
            "managedFields": [
                {"manager": "edit", "operation": "Update", "fieldsV1": {"f:spec": {"f:paused": {}}}}
            ]
        },
        replicas=1,
        paused=True,
    )
    found = compare(actual, answered(replicas=3), LastApplied(deployment(replicas=1)), SHAPES)
    assert [(f.op, f.path, f.owner) for f in found.fields] == [
        ("replace", "/spec/replicas", "ours"),
        ("remove", "/spec/paused", "edit"),
    ]
    assert jsonpatch.apply_patch(actual, list(found.patch)) == found.predicted


def test_removals_that_come_besides_are_part_of_the_difference():
    actual = answered(replicas=1, paused=True)
    gone = ({"op": "remove", "path": "/spec/paused"},)
    found = compare(actual, actual, None, SHAPES, DiffOptions(), gone)
    assert [f.path for f in found.fields] == ["/spec/paused"]


def test_an_answer_is_compared_by_the_ignore_rules():
    actual = deployment(
        replicas=1, template={"spec": {"containers": [{"name": "a", "image": "a:1"}]}}
    )
    answer = answered(
        replicas=3,
        paused=True,
        template={"spec": {"containers": [{"name": "new"}, {"name": "a", "image": "a:2"}]}},
    )
    rules = (
        IgnoreRule("apps", "Deployment", json_pointers=("/spec/paused",)),
        IgnoreRule(
            "apps",
            "Deployment",
            jq_path_expressions=(
                '.spec.template.spec.containers[] | select(.name == "a") | .image',
            ),
        ),
    )
    found = compare(
        actual,
        answer,
        None,
        SHAPES,
        DiffOptions(rules, ignore_replicas=True, find_paths=find_paths),
    )
    assert [(f.op, f.path) for f in found.fields] == [("add", "/spec/template/spec/containers/0")]


def test_trusted_managers_keep_what_they_own_in_an_answer():
    managed = [
        {"manager": "scaler", "operation": "Update", "fieldsV1": {"f:spec": {"f:replicas": {}}}}
    ]
    actual = deployment({"managedFields": managed}, replicas=5, args=[1, 2])
    rule = IgnoreRule("apps", "Deployment", managed_fields_managers=("scaler",))
    found = compare(
        actual, answered(replicas=1, args=[1, 2]), None, SHAPES, DiffOptions(ignore=(rule,))
    )
    assert not found.modified


def test_what_apply_could_not_remove_is_removed_by_a_patch():
    last = LastApplied(
        deployment(
            paused=True,
            template={
                "spec": {
                    "nodeSelector": {"a": "b"},
                    "containers": [{"name": "a", "args": ["x"]}, {"name": "b"}, {"name": "c"}],
                }
            },
        )
    )
    desired = deployment(template={"spec": {"containers": [{"name": "a"}]}})
    answer = answered(
        paused=True,
        template={
            "spec": {
                "nodeSelector": {"a": "b"},
                "containers": [{"name": "a", "args": ["x"]}, {"name": "b"}, {"name": "c"}],
            }
        },
    )
    operations = removals(desired, answer, last, SHAPES)
    assert operations[:2] == (
        {"op": "remove", "path": "/spec/template/spec/nodeSelector"},
        {"op": "remove", "path": "/spec/template/spec/containers/2"},
    )
    after = jsonpatch.apply_patch(answer, list(operations))
    assert after["spec"] == {"template": {"spec": {"containers": [{"name": "a"}]}}}


def test_nothing_is_to_be_removed_where_apply_did_it():
    last = LastApplied(deployment(paused=True))
    assert removals(deployment(replicas=1), answered(replicas=1), last, SHAPES) == ()


@pytest.mark.parametrize(
    ("owned", "options", "gone"),
    [
        (["replicas"], DiffOptions(), ()),
        (["replicas", "paused"], DiffOptions(), ({"op": "remove", "path": "/spec/paused"},)),
        (["replicas"], DiffOptions(ignore_replicas=True), ()),
    ],
)
def test_what_was_ours_and_is_left_out_is_removed_and_nothing_else(owned, options, gone):
    entry = {"manager": "gitops", "operation": "Apply"}
    ours = {**entry, "fieldsV1": {"f:spec": {"f:replicas": {}}}}
    answer = deployment({"managedFields": [ours]}, replicas=2, paused=True)
    fields = FieldSet.parse({"f:spec": {f"f:{name}": {} for name in owned}})
    last = LastApplied(deployment(replicas=1), fields)
    assert removals(deployment(replicas=2), answer, last, SHAPES, options) == gone


def test_what_the_server_fills_into_a_list_merged_as_one_is_not_removed_besides():
    def stateful(**claim: object) -> dict:
        templates = [{"metadata": {"name": "data"}, "spec": {"accessModes": ["x"], **claim}}]
        body = deployment(volumeClaimTemplates=templates)
        return {**body, "kind": "StatefulSet"}

    fields = FieldSet.parse({"f:spec": {"f:volumeClaimTemplates": {}}})
    last = LastApplied(stateful(), fields)
    assert removals(stateful(), stateful(volumeMode="Filesystem"), last, SHAPES) == ()


def test_ignored_places_are_not_removed_besides():
    rule = IgnoreRule("apps", "Deployment", json_pointers=("/spec/paused",))
    last = LastApplied(deployment(paused=True))
    options = DiffOptions(ignore=(rule,))
    assert removals(deployment(), answered(paused=True), last, SHAPES, options) == ()


@pytest.mark.parametrize("pointer", ["/spec/a~2", "/a~"])
def test_a_broken_pointer_is_a_clear_error(pointer):
    rule = IgnoreRule("apps", "Deployment", json_pointers=(pointer,))
    with pytest.raises(ApplicationError, match="not a JSON pointer"):
        diff(deployment(), deployment(), None, SHAPES, DiffOptions(ignore=(rule,)))


def test_an_empty_pointer_ignores_nothing():
    rule = IgnoreRule("apps", "Deployment", json_pointers=("",))
    found = diff(deployment(replicas=1), deployment(), None, SHAPES, DiffOptions(ignore=(rule,)))
    assert found.modified


@pytest.mark.parametrize(
    ("rule", "matches"),
    [
        (IgnoreRule("apps", "Deployment"), True),
        (IgnoreRule("*", "*"), True),
        (IgnoreRule("apps", ""), True),
        (IgnoreRule("a*s", "Deploy*", "shop", "web"), True),
        (IgnoreRule("", "Deployment"), False),
        (IgnoreRule("apps", "Deployment", "other"), False),
        (IgnoreRule("apps", "Deployment", "", "other"), False),
    ],
)
def test_a_rule_speaks_about_what_it_names(rule, matches):
    rule = IgnoreRule(rule.group, rule.kind, rule.namespace, rule.name, ("/spec",))
    found = diff(deployment(replicas=1), deployment(), None, SHAPES, DiffOptions(ignore=(rule,)))
    assert found.modified is not matches


def test_a_field_set_and_a_manifest_are_united():
    known = LastApplied(
        deployment(paused=True), FieldSet.of_paths([("f:spec", "f:minReadySeconds")])
    )
    actual = deployment(paused=True, minReadySeconds=3, progressDeadlineSeconds=5)
    found = diff(deployment(), actual, known, SHAPES)
    assert [(f.path, f.owner) for f in found.fields] == [
        ("/spec/paused", "ours"),
        ("/spec/minReadySeconds", "ours"),
    ]
    assert known
    assert not LastApplied()


def test_creating_and_deleting_have_their_patches():
    made = diff(deployment(replicas=1), None, None, SHAPES)
    assert made.action is ActionKind.CREATE
    assert made.predicted == deployment(replicas=1)
    gone = diff(None, deployment(replicas=1), None, SHAPES)
    assert (gone.action, gone.predicted, gone.fields) == (ActionKind.DELETE, None, ())
    assert diff(None, None, None, SHAPES).patch == ()


def test_a_broken_annotation_counts_for_nothing():
    for text in ("{", "[]", ""):
        annotations = {"kubectl.kubernetes.io/last-applied-configuration": text}
        actual = deployment({"annotations": annotations}, paused=True)
        assert not diff(deployment(), actual, None, SHAPES).modified


def test_a_moved_item_is_removed_and_added_in_the_patch():
    actual = {"apiVersion": "e/v1", "kind": "W", "spec": {"a": [1, 2], "b": [3]}}
    desired = {"apiVersion": "e/v1", "kind": "W", "spec": {"a": [1], "b": [3, 2]}}
    found = diff(desired, actual, None, SHAPES)
    assert {operation["op"] for operation in found.patch} <= {"add", "remove", "replace"}
    assert jsonpatch.apply_patch(actual, list(found.patch)) == desired


def test_what_others_own_too_is_removed_even_where_the_server_has_a_default_for_it():
    last = LastApplied(deployment(replicas=3, strategy={"type": "Recreate"}, minReadySeconds=1))
    answer = deployment(replicas=3, strategy={"type": "Recreate"}, minReadySeconds=1)
    gone = removals(deployment(minReadySeconds=1), answer, last, SHAPES)
    assert gone == (
        {"op": "remove", "path": "/spec/strategy/type"},
        {"op": "remove", "path": "/spec/replicas"},
    )


def test_nothing_is_removed_besides_from_a_map_that_is_applied_as_one():
    selector = deployment(selector={"matchLabels": {"a": "1", "b": "2"}})
    wanted = deployment(selector={"matchLabels": {"a": "1"}})
    assert removals(wanted, selector, LastApplied(selector), SHAPES) == ()


def test_an_answer_without_metadata_is_compared_all_the_same():
    actual = {**deployment(replicas=1), "metadata": None}
    found = compare(actual, {**actual, "spec": {"replicas": 2}}, LastApplied(None), SHAPES)
    assert [field.path for field in found.fields] == ["/spec/replicas"]


def test_a_null_quantity_on_both_sides_is_no_difference():
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "q"},
        "spec": {"hard": {"pods": None}},
    }
    assert not diff(quota, quota, None, SHAPES).modified
