"""Races that the API server settles, and how the edge tells them."""

import json
import uuid

import pytest

from gitops.model.objects import identify
from gitops.ports import Create, Delete, Patch, Read, Replace
from tests.helpers.controlplane import eventually
from tests.helpers.edge import INSTALLATION, apply, config_map, connected


@pytest.fixture(scope="module")
def cluster(control_plane):
    with connected(control_plane.kubeconfig, INSTALLATION) as cluster:
        yield cluster


def refused(cluster, body, **options):
    answer = apply(cluster, body, **options)
    assert answer.body is None
    return answer.error


def test_apply_with_the_uid_of_an_object_that_is_gone_raises_nothing_from_the_dead(
    cluster, namespace
):
    body = config_map(namespace)
    uid = apply(cluster, body).body["metadata"]["uid"]
    assert (
        cluster.send([Delete(identify(body), "v1", uid=uid, propagation="Background")])[0].error
        is None
    )
    assert refused(cluster, body, uid=uid).reason == "conflict"
    assert cluster.send([Read(identify(body), "v1")])[0].error.reason == "not-found"


def test_apply_with_another_uid_is_a_conflict(cluster, namespace):
    body = config_map(namespace)
    assert apply(cluster, body).error is None
    assert refused(cluster, body, uid=str(uuid.uuid4())).reason == "conflict"


def test_a_deletion_of_another_uid_or_version_is_a_conflict(cluster, namespace):
    body = config_map(namespace)
    metadata = apply(cluster, body).body["metadata"]
    others = [
        Delete(identify(body), "v1", uid=str(uuid.uuid4())),
        Delete(identify(body), "v1", uid=metadata["uid"], resource_version="1"),
    ]
    assert [a.error.reason for a in cluster.send(others)] == ["conflict", "conflict"]


def test_a_patch_whose_object_moved_on_is_a_conflict(cluster, namespace):
    body = config_map(namespace, a="1")
    old = apply(cluster, body).body["metadata"]["resourceVersion"]
    assert apply(cluster, config_map(namespace, a="2")).error is None
    operation = {"op": "remove", "path": "/data/a"}
    late = Patch(identify(body), "v1", (operation,), old)
    error = cluster.send([late])[0].error
    assert error.reason == "conflict"
    assert cluster.send([Patch(identify(body), "v1", (operation,))])[0].body.get("data") is None


def test_a_replacement_of_an_object_that_moved_on_is_a_conflict(cluster, namespace):
    body = config_map(namespace, a="1")
    old = apply(cluster, body).body["metadata"]["resourceVersion"]
    new = apply(cluster, config_map(namespace, a="2")).body["metadata"]["resourceVersion"]
    late, right = (Replace(identify(body), body, version) for version in (old, new))
    assert cluster.send([late])[0].error.reason == "conflict"
    assert cluster.send([right])[0].body["data"] == {"a": "1"}


def test_creating_what_exists_is_a_conflict(cluster, namespace):
    body = config_map(namespace)
    assert apply(cluster, body).created
    again = apply(cluster, body, dry_run=True)
    assert not again.created
    assert cluster.send([Create(identify(body), body)])[0].error.reason == "conflict"


def test_applying_to_a_terminating_object_succeeds_and_the_object_still_goes(cluster, namespace):
    body = config_map(namespace)
    body["metadata"]["finalizers"] = ["example.com/hold"]
    uid = apply(cluster, body).body["metadata"]["uid"]
    held = cluster.send([Delete(identify(body), "v1", uid=uid)])[0]
    assert held.body["metadata"]["deletionTimestamp"]
    assert cluster.live(held.body).deleting
    assert apply(cluster, body, uid=uid).error is None
    drop = ({"op": "remove", "path": "/metadata/finalizers"},)
    cluster.send([Patch(identify(body), "v1", drop)])
    eventually(lambda: cluster.send([Read(identify(body), "v1")])[0].error, "the object's end")


def test_writing_into_a_namespace_that_is_being_deleted_is_transient(cluster, kubectl):
    name = f"going-{uuid.uuid4().hex[:8]}"
    kubectl("create", "namespace", name)
    held = config_map(name)
    held["metadata"]["finalizers"] = ["example.com/hold"]
    assert apply(cluster, held).error is None
    kubectl("delete", "namespace", name, "--wait=false")
    try:
        error = refused(cluster, config_map(name, "other"))
        assert (error.reason, error.message) == (
            "transient",
            f"namespace {name} is being deleted",
        )
    finally:
        kubectl(
            "-n",
            name,
            "patch",
            "cm",
            "config",
            "--type=json",
            "-p",
            json.dumps([{"op": "remove", "path": "/metadata/finalizers"}]),
        )


def test_a_pod_in_a_fresh_namespace_is_taken_at_once(cluster, kubectl):
    name = f"fresh-{uuid.uuid4().hex[:8]}"
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": name},
        "spec": {"containers": [{"name": "main", "image": "i"}]},
    }
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    assert apply(cluster, space).created
    try:
        assert apply(cluster, pod).error is None
    finally:
        kubectl("delete", "namespace", name, "--wait=false")
