from typing import Any

import pytest

from gitops.core.actions.built_in import placed, without
from gitops.core.actions.effects import (
    changes_something,
    difference,
    operations,
    stated,
    with_own_metadata,
)
from gitops.core.diff.diff import DiffOptions, LastApplied
from gitops.core.ownership.owners import Owners
from gitops.core.schema.shapes import Shapes
from gitops.model.application import IgnoreRule
from gitops.model.diff import ActionKind
from gitops.model.objects import Body

NOTES = ("spec", "template", "metadata", "annotations", "note")


def live(*, empty_notes: bool = False) -> dict[str, Any]:
    """A Deployment of which we own replicas, and of its template the label."""
    template: dict[str, Any] = {"metadata": {"labels": {"app": "web"}}}
    ours: dict[str, Any] = {"f:metadata": {"f:labels": {"f:app": {}}}}
    if empty_notes:
        template["metadata"]["annotations"] = {}
        ours["f:metadata"]["f:annotations"] = {}
    fields = {"f:spec": {"f:replicas": {}, "f:template": ours}}
    entry = {"manager": "gitops", "operation": "Apply", "apiVersion": "apps/v1", "fieldsV1": fields}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "uid": "u1", "managedFields": [entry]},
        "spec": {"replicas": 1, "paused": True, "template": template},
        "status": {"replicas": 1},
    }


def named(before: Body, after: Body, manifest: Body | None = None, *rules: IgnoreRule) -> list[str]:
    last = LastApplied(manifest, Owners.of(before).ours)
    return stated(before, after, last, Shapes(), DiffOptions(rules))


def test_a_difference_names_what_changes_and_whose_it_is() -> None:
    found = difference(live(), placed(live(), ("spec", "replicas"), 3), Shapes())
    assert (found.action, found.changes) == (ActionKind.SCALE, ("scale web 1→3",))
    assert [(f.path, f.before, f.after, f.owner) for f in found.fields] == [
        ("/spec/replicas", 1, 3, "ours")
    ]
    assert found.patch == ({"op": "replace", "path": "/spec/replicas", "value": 3},)
    assert changes_something(found)


def test_a_field_that_nobody_owns_is_a_default() -> None:
    found = difference(live(), without(live(), ("spec", "paused")), Shapes())
    assert [(f.path, f.op, f.owner) for f in found.fields] == [
        ("/spec/paused", "remove", "defaulted")
    ]


def test_what_stays_as_it_is_is_no_difference() -> None:
    found = difference(live(), live(), Shapes())
    assert (found.action, found.patch) == (ActionKind.NONE, ())
    assert not changes_something(found)


@pytest.mark.parametrize(
    ("after", "manifest", "fields"),
    [
        (placed(live(), ("spec", "replicas"), 3), None, ["spec.replicas"]),
        (without(live(), ("spec", "paused")), None, []),
        (without(live(), ("spec", "paused")), {"spec": {"paused": True}}, ["spec.paused"]),
        (placed(live(), NOTES, "x"), {"spec": {"template": {}}}, []),
    ],
)
def test_git_states_what_we_own_and_what_its_manifest_has(
    after: Body, manifest: Body | None, fields: list[str]
) -> None:
    assert named(live(), after, manifest) == fields


def test_a_key_below_a_map_that_git_states_empty_is_gits() -> None:
    before = live(empty_notes=True)
    assert named(before, placed(before, NOTES, "x")) == ["spec.template.metadata.annotations.note"]


def test_what_was_never_applied_is_not_gits() -> None:
    before = {**live(), "metadata": {"name": "web"}}
    assert named(before, placed(before, ("spec", "replicas"), 3)) == []


def test_what_a_rule_ignores_is_nobodys_concern() -> None:
    rule = IgnoreRule("apps", "Deployment", json_pointers=("/spec/replicas",))
    assert named(live(), placed(live(), ("spec", "replicas"), 3), None, rule) == []


def test_status_is_patched_on_its_own_where_the_kind_has_one() -> None:
    after = placed(placed(live(), ("spec", "replicas"), 2), ("status", "replicas"), 2)
    found = difference(live(), after, Shapes())
    spec = {"op": "replace", "path": "/spec/replicas", "value": 2}
    status = {"op": "replace", "path": "/status/replicas", "value": 2}
    assert list(operations(found, has_status=True)) == [("", (spec,)), ("status", (status,))]
    assert [name for name, _ in operations(found, has_status=False)] == [""]
    assert list(operations(difference(live(), live(), Shapes()), has_status=True)) == []


def test_what_the_server_sets_is_taken_from_the_live_object() -> None:
    after = {**live(), "metadata": {"name": "web", "uid": "other", "labels": {"a": "b"}}}
    metadata = live()["metadata"]
    assert with_own_metadata(after, live())["metadata"] == {
        "name": "web",
        "labels": {"a": "b"},
        "uid": "u1",
        "managedFields": metadata["managedFields"],
    }
