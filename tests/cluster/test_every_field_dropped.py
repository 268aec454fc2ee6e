"""Every field of many manifests, dropped: the local diff foresees what the server makes of it.

Each manifest of `diff_manifests.yaml` is applied; then, for each of its fields and items in turn,
the manifest without it is diffed locally and dry-run on the server.
"""

import contextlib
import copy
import http.client
import json
import ssl

import pytest

from gitops.core.diff.diff import diff
from gitops.core.manifests.normalize import SERVER_METADATA
from gitops.core.schema.values import same_json
from gitops.model.objects import GroupKind, split_api_version
from tests.cluster.test_diff_against_server import MANIFESTS, SHAPES, named

UNFORESEEN = {
    ("LimitRange", "defaultRequest"),  # is made of the limits
    ("LimitRange", "default"),
    ("ReplicationController", "labels"),  # are made of the template's
    ("Job", "labels"),
}


class Server:
    """Server-side apply as `gitops`, without a process for each request."""

    def __init__(self, plane, namespace):
        context = ssl.create_default_context(cafile=str(plane.ca))
        self._token, self._namespace = plane.token, namespace
        self._connection = http.client.HTTPSConnection("127.0.0.1", plane._port, context=context)

    def close(self):
        self._connection.close()

    def get(self, body):
        return self._send("GET", self._path(body), None)[1]

    def apply(self, body, query=""):
        """(whether it was accepted, the answer)."""
        path = f"{self._path(body)}?fieldManager=gitops&force=true{query}"
        return self._send("PATCH", path, body)

    def _path(self, body):
        group, version = split_api_version(body["apiVersion"])
        info = SHAPES.kinds[GroupKind(group, body["kind"])]
        place = f"/apis/{group}/{version}" if group else f"/api/{version}"
        within = f"/namespaces/{self._namespace}" if info.namespaced else ""
        return f"{place}{within}/{info.plural}/{body['metadata']['name']}"

    def _send(self, method, path, body):
        headers = {"Authorization": f"Bearer {self._token}"}
        if body is not None:
            headers["Content-Type"] = "application/apply-patch+yaml"
        self._connection.request(method, path, json.dumps(body) if body else None, headers)
        answer = self._connection.getresponse()
        return answer.status < 400, json.loads(answer.read())


@pytest.fixture
def server(control_plane, namespace):
    with contextlib.closing(Server(control_plane, namespace)) as found:
        yield found


def places(value, path=()):
    """Every field and item, from the top on, but for what names the object."""
    pairs = ()
    if isinstance(value, dict):
        pairs = value.items()
    elif isinstance(value, list):
        pairs = enumerate(value)
    for step, inner in pairs:
        if (*path, step) not in {("apiVersion",), ("kind",), ("metadata",), ("metadata", "name")}:
            yield (*path, step)
        yield from places(inner, (*path, step))


def without(body, path):
    made = copy.deepcopy(body)
    parent = made
    for step in path[:-1]:
        parent = parent[step]
    del parent[path[-1]]
    return made


def users_part(body):
    """An object without what the server counts or a controller writes."""
    metadata = {k: v for k, v in body["metadata"].items() if k not in SERVER_METADATA}
    notes = metadata.get("annotations", {})
    metadata["annotations"] = {
        k: v for k, v in notes.items() if "deployment.kubernetes.io" not in k
    }
    metadata["annotations"].pop("deprecated.daemonset.template.generation", None)
    return {**body, "metadata": {k: v for k, v in metadata.items() if v}, "status": None}


@pytest.mark.parametrize("body", MANIFESTS, ids=named)
def test_what_the_server_makes_of_a_dropped_field_is_foreseen(server, body):
    accepted, answer = server.apply(body)
    assert accepted, answer
    wrong = []
    for path in places(body):
        if any((body["kind"], step) in UNFORESEEN for step in path):
            continue
        desired = without(body, path)
        while True:  # until nobody wrote the object in between
            live = server.get(body)
            accepted, answer = server.apply(desired, "&dryRun=All")
            seen = server.get(body)["metadata"]["resourceVersion"]
            if seen == live["metadata"]["resourceVersion"]:
                break
        if accepted:
            found = diff(desired, live, None, SHAPES)
            changes = not same_json(users_part(answer), users_part(live))
            if found.modified is not changes:
                wrong.append((path, found.fields))
    assert not wrong
