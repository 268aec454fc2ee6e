"""Rules of the structures of services, storage, policies, quotas, webhooks and autoscalers.

By their name in Kubernetes' specification; the rules are those of `pkg/apis/*/validation`. Called
by `core/validation/structs.py`.
"""

from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from typing import Any, Final

from gitops.core.manifests.metadata import Flaw
from gitops.core.validation.formats import (
    address_flaw,
    label_flaw,
    port_name_flaw,
    segment_flaw,
    subdomain_flaw,
    wildcard_flaw,
)
from gitops.core.validation.pod_structs import StructRule, needs, one_of
from gitops.core.validation.reading import at, mapping_at, rows
from gitops.core.validation.values import (
    Rule,
    amount,
    at_least,
    between,
    network,
    outer_address,
    prefixed_path,
    qualified_name,
    segments,
    text,
    word,
)
from gitops.core.wording import Path, dotted, listed, shorten


def _cluster_address(value: str) -> str | None:
    return None if value == "None" else address_flaw(value)


def _https(value: str) -> str | None:
    return None if value.startswith("https://") else "must begin with https://"


def _outer_name(value: str) -> str | None:
    return subdomain_flaw(value.removesuffix("."))


def _class_name(value: Any) -> str | None:
    return subdomain_flaw(value) if isinstance(value, str) else None


_COUNT: Final = at_least(0)
_ROLLED: Final = {"revisionHistoryLimit": _COUNT, "minReadySeconds": _COUNT}

OTHER_FIELDS: Final[Mapping[str, Mapping[str, Rule]]] = {
    "ServiceSpec": {
        "externalIPs": word(outer_address),
        "clusterIP": text(_cluster_address),
        "loadBalancerSourceRanges": word(network),
        "loadBalancerClass": word(qualified_name),
        "externalName": text(_outer_name),
    },
    "ServicePort": {"appProtocol": word(qualified_name)},
    "ClientIPConfig": {"timeoutSeconds": between(1, 86400)},
    "EndpointAddress": {"ip": text(outer_address)},
    "IngressSpec": {"ingressClassName": _class_name},
    "IngressTLS": {"hosts": word(wildcard_flaw), "secretName": text(subdomain_flaw)},
    "IngressServiceBackend": {"name": text(label_flaw)},
    "ServiceBackendPort": {"name": text(port_name_flaw)},
    "NetworkPolicyPort": {"port": word(port_name_flaw)},
    "TypedLocalObjectReference": {"kind": text(segment_flaw), "name": text(segment_flaw)},
    "IngressClassParametersReference": {"kind": text(segment_flaw), "name": text(segment_flaw)},
    "CrossVersionObjectReference": {"kind": text(segment_flaw), "name": text(segment_flaw)},
    "ContainerResourceMetricSource": {"container": text(label_flaw)},
    "MatchCondition": {"name": text(qualified_name)},
    "IngressClassSpec": {"controller": text(prefixed_path)},
    "IPBlock": {"cidr": text(network), "except": word(network)},
    "PersistentVolumeClaimSpec": {"storageClassName": text(subdomain_flaw)},
    "PersistentVolumeSpec": {"storageClassName": text(subdomain_flaw)},
    "CSIPersistentVolumeSource": {"driver": text(subdomain_flaw)},
    "StorageClass": {"provisioner": text(qualified_name)},
    "RuntimeClass": {"handler": text(label_flaw)},
    "LeaseSpec": {"leaseDurationSeconds": at_least(1)},
    "RoleRef": {"name": text(segment_flaw)},
    "ValidatingWebhook": {"name": text(segments), "timeoutSeconds": between(1, 30)},
    "MutatingWebhook": {"name": text(segments), "timeoutSeconds": between(1, 30)},
    "WebhookClientConfig": {"url": text(_https)},
    "ServiceReference": {"port": between(1, 65535)},
    "APIServiceSpec": {
        "groupPriorityMinimum": between(1, 20000), "versionPriority": between(1, 1000),
    },
    "ControllerRevision": {"revision": _COUNT},
    "DeploymentSpec": _ROLLED,
    "ReplicaSetSpec": {"minReadySeconds": _COUNT},
    "ReplicationControllerSpec": {"minReadySeconds": _COUNT},
    "DaemonSetSpec": _ROLLED,
    "StatefulSetSpec": {"minReadySeconds": _COUNT, "serviceName": text(label_flaw)},
    "StatefulSetOrdinals": {"start": _COUNT},
    "RollingUpdateStatefulSetStrategy": {"partition": _COUNT},
    "JobSpec": {
        "activeDeadlineSeconds": _COUNT, "ttlSecondsAfterFinished": _COUNT,
        "managedBy": text(prefixed_path),
    },
    "CronJobSpec": {"startingDeadlineSeconds": _COUNT},
    "HorizontalPodAutoscalerSpec": {
        "targetCPUUtilizationPercentage": at_least(1), "minReplicas": at_least(1),
    },
    "MetricTarget": {"averageUtilization": _COUNT},
    "MetricIdentifier": {"name": text(segment_flaw)},
    "HPAScalingRules": {"stabilizationWindowSeconds": between(0, 3600)},
    "HPAScalingPolicy": {"value": at_least(1), "periodSeconds": between(1, 1800)},
}  # fmt: skip


# --- Policies of the network ---------------------------------------------------------------------


def _block(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    """What is left out of a network must be a part of it."""
    outer = value.get("cidr")
    inner = value.get("except")
    if not isinstance(outer, str) or not isinstance(inner, list) or network(outer):
        return
    whole = ip_network(outer)
    for index, item in enumerate(inner):
        if not isinstance(item, str) or network(item):
            continue
        part = ip_network(item)
        if part == whole or part.version != whole.version or not part.subnet_of(whole):  # type: ignore[arg-type]
            where = (*path, "except", index)
            message = f'{dotted(where)} "{item}" must be a part of cidr "{outer}"'
            yield Flaw("bad-value", message, where)


def _peer(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    if value.get("ipBlock") is not None and len([v for v in value.values() if v is not None]) > 1:
        message = f"{dotted(path)} has ipBlock and a selector; keep one"
        yield Flaw("bad-value", message, path)


def _policy_port(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    first, last = value.get("port"), value.get("endPort")
    if not isinstance(last, int):
        return
    wrong = ""
    if first is None:
        wrong = "needs port"
    elif isinstance(first, str):
        wrong = "needs a port that is a number"
    elif isinstance(first, int) and last < first:
        wrong = f"must not be less than port {first}"
    if wrong:
        yield Flaw("bad-value", f"{dotted((*path, 'endPort'))} {wrong}", (*path, "endPort"))


# --- Services and storage ------------------------------------------------------------------------


_BALANCED: Final = (
    "loadBalancerClass",
    "loadBalancerSourceRanges",
    "allocateLoadBalancerNodePorts",
    "healthCheckNodePort",
)


def _service(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    kind = value.get("type") or "ClusterIP"
    for name in _BALANCED if kind != "LoadBalancer" else ():
        if value.get(name):
            message = f"{dotted((*path, name))} needs a Service of type LoadBalancer"
            yield Flaw("bad-value", message, (*path, name), of_key=True)
    is_outer = kind in ("NodePort", "LoadBalancer") or value.get("externalIPs")
    if value.get("externalTrafficPolicy") and not is_outer:
        message = f"{dotted((*path, 'externalTrafficPolicy'))} needs a Service of type NodePort"
        where = (*path, "externalTrafficPolicy")
        yield Flaw("bad-value", f"{message} or LoadBalancer", where, of_key=True)
    if kind == "ExternalName" and value.get("clusterIP"):
        message = (
            f"{dotted((*path, 'clusterIP'))} must not be set in a Service of type ExternalName"
        )
        yield Flaw("bad-value", message, (*path, "clusterIP"), of_key=True)


def _claim(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    modes = value.get("accessModes")
    if isinstance(modes, list) and "ReadWriteOncePod" in modes and len(modes) > 1:
        message = f"{dotted((*path, 'accessModes'))}: ReadWriteOncePod must stand alone"
        yield Flaw("bad-value", message, (*path, "accessModes"))
    yield from _above_zero(value, path, "resources", "requests", "storage")


def _above_zero(value: Mapping[str, Any], path: Path, *keys: str) -> Iterator[Flaw]:
    found = amount(at(value, *keys))
    if found is not None and found <= 0:
        where = (*path, *keys)
        yield Flaw("bad-value", f"{dotted(where)} must be greater than zero", where)


def _claim_in_a_pod(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    """An ephemeral volume's claim must ask for what any claim must."""
    spec = mapping_at(value, "spec")
    for name, found in (
        ("accessModes", spec.get("accessModes")),
        ("resources.requests.storage", at(spec, "resources", "requests", "storage")),
    ):
        if not found:
            where = (*path, "spec")
            yield Flaw("missing-field", f"{dotted(where)}.{name} is missing", where, of_key=True)


_VOLUME_TYPES: Final = frozenset({
    "awsElasticBlockStore", "azureDisk", "azureFile", "cephfs", "cinder", "csi", "fc", "flexVolume",
    "flocker", "gcePersistentDisk", "glusterfs", "hostPath", "iscsi", "local", "nfs",
    "photonPersistentDisk", "portworxVolume", "quobyte", "rbd", "scaleIO", "storageos",
    "vsphereVolume",
})  # fmt: skip


def _volume(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    yield from _above_zero(value, path, "capacity", "storage")
    kinds = sorted(name for name in _VOLUME_TYPES if value.get(name) is not None)
    if len(kinds) > 1:
        message = f"{dotted(path)} has more than one source: {', '.join(kinds)}"
        yield Flaw("bad-value", message, path)
    if value.get("local") is not None and value.get("nodeAffinity") is None:
        message = f"{dotted(path)}.nodeAffinity is missing, which a local volume needs"
        yield Flaw("missing-field", message, (*path, "local"), of_key=True)


# --- Quotas and limits ---------------------------------------------------------------------------

_COMPUTE: Final = ("cpu", "memory", "ephemeral-storage", "storage")
_OBJECTS: Final = frozenset({
    "pods", "services", "replicationcontrollers", "resourcequotas", "secrets", "configmaps",
    "persistentvolumeclaims", "services.nodeports", "services.loadbalancers",
})  # fmt: skip
_LIMITED: Final = frozenset({
    "cpu", "memory", "ephemeral-storage", *_OBJECTS,
    *(f"requests.{name}" for name in _COMPUTE),
    *(f"limits.{name}" for name in _COMPUTE if name != "storage"),
})  # fmt: skip


def _quota(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    for name, wanted in mapping_at(value, "hard").items():
        where, found = (*path, "hard", name), amount(wanted)
        is_known = (
            name in _LIMITED
            or "/" in name
            or name.removeprefix("requests.").startswith("hugepages-")
        )
        if not is_known and not name.startswith("count/"):
            message = f'unknown resource "{dotted(where)}"; write cpu, requests.memory, pods'
            yield Flaw("bad-value", f"{message} or domain/name", where, of_key=True)
        elif found is not None and found < 0:
            yield Flaw("bad-value", f"{dotted(where)} must not be negative", where)
        elif found is not None and name in _OBJECTS and found != found.to_integral_value():
            yield Flaw("bad-value", f"{dotted(where)} must be an integer", where)


_LIMIT_TYPES: Final = ("Container", "Pod", "PersistentVolumeClaim")


def _limit(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    kind = value.get("type")
    if isinstance(kind, str) and kind not in _LIMIT_TYPES and "/" not in kind:
        message = f'{dotted(path)}.type cannot be "{shorten(kind)}"; write {listed(_LIMIT_TYPES)}'
        yield Flaw("bad-value", message, (*path, "type"))
    for name in ("default", "defaultRequest") if kind == "Pod" else ():
        if value.get(name):
            message = f"{dotted(path)}.{name} cannot be set for type Pod"
            yield Flaw("bad-value", message, (*path, name), of_key=True)
    bounds = [at(value, name, "storage") for name in ("min", "max")]
    if kind == "PersistentVolumeClaim" and bounds == [None, None]:
        message = f"{dotted(path)} needs min.storage or max.storage"
        yield Flaw("missing-field", message, path)
    yield from _limit_order(value, path)


_ORDER: Final = ("min", "defaultRequest", "default", "max")


def _limit_order(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    """min, defaultRequest, default and max must not fall."""
    for index, low in enumerate(_ORDER):
        for high in _ORDER[index + 1 :]:
            for name, wanted in mapping_at(value, low).items():
                small, large = amount(wanted), amount(mapping_at(value, high).get(name))
                if small is not None and large is not None and small > large:
                    where = (*path, low, name)
                    message = f"{dotted(where)} is more than {high} {value[high][name]}"
                    yield Flaw("bad-value", message, where)
    for name, wanted in mapping_at(value, "maxLimitRequestRatio").items():
        ratio = amount(wanted)
        if ratio is not None and ratio < 1:
            where = (*path, "maxLimitRequestRatio", name)
            yield Flaw("bad-value", f"{dotted(where)} must be at least 1", where)


def _limits(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    seen: set[str] = set()
    for place, item in rows(value, "limits"):
        kind = str(item.get("type"))
        if kind in seen:
            message = f'{dotted((*path, "limits"))} holds the type "{shorten(kind)}" twice'
            yield Flaw("duplicate-entry", message, (*path, *place, "type"))
        seen.add(kind)


# --- Webhooks ------------------------------------------------------------------------------------

_REVIEWS: Final = ("v1", "v1beta1")


def _webhook(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    versions, where = value.get("admissionReviewVersions"), (*path, "admissionReviewVersions")
    if isinstance(versions, list) and not set(map(str, versions)) & set(_REVIEWS):
        state = (
            f"must hold {listed(_REVIEWS)}" if versions else f"is empty; write {listed(_REVIEWS)}"
        )
        yield Flaw("bad-value", f"{dotted(where)} {state}", where, of_key=True)
    for place, rule in rows(value, "rules"):
        yield from _webhook_rule(rule, (*path, *place))


def _webhook_rule(rule: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    for name in ("operations", "apiGroups", "apiVersions", "resources"):
        found, where = rule.get(name), (*path, name)
        if not found:
            state = "is empty" if name in rule else "is missing"
            yield Flaw("missing-field", f"{dotted(where)} {state}", path, of_key=True)
        elif isinstance(found, list) and len(found) > 1:
            every = "*/*" if name == "resources" else "*"
            if every in found:
                message = f'{dotted(where)}: nothing else may stand beside "{every}"'
                yield Flaw("bad-value", message, where)


# --- Autoscalers ---------------------------------------------------------------------------------


_SOURCES: Final = {
    "Resource": "resource", "Pods": "pods", "Object": "object", "External": "external",
    "ContainerResource": "containerResource",
}  # fmt: skip


def _metric(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    own = _SOURCES.get(str(value.get("type")))
    for name in _SOURCES.values():
        if own is not None and name != own and value.get(name) is not None:
            message = f"{dotted((*path, name))} must not stand beside type {value['type']}"
            yield Flaw("bad-value", message, (*path, name), of_key=True)
    target = mapping_at(value, "pods", "target")
    if own == "pods" and target and not target.get("averageValue"):
        where = (*path, "pods", "target")
        message = f"{dotted(where)}.averageValue is missing, which type Pods needs"
        yield Flaw("missing-field", message, where, of_key=True)


def _parameters(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    """Parameters of an IngressClass that lie in a namespace, or in none."""
    is_local = value.get("scope") == "Namespace"
    if is_local != bool(value.get("namespace")):
        wrong = "is missing beside" if is_local else "needs"
        message = f"{dotted(path)}.namespace {wrong} scope Namespace"
        yield Flaw("bad-value", message, path)


def _scaling(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    if value.get("policies") == []:
        message = f"{dotted((*path, 'policies'))} is empty"
        yield Flaw("missing-field", message, (*path, "policies"), of_key=True)


OTHER_STRUCTS: Final[Mapping[str, tuple[StructRule, ...]]] = {
    "IPBlock": (_block,),
    "NetworkPolicyPeer": (_peer,),
    "NetworkPolicyPort": (_policy_port,),
    "ServiceSpec": (_service,),
    "IngressClassSpec": (needs("controller"),),
    "PersistentVolumeClaimSpec": (_claim,),
    "PersistentVolumeClaimTemplate": (_claim_in_a_pod,),
    "PersistentVolumeSpec": (_volume,),
    "TopologySelectorLabelRequirement": (needs("values"),),
    "ResourceQuotaSpec": (_quota,),
    "LimitRangeSpec": (_limits,),
    "LimitRangeItem": (_limit,),
    "ValidatingWebhook": (_webhook,),
    "MutatingWebhook": (_webhook,),
    "WebhookClientConfig": (one_of("url", "service"),),
    "MetricSpec": (_metric,),
    "VolumeNodeAffinity": (needs("required"),),
    "IngressClassParametersReference": (_parameters,),
    "HPAScalingRules": (_scaling,),
}
