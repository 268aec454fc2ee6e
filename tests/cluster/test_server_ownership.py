"""What the API server does with ownership: reference for `ownership/ownership.py` and the diff."""

import json
import subprocess
import uuid

import pytest

from gitops.controlplane import build
from gitops.core.ownership.ownership import LAST_APPLIED, foreign_managers, last_applied, take_over
from gitops.model.objects import identify
from gitops.ports import Apply, Patch, Read
from tests.helpers.controlplane import eventually
from tests.helpers.edge import INSTALLATION, apply, config_map, connected, crd, deployment

HPA = {"minReplicas": 1, "maxReplicas": 3}


@pytest.fixture(scope="module")
def cluster(control_plane):
    with connected(control_plane.kubeconfig, INSTALLATION) as cluster:
        yield cluster


def read(cluster, body):
    answer = cluster.send([Read(identify(body), body["apiVersion"])])[0]
    assert answer.error is None, answer.error
    return answer.body


def patch(cluster, body, *operations):
    answer = cluster.send([Patch(identify(body), body["apiVersion"], operations)])[0]
    assert answer.error is None, answer.error
    return answer.body


def applied(cluster, body, **options):
    answer = apply(cluster, body, **options)
    assert answer.error is None, answer.error
    return answer.body


def taken_over(cluster, body):
    """Take over; a controller's write of the status in between is a conflict, and read again."""

    def attempt():
        live = read(cluster, body)
        guard = live["metadata"]["resourceVersion"]
        operations = take_over(live)
        assert operations
        answer = cluster.send([Patch(identify(body), body["apiVersion"], operations, guard)])[0]
        assert answer.error is None or answer.error.reason == "conflict", answer.error
        return answer.body

    return eventually(attempt, "a take-over")


def test_a_field_that_somebody_else_changed_is_not_removed_by_apply(cluster, namespace, kubectl):
    applied(cluster, config_map(namespace, keep="1", drop="1"))
    kubectl("-n", namespace, "patch", "cm", "config", "-p", '{"data":{"drop":"2"}}')
    after = applied(cluster, config_map(namespace, keep="1"))
    assert after["data"] == {"keep": "1", "drop": "2"}
    assert foreign_managers(after) == ("kubectl-patch",)


def test_a_field_that_somebody_set_before_us_to_the_same_value_stays(cluster, namespace, kubectl):
    kubectl("-n", namespace, "create", "cm", "config", "--from-literal=drop=1")
    applied(cluster, config_map(namespace, keep="1", drop="1"))
    assert applied(cluster, config_map(namespace, keep="1"))["data"]["drop"] == "1"


def test_cleared_managed_fields_make_everything_before_first_apply(cluster, namespace):
    body = config_map(namespace, keep="1", drop="1")
    applied(cluster, body)
    patch(cluster, body, {"op": "replace", "path": "/metadata/managedFields", "value": [{}]})
    assert "managedFields" not in read(cluster, body)["metadata"]
    after = applied(cluster, config_map(namespace, keep="1"))
    assert after["data"]["drop"] == "1"
    assert foreign_managers(after) == ("before-first-apply",)


def test_after_cleared_managed_fields_a_take_over_makes_removals_work_again(cluster, namespace):
    body = config_map(namespace, keep="1", drop="1")
    applied(cluster, body)
    patch(cluster, body, {"op": "replace", "path": "/metadata/managedFields", "value": [{}]})
    applied(cluster, body)
    taken_over(cluster, body)
    assert applied(cluster, config_map(namespace, keep="1"))["data"] == {"keep": "1"}


def test_an_entry_of_another_version_of_the_api_leaves_orphans(cluster, namespace):
    metric = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}},
    }
    base = {
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", "namespace": namespace},
    }
    target = {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}
    v1 = {**HPA, **target, "targetCPUUtilizationPercentage": 50}
    applied(cluster, {**base, "apiVersion": "autoscaling/v1", "spec": v1})
    after = applied(cluster, {**base, "apiVersion": "autoscaling/v2", "spec": {**HPA, **target}})
    assert after["spec"]["metrics"] == [metric]


def test_one_foreign_item_in_an_atomic_list_takes_the_whole_list(cluster, namespace):
    body = deployment(namespace)
    body["spec"]["template"]["spec"]["containers"][0]["command"] = ["a"]
    applied(cluster, body)
    foreign = json.loads(json.dumps(body))
    foreign["spec"]["template"]["spec"]["containers"][0]["command"] = ["a", "b"]
    applied(cluster, foreign, manager="somebody")
    del body["spec"]["template"]["spec"]["containers"][0]["command"]
    after = applied(cluster, body)
    assert after["spec"]["template"]["spec"]["containers"][0]["command"] == ["a", "b"]


def test_a_dry_run_without_a_field_that_kubectl_applied_still_returns_it(
    cluster, namespace, kubectl
):
    kubectl.apply(config_map(namespace, keep="1", drop="1"))
    answer = applied(cluster, config_map(namespace, keep="1"), dry_run=True)
    assert answer["data"] == {"keep": "1", "drop": "1"}


def test_after_a_take_over_from_kubectl_apply_removes(cluster, namespace, kubectl):
    body = config_map(namespace, keep="1", drop="1")
    kubectl.apply(body)
    assert last_applied(read(cluster, body))["data"] == {"keep": "1", "drop": "1"}
    after = taken_over(cluster, body)
    assert [e["manager"] for e in after["metadata"]["managedFields"]] == ["gitops"]
    assert LAST_APPLIED not in after["metadata"].get("annotations", {})
    dry = applied(cluster, config_map(namespace, keep="1"), dry_run=True)
    assert dry["data"] == {"keep": "1"}
    assert applied(cluster, config_map(namespace, keep="1"))["data"] == {"keep": "1"}


def test_after_a_take_over_from_kubectl_a_container_and_its_port_go(cluster, namespace, kubectl):
    body = deployment(namespace)
    containers = body["spec"]["template"]["spec"]["containers"]
    containers.append({"name": "side", "image": "i", "ports": [{"containerPort": 53}]})
    kubectl.apply(body)
    taken_over(cluster, body)
    answer = applied(cluster, deployment(namespace), dry_run=True)
    names = [c["name"] for c in answer["spec"]["template"]["spec"]["containers"]]
    assert names == ["main"]


@pytest.mark.parametrize("manager", ["argocd-controller", "kustomize-controller", "helm"])
def test_after_a_take_over_from_another_reconciler_apply_removes(cluster, namespace, manager):
    body = config_map(namespace, keep="1", drop="1")
    applied(cluster, body, manager=manager)
    dry = applied(cluster, config_map(namespace, keep="1"), dry_run=True)
    assert dry["data"] == {"keep": "1", "drop": "1"}
    taken_over(cluster, body)
    assert applied(cluster, config_map(namespace, keep="1"))["data"] == {"keep": "1"}


def test_after_a_take_over_from_the_real_helm_apply_removes(
    cluster, namespace, control_plane, tmp_path
):
    body = config_map(namespace, keep="1", drop="1")
    chart = tmp_path / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: chart\nversion: 1.0.0\n")
    (chart / "templates" / "config.yaml").write_text(json.dumps(body))
    helm = build.find_or_build(embedded=True).helm
    where = [f"--kubeconfig={control_plane.kubeconfig}", f"--namespace={namespace}"]
    subprocess.run(
        [helm, "install", "release", chart, *where],
        check=True,
        capture_output=True,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )
    assert foreign_managers(read(cluster, body)) == ("helm",)
    taken_over(cluster, body)
    after = applied(cluster, config_map(namespace, keep="1"))
    assert after["data"] == {"keep": "1"}
    assert foreign_managers(after) == ()


def test_a_take_over_from_kubectl_after_cleared_managed_fields_takes_what_was_declared(
    cluster, namespace, kubectl
):
    body = config_map(namespace, keep="1", drop="1")
    kubectl.apply(body)
    kubectl("-n", namespace, "patch", "cm", "config", "-p", '{"data":{"hand":"1"}}')
    patch(cluster, body, {"op": "replace", "path": "/metadata/managedFields", "value": [{}]})
    applied(cluster, config_map(namespace, keep="1"))
    taken_over(cluster, body)
    assert applied(cluster, config_map(namespace, keep="1"))["data"] == {"keep": "1", "hand": "1"}


def test_a_take_over_leaves_a_restart_by_hand_alone(cluster, namespace, kubectl):
    body = deployment(namespace)
    kubectl.apply(body)
    kubectl("-n", namespace, "rollout", "restart", "deployment/web")
    taken_over(cluster, body)
    after = applied(cluster, body)
    assert "kubectl-rollout" in foreign_managers(after)
    annotations = after["spec"]["template"]["metadata"]["annotations"]
    assert "kubectl.kubernetes.io/restartedAt" in annotations


def test_a_take_over_leaves_the_spec_as_it_is(cluster, namespace, kubectl):
    body = deployment(namespace)
    kubectl.apply(body)
    before = read(cluster, body)["spec"]
    assert taken_over(cluster, body)["spec"] == before


def test_a_take_over_that_comes_too_late_is_a_conflict(cluster, namespace, kubectl):
    body = config_map(namespace, keep="1")
    kubectl.apply(body)
    live = read(cluster, body)
    kubectl("-n", namespace, "label", "cm", "config", "touched=yes")
    late = Patch(identify(body), "v1", take_over(live), live["metadata"]["resourceVersion"])
    assert cluster.send([late])[0].error.reason == "conflict"


def test_apply_with_managed_fields_in_the_body_is_refused(cluster, namespace):
    body = config_map(namespace)
    body["metadata"]["managedFields"] = [{"manager": "x"}]
    assert apply(cluster, body).error.reason == "invalid"


def test_a_second_application_with_our_manager_removes_the_first_one_s_fields(cluster, namespace):
    applied(cluster, config_map(namespace, first="1"))
    assert applied(cluster, config_map(namespace, second="1"))["data"] == {"second": "1"}


def test_a_forced_apply_never_reports_a_conflict_but_managed_fields_do(cluster, namespace):
    applied(cluster, config_map(namespace, a="1"), manager="somebody")
    after = applied(cluster, config_map(namespace, a="1"))
    assert foreign_managers(after) == ("somebody",)
    assert foreign_managers(applied(cluster, config_map(namespace, a="2"))) == ("somebody",)


def test_an_apply_that_changes_nothing_keeps_the_resource_version(cluster, namespace):
    body = config_map(namespace, a="1")
    first = applied(cluster, body)["metadata"]["resourceVersion"]
    assert applied(cluster, body)["metadata"]["resourceVersion"] == first


def test_quantities_come_back_normalised(cluster, namespace):
    body = deployment(namespace)
    container = body["spec"]["template"]["spec"]["containers"][0]
    container["resources"] = {"requests": {"cpu": "1000m"}}
    after = applied(cluster, body)
    found = after["spec"]["template"]["spec"]["containers"][0]
    assert found["resources"] == {"requests": {"cpu": "1"}}


def test_a_null_in_data_becomes_an_empty_string(cluster, namespace):
    body = config_map(namespace)
    body["data"] = {"a": None}
    assert applied(cluster, body)["data"] == {"a": ""}


def test_a_null_map_is_owned(cluster, namespace):
    body = deployment(namespace)
    body["spec"]["template"]["spec"]["nodeSelector"] = None
    (entry,) = applied(cluster, body)["metadata"]["managedFields"]
    assert "f:nodeSelector" in entry["fieldsV1"]["f:spec"]["f:template"]["f:spec"]


def test_a_replica_set_inherits_the_annotations_of_its_deployment(cluster, namespace, kubectl):
    body = deployment(namespace)
    body["metadata"]["annotations"] = {"example.com/mine": "yes"}
    applied(cluster, body)
    sets = eventually(
        lambda: kubectl.json("get", "-n", namespace, "replicasets")["items"], "a ReplicaSet"
    )
    assert sets[0]["metadata"]["annotations"]["example.com/mine"] == "yes"


def test_the_order_of_env_is_content(cluster, namespace):
    env = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    body = deployment(namespace)
    container = body["spec"]["template"]["spec"]["containers"][0]
    container["env"] = env
    before = applied(cluster, body)["metadata"]["generation"]
    container["env"] = env[::-1]
    assert applied(cluster, body)["metadata"]["generation"] == before + 1


def test_defaulted_list_keys_are_in_managed_fields(cluster, namespace):
    body = deployment(namespace)
    container = body["spec"]["template"]["spec"]["containers"][0]
    container["ports"] = [{"containerPort": 53}, {"containerPort": 53, "protocol": "UDP"}]
    (entry,) = applied(cluster, body)["metadata"]["managedFields"]
    text = json.dumps(entry["fieldsV1"])
    for protocol in ("TCP", "UDP"):
        key = json.dumps({"containerPort": 53, "protocol": protocol}, separators=(",", ":"))
        assert json.dumps(f"k:{key}") in text


def test_a_list_of_a_crd_without_markers_is_atomic_and_its_status_is_ours(
    cluster, namespace, kubectl
):
    group = f"g{uuid.uuid4().hex[:8]}.example.com"
    item = {"type": "object", "properties": {"name": {"type": "string"}, "v": {"type": "string"}}}
    lists = {"items": {"type": "array", "items": item}}
    free = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    definition = crd(group, spec={"type": "object", "properties": lists}, status=free)
    applied(cluster, definition)
    kubectl.wait("condition=Established", f"crd/{definition['metadata']['name']}")
    body = {
        "apiVersion": f"{group}/v1",
        "kind": "Widget",
        "metadata": {"name": "w", "namespace": namespace},
        "spec": {"items": [{"name": "a", "v": "1"}]},
        "status": {"phase": "Ready"},
    }
    (entry,) = applied(cluster, body)["metadata"]["managedFields"]
    assert entry["fieldsV1"]["f:spec"] == {"f:items": {}}
    assert entry["fieldsV1"]["f:status"] == {"f:phase": {}}


def test_a_key_of_string_data_that_is_dropped_stays_in_data(cluster, namespace):
    def secret(**data):
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "s", "namespace": namespace},
            "stringData": data,
        }

    applied(cluster, secret(a="1", b="2"))
    assert set(applied(cluster, secret(a="1"))["data"]) == {"a", "b"}


def test_an_exported_manifest_is_refused(cluster, namespace):
    live = applied(cluster, config_map(namespace, a="1"))
    old = {**config_map(namespace, a="2")}
    old["metadata"] = {**old["metadata"], "resourceVersion": "1"}
    assert apply(cluster, old).error.reason == "conflict"
    other = {**old, "metadata": {**old["metadata"], "uid": str(uuid.uuid4())}}
    del other["metadata"]["resourceVersion"]
    error = apply(cluster, other).error
    assert error.reason == "conflict"
    assert live["data"] == {"a": "1"}


def test_an_autoscaler_s_replicas_are_kept_when_a_second_manager_holds_them(cluster, namespace):
    three = deployment(namespace, replicas=3)
    applied(cluster, three)
    dropped = deployment(namespace)
    del dropped["spec"]["replicas"]
    assert applied(cluster, dropped, dry_run=True)["spec"]["replicas"] == 1
    holder = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {"replicas": 3},
    }
    cluster.send([Apply(identify(holder), holder, manager="gitops-replicas")])
    assert applied(cluster, dropped)["spec"]["replicas"] == 3


def test_scaling_shows_as_a_write_of_the_scale_subresource(cluster, namespace, kubectl):
    body = deployment(namespace)
    applied(cluster, body)
    kubectl("-n", namespace, "scale", "deployment/web", "--replicas=2")
    live = cluster.live(read(cluster, body))
    assert live.replicas_manager == "kubectl"
    assert applied(cluster, body)["spec"]["replicas"] == 1
