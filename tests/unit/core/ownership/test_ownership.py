import json
from typing import Any

import pytest

from gitops.core.ownership.ownership import (
    LAST_APPLIED,
    foreign_managers,
    last_applied,
    managed_fields,
    take_over,
    taken_entries,
)

ANNOTATION = {"f:metadata": {"f:annotations": {f"f:{LAST_APPLIED}": {}}}}
REPLICAS = {"f:spec": {"f:replicas": {}}}
PAUSED = {"f:spec": {"f:paused": {}}}


def entry(manager: str, fields: dict[str, Any], operation: str = "Update", **more: Any):
    return {
        "manager": manager,
        "operation": operation,
        "apiVersion": "apps/v1",
        "time": "2026-01-01T00:00:00Z",
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
        **more,
    }


def deployment(*entries: Any, applied: Any = None) -> dict[str, Any]:
    text = applied if isinstance(applied, str) else json.dumps(applied)
    annotations = {} if applied is None else {"annotations": {LAST_APPLIED: text}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "managedFields": list(entries), **annotations},
    }


def value_of(patch: tuple[dict[str, Any], ...]) -> list[dict[str, Any]]:
    assert patch[0]["op"] == "replace"
    assert patch[0]["path"] == "/metadata/managedFields"
    return patch[0]["value"]


@pytest.mark.parametrize(
    ("manager", "operation"),
    [
        ("kubectl-client-side-apply", "Update"),
        ("kubectl-create", "Update"),
        ("kubectl", "Apply"),
        ("helm", "Update"),
        ("helm", "Apply"),
        ("argocd-controller", "Apply"),
        ("kustomize-controller", "Apply"),
        ("helm-controller", "Update"),
        ("flux", "Apply"),
        ("gitops", "Update"),
    ],
)
def test_an_entry_of_another_declaration_becomes_our_apply_entry(manager, operation):
    assert value_of(take_over(deployment(entry(manager, REPLICAS, operation)))) == [
        entry("gitops", REPLICAS, "Apply")
    ]


@pytest.mark.parametrize(
    "foreign",
    [
        entry("kubectl-rollout", PAUSED),
        entry("kubectl-edit", PAUSED),
        entry("kubectl", PAUSED),
        entry("kube-controller-manager", ANNOTATION),
        entry("kubectl-set", ANNOTATION),
        entry("helm", PAUSED, subresource="status"),
        entry("kubectl", REPLICAS, subresource="scale"),
        entry("somebody", PAUSED, "Apply"),
        entry("gitops", PAUSED, "Apply"),
    ],
    ids=lambda e: f"{e['manager']}-{e['operation']}-{e.get('subresource', 'main')}",
)
def test_entries_of_people_controllers_and_subresources_stay(foreign):
    assert take_over(deployment(foreign)) == ()
    assert value_of(take_over(deployment(foreign, entry("helm", REPLICAS))))[0] in (
        foreign,
        entry("gitops", {"f:spec": {"f:paused": {}, "f:replicas": {}}}, "Apply"),
    )


def test_several_entries_become_one_with_the_newest_time():
    later = "2026-02-02T00:00:00Z"
    patch = take_over(
        deployment(
            entry("kubectl-client-side-apply", {**ANNOTATION, **REPLICAS}, time=later),
            entry("helm", PAUSED, "Apply"),
        )
    )
    both = {"f:spec": {"f:replicas": {}, "f:paused": {}}}
    assert value_of(patch) == [entry("gitops", both, "Apply", time=later)]


def test_the_kubectl_annotation_goes_with_its_owner():
    owner = entry("kubectl-client-side-apply", {**ANNOTATION, **REPLICAS})
    patch = take_over(deployment(owner, applied={"spec": {"replicas": 1}}))
    assert value_of(patch) == [entry("gitops", REPLICAS, "Apply")]
    assert patch[1] == {
        "op": "remove",
        "path": "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration",
    }


def test_an_annotation_that_is_not_there_is_not_removed():
    patch = take_over(deployment(entry("kubectl-client-side-apply", {**ANNOTATION, **REPLICAS})))
    assert len(patch) == 1


def test_whoever_wrote_the_kubectl_annotation_declared_the_object():
    assert take_over(deployment(entry("deploy-script", {**ANNOTATION, **REPLICAS}))) != ()
    assert take_over(deployment(entry("kubectl", {**ANNOTATION, **REPLICAS}))) != ()


def test_entries_of_another_api_version_stay():
    old = entry("helm", PAUSED, apiVersion="apps/v1beta1")
    new = entry("helm", REPLICAS)
    assert value_of(take_over(deployment(old, new))) == [old, entry("gitops", REPLICAS, "Apply")]


def test_where_all_entries_have_another_api_version_the_newest_counts():
    entries = [
        entry("helm", REPLICAS, apiVersion="apps/v1beta1"),
        entry("flux", PAUSED, apiVersion="apps/v1beta2", time="2026-03-03T00:00:00Z"),
    ]
    (kept, ours) = value_of(take_over(deployment(*entries)))
    assert kept == entries[0]
    assert (ours["manager"], ours["apiVersion"]) == ("gitops", "apps/v1beta2")


def test_an_entry_without_a_time_is_taken_too():
    timeless = {k: v for k, v in entry("helm", REPLICAS).items() if k != "time"}
    (ours,) = value_of(take_over(deployment(timeless)))
    assert "time" not in ours


def test_our_own_entry_grows_by_what_is_taken():
    patch = take_over(deployment(entry("gitops", PAUSED, "Apply"), entry("helm", REPLICAS)))
    both = {"f:spec": {"f:paused": {}, "f:replicas": {}}}
    assert value_of(patch) == [entry("gitops", both, "Apply")]


def test_after_managed_fields_were_cleared_what_was_declared_is_taken():
    everything = {"f:spec": {"f:replicas": {}, "f:paused": {}}}
    cleared = entry("before-first-apply", {**ANNOTATION, **everything})
    patch = take_over(deployment(cleared, applied={"spec": {"replicas": 1}}))
    rest, ours = value_of(patch)
    assert rest == entry("before-first-apply", PAUSED)
    assert ours["fieldsV1"] == REPLICAS
    assert patch[1]["op"] == "remove"


def test_after_managed_fields_were_cleared_what_we_own_is_ours_alone_again():
    cleared = entry("before-first-apply", REPLICAS)
    ours = entry("gitops", REPLICAS, "Apply")
    assert value_of(take_over(deployment(cleared, ours))) == [ours]


def test_after_managed_fields_were_cleared_nothing_is_guessed():
    assert take_over(deployment(entry("before-first-apply", REPLICAS))) == ()
    assert take_over(deployment()) == ()


def test_a_patch_is_not_made_twice():
    body = deployment(entry("helm", REPLICAS))
    after = {**body, "metadata": {**body["metadata"], "managedFields": value_of(take_over(body))}}
    assert take_over(after) == ()


def test_an_entry_that_owned_the_annotation_alone_leaves_none_of_ours():
    patch = take_over(deployment(entry("kubectl-client-side-apply", ANNOTATION), applied={}))
    assert value_of(patch) == []


@pytest.mark.parametrize("odd", [None, "text", [None, "x", 1], [{"manager": None}]])
def test_odd_managed_fields_are_left_alone(odd):
    body = {"metadata": {"managedFields": odd}}
    assert take_over(body) == ()
    assert foreign_managers(body) == ()
    assert managed_fields({"metadata": None}) == ()


def test_an_entry_without_fields_is_dropped_with_the_rest():
    odd = entry("helm", REPLICAS, fieldsV1=None)
    assert value_of(take_over(deployment(odd))) == []


def test_foreign_managers_are_named_once_and_without_the_status():
    body = deployment(
        entry("gitops", PAUSED, "Apply"),
        entry("kubectl-edit", PAUSED),
        entry("kubectl-edit", REPLICAS, subresource="scale"),
        entry("kube-controller-manager", {"f:status": {}}, subresource="status"),
        entry("helm", PAUSED),
    )
    assert foreign_managers(body) == ("helm", "kubectl-edit")
    assert [e["manager"] for e in taken_entries(body)] == ["helm"]


@pytest.mark.parametrize("text", ["{", "[]", '"x"', "", "[" * 100_000])
def test_a_malformed_annotation_says_nothing(text):
    assert last_applied(deployment(applied=text)) is None
    assert last_applied({"metadata": {"annotations": {LAST_APPLIED: 5}}}) is None


def test_the_annotation_is_what_kubectl_applied():
    assert last_applied(deployment(applied={"kind": "Deployment"})) == {"kind": "Deployment"}
