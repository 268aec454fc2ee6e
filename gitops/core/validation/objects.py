"""Services, Ingresses, ConfigMaps, Secrets, claims and rights: what their schemas cannot say.

In: the body of a built-in kind. Out: flaws that the API server would find too; never a Secret's
value. Called by `core/validation/validate.py`.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from gitops.core.manifests.metadata import Flaw
from gitops.core.validation.formats import (
    address_flaw,
    config_key_flaw,
    label_flaw,
    port_name_flaw,
    subdomain_flaw,
    wildcard_flaw,
)
from gitops.core.validation.pods import port_flaw
from gitops.core.validation.reading import at, mapping_at, rows
from gitops.core.wording import Path, dotted, listed, shorten
from gitops.model.objects import Body, GroupKind

_MAX_PORT: Final = 65535


def check_object_rules(body: Body, kind: GroupKind) -> Iterator[Flaw]:
    """Every rule that speaks about a kind."""
    for rule in _RULES.get((kind.group, kind.kind), ()):
        yield from rule(body)


_PUBLISHED: Final = ("NodePort", "LoadBalancer")


def _service(body: Body) -> Iterator[Flaw]:
    spec = mapping_at(body, "spec")
    kind = spec.get("type", "ClusterIP")
    ports = list(rows(spec, "ports"))
    if not ports and kind != "ExternalName" and spec.get("clusterIP") != "None":
        message = "spec.ports is missing" if spec.get("ports") is None else "spec.ports is empty"
        yield Flaw("missing-field", message, ("spec", "ports"), of_key="ports" in spec)
    if kind == "ExternalName" and not spec.get("externalName"):
        yield Flaw("missing-field", "spec.externalName is missing", ("spec",), of_key=True)
    if spec.get("clusterIP") == "None" and kind in _PUBLISHED:
        message = f'spec.clusterIP cannot be "None" in a Service of type {kind}'
        yield Flaw("bad-value", message, ("spec", "clusterIP"))
    for place, port in ports:
        yield from _service_port(port, ("spec", *place), kind)
    yield from _service_names(ports)


def _service_names(ports: list[tuple[Path, Mapping[str, Any]]]) -> Iterator[Flaw]:
    """Several ports need names, each its own."""
    seen: set[str] = set()
    taken: set[tuple[str, str]] = set()
    for place, port in ports:
        name, number = port.get("name"), port.get("nodePort")
        key = (str(number), str(port.get("protocol") or "TCP"))
        if number and key in taken:
            message = f"{dotted(('spec', *place))}.nodePort {number} is taken by another port"
            yield Flaw("duplicate-entry", message, ("spec", *place, "nodePort"))
        taken.add(key)
        if len(ports) > 1 and not name:
            message = f"{dotted(('spec', *place))}.name is missing; several ports need names"
            yield Flaw("missing-field", message, ("spec", *place))
        elif isinstance(name, str) and name in seen:
            message = f'spec.ports holds the name "{shorten(name)}" twice'
            yield Flaw("duplicate-entry", message, ("spec", *place, "name"))
        seen.add(str(name))


def _service_port(port: Mapping[str, Any], path: Path, kind: Any) -> Iterator[Flaw]:
    for key in ("port", "nodePort", "targetPort"):
        number = port.get(key)
        is_zero = number == 0 and key != "port"
        if isinstance(number, int) and not 1 <= number <= _MAX_PORT and not is_zero:
            yield port_flaw((*path, key), number)
    name = port.get("name")
    wrong = label_flaw(name) if isinstance(name, str) and name else None
    if wrong is not None:
        yield Flaw("invalid-name", f'{dotted(path)}.name "{name}" {wrong}', (*path, "name"))
    yield from _target_port(port.get("targetPort"), (*path, "targetPort"))
    if port.get("nodePort") and kind not in _PUBLISHED:
        message = f"{dotted(path)}.nodePort needs a Service of type NodePort or LoadBalancer"
        yield Flaw("bad-value", message, (*path, "nodePort"), of_key=True)


def _target_port(target: Any, path: Path) -> Iterator[Flaw]:
    wrong = port_name_flaw(target) if isinstance(target, str) and target else None
    if wrong is None:
        return
    message = f'{dotted(path)} "{shorten(target)}" {wrong}'
    if target.isdecimal():
        message = f"{dotted(path)} is a string, but must be an integer; remove the quotes"
    yield Flaw("bad-value", message, path)


def _ingress(body: Body) -> Iterator[Flaw]:
    spec = mapping_at(body, "spec")
    if not spec.get("rules") and not spec.get("defaultBackend") and "backend" not in spec:
        message = "spec needs rules or a defaultBackend"
        yield Flaw("missing-field", message, ("spec",), of_key=True)
    yield from _backend(spec.get("defaultBackend"), ("spec", "defaultBackend"))
    for place, rule in rows(spec, "rules"):
        where = ("spec", *place)
        host = rule.get("host")
        if isinstance(host, str) and host:
            wrong = "must not be an address" if address_flaw(host) is None else wildcard_flaw(host)
            if wrong is not None:
                message = f'{dotted(where)}.host "{shorten(host)}" {wrong}'
                yield Flaw("invalid-name", message, (*where, "host"))
        if at(rule, "http", "paths") == []:
            message = f"{dotted(where)}.http.paths is empty"
            yield Flaw("missing-field", message, (*where, "http", "paths"), of_key=True)
        for inner, path in rows(rule, "http", "paths"):
            yield from _ingress_path(path, (*where, *inner))


def _ingress_path(path: Mapping[str, Any], where: Path) -> Iterator[Flaw]:
    text, kind = path.get("path"), path.get("pathType")
    strict = kind in ("Exact", "Prefix")
    if strict and (not isinstance(text, str) or not text.startswith("/")) and text is not None:
        message = f'{dotted(where)}.path must begin with "/"'
        yield Flaw("bad-value", message, (*where, "path"))
    elif strict and text is None:
        yield Flaw("missing-field", f"{dotted(where)}.path is missing", where)
    yield from _backend(path.get("backend"), (*where, "backend"))


def _backend(backend: Any, path: Path) -> Iterator[Flaw]:
    if not isinstance(backend, Mapping) or {"serviceName", "servicePort"} & set(backend):
        return
    service, resource = backend.get("service"), backend.get("resource")
    if (service is None) == (resource is None):
        message = f"{dotted(path)} needs exactly one of service and resource"
        yield Flaw("bad-value", message, path, of_key=True)
    port = at(service, "port")
    if isinstance(service, Mapping) and (port is None or isinstance(port, Mapping)):
        number = at(port, "number")
        if isinstance(number, int) and number and not 1 <= number <= _MAX_PORT:
            yield port_flaw((*path, "service", "port", "number"), number)
        given = [key for key in ("name", "number") if port and port.get(key)]
        if len(given) != 1:
            message = f"{dotted(path)}.service.port needs exactly one of number and name"
            yield Flaw("missing-field", message, (*path, "service"), of_key=True)


def _data_keys(*fields: str) -> Callable[[Body], Iterator[Flaw]]:
    """The keys of ConfigMaps and Secrets."""

    def check(body: Body) -> Iterator[Flaw]:
        for field in fields:
            for key in mapping_at(body, field):
                wrong = config_key_flaw(key)
                if wrong is not None:
                    message = f'{field}: the key "{shorten(key)}" {wrong}'
                    yield Flaw("invalid-name", message, (field, key), of_key=True)

    return check


def _config_map(body: Body) -> Iterator[Flaw]:
    for key in mapping_at(body, "binaryData"):
        if key in mapping_at(body, "data"):
            message = f'the key "{shorten(key)}" stands in data and in binaryData'
            yield Flaw("duplicate-entry", message, ("binaryData", key), of_key=True)


_SECRET_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}


def _secret(body: Body) -> Iterator[Flaw]:
    held = {*mapping_at(body, "data"), *mapping_at(body, "stringData")}
    kind = str(body.get("type"))
    missing = [key for key in _SECRET_KEYS.get(kind, ()) if key not in held]
    if missing:
        message = (
            f"a Secret of type {kind} needs {listed(missing).replace(' or ', ' and ')} in data"
        )
        yield Flaw("missing-field", message, ("type",), of_key=True)


def _claim(body: Body) -> Iterator[Flaw]:
    yield from claim_spec(mapping_at(body, "spec"), ("spec",))


def _claim_templates(body: Body) -> Iterator[Flaw]:
    for place, template in rows(body, "spec", "volumeClaimTemplates"):
        yield from claim_spec(mapping_at(template, "spec"), (*place, "spec"))


def claim_spec(spec: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    """What a claim for storage must ask for."""
    if not spec.get("accessModes"):
        message = f"{dotted(path)}.accessModes is missing"
        yield Flaw("missing-field", message, path, of_key=True)
    if at(spec, "resources", "requests", "storage") is None:
        message = f"{dotted(path)}.resources.requests.storage is missing"
        yield Flaw("missing-field", message, path, of_key=True)


def _volume(body: Body) -> Iterator[Flaw]:
    spec = mapping_at(body, "spec")
    for name, present in (
        ("accessModes", bool(spec.get("accessModes"))),
        ("capacity.storage", at(spec, "capacity", "storage") is not None),
    ):
        if not present:
            yield Flaw("missing-field", f"spec.{name} is missing", ("spec",), of_key=True)
    sources = set(spec) - _NO_SOURCES
    if spec and all(spec[name] is None for name in sources):
        message = "spec has no source, such as hostPath, nfs or csi"
        yield Flaw("missing-field", message, ("spec",), of_key=True)


_NO_SOURCES: Final = frozenset({
    "accessModes", "capacity", "claimRef", "mountOptions", "nodeAffinity",
    "persistentVolumeReclaimPolicy", "storageClassName", "volumeAttributesClassName", "volumeMode",
})  # fmt: skip
_API_GROUP: Final = "rbac.authorization.k8s.io"


def _role_ref(body: Body) -> Iterator[Flaw]:
    role = mapping_at(body, "roleRef")
    kinds = (
        ("ClusterRole",) if body.get("kind") == "ClusterRoleBinding" else ("Role", "ClusterRole")
    )
    if role and role.get("kind") not in kinds and isinstance(role.get("kind"), str):
        message = f'roleRef.kind cannot be "{shorten(role["kind"])}"; write {listed(kinds)}'
        yield Flaw("bad-value", message, ("roleRef", "kind"))
    group = role.get("apiGroup")
    if isinstance(group, str) and group not in {_API_GROUP, ""}:
        message = f'roleRef.apiGroup cannot be "{shorten(group)}"; write {_API_GROUP}'
        yield Flaw("bad-value", message, ("roleRef", "apiGroup"))
    if role and not role.get("name"):
        yield Flaw("missing-field", "roleRef.name is missing", ("roleRef",), of_key=True)
    for place, subject in rows(body, "subjects"):
        yield from _subject(subject, place, is_cluster=body.get("kind") == "ClusterRoleBinding")


def _subject(subject: Mapping[str, Any], path: Path, *, is_cluster: bool) -> Iterator[Flaw]:
    kind, group = subject.get("kind"), subject.get("apiGroup")
    if isinstance(kind, str) and kind not in {"User", "Group", "ServiceAccount"}:
        message = (
            f'{dotted(path)}.kind cannot be "{shorten(kind)}"; write ServiceAccount, User or Group'
        )
        yield Flaw("bad-value", message, (*path, "kind"))
    if kind == "ServiceAccount" and not subject.get("namespace") and is_cluster:
        message = f"{dotted(path)}.namespace is missing"
        yield Flaw("missing-field", message, path)
    name = subject.get("name")
    if name == "":
        yield Flaw("missing-field", f"{dotted(path)}.name is empty", (*path, "name"), of_key=True)
    elif kind == "ServiceAccount" and isinstance(name, str) and subdomain_flaw(name):
        message = f'{dotted(path)}.name "{shorten(name)}" {subdomain_flaw(name)}'
        yield Flaw("invalid-name", message, (*path, "name"))
    if kind == "ServiceAccount" and group:
        message = f'{dotted(path)}.apiGroup must be "" for a ServiceAccount'
        yield Flaw("bad-value", message, (*path, "apiGroup"))


def _rules(body: Body) -> Iterator[Flaw]:
    for path, rule in rows(body, "rules"):
        if not rule.get("verbs") and "verbs" in rule:
            yield Flaw("missing-field", f"{dotted(path)}.verbs is empty", (*path, "verbs"))
        if rule.get("nonResourceURLs"):
            continue
        for key in ("apiGroups", "resources"):
            if not rule.get(key):
                state = "is empty" if key in rule else "is missing"
                yield Flaw("missing-field", f"{dotted(path)}.{key} {state}", path)


def _definition(body: Body) -> Iterator[Flaw]:
    spec = mapping_at(body, "spec")
    wanted = f"{at(spec, 'names', 'plural')}.{spec.get('group')}"
    yield from _named(body, wanted, "names.plural and group")
    versions = [version for _, version in rows(spec, "versions")]
    stored = [version for version in versions if version.get("storage") is True]
    if spec.get("versions") == []:
        yield Flaw("missing-field", "spec.versions is empty", ("spec", "versions"), of_key=True)
    if versions and len(stored) != 1:
        message = f"exactly one of spec.versions must have storage: true, but {len(stored)} have"
        yield Flaw("bad-value", message, ("spec", "versions"), of_key=True)
    for place, version in rows(spec, "versions"):
        schema = at(version, "schema", "openAPIV3Schema")
        where: Path = ("spec", *place)
        if schema is None:
            message = f"{dotted(where)}.schema.openAPIV3Schema is missing"
            yield Flaw("missing-field", message, where)
        elif isinstance(schema, Mapping) and schema.get("type") != "object":
            message = f'{dotted(where)}.schema.openAPIV3Schema.type must be "object"'
            yield Flaw("bad-value", message, (*where, "schema", "openAPIV3Schema", "type"))


def _service_api(body: Body) -> Iterator[Flaw]:
    spec = mapping_at(body, "spec")
    yield from _named(body, f"{spec.get('version')}.{spec.get('group')}", "version and group")


def _named(body: Body, wanted: str, source: str) -> Iterator[Flaw]:
    """Kinds whose name is made of their spec."""
    name = at(body, "metadata", "name")
    if isinstance(name, str) and name and name != wanted and "None" not in wanted.split("."):
        message = f'metadata.name "{shorten(name)}" must be "{shorten(wanted)}", of spec.{source}'
        yield Flaw("invalid-name", message, ("metadata", "name"))


def _network_policy(body: Body) -> Iterator[Flaw]:
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for place, rule in rows(body, "spec", direction):
            for inner, peer in rows(rule, peers):
                where = (*place, *inner)
                if not any(value is not None for value in peer.values()):
                    message = f"{dotted(where)} names nobody; write podSelector or ipBlock"
                    yield Flaw("missing-field", message, where)
            for inner, port in rows(rule, "ports"):
                number = port.get("port")
                if isinstance(number, int) and not 1 <= number <= _MAX_PORT:
                    yield port_flaw((*place, *inner, "port"), number)


_RULES: Final[Mapping[tuple[str, str], tuple[Callable[[Body], Iterator[Flaw]], ...]]] = {
    ("", "Service"): (_service,),
    ("", "ConfigMap"): (_data_keys("data", "binaryData"), _config_map),
    ("", "Secret"): (_data_keys("data", "stringData"), _secret),
    ("", "PersistentVolumeClaim"): (_claim,),
    ("", "PersistentVolume"): (_volume,),
    ("apps", "StatefulSet"): (_claim_templates,),
    ("networking.k8s.io", "Ingress"): (_ingress,),
    ("networking.k8s.io", "NetworkPolicy"): (_network_policy,),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): (_definition,),
    ("apiregistration.k8s.io", "APIService"): (_service_api,),
    (_API_GROUP, "Role"): (_rules,),
    (_API_GROUP, "ClusterRole"): (_rules,),
    (_API_GROUP, "RoleBinding"): (_role_ref,),
    (_API_GROUP, "ClusterRoleBinding"): (_role_ref,),
}
