"""What Argo CD's `argocd-cm` says of kinds, under `resource.customizations`.

In: the data of the ConfigMap. Out: values by kind, each with its place. Called by the readers of
ignore rules and of actions. Keys are `resource.customizations.<what>.<group>_<kind>` (or `.<kind>`
in the core group), and `resource.customizations` with a mapping `<group>/<kind>: {<what>: …}`.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from gitops.core.yaml.reader import read_documents
from gitops.errors import InputError

PREFIX: Final = "resource.customizations"


def customized(data: Mapping[str, Any], what: str, where: str) -> Iterator[tuple[str, Any, str]]:
    """`<group>/<kind>` (`<kind>` in the core group), what is said of it, and where.

    Raises InputError where the old key cannot be read.
    """
    prefix = f"{PREFIX}.{what}."
    for key, value in sorted(data.items()):
        kind = key.removeprefix(prefix)
        if kind != key:
            yield kind.replace("_", "/", 1), value, f"{where}: {key}"
    old, place = data.get(PREFIX), f"{where}: {PREFIX}"
    for kind, said in mapping_of(old, place).items() if old else ():
        value = said.get(what) if isinstance(said, Mapping) else None
        if value:
            yield str(kind), value, f"{place} {kind}"


def mapping_of(value: Any, where: str, remedy: str | None = None) -> Mapping[str, Any]:
    """A mapping, or the YAML text of one; raises InputError."""
    if isinstance(value, Mapping):
        return value
    documents = list(read_documents(value)) if isinstance(value, str) else []
    for fault in (fault for document in documents for fault in document.faults):
        raise InputError(f"line {fault.line} is no YAML: {fault.message}", where=where)
    found = documents[0].value if documents else {}
    if not isinstance(found, Mapping):
        raise InputError("it is no mapping", where=where, remedy=remedy)
    return found
