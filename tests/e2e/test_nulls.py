"""Nulls that are values: custom resources keep them where their schema does not know a field."""

from typing import Any

from gitops.model.revision import Revision
from tests.helpers.controlplane import eventually
from tests.helpers.walk import Walk, changes


def definition(group: str) -> dict[str, Any]:
    values = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    spec = {"type": "object", "properties": {"values": values}}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"releases.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": "Release", "plural": "releases"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }


def test_a_null_that_git_adds_is_applied_and_one_that_it_drops_goes(walk: Walk) -> None:
    group = f"{walk.namespace}.example.com"
    head = f"apiVersion: {group}/v1\nkind: Release\nmetadata: {{name: web}}\n"
    walk.kubectl.apply(definition(group))
    walk.kubectl.wait("condition=Established", "crd", f"releases.{group}")
    told = f"apis/{group}/v1"  # its schema comes a moment after it is established
    eventually(lambda: told in walk.kubectl("get", "--raw", "/openapi/v3"), "the schema")

    def publish(values: str) -> Revision:
        walk.path("app/web.yaml").write_text(f"{head}spec: {{values: {values}}}\n")
        return walk.publish("demo")

    def live() -> Any:
        return walk.live(f"releases.{group}/web")["spec"]["values"]

    try:
        walk.world.push("app/web.yaml", f"{head}spec: {{values: {{a: 1}}}}\n")
        walk.world.declare()
        assert walk.world.closed().healthy, walk.world.story()
        added = publish("{a: 1, ingress: null}")
        assert changes(added) == ["configure 1 field: spec.values.ingress"]
        assert live() == {"a": 1, "ingress": None}
        walk.settled("demo")
        assert walk.service.reading.plan("demo").plan.empty
        publish("{a: null, ingress: null}")
        assert live() == {"a": None, "ingress": None}
        publish("{a: null}")
        assert live() == {"a": None}
        walk.settled("demo")
        assert walk.newest("demo").number == 4
    finally:
        walk.kubectl("delete", "crd", f"releases.{group}", "--wait=false")
