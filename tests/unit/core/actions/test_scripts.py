from typing import Any

import pytest

from gitops.core.actions.scripts import (
    ActionBook,
    Scripts,
    effect_of,
    failed,
    offers_of,
    restored,
    scripts_of_customizations,
    scripts_of_files,
)
from gitops.errors import InputError
from gitops.model.acting import Effect, Offer

PREFIX = "resource.customizations.actions."
GOOD = """
discovery.lua: return {}
mergeBuiltinActions: true
definitions:
- {name: restart, action.lua: return obj}
"""
HERE = Scripts("here", "return {}")
OBJECT: dict[str, Any] = {
    "apiVersion": "example.com/v1",
    "kind": "Widget",
    "metadata": {"name": "one", "namespace": "shop"},
    "spec": {"size": 1, "list": [], "map": {}, "none": None},
}
NEW = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "two", "namespace": "shop"}}


def item(operation: Any, resource: Any) -> dict[str, Any]:
    return {"operation": operation, "resource": resource}


def test_customizations_are_read_by_kind() -> None:
    old = {"example.com/Gadget": {"actions": "discovery.lua: return {}"}, "v1/Pod": {}}
    found = scripts_of_customizations(
        {
            f"{PREFIX}example.com_Widget": GOOD,
            f"{PREFIX}ConfigMap": "discovery.lua: return {}",
            "resource.customizations.health.Pod": "return {}",
            "resource.customizations": str(old),
        },
        "cm.yaml",
    )
    place = f"cm.yaml: {PREFIX}example.com_Widget"
    assert found["example.com/Widget"] == Scripts(
        place, "return {}", {"restart": "return obj"}, merge=True
    )
    assert not found["ConfigMap"].merge
    assert sorted(found) == ["ConfigMap", "example.com/Gadget", "example.com/Widget"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "is no YAML"),
        ("- a", "it is no mapping; write discovery.lua and definitions"),
        ("definitions: []", "discovery.lua is missing"),
        ("discovery.lua: ' '", "discovery.lua is missing"),
        ("discovery.lua: x\nmergeBuiltinActions: 'yes'", "neither true nor false"),
        ("discovery.lua: x\ndefinitions: {a: b}", "a definition has no name or no action.lua"),
        ("discovery.lua: x\ndefinitions: [a]", "a definition has no name or no action.lua"),
        ("discovery.lua: x\ndefinitions: [{name: a}]", "a definition has no name or no action"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_key(text: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        scripts_of_customizations({f"{PREFIX}x_Y": text}, "cm.yaml")
    assert said in str(error.value)
    assert error.value.where == f"cm.yaml: {PREFIX}x_Y"


def test_files_are_read_in_argo_cds_layout() -> None:
    files = {
        "apps/Deployment/actions/discovery.lua": "discover",
        "apps/Deployment/actions/wake/action.lua": "wake",
        "Secret/actions/turn/action.lua": "without a discovery it is none",
    }
    assert scripts_of_files(files, "dir") == {
        "apps/Deployment": Scripts(
            "dir/apps/Deployment/actions", "discover", {"wake": "wake"}, merge=True
        )
    }


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (HERE, ([HERE], False)),
        (Scripts("here", "x", merge=True), ([Scripts("here", "x", merge=True), HERE], False)),
    ],
)
def test_a_place_hides_what_comes_after_it_unless_it_merges(
    first: Scripts, expected: tuple[list[Scripts], bool]
) -> None:
    key = "example.com/Widget"
    assert ActionBook(({}, {key: first}, {key: HERE})).find(OBJECT) == expected


def test_a_kind_without_scripts_has_its_own_actions() -> None:
    book = ActionBook(({"ConfigMap": Scripts("here", "x", merge=True)},))
    assert book.find(OBJECT) == ([], True)
    assert book.find(NEW) == ([Scripts("here", "x", merge=True)], True)


def test_a_discovery_lists_actions() -> None:
    answer = {
        "wake": {},
        "sleep": {"disabled": True, "displayName": "Sleep well", "iconClass": "fa"},
        "size": {"disabled": False, "params": [{"name": "to"}, {"type": "x"}, 3], "displayName": 4},
        "odd": [1],
        "none": {"params": "x"},
    }
    assert offers_of(answer, HERE) == [
        Offer("none", scripted=True),
        Offer("odd", scripted=True),
        Offer("size", "", ("to",), scripted=True),
        Offer("sleep", "it is disabled by its discovery script", (), "Sleep well", scripted=True),
        Offer("wake", scripted=True),
    ]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (None, "nil"),
        ("x", "string"),
        (True, "boolean"),
        (1, "number"),
        (1.5, "number"),
        ([1], "a list"),
    ],
)
def test_a_discovery_that_answers_with_no_table_is_told(answer: Any, kind: str) -> None:
    with pytest.raises(InputError, match=f"expect table output from Lua script, not {kind}"):
        offers_of(answer, HERE)


def test_an_action_answers_with_its_object() -> None:
    seen = {**OBJECT, "spec": {"size": 2, "list": {}, "map": {}}}
    assert effect_of(seen, OBJECT, "here") == Effect(
        {**OBJECT, "spec": {**OBJECT["spec"], "size": 2}}
    )
    assert effect_of({}, OBJECT, "here") == Effect(OBJECT)


def test_an_action_answers_with_what_to_create_and_patch() -> None:
    made = {**NEW, "data": {}}
    patched = {**OBJECT, "spec": {}}
    effect = effect_of([item("create", made), item("patch", patched)], OBJECT, "here")
    assert effect.creates == (made,)
    assert effect.after["spec"] == {"none": None}
    assert effect_of([item("create", NEW)], OBJECT, "here").after is OBJECT


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (None, "expect table output from Lua script, not nil"),
        ([3], "is no {operation, resource}"),
        ([item("delete", NEW)], "is no {operation, resource}"),
        ([item("create", "x")], "is no {operation, resource}"),
        (NEW, "it answered with another object than its own"),
        ({**OBJECT, "apiVersion": "example.com/v2"}, "another object than its own"),
        ([item("create", {"kind": "ConfigMap"})], "has no apiVersion, kind or metadata.name"),
        (
            [item("create", {**NEW, "metadata": {"name": "two", "namespace": "bank"}})],
            "it creates ConfigMap bank/two, in another namespace",
        ),
    ],
)
def test_what_an_action_may_not_answer_is_told(answer: Any, said: str) -> None:
    with pytest.raises(InputError) as error:
        effect_of(answer, OBJECT, "here")
    assert said in str(error.value)
    assert error.value.where == "here"


def test_an_object_without_a_namespace_may_create_in_any() -> None:
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "one"}}
    assert effect_of([item("create", NEW)], node, "here").creates == (NEW,)


@pytest.mark.parametrize(
    ("answer", "original", "expected"),
    [
        (2**53 * 1.0, 2**53, 2**53),
        (1, 1.0, 1.0),
        (True, 1, True),
        (2, 1, 2),
        ({}, [None], [None]),
        ({}, {"a": 1}, {}),
        ([{"a": {}}, 3], [{"a": []}], [{"a": []}, 3]),
        ([1], {"a": 1}, [1]),
        ("x", None, "x"),
    ],
)
def test_what_lua_cannot_tell_is_as_the_original_has_it(
    answer: Any, original: Any, expected: Any
) -> None:
    found = restored(answer, original)
    assert (found, type(found)) == (expected, type(expected))


def test_what_broke_is_one_sentence() -> None:
    assert str(failed("cm.yaml: it broke")) == "cm.yaml: it broke; correct the script"
