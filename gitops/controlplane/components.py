"""The command line of each process of the control plane. Pure: paths and ports in, arguments out.

`supervise.py` starts what this returns. Nothing listens anywhere but on 127.0.0.1; etcd demands
our client certificate, the API server a token of ours or of a service account.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gitops.controlplane.build import Binaries
from gitops.controlplane.certificates import TOKENS
from gitops.controlplane.state import Layout

ETCD: Final = "etcd"
APISERVER: Final = "kube-apiserver"
CONTROLLERS: Final = "kube-controller-manager"
SCHEDULER: Final = "kube-scheduler"
KWOK: Final = "kwok"
ORDER: Final = (ETCD, APISERVER, CONTROLLERS, SCHEDULER, KWOK)

SERVICE_CIDR: Final = "10.96.0.0/12"
POD_CIDR: Final = "10.0.0.0/16"
STAGES: Final = Path(__file__).parent / "stages"

AUDIT_POLICY: Final[Mapping[str, Any]] = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}


@dataclass(frozen=True, slots=True)
class Options:
    """How to run: `unsafe_no_fsync` for tests only, `audit` writes every request to a file.

    `every_api` serves alpha and beta versions too, with the gates that their fields need.
    """

    unsafe_no_fsync: bool = False
    audit: bool = False
    every_api: bool = False


def kubeconfig(url: str, ca: bytes, token: str, user: str) -> dict[str, Any]:
    """A kubeconfig that holds all it needs, so that it can be copied; `ca` is PEM."""
    authority = base64.b64encode(ca).decode()
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": "gitops", "cluster": {"server": url, "certificate-authority-data": authority}}
        ],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": "gitops", "context": {"cluster": "gitops", "user": user}}],
        "current-context": "gitops",
    }


def commands(
    binaries: Binaries, layout: Layout, ports: Mapping[str, int], options: Options
) -> dict[str, list[str]]:
    """Each component's program and arguments, in `ORDER`."""
    return {
        ETCD: [str(binaries.etcd), *etcd(layout, ports, options)],
        APISERVER: [str(binaries.kube_apiserver), *apiserver(layout, ports, options)],
        CONTROLLERS: [str(binaries.kube_controller_manager), *controllers(layout)],
        SCHEDULER: [str(binaries.kube_scheduler), *scheduler(layout)],
        KWOK: [str(binaries.kwok), *kwok(layout)],
    }


def etcd(layout: Layout, ports: Mapping[str, int], options: Options) -> list[str]:
    """Etcd's arguments: one member, TLS with client certificates on both ports."""
    client = f"https://127.0.0.1:{ports['etcd']}"
    peer = f"https://127.0.0.1:{ports['etcd-peer']}"
    pki = layout.pki
    arguments = [
        "--name=gitops",
        f"--data-dir={layout.etcd}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=gitops={peer}",
        f"--cert-file={pki / 'etcd.crt'}",
        f"--key-file={pki / 'etcd.key'}",
        "--client-cert-auth",
        f"--trusted-ca-file={pki / 'ca.crt'}",
        f"--peer-cert-file={pki / 'etcd.crt'}",
        f"--peer-key-file={pki / 'etcd.key'}",
        "--peer-client-cert-auth",
        f"--peer-trusted-ca-file={pki / 'ca.crt'}",
        "--auto-compaction-mode=periodic",
        "--auto-compaction-retention=10m",
        "--log-level=warn",
    ]
    return [*arguments, "--unsafe-no-fsync"] if options.unsafe_no_fsync else arguments


def apiserver(layout: Layout, ports: Mapping[str, int], options: Options) -> list[str]:
    """The API server's arguments: RBAC, tokens, service accounts; the audit log if asked for."""
    pki = layout.pki
    arguments = [
        "--bind-address=127.0.0.1",
        f"--secure-port={ports['apiserver']}",
        f"--etcd-servers=https://127.0.0.1:{ports['etcd']}",
        f"--etcd-cafile={pki / 'ca.crt'}",
        f"--etcd-certfile={pki / 'etcd-client.crt'}",
        f"--etcd-keyfile={pki / 'etcd-client.key'}",
        f"--tls-cert-file={pki / 'apiserver.crt'}",
        f"--tls-private-key-file={pki / 'apiserver.key'}",
        f"--token-auth-file={pki / TOKENS}",
        "--authorization-mode=RBAC",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={pki / 'sa.pub'}",
        f"--service-account-signing-key-file={pki / 'sa.key'}",
        f"--service-cluster-ip-range={SERVICE_CIDR}",
        "--endpoint-reconciler-type=none",  # a loopback address cannot be an endpoint
        "--allow-privileged=true",
        "--profiling=false",
    ]
    if options.audit:
        arguments += [
            f"--audit-log-path={layout.audit}",
            f"--audit-policy-file={layout.root / 'audit-policy.json'}",
            "--audit-log-maxsize=0",
        ]
    if options.every_api:
        arguments += ["--runtime-config=api/all=true", "--feature-gates=AllAlpha=true,AllBeta=true"]
    return arguments


def controllers(layout: Layout) -> list[str]:
    """The controller manager's arguments: every controller, no port, fast autoscaling."""
    pki = layout.pki
    return [
        f"--kubeconfig={layout.pki / CONTROLLERS}.kubeconfig",
        "--leader-elect=false",
        "--secure-port=0",
        f"--service-account-private-key-file={pki / 'sa.key'}",
        f"--root-ca-file={pki / 'ca.crt'}",
        f"--cluster-signing-cert-file={pki / 'ca.crt'}",
        f"--cluster-signing-key-file={pki / 'ca.key'}",
        "--kube-api-qps=200",
        "--kube-api-burst=400",
        "--horizontal-pod-autoscaler-sync-period=2s",
        "--horizontal-pod-autoscaler-cpu-initialization-period=0s",
        "--horizontal-pod-autoscaler-initial-readiness-delay=0s",
        "--horizontal-pod-autoscaler-downscale-stabilization=30s",
    ]


def scheduler(layout: Layout) -> list[str]:
    """The scheduler's arguments."""
    return [
        f"--kubeconfig={layout.pki / SCHEDULER}.kubeconfig",
        "--leader-elect=false",
        "--secure-port=0",
        "--kube-api-qps=200",
        "--kube-api-burst=400",
    ]


def kwok(layout: Layout) -> list[str]:
    """Kwok's arguments: it plays every node, by our stages."""
    return [
        f"--kubeconfig={layout.pki / KWOK}.kubeconfig",
        *(f"--config={stage}" for stage in sorted(STAGES.glob("*.yaml"))),
        "--manage-all-nodes=true",
        "--node-lease-duration-seconds=40",
        f"--cidr={POD_CIDR}",
        "--node-ip=10.128.0.1",
        "--v=WARN",
    ]
