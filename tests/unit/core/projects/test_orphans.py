"""What belongs to no application."""

from typing import Any

import pytest

from gitops.core.ownership.marks import stamp
from gitops.core.projects.orphans import find_orphans, kinds_to_list
from gitops.model.objects import GroupKind, KindInfo, ObjectId, identify
from gitops.model.project import UNLIMITED, KindPattern, Project

LISTED = frozenset({"list"})


def body(kind: str = "ConfigMap", name: str = "left", **metadata: Any) -> dict[str, Any]:
    api = "apps/v1" if kind == "Deployment" else "v1"
    namespace = metadata.pop("namespace", "shop")
    named = {"name": name, "namespace": namespace, **metadata}
    return {"apiVersion": api, "kind": kind, "metadata": named}


def names(project: Project, *bodies: dict[str, Any], owned: frozenset[ObjectId] = frozenset()):
    def owner(identity: ObjectId) -> str:
        return "web" if identity in owned else ""

    return [orphan.id.name for orphan in find_orphans(project, bodies, owner)]


def ignoring(**pattern: str) -> Project:
    return Project("shop", orphans_ignored=(KindPattern(**pattern),))


def test_an_orphan_says_when_it_was_made_and_by_whom() -> None:
    made = body(
        creationTimestamp="2026-03-01T09:30:00Z",
        managedFields=[{"manager": "kubectl-create", "operation": "Update"}],
    )
    (orphan,) = find_orphans(UNLIMITED, [made], lambda _: "")
    assert orphan.id == ObjectId("", "ConfigMap", "shop", "left")
    assert (orphan.api_version, orphan.created) == ("v1", "2026-03-01T09:30:00Z")
    assert orphan.managers == ("kubectl-create",)


def test_they_come_in_order() -> None:
    assert names(UNLIMITED, body(name="b"), body(name="a")) == ["a", "b"]


def test_what_an_application_or_another_object_owns_is_none() -> None:
    owned, child = body(name="owned"), body(name="child", ownerReferences=[{"name": "x"}])
    hook = body(name="hook")
    hook = stamp(hook, "web", "0a1b2c3d", identify(hook))
    assert names(UNLIMITED, owned, child, hook, owned=frozenset({identify(owned)})) == []


def test_what_every_namespace_has_is_none() -> None:
    given = [
        body("ServiceAccount", "default"),
        body("ConfigMap", "kube-root-ca.crt"),
        body("Service", "kubernetes", namespace="default"),
    ]
    assert names(UNLIMITED, *given) == []
    assert names(UNLIMITED, body("Service", "kubernetes"), body("ServiceAccount", "x")) == [
        "kubernetes",
        "x",
    ]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ({"kind": "ConfigMap"}, ["web"]),
        ({"kind": "Config*", "name": "le?t"}, ["web"]),
        ({"kind": "ConfigMap", "name": "other"}, ["left", "web"]),
        ({"name": "left"}, ["web"]),
        ({}, ["web"]),
        ({"group": "apps"}, ["left"]),
        ({"group": "*"}, []),
    ],
)
def test_what_the_project_ignores_is_none(pattern: dict[str, str], found: list[str]) -> None:
    assert names(ignoring(**pattern), body(), body("Deployment", "web")) == found


def info(group: str, kind: str, **more: Any) -> KindInfo:
    facts = {"namespaced": True, "verbs": LISTED, **more}
    return KindInfo(group, kind, ("v1",), kind.lower(), has_status=False, **facts)


def test_only_kinds_that_can_be_orphans_are_listed() -> None:
    kinds = [
        info("", "ConfigMap"),
        info("", "Secret"),
        info("", "Node", namespaced=False),
        info("", "Binding", verbs=frozenset({"create"})),
        info("", "Event"),
        info("events.k8s.io", "Event"),
        info("metrics.k8s.io", "PodMetrics"),
        info("discovery.k8s.io", "EndpointSlice"),
        info("coordination.k8s.io", "Lease"),
    ]
    project = Project("shop", namespace_resource_blacklist=(KindPattern("", "Secret"),))
    found = kinds_to_list(project, {one.group_kind: one for one in kinds})
    assert found == [GroupKind("", "ConfigMap")]
