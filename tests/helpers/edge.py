"""The cluster edge on a real control plane: `connected(control_plane)`, and events to wait for."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from gitops.cluster.client import KubeCluster
from gitops.cluster.transport import Limits
from gitops.model.objects import Body, identify
from gitops.ports import Answer, Apply, WatchEvent
from tests.helpers.waiting import WAIT_S

INSTALLATION = "deadbeef"
LABELS = {"gitops.dev/installation": INSTALLATION}


@contextmanager
def connected(
    kubeconfig: Path, installation: str = INSTALLATION, limits: Limits | None = None
) -> Iterator[KubeCluster]:
    """A connection, closed afterwards."""
    with KubeCluster.connect(kubeconfig, None, installation, limits=limits) as cluster:
        yield cluster


class Events:
    """A sink that keeps what it gets and lets tests wait for it."""

    def __init__(self) -> None:
        self.all: list[WatchEvent] = []
        self._changed = threading.Condition()

    def __call__(self, event: WatchEvent) -> None:
        with self._changed:
            self.all.append(event)
            self._changed.notify_all()

    def wait(self, wanted: Callable[[WatchEvent], Any], count: int = 1) -> list[WatchEvent]:
        """Wait until `count` events are wanted; returns all that are."""

        def found() -> list[WatchEvent]:
            return [event for event in self.all if wanted(event)]

        with self._changed:
            met = self._changed.wait_for(lambda: len(found()) >= count, WAIT_S)
            assert met, f"{count} wanted, saw {self.all}"
            return found()


def apply(cluster: KubeCluster, body: Body, **options: Any) -> Answer:
    """Server-side apply of one body."""
    return cluster.send([Apply(identify(body), body, **options)])[0]


def config_map(namespace: str, name: str = "config", **data: str) -> dict[str, Any]:
    """A ConfigMap that carries our label."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(LABELS)},
        "data": data,
    }


def deployment(namespace: str, name: str = "web", **spec: Any) -> dict[str, Any]:
    """A Deployment of one container that carries our label."""
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(LABELS)},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "main", "image": "example.com/web:v1"}]},
            },
            **spec,
        },
    }


def crd(group: str, kind: str = "Widget", **schema: Any) -> dict[str, Any]:
    """A namespaced CustomResourceDefinition at v1, without a status subresource."""
    plural = f"{kind.lower()}s"
    properties = schema or {
        "spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object", "properties": properties}},
                }
            ],
        },
    }


def scalable(group: str, kind: str, replicas: str, ready: str) -> str:
    """Such a definition with a scale subresource, as YAML; where it keeps its counts: `.spec.x`."""
    made = crd(group, kind)
    paths = {"specReplicasPath": replicas, "statusReplicasPath": ready}
    made["spec"]["versions"][0]["subresources"] = {"scale": paths}
    return yaml.safe_dump(made)
