"""Mutating webhooks: what they add is left alone, and what they make of our fields is told.

The webhook is a real one, asked by the API server for everything in the namespaces of the test.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from gitops.model.revision import RevisionKind
from tests.helpers.admission import Body, Patch, Webhook
from tests.helpers.controlplane import AuditLog, eventually
from tests.helpers.gitserver import make_certificate
from tests.helpers.service import BY_HAND, config_map, deployment
from tests.helpers.walk import EXAMPLES, Walk, changes, outcomes

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
    with closing(made), made.serve():
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


def start(walk: Walk, *files: str) -> None:
    for number, text in enumerate(files):
        walk.world.repo.write(f"app/{number}.yaml", text)
    walk.push("Start")
    walk.world.declare()
    assert walk.world.closed().healthy, walk.world.story()
    walk.settled("demo")


def test_a_change_of_ours_is_all_that_changes_beside_what_a_webhook_added(
    walk: Walk, tmp_path: Path
) -> None:
    with webhook(walk, tmp_path, inject):
        start(walk, deployment())
        second = walk.change("demo", "app/0.yaml", "web:v1", "web:v2")
        assert changes(second) == ["image web v1→v2"]
        assert second.healthy
        spec = walk.live("deployment/web")["spec"]["template"]["spec"]
        images = {each["name"]: each["image"] for each in spec["containers"]}
        assert images == {"web": "registry.example/web:v2", "mesh": SIDECAR["image"]}
        assert {"name": "MESH", "value": "on"} in spec["containers"][0]["env"]


def overrule(body: Body) -> Patch:
    """What policies of a cluster change: the registry of images, and how many replicas."""
    if body["kind"] != "Deployment":
        return []
    image = body["spec"]["template"]["spec"]["containers"][0]["image"]
    mirrored = image.replace("registry.example/", "mirror.example/")
    place = "/spec/template/spec/containers/0/image"
    return [
        {"op": "replace", "path": place, "value": mirrored},
        {"op": "add", "path": "/spec/replicas", "value": 2},
    ]


def test_a_field_of_ours_that_a_webhook_changes_is_told_and_not_fought_over(
    walk: Walk, audit: AuditLog, tmp_path: Path
) -> None:
    by = "by a webhook or a policy of the cluster"
    with webhook(walk, tmp_path, overrule):
        start(walk, deployment(replicas=1))
        (outcome,) = walk.service.reading.revision("demo", 1).outcomes
        fields = "spec.replicas, spec.template.spec.containers.0.image"
        assert outcome.message == f"not as applied: {fields} {by}"
        walk.wait_told("demo", "outcome", "web created", f"not as applied: {fields} {by}")
        assert walk.get("deployment/web", ".spec.replicas") == "2"
        assert message_of_web(walk) == f"not as applied: {fields} {by}"
        stands(walk, "demo", audit)
        assert message_of_web(walk) == f"not as applied: {fields} {by}", "a restart forgets nothing"


def message_of_web(walk: Walk) -> str:
    """What the status of the application says of its only Deployment."""
    (web,) = (o for o in walk.service.reading.status("demo").objects if o.id.kind == "Deployment")
    assert web.sync == "Synced"
    return web.message


def test_what_is_not_as_applied_is_told_until_it_is_so(walk: Walk, tmp_path: Path) -> None:
    by = "by a webhook or a policy of the cluster"
    with webhook(walk, tmp_path, overrule):
        start(walk, deployment(replicas=1), config_map())
        walk.change("demo", "app/1.yaml", "one", "two")
        walk.settled("demo")
        fields = "spec.replicas, spec.template.spec.containers.0.image"
        assert message_of_web(walk) == f"not as applied: {fields} {by}", "another one was changed"
        walk.edit("app/0.yaml", "registry.example/", "mirror.example/")
        changed = walk.change("demo", "app/0.yaml", "replicas: 1", "replicas: 3")
        assert outcomes(changed)["Deployment/web"] == "unchanged"
        walk.settled("demo")
        assert message_of_web(walk) == f"not as applied: spec.replicas {by}"
        walk.change("demo", "app/0.yaml", "replicas: 3", "replicas: 2")
        walk.settled("demo")
        assert message_of_web(walk) == "", "Git wants what the cluster makes of it"
    walk.change("demo", "app/0.yaml", "replicas: 2", "replicas: 1")
    walk.settled("demo")
    assert message_of_web(walk) == ""


def test_what_a_webhook_writes_anew_at_each_write_is_not_fought_over_either(
    walk: Walk, audit: AuditLog, tmp_path: Path
) -> None:
    told: list[str] = []

    def count(body: Body) -> Patch:
        if body["kind"] != "ConfigMap" or body["metadata"]["name"] != "words":
            return []
        told.append(str(len(told)))
        return [{"op": "add", "path": "/data/word", "value": told[-1]}]

    with webhook(walk, tmp_path, count):
        start(walk, config_map())
        stands(walk, "demo", audit)
        before = audit.mark()
        heal = walk.after("demo", lambda: walk.kubectl(*label(walk, "once")))
        assert heal.kind is RevisionKind.HEAL
        walk.settled("demo")
        assert walk.service.dispatcher.wait_idle(60)
        asked = audit.since(before, agent="gitops", verbs=WRITES)
        applied = [event for event in asked if "dryRun" not in event["requestURI"]]
        assert len(applied) == 1, "one repair of one change by hand"


def label(walk: Walk, value: str) -> tuple[str, ...]:
    return ("-n", walk.namespace, "label", "configmap/words", f"by-hand={value}")


SPELLED = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  strategy: {rollingUpdate: {maxSurge: "100%", maxUnavailable: 0}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 3
      containers:
      - name: a
        image: registry.example/a:v1
        ports: [{containerPort: 80, name: http}]
        readinessProbe: {httpGet: {port: http}, periodSeconds: 1}
        livenessProbe: {tcpSocket: {port: 80}}
        resources:
          requests: {cpu: 1000m, memory: 1Gi, ephemeral-storage: 1e3}
          limits: {cpu: "1.0", memory: 1073741824, ephemeral-storage: 100M}
      - name: b
        image: registry.example/b:v1
        resources:
          requests: {cpu: 0.5, memory: 0.5Gi}
          limits: {cpu: 1, memory: 1024Mi}
      - name: c
        image: registry.example/c:v1
        resources:
          requests: {cpu: 1e-1, memory: 1000Ki}
          limits: {cpu: 1e0, memory: "128974848"}
      volumes:
      - name: scratch
        emptyDir: {sizeLimit: 0.25Gi}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports:
  - {name: a, port: 80, targetPort: http}
  - {name: b, port: 81, targetPort: 8080}
  - {name: c, port: 82, targetPort: "http"}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {maxUnavailable: 50%, selector: {matchLabels: {app: web}}}
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: room}
spec: {hard: {requests.cpu: 100000m, limits.memory: "1e12", pods: "5e1"}}
---
apiVersion: v1
kind: LimitRange
metadata: {name: each}
spec: {limits: [{type: Container, max: {cpu: "4.0", memory: 4096Mi}, min: {cpu: 0.001}}]}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 0.5Gi}}}
"""
"""Quantities, ports and shares in the spellings that people give them."""


def test_no_spelling_of_a_quantity_a_port_or_a_share_is_a_difference(
    walk: Walk, audit: AuditLog
) -> None:
    before = audit.mark()
    walk.world.push("app/all.yaml", SPELLED)
    walk.world.declare()
    first = walk.world.closed()
    assert first.healthy, walk.world.story()
    walk.settled("demo")
    assert not any("not as applied" in o.message for o in first.outcomes)
    asked = audit.since(before, agent="gitops", verbs=WRITES)
    dry_runs = [e for e in asked if "dryRun" in e["requestURI"]]
    assert (len(dry_runs), len(asked) - len(dry_runs)) == (6, 6), "what the table of costs says"
    stands(walk, "demo", audit)
    commented = SPELLED.replace("kind: Deployment", "kind: Deployment  # as before")
    commented = commented.replace("{cpu: 0.5, memory: 0.5Gi}", "{memory: 512Mi, cpu: 500m}")
    before = audit.mark()
    walk.world.push("app/all.yaml", commented)
    walk.poll()
    walk.settled("demo")
    assert walk.service.dispatcher.wait_idle(60)
    assert audit.since(before, agent="gitops", verbs=WRITES) == [], "equal is equal: no request"
