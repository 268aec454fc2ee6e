"""The local diff against the real API server: nothing to do after an apply, and honest predictions.

Each manifest of `diff_manifests.yaml` is applied by server-side apply and read again; then one
thing in it is changed, and what the local diff predicts is compared with what a dry-run answers.
"""

import copy
import json
from pathlib import Path

import pytest
import yaml

from gitops.core.diff.changes import find_changes
from gitops.core.diff.diff import LastApplied, compare, diff, removals
from gitops.core.ownership.projection import own_entry, owned
from gitops.openapi.loader import load_builtin

HERE = Path(__file__).parent


class Loader(yaml.SafeLoader):
    """Reads times as texts, as Kubernetes does."""


Loader.yaml_implicit_resolvers = {
    first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load(name):
    return list(yaml.load_all((HERE / name).read_text(), Loader))


MANIFESTS = load("diff_manifests.yaml")
WIDGET = load("diff_widget.yaml")[0]
CRD = MANIFESTS[-1]
SHAPES = load_builtin().with_crd(CRD)


def named(body):
    return f"{body['kind']}-{body['metadata']['name']}"


@pytest.fixture
def apply(kubectl, namespace):
    def send(body, *flags):
        text = kubectl(
            "apply", "-n", namespace, "--server-side", "--force-conflicts",
            "--field-manager=gitops", "--show-managed-fields", "-o", "json", "-f", "-", *flags,
            input=json.dumps(body),
        )  # fmt: skip
        return json.loads(text)

    return send


@pytest.fixture
def widgets(kubectl, apply):
    apply(CRD)
    kubectl.wait("condition=established", "crd/widgets.diff.example.com")


def assert_equal(body, live):
    for known in (LastApplied.of(live), LastApplied(body), LastApplied()):
        found = diff(body, live, known, SHAPES)
        assert not found.modified, found.fields


@pytest.mark.parametrize("body", MANIFESTS, ids=named)
def test_what_was_applied_has_no_difference(apply, body):
    assert_equal(body, apply(body))


def test_a_custom_resource_that_was_applied_has_no_difference(apply, widgets):
    assert_equal(WIDGET, apply(WIDGET))


def changed(body, path, value):
    """A copy with one place changed; DELETE removes it, a list's None place appends."""
    made = copy.deepcopy(body)
    parent = made
    for step in path[:-1]:
        parent = parent[step]
    if value is DELETE:
        del parent[path[-1]]
    elif path[-1] is None:
        parent.append(value)
    else:
        parent[path[-1]] = value
    return made


def settled(kubectl, namespace, live):
    """The object after its controller saw it, so that nothing is written while we compare."""
    if live["kind"] != "Deployment":
        return live
    name = f"deployment/{live['metadata']['name']}"
    seen = f"jsonpath={{.status.observedGeneration}}={live['metadata']['generation']}"
    kubectl.wait(seen, name, "-n", namespace)
    return kubectl.json("get", name, "-n", namespace, "--show-managed-fields")


DELETE = object()
CONTAINER = ("spec", "template", "spec", "containers", 0)
CHANGES = [
    ("Deployment-everything", ("spec", "replicas"), 2),
    ("Deployment-everything", ("spec", "minReadySeconds"), 5),
    ("Deployment-everything", ("spec", "revisionHistoryLimit"), DELETE),
    ("Deployment-everything", ("metadata", "labels"), DELETE),
    ("Deployment-everything", ("metadata", "annotations"), {"a": "b"}),
    ("Deployment-everything", (*CONTAINER, "image"), "nginx:2"),
    ("Deployment-everything", (*CONTAINER, "env"), DELETE),
    ("Deployment-everything", (*CONTAINER, "env", 0), DELETE),
    ("Deployment-everything", (*CONTAINER, "env", None), {"name": "B", "value": "2"}),
    ("Deployment-everything", (*CONTAINER, "ports", 1), DELETE),
    ("Deployment-everything", (*CONTAINER, "args"), ["a", "b"]),
    ("Deployment-everything", (*CONTAINER, "livenessProbe"), DELETE),
    ("Deployment-everything", (*CONTAINER, "resources"), {}),
    ("Deployment-everything", (*CONTAINER, "resources", "limits", "cpu"), "1.0"),
    ("Deployment-everything", (*CONTAINER, "securityContext"), None),
    ("Deployment-everything", ("spec", "template", "spec", "hostNetwork"), DELETE),
    ("Deployment-everything", ("spec", "template", "spec", "tolerations", 0), DELETE),
    ("Deployment-everything", ("spec", "template", "spec", "volumes", 1), DELETE),
    ("Deployment-everything", ("spec", "template", "spec", "dnsConfig"), None),
    ("NetworkPolicy-net", ("spec", "ingress", 1), DELETE),
    ("NetworkPolicy-net", ("spec", "ingress", 0, "ports", 1, "protocol"), DELETE),
    ("NetworkPolicy-net", ("spec", "podSelector"), DELETE),
    ("Ingress-ing", ("spec", "tls"), None),
    ("Ingress-ing", ("spec", "rules", 0, "http", "paths", 1), DELETE),
    ("Service-svc", ("spec", "clusterIP"), DELETE),
    ("Service-svc", ("spec", "selector"), None),
    ("ConfigMap-cm", ("data", "empty"), DELETE),
    ("ConfigMap-cm", ("data", "number"), "2"),
    ("ConfigMap-cm", ("data",), None),
    ("Secret-secret", ("type",), DELETE),
    ("Secret-secret", ("data", "b"), DELETE),
    ("ServiceAccount-sa", ("imagePullSecrets",), DELETE),
    ("Role-role", ("rules", 1, "resourceNames"), DELETE),
    ("RoleBinding-binding", ("subjects", 0), DELETE),
    ("StatefulSet-state", ("spec", "replicas"), DELETE),
    ("HorizontalPodAutoscaler-hpa", ("spec", "metrics", 0), DELETE),
    ("PodDisruptionBudget-pdb", ("spec", "selector", "matchLabels"), None),
    ("CronJob-cron", ("spec", "suspend"), False),
]


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [pytest.param(*c, id=f"{c[0]}-{'.'.join(map(str, c[1]))}-{i}") for i, c in enumerate(CHANGES)],
)
def test_a_prediction_is_what_a_dry_run_answers(kubectl, namespace, apply, name, path, value):
    body = next(b for b in MANIFESTS if named(b) == name)
    live = settled(kubectl, namespace, apply(body))
    desired = changed(body, path, value)
    answer = apply(desired, "--dry-run=server")
    found = diff(desired, live, None, SHAPES)
    told = compare(live, answer, None, SHAPES)
    assert found.modified is told.modified
    assert {change.path for change in found.fields} <= {change.path for change in told.fields} | {
        change.path for change in found.fields if change.op == "remove"
    }
    ours = own_entry(answer)["fieldsV1"]
    root = SHAPES.root(body)
    mine, theirs = (owned(side, ours) for side in (found.predicted, answer))
    left = [c for c in find_changes(mine, theirs, root) if not _is_noise(c)]
    assert not left, left


NOISE = {"deployment.kubernetes.io/revision", "resources", "protocol", "imagePullPolicy"}


def _is_noise(change):
    """What a controller writes, what is filled again, quantities in the server's own spelling."""
    return not NOISE.isdisjoint(change.pointer)


def test_what_another_manager_owns_too_is_removed_by_the_patch(kubectl, namespace, apply):
    body = next(b for b in MANIFESTS if named(b) == "ConfigMap-cm")
    foreign = {**body, "data": {**body["data"], "extra": "1"}}
    kubectl(
        "apply", "-n", namespace, "--server-side", "--field-manager=someone", "-f", "-",
        input=json.dumps(foreign),
    )  # fmt: skip
    live = apply(foreign)
    known = LastApplied.of(live)
    answer = apply(body, "--dry-run=server")
    assert answer["data"]["extra"] == "1"
    gone = removals(body, answer, known, SHAPES)
    assert gone == ({"op": "remove", "path": "/data/extra"},)
    assert [f.path for f in compare(live, answer, known, SHAPES, removals=gone).fields] == [
        "/data/extra"
    ]
    apply(body)
    kubectl("patch", "-n", namespace, "configmap", "cm", "--type=json", f"-p={json.dumps(gone)}")
    after = kubectl.json("get", "-n", namespace, "configmap", "cm", "--show-managed-fields")
    assert "extra" not in after["data"]
    assert not diff(body, after, None, SHAPES).modified
