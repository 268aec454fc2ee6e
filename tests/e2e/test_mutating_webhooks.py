"""Mutating webhooks: what they add is left alone, and what they make of our fields is told.

The webhook is a real one, asked by the API server for everything in the namespaces of the test.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gitops.model.revision import RevisionKind
from tests.helpers.admission import Body, Patch, Webhook
from tests.helpers.controlplane import AuditLog, Kubectl, eventually
from tests.helpers.gitserver import make_certificate
from tests.helpers.service import BY_HAND, config_map, deployment
from tests.helpers.walk import EXAMPLES, Walk

SYSTEMS = sorted(path.stem for path in (EXAMPLES / "applications").glob("*.yaml"))
EVERYTHING: Body = {
    "apiGroups": ["*"],
    "apiVersions": ["*"],
    "operations": ["CREATE", "UPDATE"],
    "resources": ["*"],
    "scope": "Namespaced",
}
WRITES = ("patch", "create", "update", "delete", "deletecollection")
SIDECAR = {
    "name": "mesh",
    "image": "registry.example/mesh:v1",
    "resources": {
        "requests": {"cpu": "1m", "memory": "1Mi"},
        "limits": {"cpu": "0.010", "memory": "2097152"},
    },
}
ASKED = {"requests": {"cpu": "1e-3"}, "limits": {"memory": "64Mi"}}
MARKS = {"labels": "cost.example.com~1center", "annotations": "mesh.example.com~1status"}


def inject(body: Body) -> Patch:
    """What service meshes and policies add: marks, a sidecar, a variable, resources."""
    patch = list(mark(body))
    for path, spec in pod_specs(body):
        names = [container["name"] for container in spec["containers"]]
        if SIDECAR["name"] in names:
            continue
        for index, container in enumerate(spec["containers"]):
            place = f"{path}/containers/{index}"
            variable = {"name": "MESH", "value": "on"}
            patch.append(
                {"op": "add", "path": f"{place}/env/-", "value": variable}
                if container.get("env")
                else {"op": "add", "path": f"{place}/env", "value": [variable]}
            )
            if not container.get("resources"):
                patch.append({"op": "add", "path": f"{place}/resources", "value": ASKED})
        patch.append({"op": "add", "path": f"{path}/containers/-", "value": SIDECAR})
    return patch


def mark(body: Body) -> Iterator[dict[str, Any]]:
    """A label and an annotation."""
    for kind, key in MARKS.items():
        if not body["metadata"].get(kind):
            yield {"op": "add", "path": f"/metadata/{kind}", "value": {}}
        yield {"op": "add", "path": f"/metadata/{kind}/{key}", "value": "told"}


def pod_specs(body: Body) -> Iterator[tuple[str, Body]]:
    """Where an object holds containers."""
    spec = body.get("spec") or {}
    template = (spec.get("jobTemplate") or {}).get("spec", {}).get("template")
    if "containers" in spec:
        yield "/spec", spec
    elif "containers" in (spec.get("template") or {}).get("spec", {}):
        yield "/spec/template/spec", spec["template"]["spec"]
    elif template:
        yield "/spec/jobTemplate/spec/template/spec", template["spec"]


@contextmanager
def webhook(walk: Walk, folder: Path, mutate: Callable[[Body], Patch]) -> Iterator[Webhook]:
    """A mutating webhook at work in every namespace of the walk."""
    made = Webhook(make_certificate(folder / "webhook"), mutate)
    named = [new for old, new in walk.names.items() if old.startswith(("namespace: ", "nohi"))]
    rooms = [name.removeprefix("namespace: ") for name in named]
    with made.serve():
        walk.kubectl.apply(made.configuration(walk.namespace, *rooms, rules=[EVERYTHING]))
        probe = ("-n", walk.namespace, "create", "configmap", "probe", "--dry-run=server")
        try:
            eventually(lambda: walk.kubectl.try_(*probe).returncode == 0 and made.asked, "it works")
            yield made
        finally:
            walk.kubectl("delete", "mutatingwebhookconfiguration", walk.namespace)


def take(walk: Walk, system: str) -> None:
    """Sync a system as its own walk does, and wait for its rest."""
    walk.copy(system)
    walk.push(f"Add {system}")
    policy = {"syncOptions": ["CreateNamespace=true"]}
    walk.declare(walk.declaration(system, policy=policy))
    assert walk.world.closed(system, 1).healthy, walk.world.story()
    walk.settled(system)


def stands(walk: Walk, system: str, audit: AuditLog) -> None:
    """A plan finds nothing, and neither a look nor a restart writes anything."""
    before = audit.mark()
    assert walk.service.reading.plan(system).plan.empty
    walk.service.refresh(system, BY_HAND)
    assert walk.service.dispatcher.wait_idle(60)
    walk.world.restart()
    walk.settled(system)
    assert walk.service.dispatcher.wait_idle(60)
    asked = audit.since(before, agent="gitops", verbs=WRITES)
    assert [event["requestURI"] for event in asked] == []
    assert walk.kinds(system) == [RevisionKind.SYNC]


@pytest.mark.parametrize("system", SYSTEMS)
def test_what_a_webhook_adds_to_an_example_is_no_difference(
    walk: Walk, audit: AuditLog, tmp_path: Path, system: str
) -> None:
    with webhook(walk, tmp_path, inject):
        take(walk, system)
        made = [body for body in applied(walk, system) if body["metadata"].get("namespace")]
        assert made
        for body in made:
            assert body["metadata"]["labels"]["cost.example.com/center"] == "told"
            for _, spec in pod_specs(body):
                assert spec["containers"][-1]["image"] == SIDECAR["image"]
        stands(walk, system, audit)


def applied(walk: Walk, system: str) -> list[Body]:
    """The live objects of an application."""
    claims = walk.service.parts.inventory.of(system)
    found = [walk.service.parts.actual.get(claim.id) for claim in claims]
    return [dict(live.decode()) for live in found if live is not None]
