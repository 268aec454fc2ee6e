"""The options of objects and applications, and what of a manifest is sent under them."""

from typing import Any

import pytest

from gitops.core.diff.fit import declared_only, needs_owners, with_live_values
from gitops.core.diff.ignore import DiffOptions
from gitops.core.planning.hooks import annotation_faults
from gitops.core.planning.sync_options import (
    is_extraneous_by_wish,
    is_left_alone,
    is_on,
    merge_options,
    propagation,
)
from gitops.model.application import IgnoreRule
from gitops.model.objects import Manifest
from gitops.openapi.loader import load_builtin

SHAPES = load_builtin()


def test_an_objects_own_option_comes_before_its_applications() -> None:
    merged = merge_options({"Prune=true", "Force=true"}, {"Prune=false", "Replace=true"})
    assert merged == {"Prune=true", "Force=true", "Replace=true"}


@pytest.mark.parametrize(
    ("options", "default", "expected"),
    [
        ((), False, False),
        ((), True, True),
        (("Replace=true",), False, True),
        (("Replace=false",), True, False),
        (("Replace=sometimes",), True, True),
    ],
)
def test_an_option_is_on_as_it_says(options: Any, default: bool, expected: bool) -> None:  # noqa: FBT001 - a parameter of the case
    assert is_on(options, "Replace", default=default) is expected


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("PrunePropagationPolicy=background", "Background"),
        ("PrunePropagationPolicy=Orphan", "Orphan"),
        ("PrunePropagationPolicy=foreground", "Foreground"),
        ("PrunePropagationPolicy=somehow", "Foreground"),
        ("Prune=true", "Foreground"),
    ],
)
def test_what_goes_with_an_object_is_as_its_option_says(option: str, expected: str) -> None:
    assert propagation([option]) == expected


def annotated(**annotations: str) -> Manifest:
    given = {key.replace("__", "/"): value for key, value in annotations.items()}
    return Manifest.of({"metadata": {"name": "x", "annotations": given}})


def test_a_live_object_says_itself_that_it_is_left_alone() -> None:
    assert is_left_alone(annotated(**{"kustomize.toolkit.fluxcd.io/reconcile": "disabled"}))
    assert is_left_alone(annotated(**{"gitops.dev/reconcile": "Disabled"}))
    assert not is_left_alone(annotated(**{"gitops.dev/reconcile": "enabled"}))
    assert not is_left_alone(annotated())


def test_options_that_nobody_knows_are_warnings() -> None:
    given = {
        "gitops.dev/sync-options": "CreateOnly=true,Prune",
        "argocd.argoproj.io/sync-options": "Prunee=false",
        "kustomize.toolkit.fluxcd.io/ssa": "IfAbsent",
        "gitops.dev/force": "enabled",
    }
    assert [fault.message for fault in annotation_faults(annotated(**given))] == [
        "gitops.dev/sync-options: 'Prune' is not a known option; it has no effect",
        "argocd.argoproj.io/sync-options: 'Prunee=false' is not a known option; it has no effect",
        "kustomize.toolkit.fluxcd.io/ssa: 'IfAbsent' is not a known value; it has no effect",
    ]


@pytest.mark.parametrize(
    ("options", "ignored"),
    [
        ("IgnoreExtraneous", True),
        ("ServerSideDiff=true, IgnoreExtraneous", True),
        ("ServerSideDiff=true,IncludeMutationWebhook=true", False),
        ("", False),
    ],
)
@pytest.mark.parametrize("prefix", ["gitops.dev/", "argocd.argoproj.io/"])
def test_what_asks_not_to_count_where_git_has_it_not(prefix: str, options: str, *, ignored: bool):
    given = annotated(**{f"{prefix}compare-options": options})
    assert is_extraneous_by_wish(given) is ignored
    assert not annotation_faults(given)


def test_options_of_a_comparison_that_nobody_knows_are_warnings() -> None:
    given = {"argocd.argoproj.io/compare-options": "Ignore"}
    assert [fault.message for fault in annotation_faults(annotated(**given))] == [
        "argocd.argoproj.io/compare-options: 'Ignore' is not a known option; it has no effect"
    ]


def web(**spec: Any) -> dict[str, Any]:
    metadata = {"name": "web", "namespace": "shop"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def pods(*containers: dict[str, Any]) -> dict[str, Any]:
    return {"template": {"spec": {"containers": list(containers)}}}


def test_fields_that_a_kind_does_not_have_are_left_out() -> None:
    given = web(replicas=1, replica=2, **pods({"name": "web", "image": "i", "imagee": "j"}))
    given["metadata"]["labels"] = {"any": "label"}
    assert declared_only(given, SHAPES) == web(
        replicas=1, **pods({"name": "web", "image": "i"})
    ) | {"metadata": given["metadata"]}
    whole = web(replicas=1)
    assert declared_only(whole, SHAPES) is whole
    custom = {"apiVersion": "example.com/v1", "kind": "Widget", "spec": {"any": {"thing": 1}}}
    assert declared_only(custom, SHAPES) is custom


def test_live_values_are_taken_where_rules_say_so() -> None:
    desired = web(replicas=1, paused=False, **pods({"name": "web", "image": "mine"}))
    live = web(replicas=5, paused=True, **pods({"name": "web", "image": "theirs"}))
    rules = (IgnoreRule("apps", "Deployment", json_pointers=("/spec/replicas", "/spec/minReady")),)
    assert with_live_values(desired, live, SHAPES, DiffOptions(ignore=rules)) == web(
        replicas=5, paused=False, **pods({"name": "web", "image": "mine"})
    )
    pointer = "/spec/template/spec/containers/0/image"
    named = (IgnoreRule("apps", "Deployment", json_pointers=(pointer,)),)
    assert with_live_values(desired, live, SHAPES, DiffOptions(ignore=named)) == web(
        replicas=1, paused=False, **pods({"name": "web", "image": "theirs"})
    )
    other = (IgnoreRule("", "Service", json_pointers=("/spec/replicas",)),)
    assert with_live_values(desired, live, SHAPES, DiffOptions(ignore=other)) is desired


def test_live_values_of_managers_are_taken_where_rules_name_them() -> None:
    rules = (IgnoreRule("apps", "Deployment", managed_fields_managers=("scaler",)),)
    live = web(replicas=5, paused=True)
    entry = {"manager": "scaler", "operation": "Update", "apiVersion": "apps/v1",
             "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:replicas": {}}}}  # fmt: skip
    live["metadata"] = {**live["metadata"], "managedFields": [entry]}
    desired, options = web(replicas=1, paused=False), DiffOptions(ignore=rules)
    assert needs_owners(desired, options)
    assert not needs_owners(desired, DiffOptions())
    made = with_live_values(desired, live, SHAPES, options)
    assert made["spec"] == {"replicas": 5, "paused": False}
