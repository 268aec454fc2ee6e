"""The port `Cluster` on the real API server: requests, discovery, shapes, closing."""

import json
import threading
import uuid

import pytest
import yaml

from gitops.cluster.access import Trust
from gitops.cluster.client import KubeCluster
from gitops.cluster.discovery import Discovery
from gitops.cluster.transport import Limits
from gitops.errors import ClusterError, SettingsError
from gitops.model.objects import GroupKind, ObjectId, identify
from gitops.ports import Apply, Delete, ListEvents, ListPods, Patch, Read
from tests.helpers.controlplane import eventually
from tests.helpers.edge import INSTALLATION, apply, config_map, connected, crd, deployment


@pytest.fixture(scope="module")
def cluster(control_plane):
    with connected(control_plane.kubeconfig, INSTALLATION) as cluster:
        yield cluster


def weak(control_plane, tmp_path, **user):
    """A kubeconfig of somebody else."""
    config = yaml.safe_load(control_plane.kubeconfig.read_text())
    config["users"] = [{"name": config["users"][0]["name"], "user": user}]
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


def test_answers_come_in_the_order_of_the_requests(cluster, namespace):
    bodies = [config_map(namespace, f"c{n}", n=str(n)) for n in range(60)]
    answers = cluster.send([Apply(identify(body), body) for body in bodies])
    assert [a.body["data"]["n"] for a in answers] == [str(n) for n in range(60)]
    assert all(a.created for a in answers)


def test_one_refused_request_is_a_value_among_the_answers(cluster, namespace):
    good, bad = config_map(namespace, "good"), config_map("not-there")
    first, second, third = cluster.send(
        [Apply(identify(good), good), Apply(identify(bad), bad), ListPods(namespace, {})]
    )
    assert first.error is None
    assert second.error is not None
    assert third.error is None
    assert cluster.send([]) == []


def test_batches_go_one_after_the_other_until_something_fails(cluster, namespace):
    def batch(letter, count, where=namespace):
        bodies = [config_map(where, f"{letter}{number}") for number in range(count)]
        return [Apply(identify(body), body) for body in bodies]

    first = cluster.send(batch("a", 8), [], batch("b", 8))
    versions = [int(answer.body["metadata"]["resourceVersion"]) for answer in first]
    assert max(versions[:8]) < min(versions[8:])
    answers = cluster.send(
        batch("c", 2), [*batch("d", 1), *batch("e", 1, "not-there")], batch("f", 1)
    )
    assert [answer.error is None for answer in answers] == [True, True, True, False]
    (unsent,) = cluster.send([Read(ObjectId("", "ConfigMap", namespace, "f0"), "v1")])
    assert unsent.error.reason == "not-found"
    assert cluster.send([], []) == []


def test_each_request_is_one_request(cluster, namespace, audit):
    body = config_map(namespace)
    cluster.send([Apply(identify(body), body, dry_run=True)])
    mark = audit.mark()
    cluster.send([Apply(identify(body), body)])
    live = cluster.send([Read(identify(body), "v1")])[0].body
    cluster.send([Delete(identify(body), "v1", uid=live["metadata"]["uid"])])
    assert [e["verb"] for e in audit.since(mark, agent="gitops")] == ["patch", "get", "delete"]


def test_discovery_costs_two_requests_once(control_plane, audit):
    mark = audit.mark()
    with connected(control_plane.kubeconfig, INSTALLATION) as cluster:
        threads = [threading.Thread(target=cluster.kinds) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        cluster.kinds()
        assert len(audit.since(mark, agent="gitops")) == 2
        cluster.kinds(fresh=True)
        assert len(audit.since(mark, agent="gitops")) == 4


def test_discovery_knows_versions_scope_and_status(cluster):
    kinds = cluster.kinds()
    hpa = kinds[GroupKind("autoscaling", "HorizontalPodAutoscaler")]
    assert hpa.versions == ("v2", "v1")
    assert (hpa.plural, hpa.namespaced, hpa.has_status) == ("horizontalpodautoscalers", True, True)
    assert not kinds[GroupKind("", "Namespace")].namespaced
    assert not kinds[GroupKind("", "ConfigMap")].has_status
    assert "watch" in kinds[GroupKind("", "ConfigMap")].verbs


def test_old_discovery_says_the_same(cluster):
    new = cluster.kinds(fresh=True)

    async def ask():
        return await Discovery(cluster._parts.transport, accept="application/json").kinds()

    old = cluster._run(ask())
    assert set(old) == set(new)
    for kind, info in new.items():
        assert sorted(old[kind].versions) == sorted(info.versions), kind
        assert (old[kind].plural, old[kind].namespaced, old[kind].has_status) == (
            info.plural,
            info.namespaced,
            info.has_status,
        )


def test_a_custom_resource_follows_its_crd_without_discovery(cluster, namespace, kubectl, audit):
    group = f"g{uuid.uuid4().hex[:8]}.example.com"
    definition = crd(group)
    cluster.kinds()
    mark = audit.mark()
    assert apply(cluster, definition).created
    kubectl.wait("condition=Established", f"crd/{definition['metadata']['name']}")
    widget = {**config_map(namespace), "apiVersion": f"{group}/v1", "kind": "Widget", "spec": {}}
    del widget["data"]
    assert apply(cluster, widget).created
    assert len(audit.since(mark, agent="gitops")) == 2
    assert cluster.kinds(fresh=True)[GroupKind(group, "Widget")].plural == "widgets"


def test_a_crd_of_somebody_else_is_found_by_one_refresh(cluster, namespace, kubectl, audit):
    group = f"g{uuid.uuid4().hex[:8]}.example.com"
    cluster.kinds()
    definition = crd(group)
    kubectl.apply(definition)
    kubectl.wait("condition=Established", f"crd/{definition['metadata']['name']}")
    found = lambda: kubectl.try_("get", f"widgets.{group}").returncode == 0  # noqa: E731
    eventually(found, "discovery of the kind")
    widgets = [Read(ObjectId(group, "Widget", namespace, f"w{n}"), f"{group}/v1") for n in range(9)]
    mark = audit.mark()
    assert {a.error.reason for a in cluster.send(widgets)} == {"not-found"}
    assert len(audit.since(mark, agent="gitops")) == 2 + 9


def test_what_was_written_in_a_version_that_is_gone_is_read_and_deleted_in_another(
    cluster, namespace, kubectl
):
    group = f"g{uuid.uuid4().hex[:8]}.example.com"
    definition = crd(group)
    (old,) = definition["spec"]["versions"]
    new = {**old, "name": "v2", "storage": True}
    definition["spec"]["versions"] = [{**old, "storage": False}, new]
    kubectl.apply(definition)
    kubectl.wait("condition=Established", f"crd/{definition['metadata']['name']}")
    eventually(lambda: kubectl.try_("get", f"widgets.v1.{group}").returncode == 0, "version 1")
    widget = {**config_map(namespace), "apiVersion": f"{group}/v1", "kind": "Widget", "spec": {}}
    del widget["data"]
    made = apply(cluster, widget).body
    assert made["apiVersion"] == f"{group}/v1"
    definition["spec"]["versions"][0]["served"] = False
    kubectl.apply(definition)
    eventually(lambda: f"{group}/v1\n" not in kubectl("api-versions"), "the end of version 1")
    identity, gone = identify(widget), f"{group}/v1"
    note = {"op": "add", "path": "/metadata/annotations", "value": {"note": "here"}}
    spec = {"op": "add", "path": "/spec/size", "value": 1}
    patched, refused, read = cluster.send(
        [Patch(identity, gone, (note,)), Patch(identity, gone, (spec,)), Read(identity, gone)]
    )
    assert patched.body["metadata"]["annotations"] == {"note": "here"}
    assert refused.error.reason == "unknown-kind"
    assert read.body["apiVersion"] == f"{group}/v2"
    assert apply(cluster, widget).error.reason == "unknown-kind"
    (deleted,) = cluster.send([Delete(identity, gone, uid=made["metadata"]["uid"])])
    assert deleted.error is None
    kubectl("delete", "crd", definition["metadata"]["name"])
    eventually(lambda: GroupKind(group, "Widget") not in cluster.kinds(fresh=True), "its end")
    (none,) = cluster.send([Read(identity, gone)])
    assert none.error.reason == "unknown-kind"


def test_shapes_are_read_once_a_version(cluster, audit):
    cluster.shapes(["apps/v1"])
    mark = audit.mark()
    shapes = cluster.shapes(["apps/v1", "not.there/v1"])
    assert audit.since(mark, agent="gitops") == []
    assert shapes.kind("apps/v1", "Deployment") is not None
    assert shapes.kind("not.there/v1", "Thing") is None
    assert cluster.shapes(["apps/v1", "v1"]).kind("v1", "Service") is not None
    assert len(audit.since(mark, agent="gitops")) == 1


def test_a_crd_that_we_write_has_shapes_soon_and_so_has_its_change(cluster, kubectl):
    group = f"g{uuid.uuid4().hex[:8]}.example.com"
    cluster.shapes([f"{group}/v1"])

    def written(*fields):
        typed = {"type": "object", "properties": {f: {"type": "string"} for f in fields}}
        definition = crd(group, spec=typed)
        assert apply(cluster, definition).error is None
        kubectl.wait("condition=Established", f"crd/{definition['metadata']['name']}")

    def known():
        shape = cluster.shapes([f"{group}/v1"]).kind(f"{group}/v1", "Widget")
        return shape and set(shape.root.child("spec").field_names)

    written("a")
    eventually(lambda: known() == {"a"}, "the shapes of a new CRD")
    written("a", "b")
    eventually(lambda: known() == {"a", "b"}, "the shapes of a changed CRD")


def test_a_crd_of_somebody_else_has_shapes_soon_and_then_costs_nothing(cluster, kubectl, audit):
    group = f"g{uuid.uuid4().hex[:8]}.example.com"
    kubectl.apply(crd(group))
    widget = GroupKind(group, "Widget")
    eventually(lambda: widget in cluster.kinds(fresh=True), "discovery of the kind")
    version = f"{group}/v1"
    eventually(lambda: cluster.shapes([version]).kind(version, "Widget"), "its shape")
    mark = audit.mark()
    assert cluster.shapes([version]).kind(version, "Widget") is not None
    assert audit.since(mark, agent="gitops") == []


def test_pods_and_events_are_listed(cluster, namespace, kubectl):
    body = deployment(namespace, replicas=2)
    assert apply(cluster, body).error is None
    kubectl.wait("condition=Available", "-n", namespace, "deployment/web")
    pods, events, none = cluster.send(
        [
            ListPods(namespace, {"app": "web"}),
            ListEvents(identify(body)),
            ListPods(namespace, {"app": "other"}),
        ]
    )
    assert [p["kind"] for p in pods.items] == ["Pod", "Pod"]
    assert {e["involvedObject"]["name"] for e in events.items} == {"web"}
    assert none.items == ()
    assert none.error is None


@pytest.mark.parametrize("name", ["", ".", "..", "../../secrets/x", "a%2Fb"])
def test_a_name_that_leads_elsewhere_is_refused_without_a_request(cluster, namespace, audit, name):
    cluster.kinds()
    mark = audit.mark()
    answer = cluster.send([Read(ObjectId("", "ConfigMap", namespace, name), "v1")])[0]
    assert answer.error.reason == "invalid"
    assert audit.since(mark, agent="gitops") == []


def test_a_missing_right_is_named(control_plane, kubectl, namespace, tmp_path):
    kubectl("-n", namespace, "create", "serviceaccount", "weak")
    token = kubectl("-n", namespace, "create", "token", "weak").strip()
    with connected(weak(control_plane, tmp_path, token=token)) as cluster:
        error = apply(cluster, config_map(namespace)).error
    assert error.reason == "forbidden"
    user = f"system:serviceaccount:{namespace}:weak"
    assert error.message == f"no right to patch configmaps in namespace {namespace} (as {user})"
    assert error.remedy == f"grant it: verb patch, resource configmaps, in namespace {namespace}"
    assert token not in repr(error)


def test_a_wrong_token_is_said_and_not_shown(control_plane, tmp_path):
    with connected(weak(control_plane, tmp_path, token="planted-token")) as cluster:
        with pytest.raises(ClusterError) as caught:
            cluster.kinds()
        assert caught.value.reason == "unauthorized"
        assert "planted-token" not in f"{caught.value!r}{caught.value}"


def test_a_token_file_is_read_when_it_is_used(control_plane, tmp_path):
    (tmp_path / "token").write_text(control_plane.token + "\n")
    with connected(weak(control_plane, tmp_path, tokenFile="token")) as cluster:
        assert cluster.version().startswith("v1.")


def test_a_token_that_is_refused_is_read_from_its_file_again(control_plane, tmp_path):
    (tmp_path / "token").write_text("expired")
    with connected(weak(control_plane, tmp_path, tokenFile="token")) as cluster:
        with pytest.raises(ClusterError, match="does not accept our credentials"):
            cluster.version()
        (tmp_path / "token").write_text(control_plane.token)
        assert cluster.version().startswith("v1.")


def test_a_service_account_s_files_are_enough(control_plane, tmp_path, monkeypatch):
    (tmp_path / "token").write_text(control_plane.token)
    (tmp_path / "ca.crt").write_bytes(control_plane.ca.read_bytes())
    host, _, port = control_plane.url.removeprefix("https://").partition(":")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
    monkeypatch.delenv("KUBECONFIG", raising=False)
    trust = Trust(service_account=tmp_path)
    with KubeCluster.connect(None, None, INSTALLATION, trust=trust) as cluster:
        assert cluster.version() == "v1.36.3"


def test_an_authority_that_is_not_the_server_s_is_refused(control_plane, tmp_path):
    config = yaml.safe_load(control_plane.kubeconfig.read_text())
    server = config["clusters"][0]["cluster"]["server"]
    config["clusters"][0]["cluster"] = {"server": server}
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    with connected(path) as cluster, pytest.raises(ClusterError) as caught:
        cluster.version()
    assert caught.value.reason == "unreachable"
    assert "certificate" in caught.value.message


def test_a_program_in_a_kubeconfig_runs_only_if_trusted_by_name(control_plane, tmp_path):
    credential = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": control_plane.token},
    }
    answer = tmp_path / "answer.json"
    answer.write_text(json.dumps(credential))
    program = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "cat",
        "args": [str(answer)],
    }
    path = weak(control_plane, tmp_path, exec=program)
    with pytest.raises(SettingsError, match="wants to run the program 'cat'"):
        KubeCluster.connect(path, None, INSTALLATION)
    trust = Trust(programs=frozenset({"cat"}))
    with KubeCluster.connect(path, None, INSTALLATION, trust=trust) as cluster:
        assert cluster.version() == "v1.36.3"


def test_a_server_that_is_too_busy_is_asked_again_as_it_wishes(
    cluster, control_plane, kubectl, namespace, tmp_path, audit
):
    kubectl("-n", namespace, "create", "serviceaccount", "busy")
    token = kubectl("-n", namespace, "create", "token", "busy").strip()
    api = {"apiVersion": "flowcontrol.apiserver.k8s.io/v1", "metadata": {"name": namespace}}
    limited = {
        "nominalConcurrencyShares": 0,
        "borrowingLimitPercent": 0,
        "limitResponse": {"type": "Reject"},
    }
    level = {"kind": "PriorityLevelConfiguration", "spec": {"type": "Limited", "limited": limited}}
    account = {"kind": "ServiceAccount", "serviceAccount": {"name": "busy", "namespace": namespace}}
    everything = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "namespaces": ["*"]}
    flow = {
        "kind": "FlowSchema",
        "spec": {
            "matchingPrecedence": 2,
            "priorityLevelConfiguration": {"name": namespace},
            "rules": [{"subjects": [account], "resourceRules": [everything]}],
        },
    }
    for body in (level, flow):
        assert apply(cluster, {**api, **body}).error is None
    limits = Limits(attempts=2)
    reads = [Read(ObjectId("", "ConfigMap", namespace, f"c{n}"), "v1") for n in range(60)]
    try:
        with connected(weak(control_plane, tmp_path, token=token), limits=limits) as busy:
            busy.kinds()

            def refused():
                mark = audit.mark()
                errors = [answer.error for answer in busy.send(reads)]
                asked = audit.since(mark, agent="gitops")
                late = [event for event in asked if event["responseStatus"]["code"] == 429]
                return (errors, asked, late) if late else None

            errors, asked, late = eventually(refused, "the limit")
            given_up = [error for error in errors if error.reason == "transient"]
            assert {error.reason for error in errors} <= {"forbidden", "transient"}
            assert len(asked) == len(reads) + len(late) - len(given_up)
            assert not given_up or given_up[0].message.startswith("Too many requests")
    finally:
        kubectl("delete", "flowschema,prioritylevelconfiguration", namespace)


def test_an_unreachable_server_is_said(tmp_path):
    path = tmp_path / "kubeconfig"
    path.write_text(
        yaml.safe_dump(
            {
                "current-context": "c",
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
                "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
                "users": [{"name": "u", "user": {"token": "planted"}}],
            }
        )
    )
    with connected(path, limits=Limits(attempts=2)) as cluster:
        error = apply(cluster, config_map("x")).error
    assert error.reason == "unreachable"
    assert error.message.startswith("cannot reach the API server at https://127.0.0.1:1: ")


def test_after_closing_every_call_says_so(control_plane, namespace):
    with connected(control_plane.kubeconfig) as cluster:
        cluster.kinds()
    cluster.close()
    assert apply(cluster, config_map(namespace)).error.reason == "unreachable"
    with pytest.raises(ClusterError, match="is closed"):
        cluster.version()


def test_closing_leaves_no_thread(control_plane):
    before = set(threading.enumerate())
    with connected(control_plane.kubeconfig) as cluster:
        cluster.kinds()
    assert set(threading.enumerate()) <= before
