"""Pods and their templates: containers, ports, environment, volumes, probes, resources.

In: the spec of a pod and its path. Out: flaws that the API server would find too
(`pkg/apis/core/validation`). Called by `core/validation/workloads.py`.
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, Final

from gitops.core.manifests.metadata import Flaw
from gitops.core.schema.quantity import parse_quantity
from gitops.core.validation.formats import env_name_flaw, label_flaw, port_name_flaw, quantity_flaw
from gitops.core.validation.reading import at, mapping_at, rows, strings
from gitops.core.wording import Path, did_you_mean, dotted, shorten

CONTAINERS: Final = ("initContainers", "containers")
_PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")
_HANDLERS: Final = ("exec", "httpGet", "tcpSocket", "grpc")
_MAX_PORT: Final = 65535


def check_pod(
    spec: Mapping[str, Any], path: Path, claims: frozenset[str] = frozenset()
) -> Iterator[Flaw]:
    """A pod's spec; `claims` are volumes that a StatefulSet's claim templates make."""
    containers = spec.get("containers")
    if isinstance(containers, list) and not containers:
        yield Flaw("missing-field", f"{dotted(path)}.containers is empty", (*path, "containers"))
    yield from _check_volumes(spec, path)
    yield from _check_tolerations(spec, path)
    volumes = {str(volume.get("name")) for _, volume in rows(spec, "volumes")} | claims
    seen: set[str] = set()
    for kind in CONTAINERS:
        for place, container in rows(spec, kind):
            where = (*path, *place)
            yield from _check_container(container, where)
            yield from _check_mounts(container, where, volumes)
            yield from _check_name_once(container, where, seen)


def _check_tolerations(spec: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    for place, toleration in rows(spec, "tolerations"):
        where = (*path, *place)
        operator = toleration.get("operator")
        if not toleration.get("key") and operator != "Exists":
            message = f"{dotted(where)} needs a key, or operator Exists"
            yield Flaw("bad-value", message, where)
        elif operator == "Exists" and toleration.get("value"):
            message = f"{dotted(where)}.value must not stand beside operator Exists"
            yield Flaw("bad-value", message, (*where, "value"), of_key=True)


def _check_name_once(container: Mapping[str, Any], path: Path, seen: set[str]) -> Iterator[Flaw]:
    name = container.get("name")
    if isinstance(name, str) and name in seen and path[-2] == "containers":
        twin = f'{dotted(path)}.name "{shorten(name)}" is given to an init container too'
        yield Flaw("duplicate-entry", twin, (*path, "name"))
    elif isinstance(name, str) and path[-2] == "initContainers":
        seen.add(name)


def _check_volumes(spec: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    for place, volume in rows(spec, "volumes"):
        where = (*path, *place)
        yield from _name_flaw(volume, where)
        sources = [key for key, value in volume.items() if key != "name" and value is not None]
        if len(sources) > 1:
            message = f"{dotted(where)} has more than one source: {', '.join(sorted(sources))}"
            yield Flaw("bad-value", message, where)


def _check_container(container: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    yield from _name_flaw(container, path)
    if not container.get("image"):
        message = f"{dotted(path)}.image is {'empty' if 'image' in container else 'missing'}"
        yield Flaw("missing-field", message, (*path, "image"), of_key="image" in container)
    yield from _check_ports(container, path)
    yield from _check_env(container, path)
    yield from _check_sources(container, path)
    yield from _check_resources(mapping_at(container, "resources"), (*path, "resources"))
    for name in _PROBES:
        probe = container.get(name)
        if isinstance(probe, Mapping):
            yield from _check_probe(probe, (*path, name))


def _name_flaw(item: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    name = item.get("name")
    if name == "":
        yield Flaw("missing-field", f"{dotted(path)}.name is empty", (*path, "name"), of_key=True)
    elif isinstance(name, str):
        wrong = label_flaw(name)
        if wrong is not None:
            message = f'{dotted(path)}.name "{shorten(name)}" {wrong}'
            yield Flaw("invalid-name", message, (*path, "name"))


def _check_ports(container: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    ports = list(rows(container, "ports"))
    seen: set[str] = set()
    for place, port in ports:
        where = (*path, *place)
        for key in ("containerPort", "hostPort"):
            number = port.get(key)
            if (
                isinstance(number, int)
                and not 1 <= number <= _MAX_PORT
                and (number or key != "hostPort")
            ):
                yield port_flaw((*where, key), number)
        name = port.get("name")
        wrong = port_name_flaw(name) if isinstance(name, str) and name else None
        if wrong is not None:
            yield Flaw("invalid-name", f'{dotted(where)}.name "{name}" {wrong}', (*where, "name"))
        if isinstance(name, str) and name in seen:
            message = f'{dotted((*path, "ports"))} holds the name "{name}" twice'
            yield Flaw("duplicate-entry", message, (*where, "name"))
        seen |= {name} if isinstance(name, str) and name else set()


def port_flaw(path: Path, number: int) -> Flaw:
    """A port number that is none."""
    message = f"{dotted(path)} is {number}, but must be between 1 and {_MAX_PORT}"
    return Flaw("bad-value", message, path)


def _check_env(container: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    for place, entry in rows(container, "env"):
        where = (*path, *place)
        name = entry.get("name")
        wrong = env_name_flaw(name) if isinstance(name, str) else None
        if wrong is not None:
            message = f'{dotted(where)}.name "{shorten(str(name))}" {wrong}'
            yield Flaw("invalid-name", message, (*where, "name"))
        if entry.get("value") and entry.get("valueFrom"):
            message = f"{dotted(where)} has both value and valueFrom; keep one"
            yield Flaw("bad-value", message, where)
        source = entry.get("valueFrom")
        if isinstance(source, Mapping) and len([v for v in source.values() if v is not None]) != 1:
            message = f"{dotted(where)}.valueFrom must have exactly one source"
            yield Flaw("bad-value", message, (*where, "valueFrom"), of_key=True)


def _check_sources(container: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    """ConfigMaps and Secrets that variables come from must be named."""
    for place, entry in rows(container, "envFrom"):
        for key in ("configMapRef", "secretRef"):
            source = entry.get(key)
            if isinstance(source, Mapping) and not source.get("name"):
                where = (*path, *place, key)
                yield Flaw("missing-field", f"{dotted(where)}.name is missing", where, of_key=True)
    for place, entry in rows(container, "env"):
        for key in ("configMapKeyRef", "secretKeyRef"):
            source = at(entry, "valueFrom", key)
            if isinstance(source, Mapping) and not source.get("name"):
                where = (*path, *place, "valueFrom", key)
                yield Flaw("missing-field", f"{dotted(where)}.name is missing", where, of_key=True)


def _check_mounts(
    container: Mapping[str, Any], path: Path, volumes: set[str] | frozenset[str]
) -> Iterator[Flaw]:
    for place, mount in rows(container, "volumeMounts"):
        where = (*path, *place)
        name = mount.get("name")
        if isinstance(name, str) and name not in volumes:
            meant = did_you_mean(name, volumes)
            message = f'{dotted(where)}.name "{shorten(name)}" is none of the volumes{meant}'
            yield Flaw("unknown-reference", message, (*where, "name"))


_RESOURCES: Final = ("cpu", "memory", "ephemeral-storage")


def _check_resources(resources: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    for kind in ("requests", "limits"):
        for name in mapping_at(resources, kind):
            if "/" not in name and name not in _RESOURCES and not name.startswith("hugepages-"):
                message = f'unknown resource "{dotted((*path, kind, name))}"'
                meant = did_you_mean(name, _RESOURCES) or "; write cpu, memory or domain/name"
                yield Flaw("bad-value", message + meant, (*path, kind, name), of_key=True)
    limits = resources.get("limits")
    for name, wanted in mapping_at(resources, "requests").items():
        limit = limits.get(name) if isinstance(limits, Mapping) else None
        asked, allowed = _amount(wanted), _amount(limit)
        if asked is not None and allowed is not None and asked > allowed:
            message = (
                f'{dotted((*path, "requests", name))} "{wanted}" is more than the limit "{limit}"'
            )
            yield Flaw("bad-value", message, (*path, "requests", name))


def _amount(value: Any) -> Fraction | None:
    if (
        value is None
        or isinstance(value, bool | list | Mapping)
        or quantity_flaw(value) is not None
    ):
        return None
    found = parse_quantity(value)
    return None if found is None else Fraction(found)


def _check_probe(probe: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    handlers = [name for name in _HANDLERS if probe.get(name) is not None]
    if len(handlers) != 1 and not set(probe) - set(_HANDLERS) - _PROBE_FIELDS:
        state = f"has {' and '.join(handlers)}" if handlers else "does nothing"
        message = f"{dotted(path)} {state}; write exactly one of {', '.join(_HANDLERS)}"
        yield Flaw("bad-value", message, path, of_key=True)
    for key in (
        "periodSeconds",
        "timeoutSeconds",
        "initialDelaySeconds",
        "failureThreshold",
        "successThreshold",
    ):
        number = probe.get(key)
        if isinstance(number, int) and number < 0:
            yield Flaw("bad-value", f"{dotted((*path, key))} must not be negative", (*path, key))
    if path[-1] != "readinessProbe" and probe.get("successThreshold") not in (None, 0, 1):
        message = f"{dotted(path)}.successThreshold must be 1"
        yield Flaw("bad-value", message, (*path, "successThreshold"))


_PROBE_FIELDS: Final = frozenset({
    "initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold",
    "failureThreshold", "terminationGracePeriodSeconds",
})  # fmt: skip


def template_labels(template: Mapping[str, Any]) -> Mapping[str, str]:
    """The labels of a pod template."""
    return strings(mapping_at(template, "metadata").get("labels"))
