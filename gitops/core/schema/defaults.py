"""What the API server fills in where a manifest leaves a field out, and what it drops then.

In: a live value and the shape of its parent; or a struct as it was merged. Out: the value that the
server has there. Called by merge. Plain defaults are read from OpenAPI and Go's sources
(`gitops.openapi`); here are those that depend on something else (k8s.io/kubernetes
pkg/apis/*/*/defaults.go and pkg/registry/core/service/strategy.go).
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from gitops.core.schema.schema import ANY, Shape
from gitops.core.schema.values import is_zero, same_json, same_value
from gitops.model.diff import ABSENT

Place = tuple[Shape, str]
"""A field: its parent's shape and its name."""
Struct = Mapping[str, Any]
_CORE: Final = "io.k8s.api.core.v1."

ALLOCATED: Final[Mapping[str, frozenset[str]]] = {
    f"{_CORE}ServiceSpec": frozenset({
        "clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "healthCheckNodePort",
    }),
    f"{_CORE}ServicePort": frozenset({"nodePort"}),
    f"{_CORE}PersistentVolumeClaimSpec": frozenset({"volumeName"}),
    "io.k8s.api.rbac.v1.Subject": frozenset({"apiGroup"}),
    f"{_CORE}PodSpec": frozenset({"nodeName", "serviceAccountName", "serviceAccount"}),
}  # fmt: skip
"""Fields that the API server or a controller chooses, and keeps where a manifest drops them.

Source: k8s.io/kubernetes pkg/registry/core/service/storage (patchAllocatedValues) and admission.
"""
CONDITIONAL: Final[Mapping[str, frozenset[str]]] = {
    f"{_CORE}ServiceSpec": frozenset({
        "externalTrafficPolicy", "allocateLoadBalancerNodePorts", "internalTrafficPolicy",
    }),
    "io.k8s.api.batch.v1.JobSpec": frozenset({"completions"}),
}  # fmt: skip
"""Fields with a default that is filled for some objects only."""


def has_default(place: Place) -> bool:
    """Whether a text of the server's own types is filled where it is empty."""
    parent, name = place
    shape = parent.child(name) or ANY
    known = parent.defaulted.get(name)
    return parent.native and (bool(known) or shape.default not in {ABSENT, ""})


def is_filled(actual: Any, place: Place) -> bool:
    """Whether the server puts this value where a manifest leaves a field out or empty."""
    parent, name = place
    if name in ALLOCATED.get(parent.name, ()):
        return True
    shape = parent.child(name) or ANY
    if shape.default is not ABSENT and same_value(actual, shape.default, shape):
        return True
    if name not in parent.defaulted:
        return False
    known = parent.defaulted[name]
    return known is None or same_value(actual, known, shape)


def comes_back(actual: Any, place: Place) -> bool:
    """Whether a field that is removed comes back as it is."""
    parent, name = place
    if name in ALLOCATED.get(parent.name, ()):
        return True
    return is_filled(actual, place) and parent.defaulted.get(name, ABSENT) is not None


def refilled(actual: Any, place: Place) -> Any:
    """What the server puts where a field goes: its default, as far as it is known."""
    parent, name = place
    shape = parent.child(name) or ANY
    if name in parent.zeros and isinstance(actual, dict):
        return _whole_default(actual, shape) if actual else actual
    if comes_back(actual, place):
        return actual
    if name in CONDITIONAL.get(parent.name, ()):
        return ABSENT
    known = parent.defaulted.get(name)
    default = shape.default if known is None else known
    return ABSENT if shape.drops_zero and is_zero(default) else default


def _whole_default(actual: Struct, shape: Shape) -> Any:
    """What a struct that is always there holds when nobody states anything in it."""
    defaults = shape.defaulted.items()
    known = {name: value for name, value in defaults if value is not None and name in actual}
    made = completed(known, actual, {}, shape)
    return actual if same_json(made, actual) else made


def completed(
    made: dict[str, Any], actual: Struct, desired: Struct, shape: Shape
) -> dict[str, Any]:
    """A merged struct with the defaults that depend on its other fields, in actual's order."""
    if shape.name in ADJUSTED:
        made = ADJUSTED[shape.name](made, actual, desired)
    found = {}
    for name, value_of in DEPENDENT.get(shape.name, {}).items():
        value = value_of(made) if name in actual and name not in made else ABSENT
        if value is not ABSENT:
            found[name] = actual[name] if same_json(actual[name], value) else value
    if not found:
        return made
    made = {**made, **found}
    order = [*(name for name in actual if name in made), *made]
    return {name: made[name] for name in dict.fromkeys(order)}


def filled(value: Any, shape: Shape) -> Any:
    """A new value with its plain defaults, for where it stands in another one's place."""
    if isinstance(value, list):
        return [filled(item, shape.item) for item in value]
    if not isinstance(value, dict):
        return value
    made = {name: filled(inner, shape.child(name) or ANY) for name, inner in value.items()}
    for name in shape.field_names:
        default = _plain(shape, name) if name not in made else None
        if default is not None:
            made[name] = default
    return made


def keyed(value: Any, shape: Shape) -> Any:
    """A new value whose items of lists by keys have the keys that they leave out: a port its TCP.

    Without them an item would not be found again where the server has it.
    """
    if isinstance(value, dict):
        return {name: keyed(inner, shape.child(name) or ANY) for name, inner in value.items()}
    if not isinstance(value, list):
        return value
    known = {key: shape.key_default(key) for key in shape.keys}
    keys = {key: default for key, default in known.items() if default is not ABSENT}
    items = [keyed(item, shape.item) for item in value]
    return [{**item, **keys, **item} if isinstance(item, dict) else item for item in items]


def _plain(parent: Shape, name: str) -> Any:
    """The default of a field that says something; None where there is none."""
    known = parent.defaulted.get(name)
    default = (parent.child(name) or ANY).default if known is None else known
    return None if default is ABSENT or default == {} or is_zero(default) else default


def _pull_policy(container: Struct) -> Any:
    image = str(container.get("image") or "").rpartition("/")[2]
    if "@" in image:
        return "IfNotPresent"
    return "Always" if image.partition(":")[2] in {"", "latest"} else "IfNotPresent"


def _policy_types(spec: Struct) -> Any:
    return ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]


def _backoff_limit(spec: Struct) -> Any:
    return 6 if spec.get("backoffLimitPerIndex") is None else 2**31 - 1


def _rolling(surge: str | int, unavailable: str | int) -> Callable[[Struct], Any]:
    """The bounds of a rolling update, where that is the strategy."""
    bounds = {"maxSurge": surge, "maxUnavailable": unavailable}
    return lambda made: bounds if made.get("type") == "RollingUpdate" else ABSENT


def _template_labels(spec: Struct) -> Any:
    template = spec.get("template")
    metadata = template.get("metadata") if isinstance(template, Mapping) else None
    return metadata.get("labels", ABSENT) if isinstance(metadata, Mapping) else ABSENT


def _cpu_metric(_: Struct) -> Any:
    target = {"type": "Utilization", "averageUtilization": 80}
    return [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]


DEPENDENT: Final[Mapping[str, Mapping[str, Callable[[Struct], Any]]]] = {
    f"{_CORE}Container": {"imagePullPolicy": _pull_policy},
    f"{_CORE}PodSpec": {"securityContext": lambda _: {}},
    f"{_CORE}ServicePort": {"targetPort": lambda port: port.get("port", ABSENT)},
    f"{_CORE}ReplicationControllerSpec": {"selector": _template_labels},
    "io.k8s.api.networking.v1.NetworkPolicySpec": {"policyTypes": _policy_types},
    "io.k8s.api.batch.v1.JobSpec": {"backoffLimit": _backoff_limit},
    "io.k8s.api.apps.v1.DeploymentStrategy": {"rollingUpdate": _rolling("25%", "25%")},
    "io.k8s.api.apps.v1.DaemonSetUpdateStrategy": {"rollingUpdate": _rolling(0, 1)},
    "io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerSpec": {"metrics": _cpu_metric},
}
"""Fields that come back with what their struct's other fields make of them."""


def _port(made: dict[str, Any], _: Struct, __: Struct) -> dict[str, Any]:
    """A target port of zero says nothing."""
    if made.get("targetPort") in (0, "") and "port" in made:
        return {**made, "targetPort": made["port"]}
    return made


def _volume(made: dict[str, Any], actual: Struct, desired: Struct) -> dict[str, Any]:
    """A volume has one source: the manifest's, else an empty folder."""
    if len(desired) > 1:
        return {name: value for name, value in made.items() if name in desired}
    return {**made, "emptyDir": {}} if len(actual) > len(made) == 1 and "name" in made else made


def _strategy(made: dict[str, Any], _: Struct, desired: Struct) -> dict[str, Any]:
    """Only a rolling update has bounds; the server refuses others (patch strategy retainKeys)."""
    rolls = made.get("type") in (None, "RollingUpdate") or "rollingUpdate" in desired
    return made if rolls else {n: value for n, value in made.items() if n != "rollingUpdate"}


def _service(made: dict[str, Any], actual: Struct, desired: Struct) -> dict[str, Any]:
    """What another type of Service has no use for goes, unless the manifest states it."""
    if made.get("type") == actual.get("type"):
        return made
    gone = {
        name for name, types in _OF_TYPES.items()
        if actual.get("type") in types and made.get("type") not in types
    } - desired.keys()  # fmt: skip
    kept = {name: value for name, value in made.items() if name not in gone}
    if made.get("type") in _WITH_NODE_PORTS or not isinstance(kept.get("ports"), list):
        return kept
    stated = {repr(_number(p)) for p in desired.get("ports") or () if _has_node_port(p)}
    kept["ports"] = [
        {name: value for name, value in port.items() if name != "nodePort"}
        if _has_node_port(port) and repr(_number(port)) not in stated
        else port
        for port in kept["ports"]
    ]
    return kept


def _has_node_port(port: Any) -> bool:
    return isinstance(port, Mapping) and bool(port.get("nodePort"))


def _number(port: Struct) -> Any:
    return port.get("nodePort")


_WITH_NODE_PORTS: Final = ("NodePort", "LoadBalancer")
_WITH_ADDRESS: Final = (None, "ClusterIP", *_WITH_NODE_PORTS)
_OF_TYPES: Final[Mapping[str, tuple[str | None, ...]]] = {
    "clusterIP": _WITH_ADDRESS,
    "clusterIPs": _WITH_ADDRESS,
    "ipFamilies": _WITH_ADDRESS,
    "ipFamilyPolicy": _WITH_ADDRESS,
    "internalTrafficPolicy": _WITH_ADDRESS,
    "externalTrafficPolicy": _WITH_NODE_PORTS,
    "healthCheckNodePort": ("LoadBalancer",),
    "allocateLoadBalancerNodePorts": ("LoadBalancer",),
    "loadBalancerClass": ("LoadBalancer",),
}
"""Fields of a Service that only some types have."""
ADJUSTED: Final[Mapping[str, Callable[[dict[str, Any], Struct, Struct], dict[str, Any]]]] = {
    f"{_CORE}ServicePort": _port,
    f"{_CORE}ServiceSpec": _service,
    f"{_CORE}Volume": _volume,
    "io.k8s.api.apps.v1.DeploymentStrategy": _strategy,
    "io.k8s.api.apps.v1.DaemonSetUpdateStrategy": _strategy,
}
"""Structs that the server changes beyond what a manifest states."""
