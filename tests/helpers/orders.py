"""Manifests from short words: `Kind name.namespace@Hook/wave`, `Kind name>Defined`."""

import re
from typing import Any

from gitops.model.objects import Manifest

WORD = re.compile(
    r"(?P<kind>\w+) (?P<name>\w+)(\.(?P<namespace>\w+))?(@(?P<hook>[\w+]+))?"
    r"(/(?P<wave>-?\d+))?(>(?P<defines>\w+))?"
)
GROUPS = {"CustomResourceDefinition": "apiextensions.k8s.io/v1", "Namespace": "v1", "Pod": "v1"}
CUSTOM = {"Tab": "example.com/v1", "NetworkPolicy": "example.com/v1"}


def manifest_of(word: str) -> Manifest:
    """The manifest that a word stands for."""
    match = WORD.fullmatch(word)
    assert match, word
    annotations: dict[str, str] = {}
    if match["hook"]:
        annotations["argocd.argoproj.io/hook"] = match["hook"].replace("+", ",")
    if match["wave"]:
        annotations["argocd.argoproj.io/sync-wave"] = match["wave"]
    metadata: dict[str, Any] = {"name": match["name"], "annotations": annotations}
    if match["namespace"]:
        metadata["namespace"] = match["namespace"]
    kind = match["kind"]
    body: dict[str, Any] = {
        "apiVersion": GROUPS.get(kind) or CUSTOM.get(kind) or "v1",
        "kind": kind,
        "metadata": metadata,
    }
    if match["defines"]:
        body["spec"] = {"group": "example.com", "names": {"kind": match["defines"]}}
    return Manifest.of(body)
