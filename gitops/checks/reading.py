"""Health checks and actions from directories and files.

In: paths. Out: a `CheckBook`, an `ActionBook`. Called by `gitops health --checks` and the wiring. A
directory has Argo CD's layout (`<group>/<kind>/health.lua`); YAML files at its top, or given
themselves, may be an `argocd-cm` ConfigMap, a Flux Kustomization, or hold a list
`healthCheckExprs`.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from gitops.core.actions.scripts import (
    DISCOVERY,
    WHAT,
    ActionBook,
    Scripts,
    scripts_of_customizations,
    scripts_of_files,
)
from gitops.core.actions.scripts import SCRIPT as ACTION
from gitops.core.health.checks import (
    PREFIX,
    CheckBook,
    Layer,
    layer_of_customizations,
    layer_of_expressions,
    layer_of_files,
)
from gitops.core.manifests.parse import decode
from gitops.core.yaml.reader import read_documents
from gitops.errors import InputError

SCRIPT: Final = "health.lua"
SUFFIXES: Final = (".yaml", ".yml", ".json")
SCRIPT_BYTES: Final = 1 << 20


def read_checks(paths: Iterable[Path]) -> CheckBook:
    """The checks of directories and files, the first before the next; raises InputError."""
    return CheckBook(tuple(layer for path in paths for layer in _layers(path)))


def read_actions(paths: Iterable[Path]) -> ActionBook:
    """The actions of directories and files, the first before the next; raises InputError.

    A directory may have Argo CD's layout (`<group>/<kind>/actions/<name>/action.lua`).
    """
    return ActionBook(tuple(place for path in paths for place in _actions(path)))


def _actions(path: Path) -> Iterator[dict[str, Scripts]]:
    if not path.is_dir():
        yield from _configured(path)
        return
    for file in _listed(path):
        if file.suffix in SUFFIXES and file.is_file():
            yield from _configured(file)
    found = [*path.rglob(f"*/{WHAT}/{DISCOVERY}"), *path.rglob(f"*/{WHAT}/*/{ACTION}")]
    files = {file.relative_to(path).as_posix(): _text(file) for file in found}
    yield scripts_of_files(files, str(path))


def _configured(file: Path) -> Iterator[dict[str, Scripts]]:
    """What a ConfigMap as `argocd-cm` says of actions."""
    for value in _documents(file):
        data = value.get("data")
        if value.get("kind") == "ConfigMap" and isinstance(data, Mapping):
            yield scripts_of_customizations(data, str(file))


def _layers(path: Path) -> Iterator[Layer]:
    """ConfigMaps come before scripts in folders, as in Argo CD; expressions after both."""
    if not path.is_dir():
        yield from _of_yaml(path)
        return
    tops = [file for file in _listed(path) if file.suffix in SUFFIXES and file.is_file()]
    layers = [layer for file in tops for layer in _of_yaml(file)]
    scripts = {
        file.parent.relative_to(path).as_posix(): _text(file)
        for file in sorted(path.rglob(SCRIPT))
        if file.is_file() and file.parent != path
    }
    yield from layers
    yield layer_of_files(scripts)


def _listed(path: Path) -> list[Path]:
    try:
        return sorted(path.iterdir())
    except OSError as error:
        raise InputError(
            f"the directory cannot be read: {error.strerror}", where=str(path)
        ) from error


def _text(file: Path) -> str:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InputError(
            f"the file cannot be read: {error.strerror}",
            where=str(file),
            remedy="give a directory with <group>/<kind>/health.lua, or an argocd-cm file",
        ) from error
    if len(content) > SCRIPT_BYTES:
        raise InputError("a script is larger than 1 MiB", where=str(file))
    text, fault = decode(content, str(file))
    if fault is not None:
        raise InputError(fault.message, where=str(fault.place))
    return text


def _of_yaml(file: Path) -> Iterator[Layer]:
    for value in _documents(file):
        yield from _of_document(value, str(file))


def _documents(file: Path) -> Iterator[Mapping[str, Any]]:
    for document in read_documents(_text(file)):
        for fault in document.faults:
            raise InputError(fault.message, where=f"{file}:{fault.line}")
        if isinstance(document.value, Mapping):
            yield document.value


def _of_document(value: Mapping[str, Any], where: str) -> Iterator[Layer]:
    data, spec = value.get("data"), value.get("spec")
    if value.get("kind") == "ConfigMap" and isinstance(data, Mapping):
        if any(str(key).startswith(PREFIX) for key in data):
            yield layer_of_customizations(data, where)
    elif value.get("kind") == "Kustomization" and isinstance(spec, Mapping):
        if spec.get("healthCheckExprs") is not None:
            yield layer_of_expressions(spec["healthCheckExprs"], where)
    elif "healthCheckExprs" in value:
        yield layer_of_expressions(value["healthCheckExprs"], where)
