"""Every field of a manifest or of a live object may hold anything: nothing raises, all is told.

What the service does with an object on its way from Git, from a watch and to people, on objects in
which a few places were replaced by something else.
"""

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops.cli.difference import difference_table
from gitops.cli.output import to_json, visible
from gitops.core.application.spec import read_application
from gitops.core.diff.diff import DiffOptions, LastApplied, diff
from gitops.core.diff.matching import match
from gitops.core.health import is_ignored, pod_reason, stale_image_warning
from gitops.core.health.rules import health
from gitops.core.manifests.normalize import manifest_digest
from gitops.core.manifests.parse import parse_all
from gitops.core.manifests.scope import place, scopes
from gitops.core.masking.mask import Masker, keyed_digest
from gitops.core.ownership.ownership import foreign_managers, last_applied, take_over
from gitops.core.ownership.projection import answer_digest
from gitops.core.planning import hooks
from gitops.core.planning.order import order
from gitops.core.planning.sync_options import options_of
from gitops.core.schema.crd import crd_versions
from gitops.core.validation.validate import validate
from gitops.engine.facts.judging import selector_labels
from gitops.openapi.loader import load_builtin
from gitops.wire.diff import diff_from_wire, diff_to_wire
from tests.helpers.values import law

SHAPES: Final = load_builtin()
FIELDS: Final = {
    "f:metadata": {"f:labels": {"f:app": {}}},
    "f:spec": {"f:replicas": {}, "f:template": {"f:spec": {"f:containers": {
        'k:{"name":"web"}': {".": {}, "f:image": {}}}}}},
    "f:data": {".": {}, "f:a": {}},
}  # fmt: skip
ENTRY: Final = {"manager": "gitops", "operation": "Apply", "apiVersion": "apps/v1",
                "fieldsType": "FieldsV1", "fieldsV1": FIELDS}  # fmt: skip
POD: Final = {"containers": [{"name": "web", "image": "a:1", "ports": [{"containerPort": 1}],
                              "env": [{"name": "A", "value": "b"}]}]}  # fmt: skip
STATUS: Final = {
    "observedGeneration": 1, "replicas": 1, "readyReplicas": 1, "phase": "Running", "active": 1,
    "conditions": [{"type": "Available", "status": "True", "message": "m", "reason": "r"}],
    "containerStatuses": [{"name": "web", "state": {"waiting": {"reason": "x", "message": "y"}}}],
    "loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]},
}  # fmt: skip


def made(api_version: str, kind: str, **rest: Any) -> dict[str, Any]:
    """An object with what objects have."""
    metadata = {
        "name": "web", "namespace": "prod", "generation": 1, "labels": {"app": "web"},
        "annotations": {
            "gitops.dev/tracking": "demo:apps/Deployment:prod/web",
            "argocd.argoproj.io/hook": "PreSync", "argocd.argoproj.io/sync-wave": "1",
            "argocd.argoproj.io/sync-options": "Replace=true", "helm.sh/hook-weight": "5",
            "kubectl.kubernetes.io/last-applied-configuration": '{"data":{"a":"b"}}',
        },
        "ownerReferences": [{"kind": "ReplicaSet", "name": "web", "uid": "1"}],
        "managedFields": [ENTRY, ENTRY | {"manager": "kubectl", "operation": "Update"}],
    }  # fmt: skip
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "status": STATUS, **rest}


OBJECTS: Final = [
    made("apps/v1", "Deployment", spec={"replicas": 1, "selector": {"matchLabels": {"app": "web"}},
         "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}},
         "template": {"metadata": {"labels": {"app": "web"}}, "spec": POD}}),
    made("v1", "ReplicationController", spec={"selector": {"app": "web"},
         "template": {"metadata": {"labels": {"app": "web"}}, "spec": POD}}),
    made("v1", "Pod", spec=POD),
    made("batch/v1", "Job", spec={"template": {"spec": POD}}),
    made("v1", "Service", spec={"type": "LoadBalancer", "ports": [{"port": 1, "nodePort": 30000}]}),
    made("v1", "Secret", data={"a": "cGxhbnRlZA=="}, stringData={"b": "planted"}),
    made("autoscaling/v2", "HorizontalPodAutoscaler", spec={"maxReplicas": 2, "scaleTargetRef": {
         "apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}),
    made("rbac.authorization.k8s.io/v1", "ClusterRole", aggregationRule={}, rules=[{"verbs": []}]),
    made("networking.k8s.io/v1", "Ingress", spec={"rules": [{"host": "a.example", "http": {
         "paths": [{"path": "/", "pathType": "Prefix"}]}}]}),
    made("apiextensions.k8s.io/v1", "CustomResourceDefinition", spec={"group": "example.com",
         "names": {"kind": "Web", "plural": "webs"}, "scope": "Namespaced", "versions": [
             {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {
                 "type": "object", "properties": {"spec": {"type": "array", "items": {
                     "type": "string", "pattern": "a"}}}}}}]}),
    made("gitops.dev/v1alpha1", "Application", spec={
         "sources": [{"repoURL": "https://git.example.com/a", "path": "a", "helm": {
             "parameters": [{"name": "a", "value": "b"}], "valuesObject": {"a": 1}}}],
         "destination": {"name": "in-cluster", "namespace": "prod"}, "dependsOn": [{"name": "b"}],
         "syncPolicy": {"automated": {"prune": True}, "retry": {"backoff": {"duration": "5s"}}},
         "ignoreDifferences": [{"kind": "Deployment", "jqPathExpressions": [".spec.a[]"]}]}),
]  # fmt: skip
ODD: Final[list[Any]] = [
    None, True, 0, -1, 2**63, 2**70, 1.5, "", "x", "\x1b[2J", "\u202e", "a\nb", "\x00", "\ud800",
    "{", "[", "null", "k:{", "v:[", "f:x", "i:0", "[" * 5000, "x" * 5000, "1" * 400, "1e999999999",
    "1Ki", "a/b/c", "/~2", "2020-01-01T00:00:00Z", [], {}, [None], [[]], [{}], [1, "a", {}],
    {"": 1}, {"a": None}, {"f:": {}}, {"k:{": {}}, {"v:" + "[" * 5000: {}}, {"i:x": 1},
    {"name": 5}, {"name": None}, {"kind": "List", "items": [1]},
]  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every path of a value but its own."""
    if not isinstance(value, dict | list):
        return
    for key, below in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*path, key)
        yield from places(below, (*path, key))


@st.composite
def hostile(draw: st.DrawFn) -> dict[str, Any]:
    """An object with one to four places that hold something else."""
    body: dict[str, Any] = copy.deepcopy(draw(st.sampled_from(OBJECTS)))
    for _ in range(draw(st.integers(1, 4))):
        path = draw(st.sampled_from(list(places(body)) or [("x",)]))
        holder: Any = body
        for key in path[:-1]:
            holder = holder[key]
        holder[path[-1]] = copy.deepcopy(draw(st.sampled_from(ODD)))
    return body


@law
@given(hostile())
def test_a_live_object_is_judged_and_read_whatever_it_holds(body: dict[str, Any]) -> None:
    for judge in (health, is_ignored, selector_labels, foreign_managers, take_over, last_applied):
        judge(body)
    assert isinstance(answer_digest(body), str)
    assert isinstance(manifest_digest(body, SHAPES), str)
    pod_reason((body,), (body,))
    stale_image_warning(body, (body,))


@law
@given(hostile(), hostile(), st.one_of(st.none(), hostile()))
def test_any_two_objects_can_be_compared_masked_and_shown(
    desired: dict[str, Any], actual: dict[str, Any], last: dict[str, Any] | None
) -> None:
    match([desired], [actual], [last] if last else [], SHAPES.kinds)
    known = LastApplied(last) if last is not None else None
    found = diff(desired, actual, known, SHAPES, DiffOptions())
    sides = [side for side in (desired, actual, last) if side is not None]
    masked = Masker(keyed_digest(b"k" * 32), sides).mask_diff(found, actual)
    shown = json.loads(to_json(diff_to_wire(masked)))
    diff_from_wire(shown)
    assert "\x1b[2J" not in visible(difference_table([masked]))


@law
@given(hostile(), hostile())
def test_manifests_of_anything_are_read_validated_and_ordered(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    texts = [("one.yaml", json.dumps(one)), ("other.yaml", json.dumps(other))]
    parsed = parse_all(texts)
    found = [*parsed.manifests, *parsed.flawed]
    validate(found, SHAPES, parsed.locate)
    for manifest in found:
        for read in (hooks.hook_of, hooks.wave_of, options_of,
                     hooks.annotation_faults, read_application):  # fmt: skip
            read(manifest)
    assert len(order(found)) == len(found)
    place(found, scopes(found, SHAPES.kinds), "prod")


@law
@given(hostile())
def test_any_definition_gives_shapes(body: dict[str, Any]) -> None:
    SHAPES.with_crd({**OBJECTS[9], "spec": body})
    SHAPES.with_crd({**OBJECTS[9], **body})
    spec = body.get("spec")
    if isinstance(spec, Mapping):
        list(crd_versions(spec))


@pytest.mark.parametrize("position", range(len(OBJECTS)))
def test_the_objects_are_good_before_they_are_changed(position: int) -> None:
    body = OBJECTS[position]
    assert answer_digest(body)
    assert foreign_managers(body) == ("kubectl",)


def test_names_in_managed_fields_may_be_nested_deeply() -> None:
    body = copy.deepcopy(OBJECTS[0])
    deep: dict[str, Any] = {f"{sort}:" + "[" * 5000: {} for sort in "kv"}
    body["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"] |= deep
    (found,) = match([OBJECTS[0]], [body], [], SHAPES.kinds)
    assert found.actual is not None
    diff(OBJECTS[0], body, None, SHAPES, DiffOptions())
