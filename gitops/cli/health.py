"""`gitops health`: health and message of every object in files, in order; no cluster.

Made for bulk: `kubectl get … -o json | gitops health -f - -o json` over thousands of objects.
Only what cannot be read is an error; an object may hold anything.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click
import orjson

from gitops.cli.output import coloured, columns, emit, output_option
from gitops.core.health.rules import health
from gitops.core.parse import decode
from gitops.core.yaml_reader import Limits, read_documents
from gitops.errors import InputError, ManifestError, UsageError
from gitops.model.objects import identify
from gitops.wire.health import health_row

LIMITS: Final = Limits(max_size=1 << 30, max_values=1 << 27)
"""What a person hands over on their own machine may be large; a repository's text may not."""

SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})


@click.command("health")
@click.option(
    "-f",
    "--file",
    "files",
    multiple=True,
    required=True,
    metavar="FILE",
    help="YAML or JSON: a file, a folder (with those below), or - for standard input.",
)
@click.option("--checks", metavar="DIR", help="Health checks in Lua. Not supported yet.")
@output_option
def health_command(files: tuple[str, ...], checks: str | None, output: str) -> None:
    """Print health and message of every object in files."""
    if checks is not None:
        raise UsageError("--checks is not supported yet", remedy="leave it out")
    rows = judge_all(read_files(files))
    emit(rows, output, lambda: _table(rows))


def judge_all(texts: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    """A row an object, in input order, lists expanded; raises ManifestError."""
    return [
        health_row(identify(body), str(body.get("apiVersion") or ""), health(body))
        for path, text in texts
        for body in _bodies(path, text)
    ]


def read_files(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each file's path and text, files of a folder by path; raises InputError."""
    for name in names:
        if name == "-":
            yield (
                "standard input",
                _decode(sys.stdin.buffer.read(), "standard input"),
            )
            continue
        for file in _files(Path(name)):
            yield str(file), _decode(_read(file), str(file))


def _files(path: Path) -> list[Path]:
    """The manifests below a folder, by path; anything else is itself."""
    if not path.is_dir():
        return [path]
    return sorted(p for p in path.rglob("*") if p.suffix in SUFFIXES and p.is_file())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the file: {error.strerror}", where=str(path)) from error


def _decode(content: bytes, path: str) -> str:
    text, fault = decode(content, path)
    if fault is not None:
        raise InputError(fault.message, where=str(fault.place))
    return text


def _bodies(path: str, text: str) -> Iterator[Mapping[str, Any]]:
    """The objects of one text, in order; raises ManifestError for what cannot be read."""
    if text.lstrip()[:1] == "{":
        try:
            # The common bulk case: one JSON object, many times faster than with places.
            yield from _expand(orjson.loads(text), path)
        except orjson.JSONDecodeError:
            pass
        else:
            return
    for document in read_documents(text, LIMITS):
        if document.faults:
            fault = document.faults[0]
            raise ManifestError(fault.message, where=f"{path}:{fault.line}")
        yield from _expand(document.value, f"{path}:{document.line}")


def _expand(value: Any, where: str) -> Iterator[Mapping[str, Any]]:
    """An object, or each of a list's; items of a `PodList` that name no kind have the list's."""
    if not isinstance(value, Mapping):
        raise ManifestError("a Kubernetes object is a mapping, but this is none", where=where)
    kind, items = value.get("kind"), value.get("items")
    if not (isinstance(kind, str) and kind.endswith("List") and isinstance(items, list)):
        yield value
        return
    outer = {"apiVersion": value.get("apiVersion"), "kind": kind.removesuffix("List")}
    for item in items:
        named = not isinstance(item, Mapping) or "kind" in item or kind == "List"
        yield from _expand(item if named else outer | dict(item), where)


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    return columns(
        ["namespace", "kind", "name", "status", "message"],
        [
            [
                row["namespace"] or "-",
                row["kind"],
                row["name"],
                coloured(row["status"]) if row["status"] else "-",
                row["message"],
            ]
            for row in rows
        ],
    )
