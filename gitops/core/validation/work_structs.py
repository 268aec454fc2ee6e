"""Rules of the structures of workloads, rights, configuration and endpoints.

By their name in Kubernetes' specification; the rules are those of `pkg/apis/*/validation`. Called
by `core/validation/structs.py`.
"""

import binascii
import json
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from typing import Any, Final

from gitops.core.manifests.metadata import Flaw
from gitops.core.validation.formats import address_flaw, label_flaw, qualified_flaw
from gitops.core.validation.pod_structs import StructRule, needs
from gitops.core.validation.reading import at, mapping_at, rows
from gitops.core.validation.values import Rule, at_least, count_or_percent, percent, port, text
from gitops.core.wording import Path, dotted, listed, shorten


def _zone(value: Any) -> str | None:
    """A time zone by its name, as far as it shows without a list of them."""
    if not isinstance(value, str):
        return None
    region, slash, _ = value.partition("/")
    if (region not in _REGIONS) if slash else (value not in _ZONES):
        return "is not a time zone, such as Europe/Berlin or Etc/UTC"
    return None


_REGIONS: Final = frozenset({
    "Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Brazil",
    "Canada", "Chile", "Etc", "Europe", "Indian", "Mexico", "Pacific", "US", "posix", "right",
})  # fmt: skip


_ZONES: Final = frozenset({
    "CET", "CST6CDT", "Cuba", "EET", "EST", "EST5EDT", "Egypt", "Eire", "GB", "GB-Eire", "GMT",
    "GMT+0", "GMT-0", "GMT0", "Greenwich", "HST", "Hongkong", "Iceland", "Iran", "Israel",
    "Jamaica", "Japan", "Kwajalein", "Libya", "MET", "MST", "MST7MDT", "NZ", "NZ-CHAT", "Navajo",
    "PRC", "PST8PDT", "Poland", "Portugal", "ROC", "ROK", "Singapore", "Turkey", "UCT", "UTC",
    "Universal", "W-SU", "WET", "Zulu",
})  # fmt: skip


def _finalizer(value: str) -> str | None:
    known = "/" in value or value in {"kubernetes", "orphan", "foregroundDeletion"}
    return qualified_flaw(value) if known else "must have a domain before it, as example.com/name"


WORK_FIELDS: Final[Mapping[str, Mapping[str, Rule]]] = {
    "RollingUpdateDeployment": {"maxUnavailable": percent},
    "RollingUpdateDaemonSet": {"maxUnavailable": count_or_percent, "maxSurge": count_or_percent},
    "RollingUpdateStatefulSetStrategy": {"maxUnavailable": count_or_percent},
    "PodDisruptionBudgetSpec": {"minAvailable": percent, "maxUnavailable": percent},
    "NamespaceSpec": {"finalizers": text(_finalizer)},
    "EndpointPort": {"port": port, "name": text(label_flaw)},
    "CronJobSpec": {"timeZone": _zone},
    "JobSpec": {
        "parallelism": at_least(0),
        "completions": at_least(0),
        "backoffLimit": at_least(0),
        "backoffLimitPerIndex": at_least(0),
        "maxFailedIndexes": at_least(0),
    },
}


# --- Workloads -----------------------------------------------------------------------------------


def _no_deadline(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    """Pods that are to run for ever have no end."""
    keys = ("template", "spec", "activeDeadlineSeconds")
    if at(value, *keys) is not None:
        where = (*path, *keys)
        yield Flaw("bad-value", f"{dotted(where)} is for Pods and Jobs only", where, of_key=True)


def _deployment(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    limit, ready = value.get("progressDeadlineSeconds", 600), value.get("minReadySeconds") or 0
    if isinstance(limit, int) and isinstance(ready, int) and limit <= ready < _INT32:
        where = (*path, "progressDeadlineSeconds")
        message = f"{dotted(where)} {limit} must be greater than minReadySeconds {ready}"
        yield Flaw("bad-value", message, where)


_INT32: Final = 1 << 31


def _stateful(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    strategy, where = mapping_at(value, "updateStrategy"), (*path, "updateStrategy")
    if strategy.get("type") == "OnDelete" and strategy.get("rollingUpdate") is not None:
        message = f"{dotted(where)}.rollingUpdate must not stand beside type OnDelete"
        yield Flaw("bad-value", message, (*where, "rollingUpdate"), of_key=True)
    for place, claim in rows(value, "volumeClaimTemplates"):
        name = at(claim, "metadata", "name")
        if not name:
            message = f"{dotted((*path, *place))}.metadata.name is missing"
            yield Flaw("missing-field", message, (*path, *place))
        wrong = label_flaw(name) if isinstance(name, str) and name else None
        if wrong is not None:
            named = (*path, *place, "metadata", "name")
            yield Flaw("invalid-name", f'{dotted(named)} "{shorten(name)}" {wrong}', named)


_NOTHING: Final = (None, 0, "0", "0%")


def _daemon(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    rolling = at(value, "updateStrategy", "rollingUpdate")
    if not isinstance(rolling, Mapping):
        return
    given, surge = rolling.get("maxUnavailable"), rolling.get("maxSurge")
    unavailable = 1 if given is None else given
    where = (*path, "updateStrategy", "rollingUpdate")
    if unavailable in _NOTHING and surge in _NOTHING:
        message = f"{dotted(where)}: maxUnavailable and maxSurge cannot both be 0"
        yield Flaw("bad-value", message, where, of_key=True)
    elif unavailable not in _NOTHING and surge not in _NOTHING:
        message = f"{dotted(where)}: of maxUnavailable and maxSurge one must be 0"
        yield Flaw("bad-value", message, where, of_key=True)


_INDEXED: Final = ("backoffLimitPerIndex", "maxFailedIndexes", "successPolicy")


def _job(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    is_indexed = value.get("completionMode") == "Indexed"
    for name in () if is_indexed else _INDEXED:
        if value.get(name) is not None:
            message = f"{dotted((*path, name))} needs completionMode Indexed"
            yield Flaw("bad-value", message, (*path, name), of_key=True)
    is_manual = value.get("manualSelector") is True
    if is_manual != (value.get("selector") is not None):
        wrong = (
            "needs manualSelector: true" if not is_manual else "is missing beside manualSelector"
        )
        message = f"{dotted((*path, 'selector'))} {wrong}"
        yield Flaw("bad-value", message, (*path, "manualSelector" if is_manual else "selector"))
    policy = at(value, "template", "spec", "restartPolicy")
    if value.get("podFailurePolicy") is not None and policy == "OnFailure":
        where = (*path, "template", "spec", "restartPolicy")
        yield Flaw("bad-value", f"{dotted(where)} must be Never beside podFailurePolicy", where)


def _priority(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    number, name = value.get("value"), at(value, "metadata", "name")
    is_system = isinstance(name, str) and name.startswith("system-")
    if is_system and name not in {"system-cluster-critical", "system-node-critical"}:
        message = 'metadata.name must not begin with "system-", which is kept for the system'
        yield Flaw("invalid-name", message, ("metadata", "name"))
    elif not is_system and isinstance(number, int) and number > _MAX_PRIORITY:
        message = f"value is {number}, but must be at most {_MAX_PRIORITY}"
        yield Flaw("bad-value", message, (*path, "value"))


_MAX_PRIORITY: Final = 1_000_000_000


# --- Ingresses, endpoints ------------------------------------------------------------------------


def _ingress_path(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    name, where = value.get("path"), (*path, "path")
    if not isinstance(name, str) or not name:
        return
    if value.get("pathType") == "ImplementationSpecific":
        wrong = "" if name.startswith("/") else 'must begin with "/"'
    else:
        bad = [part for part in ("//", "/./", "/../", "%2f", "%2F") if part in name]
        bad += [part for part in ("/..", "/.") if name.endswith(part)][:1]
        wrong = f'must not hold "{bad[0]}"' if bad else ""
    if wrong:
        yield Flaw("bad-value", f'{dotted(where)} "{shorten(name)}" {wrong}', where)


def _ingress_class(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    if value.get("spec") is None:
        yield Flaw("missing-field", "spec.controller is missing", path)


def _subset(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    if not value.get("addresses") and not value.get("notReadyAddresses"):
        message = f"{dotted(path)} needs addresses or notReadyAddresses"
        yield Flaw("missing-field", message, path)
    ports = list(rows(value, "ports"))
    for place, item in ports if len(ports) > 1 else ():
        if not item.get("name"):
            where = (*path, *place)
            message = f"{dotted(where)}.name is missing; several ports need names"
            yield Flaw("missing-field", message, where)


def _slice(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    for place, endpoint in rows(value, "endpoints"):
        addresses, where = endpoint.get("addresses"), (*path, *place, "addresses")
        if addresses == []:
            yield Flaw("missing-field", f"{dotted(where)} is empty", where, of_key=True)
        if value.get("addressType") not in ("IPv4", "IPv6") or not isinstance(addresses, list):
            continue
        for index, item in enumerate(addresses):
            wrong = address_flaw(item) if isinstance(item, str) else None
            if wrong is not None:
                message = f'{dotted((*where, index))} "{shorten(item)}" {wrong}'
                yield Flaw("bad-value", message, (*where, index))


# --- Rights --------------------------------------------------------------------------------------


def _role(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    for place, rule in rows(value, "rules"):
        if rule.get("nonResourceURLs"):
            where = (*path, *place, "nonResourceURLs")
            yield Flaw("bad-value", f"{dotted(where)} needs a ClusterRole", where, of_key=True)


def _cluster_role(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    for place, rule in rows(value, "rules"):
        if rule.get("nonResourceURLs") and (rule.get("resources") or rule.get("apiGroups")):
            where = (*path, *place)
            message = f"{dotted(where)} has resources and nonResourceURLs; write two rules"
            yield Flaw("bad-value", message, where)


_RBAC: Final = "rbac.authorization.k8s.io"


def _binding(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    for place, subject in rows(value, "subjects"):
        group = subject.get("apiGroup")
        if subject.get("kind") in ("User", "Group") and group not in (None, "", _RBAC):
            where = (*path, *place, "apiGroup")
            message = f'{dotted(where)} cannot be "{shorten(str(group))}"; write {_RBAC}'
            yield Flaw("bad-value", message, where)


# --- Configuration -------------------------------------------------------------------------------

_MAX_BYTES: Final = 1024 * 1024


def _config(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    held = [*mapping_at(value, "data").values(), *mapping_at(value, "binaryData").values()]
    size = sum(len(item.encode(errors="replace")) for item in held if isinstance(item, str))
    if size > _MAX_BYTES and not mapping_at(value, "binaryData"):
        message = f"data holds {size} bytes; {_MAX_BYTES} is the limit"
        yield Flaw("bad-value", message, (*path, "data"), of_key=True)


def _secret(value: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    """What a type of Secret must hold; never what it holds."""
    kind = value.get("type")
    held = {**mapping_at(value, "data"), **mapping_at(value, "stringData")}
    where = (*path, "type")
    if kind == "kubernetes.io/basic-auth" and not held.keys() & {"username", "password"}:
        message = f"a Secret of type {kind} needs {listed(('username', 'password'))} in data"
        yield Flaw("missing-field", message, where, of_key=True)
    name = at(value, "metadata", "annotations", "kubernetes.io/service-account.name")
    if kind == "kubernetes.io/service-account-token" and not name:
        message = f"a Secret of type {kind} needs the annotation kubernetes.io/service-account.name"
        yield Flaw("missing-field", message, where, of_key=True)
    key = _DOCKER.get(str(kind))
    if key is not None and not _is_json(value, key):
        yield Flaw("bad-value", f'the key "{key}" does not hold JSON', where, of_key=True)


_DOCKER: Final = {
    "kubernetes.io/dockerconfigjson": ".dockerconfigjson",
    "kubernetes.io/dockercfg": ".dockercfg",
}
_BROKEN: Final = re.compile(r"\s")


def _is_json(value: Mapping[str, Any], key: str) -> bool:
    """Whether a key holds a JSON object; what is absent or no base64 is told elsewhere."""
    text_of = mapping_at(value, "stringData").get(key)
    if text_of is None:
        coded = mapping_at(value, "data").get(key)
        try:
            text_of = b64decode(_BROKEN.sub("", coded), validate=True) if coded else None
        except (binascii.Error, ValueError, TypeError):
            return True
    if not isinstance(text_of, str | bytes):
        return True
    try:
        return isinstance(json.loads(text_of), dict)
    except (ValueError, RecursionError):
        return False


WORK_STRUCTS: Final[Mapping[str, tuple[StructRule, ...]]] = {
    "DeploymentSpec": (_deployment, _no_deadline),
    "ReplicaSetSpec": (_no_deadline,),
    "ReplicationControllerSpec": (_no_deadline,),
    "StatefulSetSpec": (_stateful, _no_deadline),
    "DaemonSetSpec": (_daemon, _no_deadline),
    "JobSpec": (_job,),
    "PriorityClass": (_priority,),
    "HTTPIngressPath": (_ingress_path,),
    "IngressClass": (_ingress_class,),
    "EndpointSubset": (_subset,),
    "EndpointSlice": (_slice,),
    "Role": (_role,),
    "ClusterRole": (_cluster_role,),
    "AggregationRule": (needs("clusterRoleSelectors"),),
    "RoleBinding": (_binding,),
    "ClusterRoleBinding": (_binding,),
    "ConfigMap": (_config,),
    "Secret": (_secret,),
}
