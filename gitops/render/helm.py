"""Runs `helm template` (and packs dependencies that lie in the repository first).

In: exported trees, one a source, and the chart's settings. Out: the manifests that Helm printed,
cut at their templates. Called by the renderer. The order of arguments is Argo CD's.
"""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from gitops.ports import RenderedText
from gitops.render.chart import SKIP_SCHEMAS, ChartSettings, RepositoryFile
from gitops.render.sandbox import Sandbox
from gitops.render.set_values import hide_texts
from gitops.render.value_schemas import check_value_schemas

_CUT: Final = re.compile(r"^---\n(?=# Source: )", re.MULTILINE)
_SOURCE: Final = re.compile(r"# Source: [^/\n]+/(\S.*)\n")


def run_helm(
    sandbox: Sandbox, tool: Path, exports: Sequence[Path], source: int, settings: ChartSettings
) -> bytes:
    """Template a chart.

    Args:
        sandbox: where it runs.
        tool: the binary.
        exports: the folder into which each source was exported.
        source: which of them holds the chart.
        settings: what to tell Helm.

    Raises:
        RenderError: `failed`, `limit`, or `refused` for a schema that refers to other files.
    """
    home = exports[source].parent / "home"
    home.mkdir(mode=0o700, exist_ok=True)
    environment = _environment(home)
    if SKIP_SCHEMAS not in settings.flags:
        check_value_schemas(exports[source])
    chart = exports[source] / settings.chart
    if settings.build_dependencies:
        words = ["dependency", "build", "--skip-refresh", "."]
        sandbox.run([str(tool), *words], chart, environment)
    values = [_exported(exports, file) for file in settings.value_files]
    if settings.inline_values:
        inline = home / "values.yaml"
        inline.write_text(settings.inline_values, "utf-8")
        values.append(str(inline))
    parameters = _parameters(settings, home / "parameters", chart)
    arguments = _arguments(settings, exports, values, parameters)
    return sandbox.run([str(tool), *arguments], chart, environment)


def _parameters(settings: ChartSettings, folder: Path, chart: Path) -> list[str]:
    """The arguments that set single values; texts, which may be secrets, lie in files."""
    hidden = hide_texts(settings.parameters)
    arguments = list(hidden.arguments)
    folder.mkdir(exist_ok=True)
    for number, (name, text) in enumerate(hidden.texts):
        file = folder / str(number)
        file.write_bytes(text.encode("utf-8", "replace"))
        # relative: no sign of the place's own name has to be escaped
        arguments += ["--set-file", f"{name}={os.path.relpath(file, chart)}"]
    return arguments


def _arguments(
    settings: ChartSettings,
    exports: Sequence[Path],
    values: Sequence[str],
    parameters: Sequence[str],
) -> list[str]:
    arguments = ["template", ".", "--name-template", settings.release]
    if settings.namespace:
        arguments += ["--namespace", settings.namespace]
    if settings.kube_version:
        arguments += ["--kube-version", settings.kube_version]
    arguments += parameters
    for name, file in settings.files:
        path = _exported(exports, file).replace("\\", "\\\\").replace(",", "\\,")
        arguments += ["--set-file", f"{name}={path}"]
    for path in values:
        arguments += ["--values", _quoted(path)]
    for version in settings.api_versions:
        arguments += ["--api-versions", version]
    return [*arguments, *settings.flags]


def _exported(exports: Sequence[Path], file: RepositoryFile) -> str:
    return str(exports[file.source] / file.path)


def _quoted(path: str) -> str:
    """`--values` reads a line of comma-separated values."""
    if not any(sign in path for sign in ',"\r\n'):
        return path
    doubled = path.replace('"', '""')
    return f'"{doubled}"'


def _environment(home: Path) -> Mapping[str, str]:
    """Everything that Helm might read or write lies in the render's own folder."""
    return {
        "PATH": os.defpath,
        "HOME": str(home),
        "TMPDIR": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_DATA_HOME": str(home / "data"),
        "HELM_PLUGINS": str(home / "plugins"),
        "KUBECONFIG": os.devnull,
    }


def split_templates(text: str, chart: str) -> list[RenderedText]:
    """Cut Helm's output where it names a template; paths are those of the repository."""
    texts: list[RenderedText] = []
    for piece in _CUT.split(text):
        if not piece.strip():
            continue
        match = _SOURCE.match(piece)
        path = match.group(1) if match else "templates"
        texts.append(RenderedText(path if chart == "." else f"{chart}/{path}", piece))
    return texts
