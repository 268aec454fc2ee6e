"""The embedded control plane lives, dies and comes back as promised."""

from gitops.controlplane.processes import ControlPlane
from tests.helpers.controlplane import AuditLog, Kubectl

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: "nginx:1.27"}]
"""


def test_a_deployment_rolls_out_on_simulated_nodes(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(DEPLOYMENT, namespace=namespace)
    kubectl.wait("condition=Available", "-n", namespace, "deployment/web")
    kubectl.wait("jsonpath={.status.readyReplicas}=2", "-n", namespace, "deployment/web")


def test_the_audit_log_counts_every_request(audit: AuditLog, control_plane: ControlPlane) -> None:
    mark = audit.mark()
    control_plane.call("GET", "/api/v1/nodes")
    control_plane.call("GET", "/api/v1/nodes/node-1")
    asked = [(e["verb"], e["requestURI"]) for e in audit.since(mark, user="admin")]
    assert asked == [("list", "/api/v1/nodes"), ("get", "/api/v1/nodes/node-1")]
