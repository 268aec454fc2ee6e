"""Every alpha and beta version of every kind: what was applied has no difference.

They are served by a control plane of their own: no API server serves them unless it is told to.
"""

import contextlib

import pytest

from gitops.model.objects import GroupKind, identify, split_api_version
from gitops.openapi.loader import load_builtin
from tests.cluster.test_diff_against_server import assert_equal, load
from tests.cluster.test_every_field_dropped import Server
from tests.cluster.test_every_kind import OTHERS, is_stable
from tests.helpers.controlplane import start_control_plane

pytestmark = pytest.mark.xdist_group("preview")

KINDS = load_builtin().kinds
LEFT_OUT = {
    GroupKind("certificates.k8s.io", "PodCertificateRequest"),  # holds a request of its own
}
FORMS = [*load("diff_preview_kinds.yaml"), *OTHERS]


def previews(kind):
    info = KINDS[kind]
    writable = {"patch", "create"} <= info.verbs
    return [version for version in info.versions if writable and not is_stable(version)]


def written(body):
    """The manifest in each preview version; those of v1beta1 alone have no form of v1's."""
    kind, (group, own) = identify(body).group_kind, split_api_version(body["apiVersion"])
    alone = own == "v1beta1" and group == "resource.k8s.io"
    versions = [version for version in previews(kind) if version == own or not alone]
    return [{**body, "apiVersion": f"{group}/{version}"} for version in versions]


BODIES = {
    (body["kind"], body["apiVersion"]): body
    for form in reversed(FORMS)
    if identify(form).group_kind in KINDS
    for body in written(form)
}


def test_no_preview_version_is_left_out():
    there = {
        (kind.kind, f"{kind.group}/{version}")
        for kind in KINDS
        if kind not in LEFT_OUT
        for version in previews(kind)
    }
    assert there == BODIES.keys()


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    with start_control_plane(tmp_path_factory.mktemp("preview"), every_api=True) as started:
        yield started


@pytest.fixture(scope="module")
def server(plane):
    with contextlib.closing(Server(plane, "default")) as found:
        yield found


@pytest.mark.parametrize("body", BODIES.values(), ids=[" ".join(key) for key in BODIES])
def test_what_was_applied_has_no_difference(plane, server, body):
    if body["kind"] == "ClusterTrustBundle":
        body = {**body, "spec": {"trustBundle": plane.ca.read_text(), "signerName": ""}}
    accepted, live = server.apply(body)
    assert accepted, live["message"]
    assert_equal(body, live)
