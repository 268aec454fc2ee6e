"""Where a field that a schema does not know really belongs.

In: the schema and the field. Out: words for a person, or a path. Called by `validation/schema.py`.
"""

from collections import deque
from collections.abc import Mapping
from typing import Any, Final

from gitops.core.schema.schema import ANY, Form, Shape
from gitops.core.wording import Path, dotted
from gitops.model.objects import Body

_MOVED: Final[Mapping[tuple[str, str], str]] = {
    ("IngressBackend", "serviceName"): "in networking.k8s.io/v1 write service.name",
    ("IngressBackend", "servicePort"): (
        "in networking.k8s.io/v1 write service.port.number, or service.port.name"
    ),
    ("IngressSpec", "backend"): "in networking.k8s.io/v1 write defaultBackend",
    ("HorizontalPodAutoscalerSpec", "targetCPUUtilizationPercentage"): (
        "in autoscaling/v2 write metrics with a resource named cpu"
    ),
    ("CustomResourceDefinitionSpec", "version"): "in apiextensions.k8s.io/v1 write versions",
    ("CustomResourceDefinitionSpec", "validation"): (
        "in apiextensions.k8s.io/v1 write versions[].schema"
    ),
    ("CustomResourceDefinitionSpec", "subresources"): (
        "in apiextensions.k8s.io/v1 write versions[].subresources"
    ),
    ("CustomResourceDefinitionSpec", "additionalPrinterColumns"): (
        "in apiextensions.k8s.io/v1 write versions[].additionalPrinterColumns"
    ),
    ("CustomResourceColumnDefinition", "JSONPath"): "in apiextensions.k8s.io/v1 write jsonPath",
    ("EndpointSlice", "topology"): "in discovery.k8s.io/v1 write endpoints[].nodeName and zone",
    ("Probe", "handler"): "write exec, httpGet, tcpSocket or grpc",
    ("Container", "replicas"): "it belongs under spec of the workload",
    ("LabelSelector", "app"): "write matchLabels.app",
}
_ACCESS: Final = ("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod")
CHOICES: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("HTTPIngressPath", "pathType"): ("Prefix", "Exact", "ImplementationSpecific"),
    ("NetworkPolicySpec", "policyTypes"): ("Ingress", "Egress"),
    ("PersistentVolumeClaimSpec", "accessModes"): _ACCESS,
    ("PersistentVolumeSpec", "accessModes"): _ACCESS,
    ("MetricTarget", "type"): ("Utilization", "Value", "AverageValue"),
    ("CSIDriverSpec", "fsGroupPolicy"): ("File", "None", "ReadWriteOnceWithFSType"),
    ("CSIDriverSpec", "volumeLifecycleModes"): ("Persistent", "Ephemeral"),
    ("CustomResourceColumnDefinition", "type"): (
        "boolean", "date", "integer", "number", "string",
    ),
    ("CustomResourceDefinitionSpec", "scope"): ("Namespaced", "Cluster"),
    ("LabelSelectorRequirement", "operator"): ("In", "NotIn", "Exists", "DoesNotExist"),
    ("NetworkPolicyPort", "protocol"): ("TCP", "UDP", "SCTP"),
    ("EndpointPort", "protocol"): ("TCP", "UDP", "SCTP"),
    ("PriorityClass", "preemptionPolicy"): ("PreemptLowerPriority", "Never"),
    ("ValidatingWebhook", "sideEffects"): ("None", "NoneOnDryRun"),
    ("MutatingWebhook", "sideEffects"): ("None", "NoneOnDryRun"),
    ("RuleWithOperations", "operations"): ("*", "CONNECT", "CREATE", "DELETE", "UPDATE"),
    ("Container", "restartPolicy"): ("Always", "Never", "OnFailure"),
    ("PodOS", "name"): ("linux", "windows"),
    ("VolumeMount", "recursiveReadOnly"): ("Disabled", "Enabled", "IfPossible"),
    ("ServiceSpec", "ipFamilies"): ("IPv4", "IPv6"),
    ("ServiceSpec", "trafficDistribution"): ("PreferClose", "PreferSameZone", "PreferSameNode"),
    ("IngressClassParametersReference", "scope"): ("Cluster", "Namespace"),
    ("StorageClass", "reclaimPolicy"): ("Delete", "Retain"),
    ("EndpointSlice", "addressType"): ("FQDN", "IPv4", "IPv6"),
    ("PriorityLevelConfigurationSpec", "type"): ("Exempt", "Limited"),
    ("StatefulSetPersistentVolumeClaimRetentionPolicy", "whenDeleted"): ("Retain", "Delete"),
    ("StatefulSetPersistentVolumeClaimRetentionPolicy", "whenScaled"): ("Retain", "Delete"),
    ("ResourceQuotaSpec", "scopes"): (
        "BestEffort", "CrossNamespacePodAffinity", "NotBestEffort", "NotTerminating",
        "PriorityClass", "Terminating", "VolumeAttributesClass",
    ),
    ("MetricSpec", "type"): ("ContainerResource", "External", "Object", "Pods", "Resource"),
    ("HPAScalingPolicy", "type"): ("Percent", "Pods"),
    ("HPAScalingRules", "selectPolicy"): ("Disabled", "Max", "Min"),
}  # fmt: skip
"""Words of fields whose specification lists none."""
_DEPTH: Final = 3
_VISITS: Final = 400


def moved_field(name: str, key: str) -> str | None:
    """What to write for a field that an earlier version of the API had."""
    return _MOVED.get((name.rpartition(".")[2], key))


def belongs(body: Body, root: Shape, path: Path) -> str:
    """`; it belongs under spec.containers[0]` for an unknown field at a path, or "".

    Looked for below its parent first, then in its parent's parents.
    """
    *parents, key = path
    chain: list[tuple[Shape, Path]] = [(root, ())]
    value: Any = body
    for step in parents:
        shape, here = chain[-1]
        child = shape.item if isinstance(step, int) else shape.child(step)
        value = value[step]
        chain.append((child or ANY, (*here, step)))
    value = value[key]
    inner = _misplaced(str(key), value, chain[-1][0])
    if inner:
        return f"; it belongs under {dotted((*parents, *inner))}"
    for shape, here in reversed(chain[:-1]):
        child = shape.child(str(key)) if key in set(shape.field_names) else None
        if child is not None and _fits(value, child):
            return f"; it belongs under {dotted(here) or 'the object itself'}"
    return ""


def _misplaced(key: str, value: Any, shape: Shape) -> Path | None:
    """A path below a shape at which the field is known and takes such a value; the nearest.

    `ports` beside `containers` is found as `containers[0]`.
    """
    waiting: deque[tuple[Shape, Path]] = deque([(shape, ())])
    visits = 0
    while waiting and visits < _VISITS:
        parent, path = waiting.popleft()
        visits += 1
        for name in parent.field_names if len(path) < _DEPTH else ():
            child = parent.child(name)
            if child is None or name in _NOT_SEARCHED:
                continue
            step: Path = (name,)
            if child.form is Form.LIST:
                child, step = child.item, (name, 0)
            if child.form is not Form.STRUCT:
                continue
            found = child.child(key) if key in set(child.field_names) else None
            if found is not None and _fits(value, found):
                return (*path, *step)
            waiting.append((child, (*path, *step)))
    return None


_NOT_SEARCHED: Final = frozenset({"status", "ephemeralContainers", "managedFields"})


def _fits(value: Any, shape: Shape) -> bool:
    """Whether a value has the form that a field wants."""
    if isinstance(value, Mapping):
        return shape.form in {Form.STRUCT, Form.MAP, Form.ANY}
    if isinstance(value, list):
        return shape.form in {Form.LIST, Form.ANY}
    return value is None or shape.form in {Form.SCALAR, Form.ANY}
