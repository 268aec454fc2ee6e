"""What is synced: N applications of four objects, in plain YAML, Kustomize or Helm.

The shape is that of Flux's published benchmark: a ServiceAccount, a Deployment with 0 replicas, a
Service and an Ingress, one folder each in one repository. `Version.label` stands on all four
objects, `Version.image` on the Deployment only. Pure: called by `repository` and `floor`.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

VARIANTS: Final = ("plain", "kustomize", "helm")
OBJECTS: Final = 4
"""Objects in one application."""
LABEL: Final = "example.com/release"

TEMPLATE: Final = """\
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {name}
  labels:
    example.com/release: "{label}"
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
  labels:
    app: {name}
    example.com/release: "{label}"
spec:
  replicas: 0
  selector:
    matchLabels:
      app: {name}
  template:
    metadata:
      labels:
        app: {name}
    spec:
      serviceAccountName: {name}
      containers:
      - name: web
        image: registry.example/web:{image}
        ports:
        - name: http
          containerPort: 8080
        env:
        - name: MODE
          value: production
        resources:
          requests: {{cpu: 100m, memory: 64Mi}}
          limits: {{memory: 128Mi}}
---
apiVersion: v1
kind: Service
metadata:
  name: {name}
  labels:
    example.com/release: "{label}"
spec:
  selector:
    app: {name}
  ports:
  - name: http
    port: 80
    targetPort: http
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {name}
  labels:
    example.com/release: "{label}"
spec:
  rules:
  - host: {name}.example.com
    http:
      paths:
      - path: /
        pathType: Prefix
        backend:
          service:
            name: {name}
            port: {{name: http}}
"""
KUSTOMIZATION: Final = "resources:\n- objects.yaml\n"
CHART: Final = "apiVersion: v2\nname: {name}\nversion: 0.1.0\n"
PATHS: Final = (
    "/api/v1/namespaces/{namespace}/serviceaccounts/{name}",
    "/apis/apps/v1/namespaces/{namespace}/deployments/{name}",
    "/api/v1/namespaces/{namespace}/services/{name}",
    "/apis/networking.k8s.io/v1/namespaces/{namespace}/ingresses/{name}",
)
"""Where the objects of an application lie in the API, in the order of the template."""


@dataclass(frozen=True, slots=True)
class Version:
    """What a commit says: `label` on every object, `image` on the Deployment."""

    label: int = 1
    image: int = 1


def names(count: int) -> list[str]:
    """The applications' names, in order."""
    return [f"app-{number:05d}" for number in range(count)]


def manifests(name: str, version: Version) -> str:
    """The four objects as YAML."""
    return TEMPLATE.format(name=name, label=f"r{version.label}", image=f"v{version.image}")


def files(name: str, version: Version, variant: str) -> Iterator[tuple[str, str]]:
    """Paths below the repository's root, with their content."""
    text = manifests(name, version)
    match variant:
        case "plain":
            yield f"{name}/objects.yaml", text
        case "kustomize":
            yield f"{name}/objects.yaml", text
            yield f"{name}/kustomization.yaml", KUSTOMIZATION
        case "helm":
            values = f'label: "r{version.label}"\nimage: v{version.image}\n'
            chart = TEMPLATE.format(
                name=name, label="{{ .Values.label }}", image="{{ .Values.image }}"
            )
            yield f"{name}/Chart.yaml", CHART.format(name=name)
            yield f"{name}/values.yaml", values
            yield f"{name}/templates/objects.yaml", chart
        case _:
            raise ValueError(variant)


def application(name: str, url: str, namespace: str, variant: str) -> dict[str, Any]:
    """The declaration of one application."""
    source = {"repoURL": url, "targetRevision": "main", "path": name}
    if variant == "helm":
        source |= {"helm": {"releaseName": name}}  # type: ignore[dict-item]  # a source is no flat map
    return {
        "apiVersion": "gitops.dev/v1alpha1",
        "kind": "Application",
        "metadata": {"name": name},
        "spec": {"source": source, "destination": {"namespace": namespace}},
    }


def declarations(count: int, url: str, namespace: str, variant: str) -> str:
    """Every application's declaration, as one file."""
    bodies = (application(name, url, namespace, variant) for name in names(count))
    return "---\n".join(f"{json.dumps(body)}\n" for body in bodies)


def patches(count: int, version: Version, namespace: str) -> list[tuple[str, str]]:
    """Path and body of every object's apply, as the floor sends them."""
    found = []
    for name in names(count):
        for path, text in zip(PATHS, manifests(name, version).split("---\n"), strict=True):
            found.append((path.format(namespace=namespace, name=name), text))
    return found
