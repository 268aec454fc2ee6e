"""Names, labels and annotations: of every object, of its templates, and in its selectors.

In: a body, or a structure of one. Out: flaws. Called by `validation/validate.py` and `structs`.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from gitops.core.manifests.metadata import Flaw
from gitops.core.validation.formats import (
    address_flaw,
    label_flaw,
    label_value_flaw,
    qualified_flaw,
    segment_flaw,
    subdomain_flaw,
)
from gitops.core.validation.reading import mapping_at, strings
from gitops.core.wording import Path, dotted, shorten
from gitops.model.objects import Body, GroupKind


def _job_flaw(text: str) -> str | None:
    """A Job's name becomes a label of its pods."""
    too_long = len(text) > _LABEL_LENGTH
    return f"is longer than {_LABEL_LENGTH} characters" if too_long else subdomain_flaw(text)


_LABEL_LENGTH: Final = 63
_RBAC: Final = "rbac.authorization.k8s.io"
_NAMES: Final[Mapping[GroupKind, Callable[[str], str | None]]] = {
    GroupKind("", "Namespace"): label_flaw,
    GroupKind("", "Service"): label_flaw,
    GroupKind(_RBAC, "Role"): segment_flaw,
    GroupKind(_RBAC, "RoleBinding"): segment_flaw,
    GroupKind(_RBAC, "ClusterRole"): segment_flaw,
    GroupKind(_RBAC, "ClusterRoleBinding"): segment_flaw,
    GroupKind("networking.k8s.io", "IPAddress"): address_flaw,
    GroupKind("certificates.k8s.io", "ClusterTrustBundle"): segment_flaw,
    GroupKind("policy", "PodDisruptionBudget"): segment_flaw,
    GroupKind("apps", "StatefulSet"): label_flaw,
    GroupKind("batch", "Job"): _job_flaw,
}
_CRONJOB_LENGTH: Final = 52
_ANNOTATIONS_SIZE: Final = 256 * 1024


def check_names(body: Body, kind: GroupKind) -> Iterator[Flaw]:
    """The object's own name and namespace."""
    metadata = mapping_at(body, "metadata")
    name, namespace = metadata.get("name"), metadata.get("namespace")
    if isinstance(name, str) and name:
        wrong = _NAMES.get(kind, subdomain_flaw)(name)
        if wrong is None and kind == GroupKind("batch", "CronJob") and len(name) > _CRONJOB_LENGTH:
            wrong = f"is longer than {_CRONJOB_LENGTH} characters, which leaves its Jobs no name"
        if wrong is not None:
            yield _flaw("invalid-name", ("metadata", "name"), name, wrong)
    if isinstance(namespace, str) and namespace:
        wrong = label_flaw(namespace)
        if wrong is not None:
            yield _flaw("invalid-name", ("metadata", "namespace"), namespace, wrong)
    yield from check_labels(metadata, ("metadata",))


def check_labels(metadata: Mapping[str, Any], path: Path) -> Iterator[Flaw]:
    """The labels and annotations of one `metadata`."""
    for key, value in strings(metadata.get("labels")).items():
        yield from check_label(key, value, (*path, "labels"))
    annotations = strings(metadata.get("annotations"))
    for key in annotations:
        wrong = qualified_flaw(key.lower())
        if wrong is not None:
            yield _key_flaw((*path, "annotations", key), key, wrong)
    size = sum(
        len(key.encode()) + len(value.encode(errors="replace"))
        for key, value in annotations.items()
    )
    if size > _ANNOTATIONS_SIZE:
        message = f"{dotted((*path, 'annotations'))} hold {size} bytes; 262144 is the limit"
        yield Flaw("bad-value", message, (*path, "annotations"), of_key=True)


def check_label(key: str, value: str, path: Path) -> Iterator[Flaw]:
    """One label, or one entry of `matchLabels`, a selector or a node selector."""
    wrong = qualified_flaw(key)
    if wrong is not None:
        yield _key_flaw((*path, key), key, wrong)
    wrong = label_value_flaw(value)
    if wrong is not None:
        yield _flaw("invalid-label", (*path, key), value, wrong)


def check_nested_labels(value: Mapping[str, Any], name: str, path: Path) -> Iterator[Flaw]:
    """The labels that a structure itself holds: those of templates, and what selectors ask for."""
    if name == "ObjectMeta" and len(path) > 1:
        yield from check_labels(value, path)
    for key in _LABEL_FIELDS.get(name, ()):
        for label, text in strings(value.get(key)).items():
            yield from check_label(label, text, (*path, key))


_LABEL_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "LabelSelector": ("matchLabels",),
    "PodSpec": ("nodeSelector",),
    "ServiceSpec": ("selector",),
    "ReplicationControllerSpec": ("selector",),
}


def _flaw(code: str, path: Path, value: str, wrong: str) -> Flaw:
    return Flaw(code, f'{dotted(path)} "{shorten(value)}" {wrong}', path)


def _key_flaw(path: Path, key: str, wrong: str) -> Flaw:
    message = f'{dotted(path[:-1])}: the key "{shorten(key)}" {wrong}'
    return Flaw("invalid-label", message, path, of_key=True)
