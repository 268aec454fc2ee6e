import json
import ssl

import aiohttp
import pytest

from gitops.cluster.errors import (
    TEXT_LIMIT,
    Subject,
    clean,
    closed,
    network,
    refusal,
    unknown_kind,
    unreadable,
)

WEB = Subject("patch", "deployments.apps", "nohi", "Deployment nohi/web", "Deployment")
SECRET = Subject("patch", "secrets", "nohi", "Secret nohi/s", "Secret")


def status(code, message, reason="", **details):
    body = {"kind": "Status", "message": message, "reason": reason, "code": code}
    return json.dumps({**body, "details": details}).encode()


def invalid(*causes):
    listed = [{"field": field, "message": message} for field, message in causes]
    text = f"it is invalid: {causes}"
    return status(422, text, "Invalid", name="web", kind="Deployment", causes=listed)


@pytest.mark.parametrize(
    ("code", "body", "reason", "message"),
    [
        (400, status(400, "bad field"), "invalid", "bad field"),
        (
            400,
            status(400, 'admission webhook "w" does not support dry run'),
            "no-dry-run",
            'admission webhook "w" does not support dry run',
        ),
        (401, status(401, "x"), "unauthorized", "the API server does not accept our credentials"),
        (
            404,
            b"404 page not found\n",
            "unknown-kind",
            "the cluster does not serve deployments.apps",
        ),
        (
            404,
            status(404, "the server could not find the requested resource"),
            "unknown-kind",
            "the cluster does not serve deployments.apps",
        ),
        (
            404,
            status(404, 'namespaces "nohi" not found', name="nohi", kind="namespaces"),
            "namespace-missing",
            "namespace nohi does not exist",
        ),
        (
            404,
            status(404, 'deployments.apps "web" not found', name="web", kind="deployments"),
            "not-found",
            'deployments.apps "web" not found',
        ),
        (409, status(409, "exists", "AlreadyExists"), "conflict", "it already exists"),
        (409, status(409, "was modified", "Conflict"), "conflict", "was modified"),
        (410, status(410, "too old"), "expired", "too old"),
        (413, b"", "invalid", "the API server refused"),
        (415, status(415, "unsupported"), "invalid", "unsupported"),
        (
            422,
            status(422, "the server rejected our request due to an error in our request"),
            "conflict",
            "the patch does not fit the object as it is now",
        ),
        (
            422,
            status(422, "no causes", name="web"),
            "invalid",
            "no causes",
        ),
        (422, invalid(("spec.x", "Required value")), "invalid", "spec.x: Required value"),
        (
            422,
            invalid(("spec.x", "field is immutable")),
            "immutable",
            "spec.x: field is immutable",
        ),
        (429, status(429, "too many requests"), "transient", "too many requests"),
        (
            500,
            status(500, "failed to create typed patch object (n/web; apps/v1, Kind=X): .a: odd"),
            "invalid",
            ".a: odd",
        ),
        (
            500,
            status(500, "failed to convert new object (/s; /v1, Kind=X) to proper version: odd"),
            "invalid",
            "odd",
        ),
        (
            500,
            status(500, 'admission webhook "w" denied the request: no'),
            "invalid",
            'admission webhook "w" denied the request: no',
        ),
        (500, status(500, 'failed calling webhook "w"'), "transient", 'failed calling webhook "w"'),
        (500, b"", "transient", "the API server failed"),
        (503, b"<html>", "transient", "<html>"),
        (511, status(511, "odd"), "transient", "odd"),
    ],
)
def test_every_status_has_a_reason_and_one_sentence(code, body, reason, message):
    error = refusal(code, body, WEB)
    assert (error.reason, error.message) == (reason, message)
    assert error.where == "Deployment nohi/web"
    assert error.remedy


def test_a_missing_right_names_verb_resource_and_place():
    text = (
        'deployments.apps "web" is forbidden: User "system:serviceaccount:a:b" cannot patch '
        'resource "deployments/scale" in API group "apps" in the namespace "nohi"'
    )
    error = refusal(403, status(403, text, "Forbidden", name="web"), WEB)
    assert error.message == (
        "no right to patch deployments/scale.apps in namespace nohi (as system:serviceaccount:a:b)"
    )
    assert error.remedy == (
        "grant it: verb patch, resource deployments/scale.apps, in namespace nohi"
    )


def test_a_missing_right_over_the_whole_cluster_is_said_so():
    text = (
        'namespaces is forbidden: User "b" cannot list resource "namespaces" in API group "" '
        "at the cluster scope"
    )
    error = refusal(403, status(403, text), WEB)
    assert error.message == "no right to list namespaces cluster-wide (as b)"


def test_a_refusal_by_admission_keeps_the_server_s_words():
    error = refusal(403, status(403, 'pods "p" is forbidden: no account'), WEB)
    assert (error.reason, error.message) == ("denied", "no account")
    assert error.remedy == "change the manifest, or what refuses it"


def test_a_quota_that_is_exceeded_is_told_with_its_own_remedy():
    error = refusal(403, status(403, 'pods "p" is forbidden: exceeded quota: q'), WEB)
    assert (error.reason, error.message) == ("denied", "exceeded quota: q")
    assert error.remedy == "ask for less, or raise the quota"


def test_a_namespace_that_ends_is_transient():
    body = status(403, "x", "Forbidden", causes=[{"reason": "NamespaceTerminating"}, "odd"])
    error = refusal(403, body, WEB)
    assert (error.reason, error.message) == ("transient", "namespace nohi is being deleted")


@pytest.mark.parametrize(
    "text",
    [
        "may not change once set",
        "pod updates may not change fields other than `spec.containers[*].image`",
        "updates to statefulset spec for fields other than 'replicas' are forbidden",
        "spec is immutable after creation except resources.requests",
        "cannot change roleRef",
        "field is immutable when `immutable` is set",
    ],
)
def test_immutable_has_many_words(text):
    assert refusal(422, invalid(("spec", text)), WEB).reason == "immutable"


@pytest.mark.parametrize("field", ["metadata.uid", "metadata.resourceVersion"])
def test_a_guard_that_fails_as_a_field_is_a_conflict(field):
    assert refusal(422, invalid((field, "field is immutable")), WEB).reason == "conflict"


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b'{"kind":"Status","details":[],"message":7}', b"\xff\xfe"],
)
@pytest.mark.parametrize("code", [400, 403, 404, 409, 422, 500])
def test_an_odd_answer_is_an_error_like_any_other(code, body):
    assert refusal(code, body, WEB).reason


def test_a_long_text_is_capped():
    error = refusal(400, status(400, "x" * 5000), WEB)
    assert len(error.message) == TEXT_LIMIT
    assert error.message.endswith("…")


def test_a_whole_object_in_a_fault_is_left_out():
    value = json.dumps({"key": "v" * 200})
    text = clean(f"spec.template: Invalid value: {value}: field is immutable", WEB)
    assert text == "spec.template: Invalid value: {…}: field is immutable"


def test_several_faults_are_one_line():
    text = (
        "failed to create typed patch object (/w; /v1, Kind=ConfigMap): errors:\n"
        "  .data.p: expected string, got &value.valueUnstructured{Value:5}\n"
        "  .data.q: expected string, got &{[a]}"
    )
    assert clean(text, WEB) == (
        ".data.p: expected string, got 5; .data.q: expected string, got [a]"
    )


@pytest.mark.parametrize(
    "text",
    [
        ".data.p: expected string, got &value.valueUnstructured{Value:planted}",
        ".data.p: expected string, got map[string]interface {}{planted:planted}",
        'data[p]: Invalid value: "planted: planted": wrong',
        'data[p]: Invalid value: {"a": "planted: b"}: wrong',
        "data[p]: Unsupported value: planted",
    ],
)
def test_no_value_of_a_secret_is_shown(text):
    assert "planted" not in clean(text, SECRET)
    assert "<hidden>" in clean(text, SECRET)


def test_the_type_of_a_secret_s_value_is_shown():
    assert clean(".data: expected map, got list", SECRET) == ".data: expected map, got list"


def test_an_unknown_kind_says_what_is_served():
    assert unknown_kind("Foo", "a.b/v1").message == (
        "the cluster knows no kind Foo in a.b/v1; is its CRD missing?"
    )
    assert unknown_kind("Foo", "a.b/v1", ("a.b/v2", "a.b/v3")).message == (
        "the cluster serves Foo as a.b/v2, a.b/v3, not as a.b/v1"
    )


@pytest.mark.parametrize(
    ("error", "reason", "words"),
    [
        (ssl.SSLError("planted"), "unreachable", "certificate"),
        (aiohttp.ClientConnectionResetError("planted"), "unreachable", "connection refused"),
        (TimeoutError("planted"), "transient", "gave no answer in time"),
        (aiohttp.ServerDisconnectedError("planted"), "transient", "broke the connection"),
    ],
)
def test_a_fault_of_the_network_is_told_without_its_text(error, reason, words):
    told = network(error, "https://a:1", "here")
    assert told.reason == reason
    assert words in told.message
    assert told.where == "here"
    assert "planted" not in str(told)


def test_what_a_closed_or_odd_connection_says():
    assert closed("c").reason == "unreachable"
    assert unreadable().reason == "transient"


def test_where_a_request_went():
    assert Subject("get", "pods", "n").place == "in namespace n"
    assert Subject("get", "pods").place == "cluster-wide"
