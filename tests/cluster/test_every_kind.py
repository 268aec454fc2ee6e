"""Every kind of Kubernetes with its optional fields: what was applied has no difference.

The manifests of `diff_manifests.yaml` are checked in other files beside this one; here are the
kinds that it has not, and that none is left out.
"""

import contextlib

import pytest

from gitops.core.diff.diff import LastApplied, diff
from gitops.model.objects import GroupKind, identify
from tests.cluster.test_diff_against_server import CRD, MANIFESTS, SHAPES, load, named
from tests.cluster.test_every_field_dropped import Server

OTHERS = load("diff_other_kinds.yaml")
LEFT_OUT = {
    GroupKind("", "Node"),  # a kubelet's; pods would be put on it
    GroupKind("", "Event"),  # is told, not wanted
    GroupKind("events.k8s.io", "Event"),
    GroupKind("apiregistration.k8s.io", "APIService"),  # discovery waits for what it names
    GroupKind("certificates.k8s.io", "CertificateSigningRequest"),  # holds a request of its own
    GroupKind(CRD["spec"]["group"], CRD["spec"]["names"]["kind"]),
}


@pytest.fixture
def applying(control_plane, namespace):
    with contextlib.closing(Server(control_plane, namespace)) as found:
        yield found


def is_stable(version):
    return "alpha" not in version and "beta" not in version


def test_no_kind_is_left_out():
    there = {
        kind
        for kind, info in SHAPES.kinds.items()
        if {"patch", "create"} <= info.verbs and is_stable(info.versions[0])
    }
    written = {identify(body).group_kind for body in (*MANIFESTS, *OTHERS)}
    assert there - written - LEFT_OUT == set()


@pytest.mark.parametrize("body", OTHERS, ids=named)
def test_what_was_applied_has_no_difference(applying, body):
    accepted, live = applying.apply(body)
    assert accepted, live["message"]
    for known in (LastApplied.of(live), LastApplied(body), LastApplied()):
        found = diff(body, live, known, SHAPES)
        assert not found.modified, found.fields
