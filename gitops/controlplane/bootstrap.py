"""The objects that a fresh control plane holds, and when it counts as settled.

In: a client of the API server. The supervisor calls `create_objects` once the API server answers
and then asks `is_settled` until pods could run.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from gitops.controlplane.api import Api

OBJECTS: Final = Path(__file__).parent / "objects"
PATHS: Final[Mapping[str, str]] = {
    "CustomResourceDefinition": "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    "Node": "/api/v1/nodes",
    "StorageClass": "/apis/storage.k8s.io/v1/storageclasses",
}


def objects() -> list[dict[str, Any]]:
    """Every object of the package's `objects/`, in the order of the files."""
    return [
        document
        for file in sorted(OBJECTS.glob("*.yaml"))
        for document in yaml.safe_load_all(file.read_text())
    ]


def create_objects(api: Api) -> None:
    """Create what is missing; objects that exist stay as their users left them."""
    for body in objects():
        api.create(PATHS[body["kind"]], body)


def is_settled(api: Api) -> bool:
    """Whether a pod could start: a service account to run as and nodes that take it."""
    if api.get("/api/v1/namespaces/default/serviceaccounts/default") is None:
        return False
    nodes = api.get("/api/v1/nodes")
    return nodes is not None and all(_takes_pods(node) for node in nodes["items"])


def _takes_pods(node: Mapping[str, Any]) -> bool:
    conditions = node.get("status", {}).get("conditions", [])
    is_ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    taints = node.get("spec", {}).get("taints", [])
    return is_ready and not any(t["key"] == "node.kubernetes.io/not-ready" for t in taints)
