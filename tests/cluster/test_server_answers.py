"""What the API server says to dry-runs and faults, and how the edge tells it."""

import uuid

import pytest

from gitops.model.objects import ObjectId, identify
from gitops.ports import Apply, Create, Read
from tests.helpers.controlplane import eventually
from tests.helpers.edge import INSTALLATION, apply, config_map, connected, crd, deployment
from tests.helpers.walk import NODE_PORTS


@pytest.fixture(scope="module")
def cluster(control_plane):
    with connected(control_plane.kubeconfig, INSTALLATION) as cluster:
        yield cluster


def refused(cluster, body, **options):
    answer = apply(cluster, body, **options)
    assert answer.body is None
    return answer.error


def pod(namespace, **spec):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": namespace},
        "spec": {"containers": [{"name": "main", "image": "i"}], **spec},
    }


def service(namespace, name="s", **spec):
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"ports": [{"port": 80}], **spec},
    }


def test_a_dry_run_invents_what_the_server_allocates(cluster, namespace):
    body = service(namespace)
    dry = apply(cluster, body, dry_run=True)
    assert dry.created
    assert dry.body["spec"]["clusterIP"]
    assert cluster.send([Read(identify(body), "v1")])[0].error.reason == "not-found"


def test_a_dry_run_tells_what_exists_from_what_would_be_created(cluster, namespace):
    body = config_map(namespace)
    assert apply(cluster, body, dry_run=True).created
    assert apply(cluster, body).created
    assert not apply(cluster, body, dry_run=True).created


def test_a_dry_run_in_a_namespace_that_is_missing_names_it(cluster):
    error = refused(cluster, config_map("not-there"), dry_run=True)
    assert error.reason == "namespace-missing"
    assert str(error) == (
        "ConfigMap not-there/config: namespace not-there does not exist; "
        "add the Namespace, or set CreateNamespace=true"
    )


def test_an_object_that_is_missing_is_told_from_a_missing_namespace(cluster):
    answer = cluster.send([Read(ObjectId("", "ConfigMap", "not-there", "x"), "v1")])[0]
    assert answer.error.reason == "not-found"


def test_a_custom_resource_without_its_crd_is_an_unknown_kind(cluster, namespace):
    body = {**config_map(namespace), "apiVersion": "not.there/v1", "kind": "Thing"}
    error = refused(cluster, body, dry_run=True)
    assert error.reason == "unknown-kind"
    assert error.message == "the cluster knows no kind Thing in not.there/v1; is its CRD missing?"


def test_a_version_that_is_no_longer_served_is_named_with_those_that_are(cluster, namespace):
    body = {**deployment(namespace), "apiVersion": "apps/v1beta1"}
    error = refused(cluster, body)
    assert error.reason == "unknown-kind"
    assert error.message == "the cluster serves Deployment as apps/v1, not as apps/v1beta1"


def test_a_crd_that_vanished_after_discovery_is_an_unknown_kind(cluster, namespace, kubectl):
    group = f"g{uuid.uuid4().hex[:8]}.example.com"
    definition = crd(group)
    name = definition["metadata"]["name"]
    assert apply(cluster, definition).error is None
    kubectl.wait("condition=Established", f"crd/{name}")
    kubectl("delete", "crd", name)
    body = {**config_map(namespace), "apiVersion": f"{group}/v1", "kind": "Widget"}
    assert eventually(lambda: apply(cluster, body).error).reason == "unknown-kind"


def test_a_pod_whose_priority_class_is_missing_is_refused_in_the_server_s_words(cluster, namespace):
    error = refused(cluster, pod(namespace, priorityClassName="gone"), dry_run=True)
    assert (error.reason, error.message) == (
        "denied",
        "no PriorityClass with name gone was found",
    )


def test_a_pod_whose_service_account_is_missing_is_refused(cluster, namespace):
    error = refused(cluster, pod(namespace, serviceAccountName="gone"), dry_run=True)
    assert error.reason == "denied"
    assert 'serviceaccount "gone" not found' in error.message


def test_a_field_that_only_a_later_schema_knows_is_refused(cluster, namespace, kubectl):
    group = f"g{uuid.uuid4().hex[:8]}.example.com"
    typed = {"type": "object", "properties": {"size": {"type": "integer"}}}
    definition = crd(group, spec=typed)
    assert apply(cluster, definition).error is None
    kubectl.wait("condition=Established", f"crd/{definition['metadata']['name']}")
    body = {
        "apiVersion": f"{group}/v1",
        "kind": "Widget",
        "metadata": {"name": "w", "namespace": namespace},
        "spec": {"size": 1, "colour": "red"},
    }
    error = refused(cluster, body, dry_run=True)
    assert error.reason == "invalid"
    assert "colour" in error.message


def test_an_immutable_field_is_told_apart(cluster, namespace):
    body = deployment(namespace)
    assert apply(cluster, body).error is None
    labels = {"app": "other"}
    body["spec"]["selector"]["matchLabels"] = labels
    body["spec"]["template"]["metadata"]["labels"] = labels
    error = refused(cluster, body, dry_run=True)
    assert error.reason == "immutable"
    assert error.message.startswith("spec.selector: ")
    assert error.message.endswith("field is immutable")


@pytest.mark.parametrize("kind", ["job", "statefulset", "pod", "configmap", "role"])
def test_every_way_in_which_the_server_says_immutable_is_known(cluster, namespace, kind):
    meta = {"metadata": {"name": "x", "namespace": namespace}}
    containers = [{"name": "main", "image": "i"}]
    template = {"spec": {"containers": containers, "restartPolicy": "Never"}}
    labelled = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": containers}}
    stateful = {"selector": {"matchLabels": {"a": "b"}}, "template": labelled, "serviceName": "s"}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
    cases = {
        "job": (
            {"apiVersion": "batch/v1", "kind": "Job", **meta, "spec": {"template": template}},
            ("spec", {"template": {"spec": {**template["spec"], "hostNetwork": True}}}),
        ),
        "statefulset": (
            {"apiVersion": "apps/v1", "kind": "StatefulSet", **meta, "spec": stateful},
            ("spec", {**stateful, "serviceName": "other"}),
        ),
        "pod": (
            {"apiVersion": "v1", "kind": "Pod", **meta, "spec": {"containers": containers}},
            ("spec", {"containers": containers, "hostNetwork": True}),
        ),
        "configmap": (
            {"apiVersion": "v1", "kind": "ConfigMap", **meta, "immutable": True},
            ("data", {"a": "b"}),
        ),
        "role": (
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "RoleBinding",
                **meta,
                "roleRef": role,
            },
            ("roleRef", {**role, "name": "edit"}),
        ),
    }
    body, (field, value) = cases[kind]
    assert apply(cluster, body).error is None
    error = refused(cluster, {**body, field: value}, dry_run=True)
    assert error.reason == "immutable", error.message


def test_apply_refuses_a_generated_name_and_create_takes_it(cluster, namespace):
    body = config_map(namespace)
    body["metadata"] = {"generateName": "c-", "namespace": namespace}
    named = ObjectId("", "ConfigMap", namespace, "c-")
    assert cluster.send([Apply(named, body)])[0].error.reason == "invalid"
    answer = cluster.send([Create(identify(body), body)])[0]
    assert answer.created
    assert answer.body["metadata"]["name"].startswith("c-")


def test_a_dry_run_foresees_no_quota(cluster, namespace):
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "q", "namespace": namespace},
        "spec": {"hard": {"count/secrets": "1"}},
    }
    assert apply(cluster, quota).error is None
    identity = identify(quota)

    def counted():
        return cluster.send([Read(identity, "v1")])[0].body.get("status", {}).get("used")

    eventually(counted, "the quota")
    secrets = [
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": n, "namespace": namespace}}
        for n in "abc"
    ]
    dry = cluster.send([Apply(identify(s), s, dry_run=True) for s in secrets])
    assert [a.error for a in dry] == [None] * 3
    wet = cluster.send([Apply(identify(s), s) for s in secrets])
    refusals = [a.error for a in wet if a.error]
    assert [e.reason for e in refusals] == ["denied"] * 2
    assert refusals[0].message.startswith("exceeded quota: q")


def test_a_dry_run_foresees_no_node_port_of_its_neighbour(cluster, namespace):
    node_port = next(NODE_PORTS)
    port = {"type": "NodePort", "ports": [{"port": 80, "nodePort": node_port}]}
    pair = [service(namespace, name, **port) for name in ("one", "two")]
    dry = cluster.send([Apply(identify(s), s, dry_run=True) for s in pair])
    assert [a.error for a in dry] == [None, None]
    wet = cluster.send([Apply(identify(s), s) for s in pair])
    (error,) = [a.error for a in wet if a.error]
    assert error.reason == "invalid"
    assert "provided port is already allocated" in error.message


def test_a_webhook_with_side_effects_cannot_even_be_registered(cluster):
    hook = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": f"h{uuid.uuid4().hex[:8]}"},
        "webhooks": [
            {
                "name": "h.example.com",
                "clientConfig": {"url": "https://127.0.0.1:1/"},
                "sideEffects": "Some",
                "admissionReviewVersions": ["v1"],
            }
        ],
    }
    assert refused(cluster, hook, dry_run=True).reason == "invalid"


def test_a_webhook_that_cannot_be_called_is_transient(cluster, namespace, kubectl):
    name = f"h{uuid.uuid4().hex[:8]}"
    hook = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [
            {
                "name": "h.example.com",
                "clientConfig": {"url": "https://127.0.0.1:1/"},
                "sideEffects": "None",
                "timeoutSeconds": 1,
                "admissionReviewVersions": ["v1"],
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "rules": [
                    {
                        "apiGroups": [""],
                        "apiVersions": ["v1"],
                        "operations": ["CREATE"],
                        "resources": ["configmaps"],
                    }
                ],
            }
        ],
    }
    assert apply(cluster, hook).error is None
    try:
        body = config_map(namespace)
        error = eventually(lambda: apply(cluster, body, dry_run=True).error, "the webhook")
        assert error.reason == "transient"
        assert 'failed calling webhook "h.example.com"' in error.message
    finally:
        kubectl("delete", "validatingwebhookconfiguration", name)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"replicas": "3"}, ".spec.replicas: expected numeric (int or float), got string"),
        ({"replicass": 3}, ".spec.replicass: field not declared in schema"),
    ],
)
def test_a_500_about_the_manifest_is_the_manifest_s_fault(cluster, namespace, spec, words):
    error = refused(cluster, deployment(namespace, **spec))
    assert (error.reason, error.message) == ("invalid", words)


def test_apply_refuses_a_duplicate_env_name_and_create_takes_it(cluster, namespace):
    body = deployment(namespace)
    container = body["spec"]["template"]["spec"]["containers"][0]
    container["env"] = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]
    assert refused(cluster, body).reason == "invalid"
    assert cluster.send([Create(identify(body), body, dry_run=True)])[0].created


def test_create_names_an_unknown_field_strictly(cluster, namespace):
    body = deployment(namespace, replicass=3)
    error = cluster.send([Create(identify(body), body, dry_run=True)])[0].error
    assert error.reason == "invalid"
    assert 'unknown field "spec.replicass"' in error.message


def test_an_error_about_a_secret_never_shows_its_values(cluster, namespace):
    for data in ({"p": 5150}, {"p": {"q": "planted-value"}}, {"p": "!planted-value"}):
        body = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "s", "namespace": namespace},
            "data": data,
        }
        for error in (
            refused(cluster, body),
            cluster.send([Create(identify(body), body, dry_run=True)])[0].error,
        ):
            assert error.reason == "invalid"
            assert "planted" not in str(error)
            assert "5150" not in str(error)
