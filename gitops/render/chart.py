"""Everything that `helm template` would read, found by reading the chart first.

In: closures of all sources, the chart's folder, and the source's settings. Out: the closures
filled, and the settings with variables put in and files resolved. Remote dependencies and value
files, and paths that leave the repository, are RenderError `refused`.
"""

import json
import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gitops.errors import RenderError
from gitops.model.application import HelmSource
from gitops.render.closure import Closure
from gitops.render.detect import CHART_NAME, find
from gitops.render.globs import compile_glob
from gitops.render.kustomization import without_credentials
from gitops.render.reading import Located, mappings, read_mapping
from gitops.render.tree import Spot, join
from gitops.render.variables import substitute

_REQUIREMENTS: Final = "requirements.yaml"
_PACKED: Final = re.compile(r"(?P<name>.+?)-v?\d[^/]*\.(tgz|tar\.gz)")
_URL: Final = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
SKIP_SCHEMAS: Final = "--skip-schema-validation"
_GLOB: Final = re.compile(r"[*?\[{]")
_SEPARATORS: Final = ",=\\\r\n\0"
"""What ends a name in `--set-file`, or hides its end: another file of this machine could follow."""


@dataclass(frozen=True, slots=True)
class RepositoryFile:
    """A file of one of the request's sources, by the source's position and its real path."""

    source: int
    path: str


@dataclass(frozen=True, slots=True)
class ChartSettings:
    """What `helm template` is told, in the order of its precedence; a value that can be hashed."""

    chart: str
    release: str
    namespace: str
    value_files: tuple[RepositoryFile, ...]
    inline_values: str
    parameters: tuple[tuple[str, str, str], ...]
    """(flag, name, value): `--set` or `--set-string`."""
    files: tuple[tuple[str, RepositoryFile], ...]
    kube_version: str
    api_versions: tuple[str, ...]
    flags: tuple[str, ...]
    build_dependencies: bool
    """Whether a dependency by `file://` has to be packed into `charts/` first."""


@dataclass(frozen=True, slots=True)
class ChartContext:
    """Where a chart is read: all closures, which of them it lies in, its folder, variables.

    `references` are the sources named by `ref`, to be written `$name/path` in value files.
    """

    closures: Sequence[Closure]
    source: int
    root: Spot
    references: Mapping[str, int]
    variables: Mapping[str, str]

    @property
    def closure(self) -> Closure:
        """The closure of the chart's own repository."""
        return self.closures[self.source]


def read_chart(
    context: ChartContext, helm: HelmSource, release: str, *, allow_remote: bool
) -> ChartSettings:
    """Fill the closures and resolve the settings.

    Raises:
        RenderError: `refused`, or `failed` where a file is missing.
    """
    closure, root = context.closure, context.root
    found = find(closure.tree, root.path, (CHART_NAME,))
    if not found:
        raise RenderError(
            f"the folder {root.path!r} has no {CHART_NAME}",
            where=root.path,
            remedy="add one, or remove the source's helm settings",
            reason="failed",
        )
    closure.add_folder(root)
    missing = _read_dependencies(context, found[0], allow_remote=allow_remote)
    return ChartSettings(
        chart=root.path,
        release=substitute(helm.release_name, context.variables) or release,
        namespace=helm.namespace or context.variables["ARGOCD_APP_NAMESPACE"],
        value_files=_value_files(context, helm),
        inline_values=_inline_values(helm),
        parameters=tuple(_parameter(item, context.variables) for item in helm.parameters),
        files=tuple(_file_parameter(context, item) for item in helm.file_parameters),
        kube_version=helm.kube_version or context.variables["KUBE_VERSION"],
        api_versions=helm.api_versions or _api_versions(context.variables),
        flags=_flags(helm),
        build_dependencies=missing,
    )


def _read_dependencies(context: ChartContext, chart: str, *, allow_remote: bool) -> bool:
    """Refuse dependencies that are neither vendored nor in the repository.

    Returns:
        Whether one has to be put into `charts/` before the chart is complete.
    """
    closure, root = context.closure, context.root.path
    vendored = _vendored(closure, root)
    wanted = False
    for path in [chart, *find(closure.tree, root, (_REQUIREMENTS,))]:
        body = read_mapping(closure.tree.read(closure.tree.look(path)), path)
        for dependency in mappings(body.get("dependencies")):
            name, url = dependency.get("name"), dependency.get("repository") or ""
            if not isinstance(name, str) or name in vendored or not isinstance(url, str):
                continue
            where = f"{path}:{name.line}" if isinstance(name, Located) else path
            if url.startswith("file://"):
                spot = closure.require(root, url.removeprefix("file://"), where=where)
                closure.add_folder(spot)
            elif not allow_remote:
                raise _remote_dependency(name, url, where)
            wanted = True
    return wanted


def _remote_dependency(name: str, url: str, where: str) -> RenderError:
    source = f" from {without_credentials(url)!r}" if url else ""
    return RenderError(
        f"the chart's dependency {name!r}{source} is not in its charts/ folder",
        where=where,
        remedy="run `helm dependency update` and commit charts/",
        reason="refused",
    )


def _vendored(closure: Closure, root: str) -> set[str]:
    """Names of the charts in `charts/`, unpacked or packed."""
    folder = closure.tree.look(posixpath.join(root, "charts"))
    if folder.kind != "folder":
        return set()
    names: set[str] = set()
    for entry in closure.tree.children(folder.path):
        base = posixpath.basename(entry.path)
        packed = _PACKED.fullmatch(base)
        if packed:
            names.add(packed["name"])
            continue
        spot = closure.tree.look(entry.path)
        charts = find(closure.tree, spot.path, (CHART_NAME,)) if spot.kind == "folder" else []
        for chart in charts:
            body = read_mapping(closure.tree.read(closure.tree.look(chart)), chart)
            names.add(str(body.get("name") or base))
    return names


def _value_files(context: ChartContext, helm: HelmSource) -> tuple[RepositoryFile, ...]:
    found: dict[RepositoryFile, None] = {}
    for text in helm.value_files:
        for file in _value_file(context, text, optional=helm.ignore_missing_value_files):
            found.pop(file, None)
            found[file] = None
    return tuple(found)


def _value_file(context: ChartContext, text: str, *, optional: bool) -> list[RepositoryFile]:
    """The files that one entry names: a path, `$ref/path`, or a glob."""
    shown = without_credentials(text)
    where = f"spec.source.helm.valueFiles {shown!r}"
    source, folder, path = _locate(context, text, where)
    closure = context.closures[source]
    joined = join(folder, path, where=where)
    spot = closure.tree.look(joined, where=where)
    if spot.kind == "file":
        closure.add(spot)
        return [RepositoryFile(source, spot.path)]
    files = _globbed(closure, joined, where) if _GLOB.search(joined) else []
    if not files and not optional:
        raise RenderError(
            f"the value file {shown!r} does not exist",
            where=where,
            remedy="add it to the repository, or set ignoreMissingValueFiles",
            reason="failed",
        )
    closure.watched.add(joined)
    return [RepositoryFile(source, file) for file in files]


def _locate(context: ChartContext, text: str, where: str) -> tuple[int, str, str]:
    """Which source a path is of, the folder that it starts from, and the path."""
    name, slash, rest = text.removeprefix("$").partition("/")
    if text.startswith("$") and slash and name in context.references:
        return context.references[name], ".", substitute(rest, context.variables).lstrip("/")
    path = substitute(text, context.variables)
    if _URL.match(path):
        raise RenderError(
            f"the remote file {without_credentials(path)!r} is refused",
            where=where,
            remedy="copy it into the repository",
            reason="refused",
        )
    if path.startswith("/"):
        return context.source, ".", path.lstrip("/")
    return context.source, context.root.path, path


def _globbed(closure: Closure, pattern: str, where: str) -> list[str]:
    """Files that a pattern names, a folder's own before those below; the folder is watched."""
    matcher = compile_glob(pattern, separators=True, where=where)
    base = posixpath.dirname(_GLOB.split(pattern, maxsplit=1)[0]) or "."
    closure.watched.add(base)
    folder = closure.tree.look(base, where=where)
    if folder.kind != "folder":
        return []
    entries = closure.tree.checkout.entries(folder.path, recurse=True)
    matching = sorted((e.path for e in entries if matcher.matches(e.path)), key=_by_folders)
    spots = [closure.tree.look(path) for path in matching]
    files = [spot for spot in spots if spot.kind == "file"]
    for spot in files:
        closure.add(spot)
    return [spot.path for spot in files]


def _by_folders(path: str) -> list[tuple[bool, str]]:
    """The order of a walk that gives a folder's files before the folders in it."""
    *folders, name = path.split("/")
    return [*((True, folder) for folder in folders), (False, name)]


def _inline_values(helm: HelmSource) -> str:
    """`valuesObject` if there is one, else `values`, as Argo CD chooses; JSON is YAML, too."""
    if helm.values_object is None:
        return helm.values
    return json.dumps(helm.values_object, sort_keys=True, ensure_ascii=False)


def _parameter(item: Mapping[str, Any], variables: Mapping[str, str]) -> tuple[str, str, str]:
    flag = "--set-string" if item.get("forceString") else "--set"
    value = substitute(str(item.get("value") or ""), variables)
    return flag, str(item.get("name") or ""), escape_commas(value)


def _file_parameter(context: ChartContext, item: Mapping[str, Any]) -> tuple[str, RepositoryFile]:
    name = str(item.get("name") or "")
    where = f"spec.source.helm.fileParameters {name!r}"
    if not name or any(sign in name for sign in _SEPARATORS):
        raise RenderError(
            "the name of a file parameter is empty, or holds a comma, equals sign or backslash",
            where=where,
            remedy="Helm would read what follows as another file; write it in values",
            reason="refused",
        )
    source, folder, path = _locate(context, str(item.get("path") or ""), where)
    spot = context.closures[source].require_file(folder, path, where=where)
    return name, RepositoryFile(source, spot.path)


def escape_commas(value: str) -> str:
    """A comma separates parameters for Helm; in a value it is escaped, but not in `{a,b}`."""
    if value.startswith("{") and value.endswith("}"):
        return value
    return re.sub(r"(?<!\\),", r"\\,", value)


def _api_versions(variables: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(sorted(filter(None, variables["KUBE_API_VERSIONS"].split(","))))


def _flags(helm: HelmSource) -> tuple[str, ...]:
    flags = {
        "--include-crds": not helm.skip_crds,
        "--skip-tests": helm.skip_tests,
        SKIP_SCHEMAS: helm.skip_schema_validation,
    }
    return tuple(flag for flag, wanted in flags.items() if wanted)
