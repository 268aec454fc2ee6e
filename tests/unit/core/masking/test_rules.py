"""What a rule names never shows, in bodies, plans and texts; that it changed still does."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from gitops.core.masking.mask import Masker, keyed_digest
from gitops.core.masking.rules import MASK_ANNOTATION, MaskRules, annotations_of, places_in
from gitops.core.masking.sensitive import LAST_APPLIED
from gitops.core.path_rules import refused_expression, rule_fault
from gitops.core.pointers import Pointer
from gitops.model.application import PathRule
from gitops.model.diff import ABSENT, ActionKind, Diff, FieldChange
from gitops.model.objects import Body, ObjectId, identify
from gitops.model.plan import Action, Plan

VALUE, OTHER = "hidden-value-one", "hidden-value-two"
TOKEN = PathRule(kind="ConfigMap", json_pointers=("/data/token",))


def config(token: Any = VALUE, **data: Any) -> dict[str, Any]:
    metadata = {"name": "words", "namespace": "nohi"}
    data = {"token": token, **data}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def annotated(text: Any, body: dict[str, Any] | None = None) -> dict[str, Any]:
    body = body or config()
    metadata = {**body["metadata"], "annotations": {MASK_ANNOTATION: text, "note": VALUE}}
    return {**body, "metadata": metadata}


def masker(*bodies: Any, rules: MaskRules | None = None) -> Masker:
    return Masker(keyed_digest(b"key"), bodies, rules or MaskRules((TOKEN,)))


def finding(*places: Pointer) -> Any:
    """A `PathFinder` that finds these places in every body."""

    def find(expressions: Sequence[str], bodies: Sequence[Body]) -> list[list[Pointer]]:
        assert expressions
        return [list(places) for _ in bodies]

    return find


def change(path: str, before: Any, after: Any, body: Body | None = None) -> Diff:
    op = "add" if before is ABSENT else "remove" if after is ABSENT else "replace"
    field = FieldChange(path, op, before, after, "ours")  # type: ignore[arg-type]  # one of three
    tests = {"op": "test", "path": path, "value": before}
    adds = {"op": op, "path": path, "value": after}
    identity = identify(body or config())
    return Diff(identity, "v1", ActionKind.CONFIGURE, (field,), (tests, adds), (), body)


def test_the_value_is_masked_in_its_place_and_wherever_else_it_stands() -> None:
    known = masker(config())
    other = {"apiVersion": "v1", "kind": "Service", "metadata": {"annotations": {"a": VALUE}}}

    masked = known.mask_body(config(copy=VALUE, part=f"not {VALUE}"))

    assert masked["data"]["token"].startswith("•••• (")
    assert masked["data"]["copy"] == masked["data"]["token"]
    assert masked["data"]["part"] == f"not {VALUE}"
    assert known.mask_body(other)["metadata"]["annotations"]["a"] == masked["data"]["token"]
    assert known.mask_text(f'Invalid value: "{VALUE}"') == 'Invalid value: "••••"'
    assert known.mask_body(config(OTHER))["data"]["token"] != masked["data"]["token"]


def test_short_and_structured_values_are_masked_in_their_place() -> None:
    rules = MaskRules((PathRule("example.com", "*", json_pointers=("/spec/inner", "/spec/n")),))
    body = {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "spec": {"inner": {"key": [VALUE, True, 1.5]}, "n": 12345678, "open": "x"},
    }
    known = masker(body, rules=rules)

    masked = known.mask_body(body)

    assert masked["spec"]["inner"].startswith("•••• (")
    assert masked["spec"]["n"].startswith("•••• (")
    assert masked["spec"]["open"] == "x"
    assert known.mask_text(f"{VALUE} and 12345678") == "•••• and ••••"


def test_rules_of_other_objects_hide_nothing() -> None:
    for rule in (
        PathRule("apps", "ConfigMap", json_pointers=("/data/token",)),
        PathRule("", "ConfigMap", "other", "", ("/data/token",)),
        PathRule("", "ConfigMap", "", "other", ("/data/token",)),
    ):
        assert masker(config(), rules=MaskRules((rule,))).mask_body(config()) == config()
    here = PathRule("", "Conf*", "nohi", "words", ("/data/token",))
    assert masker(rules=MaskRules((here,))).mask_body(config()) != config()


def test_both_sides_of_a_difference_and_its_patch_are_masked() -> None:
    known = masker(config(OTHER), config())
    for diff in (
        change("/data/token", "a", "b"),
        change("/data/token", VALUE, OTHER, config(OTHER)),
        change("/data", ABSENT, {"token": "a", "open": "x"}),
    ):
        found = known.mask_diff(diff, config())

        told = repr((found.fields, found.patch))
        assert "••••" in told
        assert not [v for v in ("'a'", "'b'", VALUE, OTHER) if v in told]
    assert found.fields[0].after["open"] == "x"


def test_places_found_in_one_body_of_an_object_are_hidden_in_the_others() -> None:
    by_value = MaskRules(
        (PathRule("*", "*", jq_path_expressions=(".x",)),), find_paths=finding(("data", "token"))
    )
    known = masker(config(), rules=by_value)

    found = known.mask_diff(change("/data/token", "a", ABSENT))

    assert found.fields[0].before.startswith("••••")


def test_actions_are_masked_with_their_patches() -> None:
    move = {"op": "move", "from": "/data/token", "path": "/data/b"}
    test = {"op": "test", "path": "/data/token", "value": "a"}
    entry = {"f:data": {f'v:"{VALUE}"': {}, "f:x": {}}}
    take = {"op": "replace", "path": "/metadata/managedFields", "value": [{"fieldsV1": entry}]}
    action = Action(
        ActionKind.CONFIGURE, identify(config()), "v1", removals=(move, test), take_over=(take,)
    )

    (masked,) = masker(config()).mask_plan(Plan("demo", "", (action,))).actions

    assert masked.removals[0] == move
    assert masked.removals[1]["value"].startswith("••••")
    assert VALUE not in repr(masked.take_over)
    assert "f:x" in repr(masked.take_over)


def test_sentences_lose_what_they_quote_of_a_hidden_place() -> None:
    rule = PathRule("apps", "Deployment", json_pointers=("/spec",))
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}}
    scales = FieldChange("/spec/replicas", "replace", 1, 3, "ours")
    sentences = ("scale web 1→3", "image web v1→v2", "configure 1 field: spec.x")
    diff = Diff(identify(deployment), "apps/v1", ActionKind.SCALE, (scales,), (), sentences, None)

    found = masker(deployment, rules=MaskRules((rule,))).mask_diff(diff)

    assert found.changes == ("scale web ••••", "image web v1→v2", "configure 1 field: spec.x")
    assert masker(deployment).mask_diff(diff).changes == sentences


def test_a_copy_in_the_kubectl_annotation_is_masked_too() -> None:
    rule = PathRule(kind="ConfigMap", namespace="nohi", json_pointers=("/data/token",))
    copy = config("short")
    del copy["metadata"]["namespace"]
    body = config("tiny")
    for text in (json.dumps(copy), '{"data": {"token": "short"'):
        body["metadata"]["annotations"] = {LAST_APPLIED: text}

        masked = masker(rules=MaskRules((rule,))).mask_body(body)

        assert "short" not in masked["metadata"]["annotations"][LAST_APPLIED]


def test_objects_inside_others_are_masked_by_their_own_rules() -> None:
    item = {"kind": "List", "items": [config("tiny"), {"kind": "Pod", "spec": {"a": "b"}}]}

    masked = masker().mask_body(item)

    assert masked["items"][0]["data"]["token"].startswith("••••")
    assert masked["items"][1] == {"kind": "Pod", "spec": {"a": "b"}}


def test_annotations_named_for_the_installation_are_masked_on_every_kind() -> None:
    names = annotations_of({"resource.sensitive.mask.annotations": " note, other,note,"})
    body = {"apiVersion": "v1", "kind": "Service", "metadata": {"annotations": {"note": VALUE}}}
    known = masker(body, rules=MaskRules(annotations=names))

    assert names == ("note", "other")
    assert annotations_of({}) == ()
    assert known.mask_body(body)["metadata"]["annotations"]["note"].startswith("••••")
    assert known.mask_text(VALUE) == "••••"


def test_an_object_may_say_itself_what_is_hidden_of_it() -> None:
    rules = MaskRules(find_paths=finding(("data", "x"), (), ("metadata", "name")))
    text = "{jsonPointers: [/data/token], jqPathExpressions: [.data.x]}"

    masked = masker(rules=rules).mask_body(annotated(text, config(x="tiny", y="open")))

    assert masked["data"]["token"].startswith("••••")
    assert masked["data"]["x"].startswith("••••")
    assert masked["data"]["y"] == "open"
    assert masked["metadata"]["name"] == "words"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "is no mapping"),
        ("a: [", "is no mapping"),
        ("{}\n---\n{}", "is no mapping"),
        ("{paths: [/data/token]}", "is no mapping"),
        ("{jsonPointers: /data/token}", "no list of texts"),
        ("{jsonPointers: [1]}", "no list of texts"),
        ("{jsonPointers: []}", "names no places"),
        ("{jsonPointers: ['/a~2']}", "no JSON pointer"),
        ("{jqPathExpressions: ['.[']}", "cannot be asked"),
    ],
)
def test_an_annotation_that_cannot_be_read_hides_the_whole_object(text: str, fault: str) -> None:
    body = annotated(text)
    known = masker(body, rules=MaskRules())

    masked = known.mask_body(body)

    assert fault in known.faults[identify(body)]
    assert VALUE not in repr(masked)
    assert masked["metadata"]["name"] == "words"
    assert known.mask_text(VALUE) == "••••"


def test_a_jq_expression_that_fails_hides_the_whole_object() -> None:
    def fails(expressions: Sequence[str], bodies: Sequence[Body]) -> list[list[Pointer]]:
        raise refused_expression(expressions[0], f"fails on {len(bodies)}")

    rules = MaskRules((PathRule("*", "*", jq_path_expressions=(".a",)),), find_paths=fails)

    assert masker(config(), rules=rules).faults == {
        ObjectId("", "ConfigMap", "nohi", "words"): "the jq expression '.a' fails on 1"
    }
    assert VALUE not in repr(masker(rules=rules).mask_body(config()))


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        (PathRule(json_pointers=("/data/a",)), ""),
        (PathRule(jq_path_expressions=(".a",)), ""),
        (PathRule(), "names no places"),
        (PathRule("{a", "b", json_pointers=("/x",)), "is no glob"),
        (PathRule(json_pointers=("/a~b",)), "is no JSON pointer"),
        (PathRule(json_pointers=("",)), "has an empty JSON pointer"),
        (PathRule(json_pointers=("/metadata/name",)), "shows in every list"),
    ],
)
def test_what_is_wrong_with_a_rule_is_said(rule: PathRule, fault: str) -> None:
    assert fault in rule_fault(rule)
    assert bool(rule_fault(rule)) is bool(fault)


def test_a_star_is_any_name_or_index() -> None:
    assert list(places_in({"a": [{"b": 1}, {"b": 2}, 3]}, ("a", "*", "b"))) == [1, 2]
    assert list(places_in({"a": 1}, ("a", "b"))) == []


def test_what_concerns_an_object_is_known_without_reading_its_places() -> None:
    rules = MaskRules((TOKEN,), ("note",))
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}

    assert rules.concern(config())
    assert rules.concern({**pod, "metadata": {"annotations": {"note": "x"}}})
    assert not rules.concern(pod)
    assert MaskRules().with_rules([TOKEN]).name(identify(config()))
    assert masker().mask_body("no object") == "no object"
