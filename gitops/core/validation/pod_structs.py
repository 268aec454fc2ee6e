"""Rules of the structures that a pod is made of, by their name in Kubernetes' specification.

The rules are those of `pkg/apis/core/validation`. Called by `core/validation/structs.py`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from gitops.core.manifests.metadata import Flaw
from gitops.core.validation.formats import (
    address_flaw,
    config_key_flaw,
    env_name_flaw,
    label_flaw,
    label_value_flaw,
    qualified_flaw,
    subdomain_flaw,
)
from gitops.core.validation.reading import at, mapping_at, rows
from gitops.core.validation.values import (
    Rule,
    absolute,
    amount,
    at_least,
    between,
    driver,
    header,
    local_path,
    no_backsteps,
    not_negative,
    port,
    search_domain,
    sysctl,
    text,
    trimmed,
    word,
)
from gitops.core.wording import Path, dotted, listed, shorten

StructRule = Callable[[Mapping[str, Any], Path], Iterator[Flaw]]
"""A structure and its path to flaws."""

_ID: Final = between(0, 2**31 - 1)
_MODE: Final = between(0, 0o777)
_WEIGHT: Final = between(1, 100)

POD_FIELDS: Final[Mapping[str, Mapping[str, Rule]]] = {
    "Container": {"image": text(trimmed)},
    "EnvFromSource": {"prefix": text(env_name_flaw)},
    "SecretKeySelector": {"key": text(config_key_flaw), "name": text(subdomain_flaw)},
    "ConfigMapKeySelector": {"key": text(config_key_flaw), "name": text(subdomain_flaw)},
    "SecretEnvSource": {"name": text(subdomain_flaw)},
    "ConfigMapEnvSource": {"name": text(subdomain_flaw)},
    "KeyToPath": {"path": text(local_path), "mode": _MODE},
    "DownwardAPIVolumeFile": {"path": text(local_path), "mode": _MODE},
    "VolumeMount": {"subPath": text(local_path), "subPathExpr": text(local_path)},
    "HostPathVolumeSource": {"path": text(no_backsteps)},
    "NFSVolumeSource": {"path": text(absolute)},
    "ConfigMapVolumeSource": {"defaultMode": _MODE},
    "SecretVolumeSource": {"defaultMode": _MODE},
    "ProjectedVolumeSource": {"defaultMode": _MODE},
    "DownwardAPIVolumeSource": {"defaultMode": _MODE},
    "EmptyDirVolumeSource": {"sizeLimit": not_negative},
    "PodSpec": {
        "nodeName": text(subdomain_flaw),
        "serviceAccountName": text(subdomain_flaw),
        "hostname": text(label_flaw),
        "subdomain": text(label_flaw),
        "runtimeClassName": text(subdomain_flaw),
        "priorityClassName": text(subdomain_flaw),
        "activeDeadlineSeconds": between(1, 2**31 - 1),
    },
    "HostAlias": {"ip": text(address_flaw), "hostnames": word(subdomain_flaw)},
    "PodDNSConfig": {"nameservers": word(address_flaw), "searches": word(search_domain)},
    "PodReadinessGate": {"conditionType": text(qualified_flaw)},
    "Toleration": {"key": text(qualified_flaw), "value": text(label_value_flaw)},
    "PodAffinityTerm": {"topologyKey": text(qualified_flaw), "namespaces": word(label_flaw)},
    "NodeSelectorRequirement": {"key": text(qualified_flaw)},
    "LabelSelectorRequirement": {"key": text(qualified_flaw)},
    "TopologySpreadConstraint": {"maxSkew": at_least(1), "minDomains": at_least(1)},
    "CSIVolumeSource": {"driver": text(driver)},
    "ServiceAccountTokenProjection": {
        "path": text(local_path), "expirationSeconds": between(600, 1 << 32),
    },
    "Sysctl": {"name": text(sysctl)},
    "HTTPHeader": {"name": text(header)},
    "HTTPGetAction": {"port": port},
    "TCPSocketAction": {"port": port},
    "GRPCAction": {"port": port},
    "SecurityContext": {"runAsUser": _ID, "runAsGroup": _ID},
    "PodSecurityContext": {
        "runAsUser": _ID, "runAsGroup": _ID, "fsGroup": _ID, "supplementalGroups": _ID,
    },
    "PreferredSchedulingTerm": {"weight": _WEIGHT},
    "WeightedPodAffinityTerm": {"weight": _WEIGHT},
    "SleepAction": {"seconds": at_least(0)},
}  # fmt: skip


def needs(field: str) -> StructRule:
    """A field that the specification does not require and the server does."""

    def check(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
        if value.get(field) in (None, "", []):
            state = "is missing" if value.get(field) is None else "is empty"
            yield Flaw("missing-field", f"{dotted((*path, field))} {state}", path, of_key=True)

    return check


def one_of(*fields: str) -> StructRule:
    """Exactly one of some fields; what else stands there is the schema's concern."""

    def check(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
        found = [field for field in fields if value.get(field) is not None]
        if len(found) != 1:
            state = f"has {' and '.join(found)}" if found else "says nothing"
            message = f"{dotted(path)} {state}; write exactly one of {listed(fields)}"
            yield Flaw("bad-value", message, path, of_key=True)

    return check


def _values_of(operators: Mapping[str, int | None]) -> StructRule:
    """Requirements of selectors: how many values an operator takes; None is at least one."""

    def check(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
        operator, values = value.get("operator"), value.get("values") or []
        if not isinstance(operator, str) or not isinstance(values, list):
            return
        if operator not in operators:
            return
        wanted = operators[operator]
        if wanted is None and not values:
            message = f"{dotted(path)}.values is missing, which operator {operator} needs"
            yield Flaw("missing-field", message, path)
        elif wanted is not None and len(values) != wanted:
            words = "no values" if wanted == 0 else "exactly one value"
            message = f"{dotted(path)}: operator {operator} takes {words}"
            yield Flaw("bad-value", message, path)

    return check


_LABELS: Final = {"In": None, "NotIn": None, "Exists": 0, "DoesNotExist": 0}

_PATHS: Final = {
    True: (
        "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName",
        "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP",
        "status.podIPs",
    ),
    False: (
        "metadata.name", "metadata.namespace", "metadata.uid", "metadata.labels",
        "metadata.annotations",
    ),
}  # fmt: skip
"""What environment variables (True) and files (False) can be made of."""
_SUBSCRIPT: Final = re.compile(r"metadata\.(labels|annotations)\['[^']+'\]\Z")


def _field_reference(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    name, version = value.get("fieldPath"), value.get("apiVersion")
    if isinstance(version, str) and version not in {"", "v1"}:
        message = f'{dotted(path)}.apiVersion cannot be "{shorten(version)}"; write v1'
        yield Flaw("bad-value", message, (*path, "apiVersion"))
    known = _PATHS["valueFrom" in path]
    if isinstance(name, str) and name and name not in known and not _SUBSCRIPT.match(name):
        message = f'{dotted(path)}.fieldPath "{shorten(name)}" is not supported'
        yield Flaw("bad-value", f"{message}; write {listed(known)}", (*path, "fieldPath"))


_RESOURCES: Final = tuple(
    f"{kind}.{name}"
    for kind in ("limits", "requests")
    for name in ("cpu", "memory", "ephemeral-storage")
)


def _resource_reference(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    name = value.get("resource")
    if not value.get("containerName") and "valueFrom" not in path:
        yield Flaw("missing-field", f"{dotted(path)}.containerName is missing", path, of_key=True)
    if not isinstance(name, str) or not name:
        return
    if name not in _RESOURCES and ".hugepages-" not in name:
        message = f'{dotted(path)}.resource "{shorten(name)}" is not supported'
        yield Flaw("bad-value", f"{message}; write {listed(_RESOURCES)}", (*path, "resource"))
    divisor = amount(value.get("divisor"))
    if name.endswith(".cpu") and divisor is not None and divisor not in (0, 1, amount("1m")):
        message = f"{dotted(path)}.divisor must be 1 or 1m for cpu"
        yield Flaw("bad-value", message, (*path, "divisor"))


def _probe(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    grace, where = (
        value.get("terminationGracePeriodSeconds"),
        (*path, "terminationGracePeriodSeconds"),
    )
    if grace is not None and path[-1] == "readinessProbe":
        yield Flaw("bad-value", f"{dotted(where)} must not be set for readiness probes", where)
    elif isinstance(grace, int) and grace < 1:
        yield Flaw("bad-value", f"{dotted(where)} must be at least 1", where)


def _security(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    if value.get("allowPrivilegeEscalation") is not False:
        return
    added = at(value, "capabilities", "add")
    where = (*path, "allowPrivilegeEscalation")
    cause = "privileged: true" if value.get("privileged") is True else ""
    if isinstance(added, list) and "CAP_SYS_ADMIN" in added:
        cause = "the capability CAP_SYS_ADMIN"
    if cause:
        yield Flaw("bad-value", f"{dotted(where)} cannot be false beside {cause}", where)


def _profile(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    kind, name = value.get("type"), value.get("localhostProfile")
    where = (*path, "localhostProfile")
    if kind == "Localhost" and not name:
        yield Flaw("missing-field", f"{dotted(where)} is missing, which type Localhost needs", path)
    elif kind != "Localhost" and name is not None:
        yield Flaw("bad-value", f"{dotted(where)} can only stand beside type Localhost", where)


def _container(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    is_privileged = at(value, "securityContext", "privileged") is True
    for place, mount in rows(value, "volumeMounts"):
        where = (*path, *place)
        if mount.get("mountPropagation") == "Bidirectional" and not is_privileged:
            message = f"{dotted(where)}.mountPropagation Bidirectional needs a privileged container"
            yield Flaw("bad-value", message, (*where, "mountPropagation"))
        if mount.get("subPath") and mount.get("subPathExpr"):
            message = f"{dotted(where)} has both subPath and subPathExpr; keep one"
            yield Flaw("bad-value", message, where)
    if "initContainers" not in path or value.get("restartPolicy") == "Always":
        return
    for name in ("livenessProbe", "readinessProbe", "startupProbe", "lifecycle"):
        if value.get(name) is not None:
            message = f"{dotted(path)}.{name} needs restartPolicy Always in an init container"
            yield Flaw("bad-value", message, (*path, name), of_key=True)


def _resources(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    limits = mapping_at(value, "limits")
    for kind in ("requests", "limits"):
        for name, wanted in mapping_at(value, kind).items():
            where = (*path, kind, name)
            found = amount(wanted)
            if found is None:
                continue
            is_extended = "/" in name
            if found < 0:
                yield Flaw("bad-value", f"{dotted(where)} must not be negative", where)
            elif is_extended and found != found.to_integral_value():
                yield Flaw("bad-value", f"{dotted(where)} must be an integer", where)
            whole = is_extended or name.startswith("hugepages-")
            if kind == "requests" and whole and name not in limits:
                message = f"{dotted(where)} needs a limit, because it cannot be overcommitted"
                yield Flaw("missing-field", message, where, of_key=True)


def _pod(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    if value.get("dnsPolicy") == "None" and not at(value, "dnsConfig", "nameservers"):
        message = f"{dotted(path)}.dnsConfig.nameservers is missing, which dnsPolicy None needs"
        yield Flaw("missing-field", message, (*path, "dnsPolicy"), of_key=True)
    if value.get("shareProcessNamespace") is True and value.get("hostPID") is True:
        message = f"{dotted(path)} has both shareProcessNamespace and hostPID; keep one"
        yield Flaw("bad-value", message, (*path, "shareProcessNamespace"))
    if value.get("ephemeralContainers"):
        message = f"{dotted(path)}.ephemeralContainers cannot be set in a manifest"
        yield Flaw("bad-value", message, (*path, "ephemeralContainers"), of_key=True)
    yield from _host_ports(value, path)
    for place, container in (*rows(value, "initContainers"), *rows(value, "containers")):
        proc = at(container, "securityContext", "procMount")
        if proc == "Unmasked" and value.get("hostUsers") is not False:
            where = (*path, *place, "securityContext", "procMount")
            yield Flaw("bad-value", f"{dotted(where)} Unmasked needs hostUsers: false", where)


def _host_ports(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    """Ports of the node: each once, and the container's own on the host's network."""
    seen: set[tuple[int, str, str]] = set()
    for place, container in rows(value, "containers"):
        for inner, item in rows(container, "ports"):
            number, where = item.get("hostPort"), (*path, *place, *inner, "hostPort")
            if not number or not isinstance(number, int):
                continue
            if value.get("hostNetwork") is True and number != item.get("containerPort"):
                message = f"{dotted(where)} must equal containerPort, because hostNetwork is true"
                yield Flaw("bad-value", message, where)
            key = (number, str(item.get("protocol") or "TCP"), str(item.get("hostIP") or ""))
            if key in seen:
                message = f"{dotted(where)} {number} is taken by another container's port"
                yield Flaw("duplicate-entry", message, where)
            seen.add(key)


def _toleration(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    if value.get("tolerationSeconds") is not None and value.get("effect") != "NoExecute":
        message = f"{dotted(path)}.effect must be NoExecute beside tolerationSeconds"
        yield Flaw("bad-value", message, path)


def _spread(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    if value.get("minDomains") is not None and value.get("whenUnsatisfiable") == "ScheduleAnyway":
        message = f"{dotted(path)}.minDomains needs whenUnsatisfiable DoNotSchedule"
        yield Flaw("bad-value", message, (*path, "minDomains"))


def _terms(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    if value.get("nodeSelectorTerms") == []:
        message = f"{dotted(path)}.nodeSelectorTerms is empty"
        yield Flaw("missing-field", message, (*path, "nodeSelectorTerms"), of_key=True)


_HANDLERS: Final = one_of("exec", "httpGet", "tcpSocket", "sleep")

POD_STRUCTS: Final[Mapping[str, tuple[StructRule, ...]]] = {
    "Container": (_container,),
    "PodSpec": (_pod,),
    "ResourceRequirements": (_resources,),
    "SecurityContext": (_security,),
    "SeccompProfile": (_profile,),
    "AppArmorProfile": (_profile,),
    "Probe": (_probe,),
    "LifecycleHandler": (_HANDLERS,),
    "ExecAction": (needs("command"),),
    "EnvFromSource": (one_of("configMapRef", "secretRef"),),
    "ObjectFieldSelector": (_field_reference,),
    "ResourceFieldSelector": (_resource_reference,),
    "DownwardAPIVolumeFile": (one_of("fieldRef", "resourceFieldRef"),),
    "PodDNSConfigOption": (needs("name"),),
    "ConfigMapVolumeSource": (needs("name"),),
    "SecretVolumeSource": (needs("secretName"),),
    "ConfigMapProjection": (needs("name"),),
    "SecretProjection": (needs("name"),),
    "EphemeralVolumeSource": (needs("volumeClaimTemplate"),),
    "Toleration": (_toleration,),
    "TopologySpreadConstraint": (_spread,),
    "NodeSelector": (_terms,),
    "NodeSelectorRequirement": (_values_of({**_LABELS, "Gt": 1, "Lt": 1}),),
    "LabelSelectorRequirement": (_values_of(_LABELS),),
    "ScopedResourceSelectorRequirement": (_values_of(_LABELS),),
    "SuccessPolicy": (needs("rules"),),
}
