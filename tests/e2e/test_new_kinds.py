"""Kinds that somebody else defined a moment ago: the API server's schemas come after discovery."""

from typing import Any

from gitops.model.objects import GroupKind
from tests.helpers.controlplane import eventually
from tests.helpers.edge import crd
from tests.helpers.walk import Walk, changes

PORT: dict[str, Any] = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": {"type": "string"}, "size": {"type": "integer", "default": 1}},
}
SPEC: dict[str, Any] = {
    "type": "object",
    "properties": {
        "note": {"type": "string", "nullable": True, "default": "none"},
        "ports": {
            "type": "array",
            "items": PORT,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
        },
    },
}
PORTS = "ports: [{name: web}, {name: admin, size: 2}]"


def test_a_kind_that_somebody_defined_just_now_is_compared_by_its_schema(walk: Walk) -> None:
    group = f"{walk.namespace}.example.com"
    head = f"apiVersion: {group}/v1\nkind: Widget\nmetadata: {{name: web}}\n"
    walk.world.push("app/config.yaml", "{apiVersion: v1, kind: ConfigMap, metadata: {name: web}}")
    walk.world.declare()
    assert walk.world.closed().healthy, walk.world.story()
    walk.path("app/web.yaml").write_text(f"{head}spec: {{note: null, {PORTS}}}\n")
    walk.push("Use a kind that is there soon")
    walk.kubectl.apply(crd(group, spec=SPEC))
    try:
        widget, cluster = GroupKind(group, "Widget"), walk.service.edges.cluster
        eventually(lambda: widget in cluster.kinds(fresh=True), "discovery of the kind")
        cluster.shapes({f"{group}/v1"})  # as a plan does that is made at once
        assert walk.after("demo", walk.poll).healthy, walk.world.story()
        walk.path("app/notes.txt").write_text("Nothing of this is applied.\n")
        walk.push("The same again")
        walk.poll()
        walk.settled("demo")
        assert walk.service.reading.plan("demo").plan.empty
        added = walk.change("demo", "app/web.yaml", "size: 2", "size: 3")
        assert changes(added) == ["configure 1 field: spec.ports[admin].size"]
        assert walk.live(f"widgets.{group}/web")["spec"]["note"] is None
        walk.settled("demo")
    finally:
        walk.kubectl("delete", "crd", f"widgets.{group}", "--wait=false")
