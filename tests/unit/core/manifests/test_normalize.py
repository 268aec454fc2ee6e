import pytest

from gitops.core.manifests.normalize import canonical, digest, manifest_digest
from gitops.openapi.loader import load_builtin

SHAPES = load_builtin()


def config_map(**parts):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, **parts}


def secret(**parts):
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, **parts}


def test_what_the_server_sets_goes():
    body = config_map(
        metadata={
            "name": "a",
            "uid": "x",
            "resourceVersion": "1",
            "generation": 1,
            "creationTimestamp": None,
            "managedFields": [],
            "selfLink": "/",
            "labels": {"gitops.dev/installation": "x"},
            "annotations": {
                "gitops.dev/tracking": "x",
                "kubectl.kubernetes.io/last-applied-configuration": "{}",
                "mine": "1",
            },
        }
    )
    assert canonical(body, SHAPES)["metadata"] == {"name": "a", "annotations": {"mine": "1"}}


@pytest.mark.parametrize(
    ("body", "data"),
    [
        (secret(stringData={"a": "x"}), {"a": "eA=="}),
        (secret(stringData={"a": "x"}, data={"a": "", "b": ""}), {"a": "eA==", "b": ""}),
        (secret(stringData={"a": 1}), {"a": "MQ=="}),
        (secret(stringData=[]), None),
        (secret(stringData={}), None),
        (secret(data={"a": None}), {"a": ""}),
        (secret(stringData={"a": "x"}, data="?"), {"a": "eA=="}),
    ],
)
def test_a_secret_is_written_as_data(body, data):
    made = canonical(body, SHAPES)
    assert made.get("data") == data
    assert "stringData" not in made


def test_another_kinds_string_data_is_its_own():
    body = {"apiVersion": "example.com/v1", "kind": "Secret", "stringData": {"a": "x"}}
    assert canonical(body, SHAPES)["stringData"] == {"a": "x"}


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ({"apiVersion": "apps/v1", "kind": "Deployment", "status": {"a": 1}}, False),
        ({"apiVersion": "v1", "kind": "ConfigMap", "status": {"a": 1}}, True),
        ({"apiVersion": "example.com/v1", "kind": "Widget", "status": {"a": 1}}, False),
    ],
)
def test_status_is_kept_where_it_is_no_subresource(body, kept):
    assert ("status" in canonical(body, SHAPES)) is kept


@pytest.mark.parametrize(
    "parts", [{"rules": []}, {"rules": None}, {"aggregationRule": {"x": 1}, "rules": [{"a": 1}]}]
)
def test_rules_that_say_nothing_go(parts):
    body = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", **parts}
    assert "rules" not in canonical(body, SHAPES)


def test_nulls_go_and_the_argument_stays():
    body = config_map(data={"a": None}, spec={"a": None, "b": [{"c": None}]})
    assert canonical(body, SHAPES) == config_map(data={"a": ""}, spec={"b": [{}]})
    assert canonical(body, SHAPES, keep_nulls=True)["spec"] == {"a": None, "b": [{"c": None}]}
    assert body["spec"]["a"] is None


def test_a_malformed_body_is_canonical_too():
    assert canonical({"metadata": 1, "kind": []}, SHAPES) == {"metadata": 1, "kind": []}
    assert canonical({"metadata": {"labels": [1]}}, SHAPES) == {"metadata": {"labels": [1]}}


def test_a_digest_carries_its_version_and_counts_content_only():
    one, other = config_map(data={"a": "1"}), config_map(metadata={"name": "b"})
    marked = config_map(
        metadata={"name": "a", "labels": {"gitops.dev/installation": "x"}}, data={"a": "1"}
    )
    assert digest([one, other], SHAPES).startswith("v1:")
    assert len(digest([])) == len("v1:") + 64
    assert digest([one, other], SHAPES) == digest([other, marked], SHAPES)
    assert digest([one]) != digest([one, other])
    assert manifest_digest(one) == manifest_digest(marked)
    assert manifest_digest(config_map(x=[1, 2])) != manifest_digest(config_map(x=[2, 1]))


def test_nulls_of_custom_resources_count_in_digests_but_for_metadata():
    def release(**parts):
        head = {"apiVersion": "example.com/v1", "kind": "Release", "metadata": {"name": "a"}}
        return head | parts

    with_null = release(spec={"values": {"ingress": None}})
    assert manifest_digest(with_null) != manifest_digest(release(spec={"values": {}}))
    labelled = {"name": "a", "labels": None, "creationTimestamp": None}
    assert manifest_digest(release(metadata=labelled)) == manifest_digest(release())
    assert manifest_digest({"apiVersion": "example.com/v1", "kind": "Release"})
    for api in ("v1", "apps/v1", "networking.k8s.io/v1"):
        built_in = release(apiVersion=api)
        assert manifest_digest(built_in | {"spec": None}) == manifest_digest(built_in)


def test_nulls_beside_numbers_of_any_size_are_no_content():
    body = config_map(metadata={"name": "a", "labels": None, "annotations": {"n": 2**70}})
    assert canonical(body, SHAPES)["metadata"] == {"name": "a", "annotations": {"n": 2**70}}
