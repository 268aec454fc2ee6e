"""Two hundred applications of four objects in one repository, served over HTTP."""

import yaml

OBJECTS = """\
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {name}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
spec:
  replicas: 0
  selector:
    matchLabels: {{app: {name}}}
  template:
    metadata:
      labels: {{app: {name}}}
    spec:
      serviceAccountName: {name}
      containers:
      - name: web
        image: registry.example/{name}:{tag}
        ports:
        - containerPort: 8080
---
apiVersion: v1
kind: Service
metadata:
  name: {name}
spec:
  selector: {{app: {name}}}
  ports:
  - port: 80
    targetPort: 8080
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {name}
spec:
  ingressClassName: nginx
  rules:
  - host: {name}.example.com
    http:
      paths:
      - path: /
        pathType: Prefix
        backend:
          service:
            name: {name}
            port:
              number: 80
"""


def objects(name: str, tag: str = "v1") -> str:
    """The four objects of one application."""
    return OBJECTS.format(name=name, tag=tag)


def names(count: int) -> list[str]:
    """`app-000`, `app-001` …"""
    return [f"app-{index:03}" for index in range(count)]


def declaration(name: str, url: str, namespace: str) -> str:
    """The Application of one of them."""
    return yaml.safe_dump({
        "apiVersion": "gitops.dev/v1alpha1",
        "kind": "Application",
        "metadata": {"name": name},
        "spec": {
            "source": {"repoURL": url, "targetRevision": "main", "path": name},
            "destination": {"name": "in-cluster", "namespace": namespace},
        },
    })  # fmt: skip
