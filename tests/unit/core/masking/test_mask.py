"""Nothing secret shows, and changes still do."""

import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops.core.masking.mask import Masker, keyed_digest
from gitops.core.masking.rules import MaskRules
from gitops.core.masking.sensitive import LAST_APPLIED, is_sensitive_env
from gitops.core.ownership.owners import LastApplied
from gitops.model.application import PathRule
from gitops.model.diff import ABSENT, ActionKind, Diff, FieldChange
from gitops.model.objects import Manifest, ObjectId
from gitops.model.plan import Action, Fault, Plan
from tests.helpers.values import json_values, law

PASSWORD = "hunter22-and-more"


def b64(text: str) -> str:
    return b64encode(text.encode()).decode()


def secret(**data: str) -> dict[str, Any]:
    encoded = {key: b64(value) for key, value in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "data": encoded}


def masker(*bodies: Any, **more: Any) -> Masker:
    return Masker(keyed_digest(b"key"), bodies or (secret(password=PASSWORD),), **more)


def mask_of(text: str) -> str:
    masked: str = masker().mask_body(secret(x=text))["data"]["x"]
    return masked


def pod(*env: dict[str, Any]) -> dict[str, Any]:
    containers = [{"name": "a", "env": list(env)}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {"containers": containers},
    }


def test_a_secret_shows_its_keys_and_no_value() -> None:
    body = secret(user="root", password=PASSWORD) | {"stringData": {"token": "t"}, "type": "Opaque"}

    masked = masker().mask_body(body)

    assert list(masked["data"]) == ["user", "password"]
    assert all(value.startswith("•••• (") for value in masked["data"].values())
    assert masked["stringData"]["token"].startswith("•••• (")
    assert masked["type"] == "Opaque"
    assert masked["metadata"] == {"name": "db"}
    assert body["data"]["password"] == b64(PASSWORD)


def test_equal_values_have_equal_masks_and_others_do_not() -> None:
    plain = {"apiVersion": "v1", "kind": "Secret", "stringData": {"a": PASSWORD}}

    assert masker().mask_body(plain)["stringData"]["a"] == mask_of(PASSWORD)
    assert mask_of(PASSWORD) != mask_of(PASSWORD + "!")
    assert mask_of(PASSWORD) == "•••• (" + mask_of(PASSWORD)[6:12] + ")"
    other = Masker(keyed_digest(b"other"), ())
    assert other.mask_body(secret(x=PASSWORD))["data"]["x"] != mask_of(PASSWORD)


def test_a_secrets_value_is_masked_wherever_it_is_the_whole_value() -> None:
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "a", "annotations": {"x": PASSWORD}},
        "data": {"a": PASSWORD, "b": b64(PASSWORD), "c": f"not {PASSWORD}", "d": [PASSWORD]},
    }

    masked = masker().mask_body(body)

    mask = mask_of(PASSWORD)
    assert masked["metadata"]["annotations"]["x"] == mask
    assert masked["data"] == {"a": mask, "b": mask, "c": f"not {PASSWORD}", "d": [mask]}


def test_short_values_and_identities_are_left_alone() -> None:
    body = {
        "kind": "ConfigMap",
        "metadata": {"name": "myblog"},
        "data": {"a": "root", "b": "myblog"},
    }

    masked = masker(secret(user="root", name="myblog")).mask_body(body)

    assert masked["metadata"]["name"] == "myblog"
    assert masked["data"]["a"] == "root"
    assert masked["data"]["b"].startswith("••••")


def test_values_with_a_line_end_are_known_without_it() -> None:
    key = "-----BEGIN KEY-----\nMIIEpAIBAAKCAQEA1\nabc\n-----END KEY-----\n"
    known = masker(secret(password=PASSWORD + "\n", key=key))

    assert known.mask_body({"a": PASSWORD})["a"].startswith("••••")
    assert "MIIEpAIBAAKCAQEA1" not in known.mask_text("line MIIEpAIBAAKCAQEA1 is bad")


def test_registry_passwords_inside_json_are_known() -> None:
    config = json.dumps({"auths": {"r.example.com": {"username": "ann", "password": PASSWORD}}})

    known = masker(secret(**{".dockerconfigjson": config}))

    assert (
        known.mask_text(f"login ann {PASSWORD} at r.example.com")
        == "login ann •••• at r.example.com"
    )


def test_the_kubectl_annotation_of_a_secret_is_masked_inside() -> None:
    old = secret(password="an-older-password")
    body = secret(password=PASSWORD)
    body["metadata"] = {"name": "db", "annotations": {LAST_APPLIED: json.dumps(old)}}
    known = masker(body)

    masked = known.mask_body(body)

    inner = json.loads(masked["metadata"]["annotations"][LAST_APPLIED])
    assert inner["data"]["password"] == mask_of("an-older-password")
    assert inner["metadata"] == {"name": "db"}
    assert known.mask_body({"a": "an-older-password"})["a"].startswith("••••")


def test_a_broken_annotation_of_a_secret_is_masked_whole() -> None:
    body = {"kind": "Secret", "metadata": {"annotations": {LAST_APPLIED: '{"data": {"a": "b'}}}

    assert masker().mask_body(body)["metadata"]["annotations"][LAST_APPLIED].startswith("••••")


def test_json_inside_annotations_is_masked_and_else_kept_as_written() -> None:
    text = '[ {"name": "API_TOKEN", "value": "abc"} ]'
    plain = '{ "a":  1 }'
    body = {"kind": "Pod", "metadata": {"annotations": {"a": text, "b": plain}}}

    annotations = masker().mask_body(body)["metadata"]["annotations"]

    assert "abc" not in annotations["a"]
    assert json.loads(annotations["a"])[0]["name"] == "API_TOKEN"
    assert annotations["b"] == plain


@pytest.mark.parametrize(
    ("name", "is_masked"),
    [
        ("MYSQL_ROOT_PASSWORD", True), ("mysql-passwd", True), ("GITHUB_TOKEN", True),
        ("CLIENT_SECRET", True), ("API_KEY", True), ("apikey", True), ("AWS_ACCESS_KEY_ID", True),
        ("MYSQL_PWD", True), ("DB_PASS", True), ("PASS", True), ("DATABASE_URL", True),
        ("PWD", False), ("MYSQL_HOST", False), ("PASSWORD_FILE", False), ("TOKEN_PATH", False),
        ("COMPASS", False), (None, False), (3, False),
    ],
)  # fmt: skip
def test_names_on_the_documented_list_are_sensitive(name: Any, is_masked: bool) -> None:  # noqa: FBT001 - a table's column
    assert is_sensitive_env(name) is is_masked


def test_sensitive_variables_are_masked_and_references_are_not() -> None:
    reference = {"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "p"}}}
    body = pod(
        {"name": "DB_PASSWORD", "value": "abc"},
        reference,
        {"name": "HOST", "value": "abc"},
        {"name": "TOKEN", "value": ""},
    )

    env = masker().mask_body(body)["spec"]["containers"][0]["env"]

    assert env[0]["value"].startswith("••••")
    assert env[1] == reference
    assert env[2]["value"] == "abc"
    assert env[3]["value"] == ""


def test_rules_hide_more_paths() -> None:
    rules = (
        PathRule(kind="Config*", json_pointers=("/data/token",)),
        PathRule("*", "*", json_pointers=("/spec/*/key",)),
    )
    known = masker(rules=MaskRules(rules))

    assert (
        known.mask_body({"kind": "ConfigMap", "data": {"token": "x", "b": "y"}})["data"]["b"] == "y"
    )
    assert known.mask_body({"kind": "ConfigMap", "data": {"token": "x"}})["data"]["token"] != "x"
    assert known.mask_body({"kind": "A", "spec": {"b": {"key": [1]}}})["spec"]["b"]["key"] != [1]
    assert known.mask_body({"kind": "A", "data": {"token": "x"}})["data"]["token"] == "x"


def test_secrets_inside_lists_are_secrets() -> None:
    masked = masker().mask_body({"kind": "List", "items": [secret(a="abc")]})

    assert masked["items"][0]["data"]["a"] == mask_of("abc")


def test_texts_lose_values_in_every_spelling_and_urls_their_passwords() -> None:
    known = masker(secret(password='pass "word" /1'))
    spoken = [
        'bad value pass "word" /1 here',
        'bad value "pass \\"word\\" /1"',
        "GET /?p=pass%20%22word%22%20%2F1",
        "data: " + b64('pass "word" /1'),
    ]

    for text in spoken:
        assert "word" not in known.mask_text(text)
        assert "••••" in known.mask_text(text)
    assert (
        known.mask_text("clone https://ann:s3cret@git/x.git") == "clone https://ann:••••@git/x.git"
    )
    assert known.mask_text("nothing") == "nothing"


def test_names_of_objects_stay_in_texts() -> None:
    known = masker(secret(database="myblog"), {"kind": "Pod", "metadata": {"name": "myblog"}})

    assert known.mask_text("Pod nohi/myblog failed") == "Pod nohi/myblog failed"


def change(path: str, before: Any, after: Any) -> FieldChange:
    op = "add" if before is ABSENT else "remove" if after is ABSENT else "replace"
    return FieldChange(path, op, before, after, "ours")  # type: ignore[arg-type] # one of three


def diff_of(kind: str, predicted: Any, *fields: FieldChange, **more: Any) -> Diff:
    patch = tuple(
        {
            "op": field.op,
            "path": field.path,
            **({} if field.after is ABSENT else {"value": field.after}),
        }
        for field in fields
    )
    identity = ObjectId("", kind, "", "x")
    changes = more.get("changes", ())
    return Diff(identity, "v1", ActionKind.CONFIGURE, fields, patch, changes, predicted)


def test_a_diff_of_a_secret_shows_that_it_changed() -> None:
    found = masker().mask_diff(
        diff_of(
            "Secret",
            secret(a="new-value"),
            change("/data/a", b64("old-value"), b64("new-value")),
            change("/data/b", b64("gone"), ABSENT),
            change("/metadata/labels/x", "1", "2"),
            changes=(f"configure {PASSWORD}",),
        )
    )

    assert found.fields[0].before == mask_of("old-value")
    assert found.fields[0].after == mask_of("new-value")
    assert found.fields[1].after is ABSENT
    assert found.fields[2].after == "2"
    assert found.patch[0]["value"] == mask_of("new-value")
    assert found.patch[2]["value"] == "2"
    assert found.predicted is None
    assert found.changes == ("configure ••••",)


def test_a_null_in_a_secret_is_shown_as_such() -> None:
    body = secret(a="x" * 8)
    assert masker().mask_body({**body, "data": {**body["data"], "b": None}})["data"]["b"] is None


def test_a_whole_map_of_a_secret_is_masked_entry_by_entry() -> None:
    found = masker().mask_diff(diff_of("Secret", None, change("/data", ABSENT, {"a": b64("abc")})))

    assert found.fields[0].after == {"a": mask_of("abc")}


ENV = "/spec/containers/0/env/"


def test_variables_in_a_diff_are_masked_by_their_names() -> None:
    predicted = pod({"name": "HOST", "value": "b"}, {"name": "DB_PASSWORD", "value": "new"})
    actual = pod({"name": "DB_PASSWORD", "value": "old"}, {"name": "HOST", "value": "a"})
    found = diff_of(
        "Pod",
        predicted,
        change(f"{ENV}0/value", "old", "new"),
        change(f"{ENV}2", ABSENT, {"name": "TOKEN", "value": "abc"}),
        change(f"{ENV}3/value", "removed", ABSENT),
    )

    for masked in (masker().mask_diff(found), masker().mask_diff(found, actual)):
        assert masked.fields[0].before.startswith("••••")
        assert masked.fields[0].after.startswith("••••")
        assert masked.fields[1].after["name"] == "TOKEN"
        assert masked.fields[1].after["value"].startswith("••••")
        assert masked.patch[0]["value"].startswith("••••")
        assert masked.fields[2].before.startswith("••••")


def test_plain_variables_in_a_diff_show() -> None:
    predicted = pod({"name": "HOST", "value": "b"})
    found = diff_of("Pod", predicted, change(f"{ENV}0/value", "a", "b"))

    assert masker().mask_diff(found).fields == found.fields
    assert masker().mask_diff(found).patch == found.patch


def test_a_variable_whose_name_cannot_be_found_is_masked() -> None:
    predicted = pod({"name": "HOST", "value": "b"})
    field = change("/spec/containers/1/env/0/value", "a", ABSENT)
    masked = masker().mask_diff(diff_of("Pod", predicted, field), {"spec": "?"})
    assert masked.fields[0].before.startswith("••••")


def test_a_plan_is_masked_everywhere() -> None:
    manifest = Manifest.of(secret(a=PASSWORD))
    action = Action(
        ActionKind.CREATE,
        manifest.id,
        "v1",
        reason=f"because {PASSWORD}",
        held=PASSWORD,
        diff=diff_of("Secret", secret(a=PASSWORD)),
        desired=manifest,
        last_applied=LastApplied(manifest.body),
        removals=({"op": "remove", "path": "/data/b"},),
        take_over=({"op": "test", "path": "/data/a", "value": b64(PASSWORD)},),
    )
    plan = Plan(
        "a",
        "d",
        (action, Action(ActionKind.NONE, manifest.id, "v1")),
        None,
        (Fault("x", PASSWORD),),
        (PASSWORD,),
    )

    masked = masker().mask_plan(plan)

    assert PASSWORD not in repr(masked)
    assert b64(PASSWORD) not in repr(masked)
    assert masked.actions[0].removals == action.removals
    assert masked.actions[0].desired is None
    assert masked.actions[1].held is None


def test_nesting_without_end_is_hidden_and_never_fails() -> None:
    deep: Any = "x"
    for _ in range(5000):
        deep = [deep]
    body: Any = {"kind": "Secret", "data": deep, "spec": deep}

    masked = masker(body).mask_body(body)

    assert masked["data"].startswith("••••")
    assert "••••" in repr(masked["spec"])


KEYS = [
    "kind",
    "data",
    "stringData",
    "metadata",
    "annotations",
    LAST_APPLIED,
    "env",
    "value",
    "name",
]
bodies = st.recursive(
    json_values,
    lambda inner: st.dictionaries(
        st.sampled_from(KEYS),
        inner | st.sampled_from(["Secret", "TOKEN", '{"kind": "S"', '{"kind":"Secret","data":1}']),
        max_size=4,
    ),
    max_leaves=8,
)  # fmt: skip


@law
@given(bodies, bodies, st.text(max_size=20))
def test_anything_can_be_masked(body: Any, other: Any, path: str) -> None:
    rules = MaskRules((PathRule("*", "*", json_pointers=(path,)),))
    known = Masker(keyed_digest(b"k"), [body, other], rules)

    known.mask_body(body)
    known.mask_text(path)
    known.mask_diff(diff_of("Secret", other, change(path, body, other)), other)


@law
@given(st.dictionaries(st.text(max_size=5), st.text(min_size=6, max_size=12), min_size=1))
def test_no_value_of_a_secret_survives_in_a_text(values: dict[str, str]) -> None:
    known = masker(secret(**values))

    for value in values.values():
        masked = known.mask_text(f"<{value}>{b64(value)}")
        assert b64(value) not in masked
        assert value in "<>•" or f"<{value}>" not in masked
