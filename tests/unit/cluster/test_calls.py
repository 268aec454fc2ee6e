import json
from urllib.parse import parse_qs, urlsplit

import pytest

from gitops.cluster.calls import (
    Target,
    api_version_of,
    items_of,
    to_call,
    to_list,
    watch_call,
)
from gitops.errors import ClusterError
from gitops.model.objects import GroupKind, KindInfo, ObjectId
from gitops.ports import (
    Apply,
    Create,
    Delete,
    ListEvents,
    ListMetadata,
    ListPods,
    Patch,
    Read,
    Replace,
)

WEB = ObjectId("apps", "Deployment", "nohi", "web")
DEPLOYMENTS = Target(
    KindInfo("apps", "Deployment", ("v1",), "deployments", namespaced=True, has_status=True),
    "apps/v1",
)
NODES = Target(KindInfo("", "Node", ("v1",), "nodes", namespaced=False, has_status=True), "v1")
PODS = Target(KindInfo("", "Pod", ("v1",), "pods", namespaced=True, has_status=True), "v1")
BODY = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}}
PATH = "/apis/apps/v1/namespaces/nohi/deployments"


def query(call):
    return {k: v[0] for k, v in parse_qs(urlsplit(call.path).query).items()}


def path(call):
    return urlsplit(call.path).path


def test_apply_is_forced_strict_and_named():
    call = to_call(Apply(WEB, BODY), DEPLOYMENTS)
    assert (call.method, path(call)) == ("PATCH", f"{PATH}/web")
    assert query(call) == {"fieldManager": "gitops", "force": "true", "fieldValidation": "Strict"}
    assert call.content_type == "application/apply-patch+yaml"
    assert json.loads(call.body) == BODY
    assert not call.repeatable


def test_apply_carries_its_guards_in_the_body():
    call = to_call(Apply(WEB, BODY, uid="u", resource_version="7"), DEPLOYMENTS)
    assert json.loads(call.body)["metadata"] == {
        "name": "web",
        "uid": "u",
        "resourceVersion": "7",
    }
    assert BODY["metadata"] == {"name": "web"}
    assert call.repeatable
    odd = to_call(Apply(WEB, {"metadata": None}, uid="u"), DEPLOYMENTS)
    assert json.loads(odd.body) == {"metadata": {"uid": "u"}}


@pytest.mark.parametrize(
    "request_",
    [
        Apply(WEB, BODY, dry_run=True, manager="other"),
        Create(WEB, BODY, dry_run=True),
        Replace(WEB, BODY, dry_run=True),
        Patch(WEB, "apps/v1", (), dry_run=True),
    ],
)
def test_a_dry_run_is_marked_and_may_be_repeated(request_):
    call = to_call(request_, DEPLOYMENTS)
    assert query(call)["dryRun"] == "All"
    assert call.repeatable


def test_a_creation_goes_to_the_collection_and_never_twice():
    call = to_call(Create(WEB, BODY), DEPLOYMENTS)
    assert (call.method, path(call)) == ("POST", PATH)
    assert not call.repeatable


def test_a_replacement_is_guarded():
    call = to_call(Replace(WEB, BODY, "7"), DEPLOYMENTS)
    assert call.method == "PUT"
    assert json.loads(call.body)["metadata"]["resourceVersion"] == "7"


def test_a_patch_tests_the_version_first():
    operation = {"op": "remove", "path": "/x"}
    call = to_call(Patch(WEB, "apps/v1", (operation,), "7"), DEPLOYMENTS)
    assert call.content_type == "application/json-patch+json"
    test = {"op": "test", "path": "/metadata/resourceVersion", "value": "7"}
    assert json.loads(call.body) == [test, operation]
    free = to_call(Patch(WEB, "apps/v1", (operation,)), DEPLOYMENTS)
    assert json.loads(free.body) == [operation]


def test_a_deletion_has_preconditions():
    call = to_call(Delete(WEB, "apps/v1", "u", "7", "Orphan"), DEPLOYMENTS)
    assert (call.method, path(call)) == ("DELETE", f"{PATH}/web")
    body = json.loads(call.body)
    assert body["preconditions"] == {"uid": "u", "resourceVersion": "7"}
    assert body["propagationPolicy"] == "Orphan"
    bare = to_call(Delete(WEB, "apps/v1"), DEPLOYMENTS)
    assert "preconditions" not in json.loads(bare.body)
    assert not bare.repeatable


def test_a_cluster_scoped_object_has_no_namespace_in_its_path():
    call = to_call(Read(ObjectId("", "Node", "ignored", "n:1"), "v1"), NODES)
    assert call.path == "/api/v1/nodes/n%3A1"
    assert call.subject.place == "cluster-wide"


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a%2fb"])
def test_a_name_that_cannot_be_one_is_refused(name):
    for identity in (ObjectId("", "Pod", "n", name), ObjectId("", "Pod", name, "p")):
        with pytest.raises(ClusterError) as caught:
            to_call(Read(identity, "v1"), PODS)
        assert caught.value.reason == "invalid"


def test_pods_are_listed_by_label_and_page():
    call = to_list(ListPods("nohi", {"b": "2", "a": "1"}), PODS, "token")
    assert path(call) == "/api/v1/namespaces/nohi/pods"
    assert query(call) == {"limit": "500", "labelSelector": "a=1,b=2", "continue": "token"}
    assert "labelSelector" not in query(to_list(ListPods("nohi", {}), PODS))


def test_metadata_is_asked_for_as_such():
    call = to_list(ListMetadata(GroupKind("", "Pod"), "nohi"), PODS, "token")
    assert path(call) == "/api/v1/namespaces/nohi/pods"
    assert query(call) == {"limit": "500", "continue": "token"}
    assert "as=PartialObjectMetadataList" in call.accept
    assert to_list(ListPods("nohi", {}), PODS).accept == "application/json"


def test_events_are_listed_by_object():
    call = to_list(ListEvents(ObjectId("", "Node", "", "n")), PODS)
    assert path(call) == "/api/v1/namespaces/default/pods"
    assert query(call)["fieldSelector"] == "involvedObject.kind=Node,involvedObject.name=n"


def test_a_watch_is_by_our_label_over_all_namespaces():
    call = watch_call(DEPLOYMENTS, "deadbeef", "7", 1800)
    assert path(call) == "/apis/apps/v1/deployments"
    assert query(call)["labelSelector"] == "gitops.dev/installation=deadbeef"
    assert query(call)["resourceVersion"] == "7"


def test_the_version_is_the_body_s():
    assert api_version_of(Apply(WEB, BODY)) == "apps/v1"
    assert api_version_of(Apply(WEB, {})) == ""
    assert api_version_of(Read(WEB, "apps/v2")) == "apps/v2"


def test_items_of_a_list_get_the_kind_that_it_leaves_out():
    page = {"apiVersion": "v1", "kind": "PodList", "items": [{"metadata": {}}, {"kind": "Own"}]}
    assert [(i["apiVersion"], i["kind"]) for i in items_of(page)] == [("v1", "Pod"), ("v1", "Own")]
    assert items_of({"items": None}) == []


def test_an_integer_beyond_64_bits_is_left_to_the_server():
    body = {**BODY, "spec": {"replicas": 2**70}}
    assert json.loads(to_call(Apply(WEB, body), DEPLOYMENTS).body) == body


@pytest.mark.parametrize("odd", [{1, 2}, {"a": 2**70, "b": float("nan")}])
def test_what_json_cannot_say_is_the_manifest_s_fault(odd):
    with pytest.raises(ClusterError) as caught:
        to_call(Apply(WEB, {"spec": odd}), DEPLOYMENTS)
    assert caught.value.reason == "invalid"
