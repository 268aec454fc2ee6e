"""Which object of an application is meant by `deployment/web`, as kubectl reads it.

In: a text, a namespace, the objects that there are. Out: one of them. Called by
`engine/orders/acting.py`.
"""

from collections.abc import Collection
from typing import Final

from gitops.core.planning.selecting import select
from gitops.errors import InputError, NotFoundError
from gitops.model.objects import ObjectId

SHORT: Final = {
    "cj": "cronjob", "cm": "configmap", "deploy": "deployment", "ds": "daemonset",
    "ep": "endpoints", "hpa": "horizontalpodautoscaler", "ing": "ingress", "ns": "namespace",
    "pdb": "poddisruptionbudget", "po": "pod", "pvc": "persistentvolumeclaim",
    "rc": "replicationcontroller", "rs": "replicaset", "sa": "serviceaccount",
    "sts": "statefulset", "svc": "service",
}  # fmt: skip
"""kubectl's short names of kinds."""
_REMEDY: Final = "write KIND/NAME, as in deployment/web or jobs.batch/migrate"


def find(text: str, namespace: str, known: Collection[ObjectId]) -> list[ObjectId]:
    """The objects that a text names, in order of identity; raises InputError for another shape.

    `KIND/NAME` or `KIND.GROUP/NAME`, where the case of a kind does not count and its plural and
    short name do as well; or `group:Kind:namespace/name`. Without a namespace any matches.
    """
    if ":" in text:
        return sorted(one for one in select(text, known) if namespace in {"", one.namespace})
    kind, slash, name = text.partition("/")
    if not (kind and slash and name) or "/" in name:
        raise InputError(f'"{text}" does not name an object', remedy=_REMEDY)
    word, _, group = kind.lower().partition(".")
    return sorted(
        one
        for one in known
        if one.name == name
        and namespace in {"", one.namespace}
        and group in {"", one.group}
        and SHORT.get(word, word) in _words(one.kind.lower())
    )


def _words(kind: str) -> frozenset[str]:
    """A kind's names: itself and its plural."""
    ending = kind[:-1] + "ies" if kind.endswith("y") else kind + ("es" if kind[-1:] == "s" else "s")
    return frozenset({kind, ending})


def find_one(text: str, namespace: str, known: Collection[ObjectId], application: str) -> ObjectId:
    """The one object that a text names; raises NotFoundError, InputError where there are several.

    What Kubernetes made of an application's objects (pods, ReplicaSets) is not the application's.
    """
    found = find(text, namespace, known)
    if not found:
        within = f" in {namespace}" if namespace else ""
        raise NotFoundError(
            f'the application has no object "{text}"{within}',
            where=application,
            remedy=f"`gitops status {application}` lists its objects; only these may be acted on",
        )
    if len(found) > 1:
        names = ", ".join(str(one) for one in found)
        raise InputError(
            f'"{text}" names several objects: {names}',
            where=application,
            remedy="name the namespace with -n, or the group as in deployment.apps/web",
        )
    return found[0]
