"""Users' health checks in the service: what a sync waits for, and what an application shows."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gitops.controlplane.processes import ControlPlane
from gitops.errors import InputError
from gitops.model.health import Health, HealthStatus
from gitops.model.revision import RevisionState
from tests.helpers.controlplane import Kubectl
from tests.helpers.service import World, config_map, start_world

SCRIPT = """
if obj.data.word == "bad" then return {status = "Degraded", message = "a bad word"} end
if obj.data.word == "slow" then return {status = "Progressing", message = "a slow word"} end
if obj.data.word == "loop" then while true do end end
return {status = "Healthy"}
"""
KEY = "resource.customizations.health.ConfigMap"
NO_PATIENCE = {"syncPolicy": {"retry": {"limit": 0}}}
DEFINITION = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.%(group)s}
spec:
  group: %(group)s
  scope: Namespaced
  names: {plural: widgets, singular: widget, kind: Widget}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
"""
WIDGET = """\
apiVersion: %(group)s/v1
kind: Widget
metadata: {name: one}
"""


@pytest.fixture
def checked(control_plane: ControlPlane, tmp_path: Path, namespace: str) -> Iterator[World]:
    """A service with a check of ConfigMaps in its settings."""
    health = {"customizations": {KEY: SCRIPT}}
    with start_world(control_plane, tmp_path, namespace, health=health) as started:
        yield started


def shows(world: World, *expected: Health) -> None:
    """Wait until the objects of the application have this health, in their order."""

    def ask() -> bool:
        return tuple(shown.health for shown in world.status().objects) == expected

    world.wait_for(ask, str(expected))


def test_a_check_of_the_settings_decides_whether_a_sync_succeeds(checked: World) -> None:
    checked.push("app/words.yaml", config_map(word="good"))
    checked.declare(**NO_PATIENCE)
    assert checked.closed().state is RevisionState.SUCCEEDED
    shows(checked, Health(HealthStatus.HEALTHY))
    checked.push("app/words.yaml", config_map(word="bad"))
    checked.refresh()
    failed = checked.closed(number=2)
    assert failed.state is RevisionState.FAILED
    assert "a bad word" in failed.message
    shows(checked, Health(HealthStatus.DEGRADED, "a bad word"))
    assert checked.status().health.status is HealthStatus.DEGRADED


def test_a_sync_waits_as_long_as_a_check_says_progressing(checked: World, kubectl: Kubectl) -> None:
    checked.push("app/words.yaml", config_map(word="slow"))
    checked.declare(
        ignoreDifferences=[{"kind": "ConfigMap", "jsonPointers": ["/data/word"]}], **NO_PATIENCE
    )
    shows_word = json.dumps({"data": {"word": "done"}})

    shows(checked, Health(HealthStatus.PROGRESSING, "a slow word"))
    (revision,) = checked.service.edges.store.revisions("demo")
    assert revision.state is RevisionState.RUNNING
    kubectl("-n", checked.namespace, "patch", "configmap/words", "-p", shows_word)
    assert checked.closed().state is RevisionState.SUCCEEDED


def test_expressions_of_an_application_win_over_the_installations_checks(checked: World) -> None:
    checked.push("app/words.yaml", config_map(word="bad"))
    expressions = {"apiVersion": "v1", "kind": "ConfigMap", "current": "data.word == 'bad'"}
    checked.declare(healthCheckExprs=[expressions])
    assert checked.closed().state is RevisionState.SUCCEEDED
    shows(checked, Health(HealthStatus.HEALTHY))


def test_a_check_that_never_ends_makes_its_object_unknown_and_stops_nothing_else(
    checked: World,
) -> None:
    checked.push("app/words.yaml", config_map(word="good"))
    checked.declare()
    assert checked.closed().state is RevisionState.SUCCEEDED
    checked.push("hostile/loop.yaml", config_map("loop", word="loop"))
    checked.declare(
        "hostile", "hostile", syncPolicy={"healthDeadline": "1s", "retry": {"limit": 0}}
    )
    failed = checked.closed("hostile")
    assert failed.state is RevisionState.FAILED
    assert KEY in failed.message
    shows(checked, Health(HealthStatus.HEALTHY))


def test_a_custom_resource_is_waited_for_by_its_conditions(world: World, kubectl: Kubectl) -> None:
    group = {"group": f"{world.namespace}.example.com"}
    world.push("app/definition.yaml", DEFINITION % group)
    world.push("app/widget.yaml", WIDGET % group)
    world.declare(**NO_PATIENCE)
    named = f"widgets.{group['group']}/one"
    world.wait_for(lambda: exists(kubectl, world, named), "the Widget")
    status(kubectl, world, named, "False", "paints")
    shows(
        world,
        Health(HealthStatus.HEALTHY, "CRD is healthy"),
        Health(HealthStatus.PROGRESSING, "paints"),
    )
    status(kubectl, world, named, "True", "painted")
    shows(
        world,
        Health(HealthStatus.HEALTHY, "CRD is healthy"),
        Health(HealthStatus.HEALTHY, "painted"),
    )


def test_an_object_that_does_not_count_is_there_all_the_same(
    world: World, kubectl: Kubectl
) -> None:
    annotated = 'metadata:\n  annotations: {argocd.argoproj.io/ignore-healthcheck: "true"}'
    world.push("app/one.yaml", config_map("one").replace("metadata:", annotated))
    world.push("app/two.yaml", config_map("two"))
    world.declare(syncPolicy={"automated": {"selfHeal": False}})
    world.settled()
    kubectl("-n", world.namespace, "delete", "configmap/two")
    shows(world, Health(None), Health(HealthStatus.MISSING, "is not there"))
    assert world.status().health.status is HealthStatus.HEALTHY


def exists(kubectl: Kubectl, world: World, named: str) -> bool:
    """Whether an object is in the cluster."""
    return kubectl.try_("-n", world.namespace, "get", named).returncode == 0


def status(kubectl: Kubectl, world: World, named: str, value: str, message: str) -> None:
    """Set a resource's Ready condition, as its controller does."""
    conditions: list[dict[str, Any]] = [{"type": "Ready", "status": value, "message": message}]
    patch = json.dumps({"status": {"conditions": conditions}})
    arguments = ("--subresource=status", "--type=merge", "-p", patch)
    kubectl("-n", world.namespace, "patch", named, *arguments)


def test_checks_that_cannot_be_read_keep_the_service_from_starting(tmp_path: Path) -> None:
    (tmp_path / "cm.yaml").write_text("kind: ConfigMap\ndata: {resource.customizations: '- 1'}\n")
    with (
        pytest.raises(InputError, match="is no mapping"),
        start_world(None, tmp_path, "default", health={"checks": [tmp_path / "cm.yaml"]}),
    ):
        pass
